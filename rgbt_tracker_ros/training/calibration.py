# SPDX-License-Identifier: Apache-2.0
"""Score calibration: from raw peak scores to the probability that the box is right."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rgbt_tracker_ros.benchmark.metrics.calibration import (
    RIGHT_IOU,
    expected_error,
    fit,
    recalibrated,
)
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.inference.backend import SearchMaps
from rgbt_tracker_ros.tracking.decoding import decode
from rgbt_tracker_ros.training.dataset import PairDataset

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
    line = fit(raw, right)
    return Calibration(*line, expected_error(recalibrated(raw, line), right), samples)


def _iou(found: tuple[float, ...], wanted: list[float]) -> float:
    if wanted[2] <= 0:
        return 0.0
    return Box.from_center(*found).iou(Box.from_center(*wanted))
