# SPDX-License-Identifier: Apache-2.0
"""NanoTrack by its two graphs, which are the user's: OpenCV's tracker, or ours where it fails.

OpenCV decodes score maps of 16 x 16 only, which v1 and v2 give; those of v3 are 15 x 15.
"""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
import re
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError

Graphs = tuple[str, str]
"""Files of the backbone and the head."""

_OPENCV_MAP = 16
_TEMPLATE, _SEARCH, _STRIDE = 127, 255, 16
_CONTEXT = 0.5
_LEAST_SIDE = 10.0

# Of the published configuration of v3.
_WINDOW, _PENALTY, _RATE = 0.455, 0.138, 0.348


def graph_sets(folder: Path) -> dict[str, Graphs]:
    """Return all pairs of `*backbone*.onnx` and `*head*.onnx`, by what tells them apart.

    A pair has the same text before `backbone` and `head`; its name is the version in it (`v2`),
    else that text.
    """
    heads = {file.name.partition('head')[0]: file for file in sorted(folder.glob('*head*.onnx'))}
    found: dict[str, Graphs] = {}
    for file in sorted(folder.glob('*backbone*.onnx')):
        before = file.name.partition('backbone')[0]
        if before in heads:
            version = re.search(r'v\d+', before)
            name = version[0] if version else before.strip('_-. ')
            found.setdefault(name, (str(file), str(heads[before])))
    return found


def find_graphs(folder: Path) -> Graphs | None:
    """Return the first of the `graph_sets` by the names of the files; None without any."""
    return next(iter(graph_sets(folder).values()), None)


def make_nanotrack(graphs: Graphs) -> Any:
    """Return a tracker with `init`, `update` and `getTrackingScore`, as those of OpenCV have."""
    backbone, head = map(cv2.dnn.readNet, graphs)
    mine = NanoTrack(backbone, head)
    if mine.side != _OPENCV_MAP:
        return mine
    parameters = cv2.TrackerNano.Params()
    parameters.backbone, parameters.neckhead = graphs
    return cv2.TrackerNano.create(parameters)


class NanoTrack:
    """NanoTrack with score maps of any size, decoded as its authors do.

    Attributes
    ----------
    side
        Of the score map.

    """

    def __init__(self, backbone: Any, head: Any) -> None:
        self._backbone, self._head = backbone, head
        self._template = self._features(np.zeros((_TEMPLATE, _TEMPLATE, 3), np.uint8))
        score, _ = self._maps(np.zeros((_SEARCH, _SEARCH, 3), np.uint8))
        self.side = score.shape[-1]
        line = np.hanning(self.side)
        self._window = np.outer(line, line)
        steps = (np.arange(self.side) - self.side // 2) * float(_STRIDE)
        self._points = np.stack(np.meshgrid(steps, steps))
        self._center, self._size = np.zeros(2), np.ones(2)
        self._border: Sequence[float] = ()
        self._score = 0.0

    def init(self, image: NDArray[np.uint8], box: tuple[int, int, int, int]) -> None:
        """Take the target in the box x, y, w, h of an image H x W x 3 (B, G, R)."""
        self._center = np.array([box[0] + (box[2] - 1) / 2, box[1] + (box[3] - 1) / 2])
        self._size = np.array(box[2:], float)
        self._border = cv2.mean(image)[:3]
        crop = self._crop(image, round(self._context()), _TEMPLATE)
        self._template = self._features(crop)

    def update(self, image: NDArray[np.uint8]) -> tuple[bool, tuple[float, float, float, float]]:
        """Return True and the target's box in the next image."""
        scale = _TEMPLATE / self._context()
        score, sides = self._maps(self._crop(image, round(_SEARCH / scale), _SEARCH))
        first, last = self._points - sides[:2], self._points + sides[2:]
        size = np.maximum(last - first, 1e-6)
        wanted = self._size * scale
        change = _ratio(_mean_side(*size), _mean_side(*wanted)) * _ratio(
            size[0] / size[1], wanted[0] / wanted[1])
        penalty = np.exp(-(change - 1) * _PENALTY)
        ranked = penalty * score * (1 - _WINDOW) + self._window * _WINDOW
        best = np.unravel_index(int(ranked.argmax()), ranked.shape)
        rate = float(penalty[best] * score[best]) * _RATE
        height, width = image.shape[:2]
        middle = (first[:, best[0], best[1]] + last[:, best[0], best[1]]) / 2
        self._center = np.clip(self._center + middle / scale, 0, (width, height))
        self._size = np.clip((1 - rate) * self._size + rate * size[:, best[0], best[1]] / scale,
                             _LEAST_SIDE, (width, height))
        self._score = float(score[best])
        corner = self._center - self._size / 2
        return True, (float(corner[0]), float(corner[1]), float(self._size[0]),
                      float(self._size[1]))

    def getTrackingScore(self) -> float:  # noqa: N802 (OpenCV's name)
        """Return the score of the last update, 0 to 1."""
        return self._score

    def _context(self) -> float:
        """Return the side of the square that the template shows, pixels of the image."""
        return float(np.sqrt(np.prod(self._size + _CONTEXT * self._size.sum())))

    def _crop(self, image: NDArray[np.uint8], side: int, size: int) -> NDArray[np.uint8]:
        x, y = np.floor(self._center - (side + 1) / 2 + 0.5).astype(int).tolist()
        height, width = image.shape[:2]
        inside = image[max(y, 0):max(y + side, 0), max(x, 0):max(x + side, 0)]
        crop = cv2.copyMakeBorder(
            inside, max(-y, 0), max(y + side - height, 0), max(-x, 0), max(x + side - width, 0),
            cv2.BORDER_CONSTANT, value=self._border)
        return np.asarray(cv2.resize(crop, (size, size)), np.uint8)

    def _features(self, crop: NDArray[np.uint8]) -> Any:
        self._backbone.setInput(cv2.dnn.blobFromImage(crop))
        return self._backbone.forward()

    def _maps(self, crop: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the probability of the target, and its distances to the four sides."""
        self._head.setInput(self._template, 'input1')
        self._head.setInput(self._features(crop), 'input2')
        try:
            logits, sides = self._head.forward(['output1', 'output2'])
        except cv2.error as error:
            raise InputError(f'the graphs are not those of NanoTrack: {error}') from error
        rest, target = logits[0].astype(float)
        return 1 / (1 + np.exp(rest - target)), sides[0].astype(float)


def _mean_side(width: Any, height: Any) -> Any:
    pad = (width + height) / 2
    return np.sqrt((width + pad) * (height + pad))


def _ratio(first: Any, second: Any) -> Any:
    quotient = first / second
    return np.maximum(quotient, 1 / quotient)
