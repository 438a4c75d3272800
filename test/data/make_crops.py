# SPDX-License-Identifier: Apache-2.0
"""Makes `crops.npz`, reference crops for test_crops.py, pixel by pixel without OpenCV.

Run `python test/data/make_crops.py` to make it anew. The interpolation is the fixed-point scheme
of 8-bit bilinear resizing: weights of 11 bits, one rounding at the end.
"""
from __future__ import annotations

import math
from pathlib import Path

import numpy as np

SHAPE = 48, 64
BOXES = ((20, 15, 12, 9), (20.5, 15.25, 7.5, 14.5), (-3, 2, 10, 10), (55, 40, 14, 12),
         (40, 30, 23.9, 6.1), (2, 30, 30, 17), (28, 20, 8, 8), (60, 5, 3.5, 3.5))
CROPS = ((2.0, 16), (4.0, 32))


def image() -> np.ndarray:
    """Return a grey image without two equal neighbourhoods."""
    rows, columns = np.mgrid[:SHAPE[0], :SHAPE[1]]
    waves = 127 + 60 * np.sin(rows / 5) + 60 * np.cos(columns / 4 + rows / 11)
    return (waves + np.random.default_rng(7).integers(-8, 8, SHAPE)).clip(0, 255).astype(np.uint8)


def published_pixel(source: np.ndarray, row: int, column: int, top: int, left: int,
                    side: int) -> int:
    """Return a pixel of the image, or 0 outside and where the published code loses one."""
    height, width = source.shape
    lost_row = top + side >= height and row == height - 1
    lost_column = left + side >= width and column == width - 1
    inside = 0 <= row < height and 0 <= column < width
    return int(source[row, column]) if inside and not lost_row and not lost_column else 0


def weights(position: int, side: int, out: int, vertical: bool) -> tuple[int, int, int, int]:
    """Return the two source indices of an output index, and their weights of 11 bits.

    Past the first and last source index columns take weights 1 and 0, while rows keep theirs for
    two equal rows, which matters for the rounding.
    """
    place = np.float32((position + 0.5) * (side / out) - 0.5)
    first = math.floor(place)
    part = place - np.float32(first)
    if not vertical and not 0 <= first < side - 1:
        part = np.float32(0)
    # Python's round, like the processor's, takes halves to the even number.
    return min(max(first, 0), side - 1), min(max(first + 1, 0), side - 1), \
        round(float((1 - part) * 2048)), round(float(part * 2048))


def crop(source: np.ndarray, box: tuple[float, ...], factor: float, out: int) -> np.ndarray:
    """Return the published crop around a box."""
    x, y, w, h = box
    side = math.ceil(math.sqrt(w * h) * factor)
    left, top = round(x + 0.5 * w - side * 0.5), round(y + 0.5 * h - side * 0.5)
    result = np.zeros((out, out), np.uint8)
    for i in range(out):
        row_0, row_1, weight_0, weight_1 = weights(i, side, out, vertical=True)
        for j in range(out):
            column_0, column_1, part_0, part_1 = weights(j, side, out, vertical=False)
            upper, lower = (
                part_0 * published_pixel(source, top + row, left + column_0, top, left, side)
                + part_1 * published_pixel(source, top + row, left + column_1, top, left, side)
                for row in (row_0, row_1))
            total = ((weight_0 * (upper >> 4)) >> 16) + ((weight_1 * (lower >> 4)) >> 16)
            result[i, j] = (total + 2) >> 2
    return result


def main() -> None:
    """Write the file."""
    grey = image()
    crops = {f'crops_{out}': np.stack([crop(grey, box, factor, out) for box in BOXES])
             for factor, out in CROPS}
    np.savez_compressed(Path(__file__).with_name('crops.npz'), image=grey,
                        boxes=np.array(BOXES, np.float64), **crops)


if __name__ == '__main__':
    main()
