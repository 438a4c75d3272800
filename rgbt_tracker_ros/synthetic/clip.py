# SPDX-License-Identifier: Apache-2.0
"""A generated RGB-thermal clip with exact ground truth, frame by frame on demand."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.synthetic.spec import ClipSpec
from rgbt_tracker_ros.synthetic.stage import Stage
from rgbt_tracker_ros.synthetic.textures import Image
from rgbt_tracker_ros.synthetic.weather import Weather

OCCLUDED_UNDER = 0.35
"""The target counts as occluded when less than this share of it can be seen."""

_RGB, _THERMAL, _STAMPS, _STAGE = range(4)


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of one RGB frame.

    Attributes
    ----------
    box
        Tight box of the target's silhouette inside the image, as if nothing stood before it;
        None when it is outside the image.
    occluded
        Less than OCCLUDED_UNDER of the target can be seen though it is inside the image.
    absent
        The target is outside the image.
    event
        Names of the events at this moment, joined by `+`, or `clear`.
    boxes, visibility
        The same box, and the share that can be seen, per actor; 0 is the target. An actor outside
        the image has no box.

    """

    box: Box | None
    occluded: bool
    absent: bool
    event: str
    boxes: dict[int, Box]
    visibility: dict[int, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """One RGB frame with the thermal frame nearest in time.

    Attributes
    ----------
    index, stamp
        Number and time (seconds) of the RGB frame.
    rgb
        H x W x 3 uint8.
    thermal
        H x W uint16, raw 14-bit counts.
    thermal_index, thermal_stamp
        Number and time of the thermal frame.
    truth
        Ground truth at the time of the RGB frame.

    """

    index: int
    stamp: float
    rgb: Image
    thermal: NDArray[np.uint16]
    thermal_index: int
    thermal_stamp: float
    truth: Truth


class Clip:
    """Any frame of a clip, in any order: frames depend on spec, seed and number alone.

    Attributes
    ----------
    rgb_stamps, thermal_stamps
        Times of the frames, seconds, strictly ascending, never 0.

    """

    def __init__(self, spec: ClipSpec, seed: int) -> None:
        """Set the stage (0.1 to 0.3 s of work at 640 x 480)."""
        self.spec, self.seed = spec, seed
        self._stage = Stage(spec, np.random.default_rng((seed, _STAGE)))
        self._weather = Weather(spec, seed)
        rng = np.random.default_rng((seed, _STAMPS))
        self.rgb_stamps = _stamps(spec.duration, spec.rgb_rate, spec.jitter, rng)
        self.thermal_stamps = _stamps(spec.duration, spec.thermal_rate, spec.jitter, rng)

    def rgb(self, index: int) -> tuple[Image, Truth]:
        """Return RGB frame `index` and its ground truth."""
        time = float(self.rgb_stamps[index])
        frame, seen = self._stage.rgb(time)
        rng = np.random.default_rng((self.seed, _RGB, index))
        image = self._weather.rgb(frame, time, self._stage.camera.speed(time), rng)
        target = seen[0]
        return image, Truth(
            box=target.box, absent=target.box is None,
            occluded=target.box is not None and target.visible < OCCLUDED_UNDER,
            event=self.spec.active(time),
            boxes={index: sight.box for index, sight in seen.items() if sight.box is not None},
            visibility={index: sight.visible for index, sight in seen.items()})

    def thermal(self, index: int) -> NDArray[np.uint16]:
        """Return thermal frame `index` as raw counts; while frozen, the frame of before."""
        source = self.shown(index)
        time = float(self.thermal_stamps[source])
        heat = self._stage.heat(time, self._weather.body_share(time))
        rng = np.random.default_rng((self.seed, _THERMAL, source))
        return self._weather.thermal(heat, time, rng)

    def shown(self, index: int) -> int:
        """Return the number of the frame which frame `index` repeats: itself, unless frozen."""
        time = float(self.thermal_stamps[index])
        taken = self._weather.shutter(time)
        if taken == time:
            return index
        return max(int(np.searchsorted(self.thermal_stamps, taken)) - 1, 0)

    def frames(self) -> Iterator[Frame]:
        """Yield every RGB frame with its nearest thermal frame, made on the way."""
        last, thermal = -1, np.empty(0, np.uint16)
        for index, stamp in enumerate(self.rgb_stamps):
            nearest = int(np.argmin(np.abs(self.thermal_stamps - stamp)))
            if nearest != last:
                last, thermal = nearest, self.thermal(nearest)
            rgb, truth = self.rgb(index)
            yield Frame(index, float(stamp), rgb, thermal, nearest,
                        float(self.thermal_stamps[nearest]), truth)


def generate(spec: ClipSpec, seed: int) -> Iterator[Frame]:
    """Yield the frames of a clip, each made when it is asked for."""
    return Clip(spec, seed).frames()


def _stamps(
    duration: float, rate: float, jitter: float, rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return stamps spaced 1 / rate with a random phase and jitter, the first over 0."""
    count = max(2, round(duration * rate))
    bound = 0.3 / rate
    unrest = np.clip(rng.normal(0, jitter, count), -bound, bound)
    start = 0.31 / rate + rng.uniform(0, 0.3) / rate
    return np.asarray(np.round(start + np.arange(count) / rate + unrest, 6), np.float64)
