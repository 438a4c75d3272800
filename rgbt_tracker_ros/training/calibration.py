# SPDX-License-Identifier: Apache-2.0
"""Score calibration: from raw peak scores to the probability that the box is right."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.inference.backend import SearchMaps
from rgbt_tracker_ros.tracking.decoding import decode
from rgbt_tracker_ros.training.dataset import PairDataset

RIGHT_IOU = 0.5
LEAST_SCALE = 0.01
FRESH = 2**30
"""Samples from this number on are never reached by training."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Confidence = sigmoid(scale * logit(raw) + bias), with its quality on the fitted samples."""

    scale: float
    bias: float
    error: float
    samples: int


def calibrate(network: Any, data: PairDataset, samples: int) -> Calibration:
    """Fit the calibration on fresh samples, those without a target included (never right)."""
    raw, right = np.empty(samples), np.empty(samples, bool)
    with torch.inference_mode():
        for index in range(samples):
            *images, wanted = data[FRESH + index]
            crops = [image[None] for image in images]
            slots = [network.template(*crops[:2]), network.template(*crops[2:4])]
            score, size, offset, _ = network.search(slots, *crops[4:])
            peak = decode(SearchMaps(score[0, 0].numpy(), size[0].numpy(), offset[0].numpy()))
            raw[index] = peak.score
            right[index] = _iou((peak.cx, peak.cy, peak.w, peak.h), wanted.tolist()) > RIGHT_IOU
    scale, bias = fit(raw, right)
    confidence = 1 / (1 + np.exp(-(scale * _logit(raw) + bias)))
    return Calibration(scale, bias, expected_error(confidence, right), samples)


def fit(raw: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, float]:
    """Return scale and bias of the logistic regression of `right` on logit(raw).

    Newton's method with a slight pull towards scale 1 and bias 0, so that few or separable
    samples give finite values too. A network that has learnt nothing may score wrong boxes higher
    than right ones; its scale is LEAST_SCALE then, since a confidence rises with the score.
    """
    features = np.stack([_logit(raw), np.ones_like(raw)], 1)
    start = np.array([1.0, 0.0])
    weights = start.copy()
    for _ in range(50):
        chance = 1 / (1 + np.exp(-features @ weights))
        slope = features.T @ (chance - right) + 0.1 * (weights - start)
        bend = (features * (chance * (1 - chance))[:, None]).T @ features + 0.1 * np.eye(2)
        weights = weights - np.linalg.solve(bend, slope)
    return max(float(weights[0]), LEAST_SCALE), float(weights[1])


def expected_error(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = 10,
) -> float:
    """Return the expected calibration error: mean gap of confidence and share right, by bins."""
    which = np.clip((confidence * bins).astype(int), 0, bins - 1)
    gaps = [abs(confidence[which == index].mean() - right[which == index].mean())
            * (which == index).mean() for index in range(bins) if (which == index).any()]
    return float(sum(gaps))


def _logit(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(raw, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(inside / (1 - inside)))


def _iou(found: tuple[float, ...], wanted: list[float]) -> float:
    if wanted[2] <= 0:
        return 0.0
    return Box.from_center(*found).iou(Box.from_center(*wanted))
