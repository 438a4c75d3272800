# SPDX-License-Identifier: Apache-2.0
"""Where training samples come from, besides copy-paste composites: videos and stills."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.networks.inputs import SEARCH_FACTOR, TEMPLATE_FACTOR
from rgbt_tracker_ros.training.crossing import with_rival
from rgbt_tracker_ros.training.images import Annotation, Image, read_grey, read_mask, read_rgb
from rgbt_tracker_ros.training.views import (
    DYNAMIC_UNREST,
    Crops,
    View,
    crop_around_rival,
    crop_view,
    crop_without_target,
    search_placement,
    template_placement,
)

NEGATIVE_SHARE = 0.08
RIVAL_SHARE = 0.35
Moments = Sequence[Callable[[], View]]


class MomentSource:
    """Samples of moments of the same target; a still is a target with one moment."""

    def __init__(
        self, targets: Sequence[Moments], max_gap: int, crossings: float,
    ) -> None:
        """Take each target's moments in order, and the largest gap of template and search.

        The targets are pasted as each other's rivals, into a share `crossings` of hard samples.
        """
        self._targets = [target for target in targets if target]
        self._max_gap, self._crossings = max_gap, crossings

    def crops(
        self, rng: np.random.Generator, template_size: int, search_size: int, *, hard: bool,
    ) -> Crops:
        """Make a sample; in a few the search crop does not hold the target.

        Hard samples often look at a rival of the target instead, or one is pasted in.
        """
        moments = self._targets[int(rng.integers(len(self._targets)))]
        first = int(rng.integers(len(moments)))
        low, high = max(0, first - self._max_gap), min(len(moments), first + self._max_gap + 1)
        last = int(rng.integers(low, high))
        between = int(rng.integers(min(first, last), max(first, last) + 1))
        after = moments[last]()
        template = crop_view(
            moments[first](), template_placement(rng), TEMPLATE_FACTOR, template_size)
        dynamic = crop_view(
            moments[between](), template_placement(rng, DYNAMIC_UNREST), TEMPLATE_FACTOR,
            template_size)
        if hard and after.rivals and rng.random() < RIVAL_SHARE:
            search = crop_around_rival(after, rng, search_size)
        elif rng.random() < NEGATIVE_SHARE:
            search = crop_without_target(after, rng, search_size)
        else:
            search = crop_view(after, search_placement(rng), SEARCH_FACTOR, search_size)
        if hard and rng.random() < self._crossings:
            others = self._targets[int(rng.integers(len(self._targets)))]
            if others is not moments:
                search = with_rival(search, others[int(rng.integers(len(others)))](), rng)
        return Crops(template, dynamic, search)


def annotated_targets(annotations: Sequence[Annotation]) -> list[Moments]:
    """Group annotations to targets: one per video sequence, one per object of a still."""
    by_sequence: dict[str, list[Annotation]] = {}
    targets: list[Moments] = []
    for annotation in annotations:
        if annotation.sequence:
            by_sequence.setdefault(annotation.sequence, []).append(annotation)
        else:
            targets.append([_annotated(annotation)])
    targets += [[_annotated(item) for item in items] for items in by_sequence.values()]
    return targets


def _annotated(annotation: Annotation) -> Callable[[], View]:
    return lambda: View(
        read_rgb(annotation.image), None, annotation.box, read_mask(annotation))


def thermal_targets(
    frames: Sequence[Image], tracks: Sequence[dict[int, Box]],
    outline: Callable[[int, Box], Image | None] = lambda index, box: None,
) -> list[Moments]:
    """Turn a thermal video's tracks (boxes by frame index) into targets.

    Movers that are there at the same time are each other's rivals; `outline` gives a mover's mask.
    """
    def moment(track: dict[int, Box], index: int) -> Callable[[], View]:
        rivals = tuple(other[index] for other in tracks if other is not track and index in other)
        return lambda: View(
            None, frames[index], track[index], outline(index, track[index]), rivals)
    return [[moment(track, index) for index in sorted(track)] for track in tracks]


def pair_targets(files: Sequence[tuple[Path, Path]]) -> list[Moments]:
    """Find warm, compact objects in registered stills; each is a target with one moment."""
    def moment(rgb: Path, thermal: Path, box: Box) -> Callable[[], View]:
        return lambda: View(read_rgb(rgb), read_grey(thermal), box)
    return [[moment(rgb, thermal, box)]
            for rgb, thermal in files for box in warm_objects(read_grey(thermal))]


def warm_objects(thermal: Image) -> list[Box]:
    """Return boxes of compact regions warmer than their surroundings, at several thresholds."""
    height, width = thermal.shape
    smooth = cv2.GaussianBlur(thermal, (0, 0), 1.2)
    found: list[Box] = []
    for percentile in (99.0, 97.0, 94.0):
        hot = (smooth > np.percentile(smooth, percentile)).astype(np.uint8)
        hot = cv2.morphologyEx(hot, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(hot)
        for x, y, w, h, area in stats[1:].tolist():
            box = Box(x, y, w, h)
            compact = area > 0.4 * w * h and 0.2 < w / h < 4.0
            inside = x > 0 and y > 0 and x + w < width and y + h < height
            large_enough = min(w, h) >= 10 and max(w / width, h / height) < 0.5
            if compact and inside and large_enough and all(box.iou(old) < 0.6 for old in found):
                found.append(box)
    return found
