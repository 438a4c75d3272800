# SPDX-License-Identifier: Apache-2.0
"""A picture of the frames in which a candidate's boxes differ most from the reference's."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from rgbt_tracker_ros.benchmark.drift.measure import Drift, WorstFrame
from rgbt_tracker_ros.benchmark.files import replacing
from rgbt_tracker_ros.benchmark.overlay import AMBER, GREEN, INK, Image, draw_box, draw_label
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.normalization import Normalization
from rgbt_tracker_ros.inference.bundle import ModelBundle

_TILE = 256
_GAP = 6
_HEAD = 30
_ENDINGS = ('.png', '.jpg', '.jpeg')


def check_name(path: Path) -> None:
    """Raise InputError unless the name ends as that of a picture that can be written."""
    if path.suffix.lower() not in _ENDINGS:
        raise InputError(f'--picture {path}: no picture of such a name can be written: give the '
                         'name of a .png or .jpg file')


def draw_worst(path: Path, drifts: Mapping[str, Drift], bundle: ModelBundle) -> None:
    """Write one row per candidate: RGB over thermal crops, reference green, candidate amber.

    Raises
    ------
    InputError
        If there is nothing to draw or it cannot be written. See `check_name`.

    """
    rows = [_row(name, drift, bundle) for name, drift in drifts.items() if drift.worst]
    if not rows:
        raise InputError(f'--picture {path}: there is nothing to draw')
    width = max(row.shape[1] for row in rows)
    picture = np.concatenate([np.pad(
        row, ((0, _GAP), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows])
    done, data = cv2.imencode(path.suffix, np.ascontiguousarray(picture[..., ::-1]))
    assert done
    with replacing(path) as part:
        part.write_bytes(data.tobytes())


def _row(name: str, drift: Drift, bundle: ModelBundle) -> Image:
    tiles = [_tile(item, bundle) for item in drift.worst]
    gap = np.full((tiles[0].shape[0], _GAP, 3), 255, np.uint8)
    body = np.concatenate([part for tile in tiles for part in (tile, gap)][:-1], axis=1)
    head = np.full((_HEAD, body.shape[1], 3), INK, np.uint8)
    draw_label(head, f'{name} (amber), reference (green)', (0, 0))
    return np.concatenate([head, body])


def _tile(item: WorstFrame, bundle: ModelBundle) -> Image:
    panels = []
    for crop, normalization in ((item.rgb, bundle.rgb), (item.thermal, bundle.thermal)):
        panel = np.ascontiguousarray(cv2.resize(
            _image(crop, normalization), (_TILE, _TILE), interpolation=cv2.INTER_LINEAR), np.uint8)
        for box, color in ((item.reference, GREEN), (item.box, AMBER)):
            draw_box(panel, Box(*(_TILE * side for side in box)), color=color, thick=1)
        panels.append(panel)
    draw_label(panels[0], f'{item.sequence} {item.frame}', (0, 0), size=0.4)
    draw_label(panels[1], f'IoU {item.overlap:.3f}', (0, 0), size=0.4)
    return np.concatenate(panels)


def _image(crop: np.ndarray, normalization: Normalization) -> Image:
    """Return a normalised C x H x W crop as H x W x 3."""
    mean, std = (np.asarray(values, np.float32)[:, None, None]
                 for values in (normalization.mean, normalization.std))
    image = np.clip((crop * std + mean) * 255, 0, 255).astype(np.uint8).transpose(1, 2, 0)
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
