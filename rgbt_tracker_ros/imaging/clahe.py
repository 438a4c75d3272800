# SPDX-License-Identifier: Apache-2.0
"""Contrast-limited adaptive histogram equalisation that does not flicker.

OpenCV's CLAHE (Zuiderveld, Graphics Gems IV, 1994) takes each image for itself: a hot object that
enters a tile pushes the grey levels of everything near it down within one frame. Here the tiles'
curves are kept from frame to frame and move slowly.
"""
from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_LEVELS = 256

_SAMPLES = 80_000
"""Pixels looked at for the histograms."""

_SMALLEST_TILE = 16
"""Sides of a tile, pixels: a smaller one has no histogram worth the name."""

_STEP = 2.0
"""Most that a curve may change a grey level per frame, levels."""


@dataclass(frozen=True)
class _Tile:
    """Where a tile's curve counts: its share of the blend, bilinear between tile centres."""

    rows: slice
    columns: slice
    weight: NDArray[np.float32]


class SteadyClahe:
    """Equalises images of a stream, tile by tile."""

    def __init__(self) -> None:
        self._layout: tuple[int, ...] = ()
        self._tiles: list[_Tile] = []
        self._labels: NDArray[np.int64] = np.empty(0, np.int64)
        self._steps = (1, 1)
        self._curves: NDArray[np.float32] | None = None

    def reset(self) -> None:
        """Forget the curves: the next image sets them anew."""
        self._curves = None

    def __call__(self, image: NDArray[np.uint8], clip_limit: float, tiles: int,
                 keep: float) -> NDArray[np.uint8]:
        """Return the image with more local contrast.

        Parameters
        ----------
        image
            H x W uint8.
        clip_limit
            Most that the contrast of any level may be raised, about.
        tiles
            Tiles along each side; fewer where the image is small.
        keep
            Share of the old curves kept from frame to frame, 0..1.

        """
        self._lay_out(image.shape, tiles)
        wanted = self._wanted_curves(image, clip_limit)
        if self._curves is None or keep == 0:
            self._curves = wanted
        else:
            change = (1 - keep) * (wanted - self._curves)
            self._curves = self._curves + np.clip(change, -_STEP, _STEP)
        blend = np.zeros(image.shape, np.float32)
        for tile, curve in zip(self._tiles, self._curves, strict=True):
            part = cv2.LUT(image[tile.rows, tile.columns], curve)
            cv2.accumulateProduct(part, tile.weight, blend[tile.rows, tile.columns])
        return np.asarray(cv2.convertScaleAbs(blend), np.uint8)

    def _lay_out(self, shape: tuple[int, ...], tiles: int) -> None:
        if self._layout == (*shape, tiles):
            return
        self._layout = (*shape, tiles)
        self._curves = None
        counts = [min(tiles, max(size // _SMALLEST_TILE, 1)) for size in shape]
        rows, columns = (_hats(size, count) for size, count in zip(shape, counts, strict=True))
        self._tiles = [
            _Tile(row, column, np.outer(row_weight, column_weight))
            for row, row_weight in rows for column, column_weight in columns]
        step = max(round((shape[0] * shape[1] / _SAMPLES) ** 0.5), 1)
        self._steps = min(step, shape[0]), min(step, shape[1])
        row_tile, column_tile = (
            np.arange(0, size, step) * count // size
            for size, step, count in zip(shape, self._steps, counts, strict=True))
        self._labels = (row_tile[:, None] * counts[1] + column_tile) * _LEVELS

    def _wanted_curves(self, image: NDArray[np.uint8], clip_limit: float) -> NDArray[np.float32]:
        """Return one curve a tile: the cumulated histogram, clipped and its excess spread."""
        sample = image[::self._steps[0], ::self._steps[1]]
        histograms = np.bincount((self._labels + sample).ravel(),
                                 minlength=len(self._tiles) * _LEVELS)
        shares = histograms.reshape(-1, _LEVELS).astype(np.float32)
        shares /= shares.sum(axis=1, keepdims=True)
        clipped = np.minimum(shares, clip_limit / _LEVELS)
        clipped += (1 - clipped.sum(axis=1, keepdims=True)) / _LEVELS
        curves = np.cumsum(clipped, axis=1, dtype=np.float32)
        curves *= _LEVELS - 1
        return np.asarray(curves, np.float32)


def _hats(size: int, count: int) -> list[tuple[slice, NDArray[np.float32]]]:
    """Return, for each tile along an axis, the pixels it reaches and its weight in them."""
    places = np.arange(size)
    centers = (np.arange(count) + 0.5) * size / count - 0.5
    hats = []
    for tile in range(count):
        weight = np.interp(places, centers, np.eye(count)[tile])
        reached = np.flatnonzero(weight)
        reach = slice(int(reached[0]), int(reached[-1]) + 1)
        hats.append((reach, weight[reach].astype(np.float32)))
    return hats
