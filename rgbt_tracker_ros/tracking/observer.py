# SPDX-License-Identifier: Apache-2.0
"""One look at a pair: crop, network, peak; and the time that the network takes."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.inference.backend import Array, Backend, TemplateTensors
from rgbt_tracker_ros.inference.bundle import ModelBundle
from rgbt_tracker_ros.tracking.decoding import calibrated, peaks
from rgbt_tracker_ros.tracking.following import Found
from rgbt_tracker_ros.tracking.network_inputs import NetworkInputs
from rgbt_tracker_ros.tracking.redetection import Look

_LEAST_PEAK, _MOST_PEAKS = 0.05, 6
"""Raw score that makes a peak besides the best one, and how many are looked at."""

_RIVALRY = 0.8
"""A rival peak over this share of the best one makes a sighting unclear."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one look gave.

    Attributes
    ----------
    box
        Box of the best peak, pixels of the RGB image; it may reach out of the image.
    score
        Calibrated confidence, 0..1.
    clear
        No look-alike scores nearly as high.
    region
        The image region that was searched.
    fused
        H x W x 3 uint8 fused search crop, where asked for and known.
    found
        All peaks, the best one first.

    """

    box: Box
    score: float
    clear: bool
    region: Box
    fused: NDArray[np.uint8] | None
    found: tuple[Found, ...]

    def of(self, index: int | None, expected: Box) -> Sighting:
        """Return the sighting of another peak, or of none: then the target is where expected.

        It is unclear, unless it is that of the best peak.
        """
        if index == 0:
            return self
        if index is None:
            return replace(self, box=expected, score=0.0, clear=False)
        other = self.found[index]
        return replace(self, box=other.box, score=other.score, clear=False)


class Observer:
    """Runs a model on crops of pairs and clocks its backend.

    Attributes
    ----------
    backend_s, crop_s
        Seconds spent in the backend, and on crops, since `begin`.

    """

    def __init__(self, bundle: ModelBundle, backend: Backend) -> None:
        self._bundle = bundle
        self._backend = backend
        self._inputs = NetworkInputs(bundle)
        self.backend_s = self.crop_s = 0.0

    def begin(self) -> float:
        """Set the clocks to zero and return the time, seconds of `perf_counter`."""
        self.backend_s = self.crop_s = 0.0
        return perf_counter()

    def crop(self, pair: ImagePair, box: Box) -> tuple[Array, Array]:
        """Return the normalised RGB and thermal template crops of a box."""
        begin = perf_counter()
        crops = self._inputs.template(pair, box)
        self.crop_s += perf_counter() - begin
        return crops

    def make_template(self, rgb: Array, thermal: Array) -> TemplateTensors:
        """Return the template tensors of template crops; raise ModelError if that fails."""
        with self._clocked():
            return self._backend.template(rgb, thermal)

    def look(self, pair: ImagePair, look: Look, templates: Sequence[TemplateTensors],
             fused: bool) -> Sighting:
        """Search one region and return its peaks.

        Parameters
        ----------
        pair
            Images of both cameras.
        look
            Where to search.
        templates
            One per template slot.
        fused
            Also return the fused search crop.

        Raises
        ------
        ModelError
            If the network fails, or gives maps that are not finite or do not fit together.

        """
        begin = perf_counter()
        rgb, thermal, geometry = self._inputs.search(pair, look.box, look.growth)
        self.crop_s += perf_counter() - begin
        with self._clocked():
            maps = self._backend.search(templates, rgb, thermal, fused=fused).checked()
        found = peaks(maps, _LEAST_PEAK, _MOST_PEAKS)
        best = found[0]
        scored = tuple(Found(geometry.to_image(peak.cx, peak.cy, peak.w, peak.h),
                             calibrated(peak.score, self._bundle.calibration), peak.score)
                       for peak in found)
        return Sighting(
            box=scored[0].box, score=scored[0].score,
            clear=best.rival < _RIVALRY * best.score, region=geometry.region,
            fused=None if maps.fused is None else _to_image(maps.fused), found=scored)

    @contextmanager
    def _clocked(self) -> Iterator[None]:
        begin = perf_counter()
        try:
            yield
        finally:
            self.backend_s += perf_counter() - begin


def _to_image(fused: Array) -> NDArray[np.uint8]:
    """Turn 3 x H x W of nominal 0..1 into H x W x 3 of 0..255."""
    image = np.clip(np.rint(fused.transpose(1, 2, 0) * 255), 0, 255)
    return np.asarray(image, np.uint8)
