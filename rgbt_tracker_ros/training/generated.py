# SPDX-License-Identifier: Apache-2.0
"""Training targets from generated clips: both modalities, every actor, events and all."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.thermal import ThermalNormalizer
from rgbt_tracker_ros.settings import ThermalSettings
from rgbt_tracker_ros.synthetic.clip import Clip
from rgbt_tracker_ros.synthetic.scripts import random_spec
from rgbt_tracker_ros.training.images import MIN_OBJECT_SIDE, Image
from rgbt_tracker_ros.training.sources import Moments
from rgbt_tracker_ros.training.views import View

FRAMES_PER_CLIP = 24
LEAST_VISIBLE = 0.6


def generated_targets(clips: int, seed: int) -> list[Moments]:
    """Render clips of random content and return every actor that is seen well in some frames."""
    return [target for number in range(clips) for target in clip_targets(seed, number)]


def clip_targets(seed: int, number: int) -> list[Moments]:
    """Render one clip of random content; see `generated_targets`."""
    rng = np.random.default_rng([seed, number])
    clip = Clip(random_spec(rng, size=(480, 360)), int(rng.integers(2**31)))
    normalizer = ThermalNormalizer(ThermalSettings())
    moments: dict[int, list[Callable[[], View]]] = {}
    for index in np.linspace(0, len(clip.rgb_stamps) - 1, FRAMES_PER_CLIP).astype(int).tolist():
        rgb, truth = clip.rgb(index)
        nearest = int(np.abs(clip.thermal_stamps - clip.rgb_stamps[index]).argmin())
        thermal = normalizer(clip.thermal(nearest))
        for actor, box in truth.boxes.items():
            if truth.visibility[actor] >= LEAST_VISIBLE and min(box.w, box.h) >= MIN_OBJECT_SIDE:
                rivals = tuple(other for number, other in truth.boxes.items() if number != actor
                               and truth.visibility[number] >= LEAST_VISIBLE)
                moments.setdefault(actor, []).append(_moment(rgb, thermal, box, rivals))
    return list(moments.values())


def _moment(
    rgb: Image, thermal: Image, box: Box, rivals: tuple[Box, ...],
) -> Callable[[], View]:
    return lambda: View(rgb, thermal, box, rivals=rivals)
