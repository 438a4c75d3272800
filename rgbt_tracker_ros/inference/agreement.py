# SPDX-License-Identifier: Apache-2.0
"""Do two backends see the same? Made-up scenes to show them, and how far their boxes overlap."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.inference.backend import Array, Backend, SearchMaps
from rgbt_tracker_ros.inference.bundle import ModelBundle, Shape

Floats = NDArray[np.float64]

_ROUGHNESS = 16
_CONTRAST = 0.5
_SHIFT = 0.12


@dataclass(frozen=True, slots=True)
class Scene:
    """Normalised crops of a bright target in front of a rough background, RGB and thermal."""

    template: tuple[Array, Array]
    search: tuple[Array, Array]

    def show(self, backend: Backend, slots: int) -> SearchMaps:
        """Return what a backend makes of the scene.

        Raises
        ------
        ModelError
            If it fails, or gives what is not finite.

        """
        tensors = backend.template(*self.template)
        return backend.search([tensors] * slots, *self.search).checked()


def scenes(bundle: ModelBundle, count: int) -> Iterator[Scene]:
    """Yield scenes for the crops of a model, the same ones every time."""
    random = np.random.default_rng(0)
    crops = bundle.template, bundle.search
    inputs = bundle.template_graph.inputs, bundle.search_graph.inputs
    for _ in range(count):
        shift = random.uniform(-_SHIFT, _SHIFT, 2)
        color = random.uniform(1.5, 2.5, 3)
        template, search = (
            tuple(_crop(shapes[f'{name}_{kind}'], 1 / spec.factor, where, color, random)
                  for kind in ('rgb', 'thermal'))
            for name, spec, shapes, where in zip(
                ('template', 'search'), crops, inputs, (np.zeros(2), shift), strict=True))
        yield Scene((template[0], template[1]), (search[0], search[1]))


def box_overlap(reference: SearchMaps, other: SearchMaps) -> float:
    """Return the IoU, 0..1, of the boxes at the highest scores of two backends' maps."""
    a, b = _box(reference), _box(other)
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    common = float(np.prod(sides.clip(0)))
    areas = [float(np.prod(box[2:] - box[:2])) for box in (a, b)]
    return common / (sum(areas) - common) if min(areas) > 0 else 0.0


def mean_overlap(reference: Sequence[SearchMaps], other: Sequence[SearchMaps]) -> float:
    """Return the mean `box_overlap` over scenes."""
    return float(np.mean([box_overlap(*maps) for maps in zip(reference, other, strict=True)]))


def _crop(shape: Shape, target: float, where: Floats, color: Floats,
          random: np.random.Generator) -> Array:
    """Return a crop whose target has this share of its side, off the middle by `where`."""
    _, channels, height, width = shape
    coarse = random.normal(0.0, _CONTRAST, (1, channels, *(
        -(-side // _ROUGHNESS) for side in (height, width))))
    crop = coarse.repeat(_ROUGHNESS, 2).repeat(_ROUGHNESS, 3)[:, :, :height, :width]
    top, left = (round((0.5 + float(offset) - target / 2) * side)
                 for offset, side in zip(where, (height, width), strict=True))
    bottom, right = top + round(target * height), left + round(target * width)
    crop[:, :, top:bottom, left:right] = color[:channels, None, None]
    # Two halves, so that the target is no mere spot.
    crop[:, :, top:(top + bottom) // 2, left:right] *= -1.0
    return np.ascontiguousarray(crop, np.float32)


def _box(maps: SearchMaps) -> Floats:
    """Return left, top, right, bottom at the highest score, as shares of the crop."""
    cells = maps.score.shape[-1]
    row, column = divmod(int(np.argmax(maps.score)), cells)
    centre = (np.array([column, row]) + maps.offset[:, row, column]) / cells
    half = maps.size[:, row, column] / 2
    return np.concatenate([centre - half, centre + half]).astype(np.float64)
