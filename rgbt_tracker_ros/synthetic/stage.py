# SPDX-License-Identifier: Apache-2.0
"""The stage: world, actors, walls and camera put together into images of any moment."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.synthetic.buildings import Wall, build_wall
from rgbt_tracker_ros.synthetic.compose import cast_shadow, lay, outline, overlap, own
from rgbt_tracker_ros.synthetic.creatures import Animal, Blob
from rgbt_tracker_ros.synthetic.figure import (
    Canvas,
    Figure,
    Patch,
    colour_patch,
    cover_of,
    heat_patch,
)
from rgbt_tracker_ros.synthetic.motion import Camera, Pose, Walk, tilt_of
from rgbt_tracker_ros.synthetic.people import Person
from rgbt_tracker_ros.synthetic.spec import ClipSpec
from rgbt_tracker_ros.synthetic.textures import Field, Image, as_image
from rgbt_tracker_ros.synthetic.vehicles import Vehicle
from rgbt_tracker_ros.synthetic.world import World, paint_world

_FIGURES: dict[str, Callable[[int], Figure]] = {
    'person': Person, 'animal': Animal, 'vehicle': Vehicle, 'blob': Blob}


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the camera gets to see of one actor.

    Attributes
    ----------
    box
        Tight box of the silhouette inside the image, as if nothing stood before it; None when it
        is outside the image.
    visible
        Share of the silhouette (also of its part outside the image) that can be seen, 0..1.

    """

    box: Box | None
    visible: float


@dataclass(frozen=True, slots=True)
class _Standing:
    """A wall at its place: left end and foot row in world pixels, and its depth."""

    wall: Wall
    left: float
    foot: float
    depth: float


class Stage:
    """World, actors, walls and camera of one clip."""

    def __init__(self, spec: ClipSpec, rng: np.random.Generator) -> None:
        """Paint the world and dress the actors."""
        self.spec = spec
        self.world: World = paint_world(spec.theme, spec.size, spec.clutter, rng)
        self._walks = [Walk(actor, spec.duration, self.world) for actor in spec.actors]
        self._figures = [_FIGURES[actor.kind](actor.look) for actor in spec.actors]
        self.camera = Camera(spec, self._walks[0], self.world, rng)
        self._walls = [self._hide(event.start, event.end, rng)
                       for event in spec.named('occlusion')]

    def rgb(self, time: float) -> tuple[Image, dict[int, Sighting]]:
        """Return the scene in full daylight, and what can be seen of each actor."""
        matrix = self.camera.matrix(time)
        frame = as_image(cv2.warpAffine(
            self.world.rgb, matrix, self.spec.size, borderMode=cv2.BORDER_REFLECT))
        owners = np.zeros(frame.shape[:2], np.uint8)
        outlines: dict[int, tuple[Box | None, int]] = {}
        for index, item in self._items(time):
            if isinstance(item, Pose):
                canvas = self._drawn(index, item, matrix)
                if canvas is None:
                    outlines[index] = (None, 0)
                    continue
                cast_shadow(frame, canvas, item.height)
                patch = colour_patch(self._figures[index], canvas, cover_of(canvas))
                outlines[index] = outline(patch, self.spec.size)
            else:
                patch = self._wall_patch(item, matrix, item.wall.rgb)
            lay(frame, patch)
            own(owners, patch, index + 1)
        seen = {}
        for index, (box, area) in sorted(outlines.items()):
            mine = 0 if box is None else int(np.count_nonzero(owners == index + 1))
            seen[index] = Sighting(box, mine / max(area, 1))
        return frame, seen

    def heat(self, time: float, body_share: float) -> Field:
        """Return thermal counts over the ambient; bodies keep `body_share` of their heat."""
        matrix = self.camera.matrix(time)
        frame = np.asarray(cv2.warpAffine(
            self.world.heat, matrix, self.spec.size, borderMode=cv2.BORDER_REFLECT), np.float32)
        for index, item in self._items(time):
            if isinstance(item, Pose):
                canvas = self._drawn(index, item, matrix)
                if canvas is None:
                    continue
                patch = heat_patch(self._figures[index], canvas, cover_of(canvas),
                                   self.spec.actors[index].heat * body_share)
            else:
                patch = self._wall_patch(item, matrix, item.wall.heat)
            lay(frame, patch)
        return frame

    def _items(self, time: float) -> Iterator[tuple[int, Pose | _Standing]]:
        """Yield actors (with their number) and walls (-2 ...), the farthest first."""
        items: list[tuple[int, Pose | _Standing]] = [
            (index, walk.pose(time)) for index, walk in enumerate(self._walks)]
        items += [(-2 - index, wall) for index, wall in enumerate(self._walls)]
        yield from sorted(items, key=lambda pair: pair[1].depth)

    def _drawn(self, index: int, pose: Pose, matrix: NDArray[np.float64]) -> Canvas | None:
        """Draw an actor, or return None when it is outside the image."""
        foot = matrix @ (*pose.foot, 1.0)
        figure = self._figures[index]
        canvas = Canvas(figure, (float(foot[0]), float(foot[1])), pose.height, tilt_of(matrix),
                        pose.side < 0)
        if not overlap(canvas.left, canvas.top, canvas.size, self.spec.size):
            return None
        figure.draw(canvas, pose.phase, abs(pose.side))
        return canvas

    def _hide(self, start: float, end: float, rng: np.random.Generator) -> _Standing:
        """Build the wall that hides the target from `start` to `end`."""
        poses = [self._walks[0].pose(float(time)) for time in np.linspace(start, end, 12)]
        tall = max(pose.height for pose in poses)
        depth = max(pose.depth for pose in poses) + 0.035
        lefts = [pose.foot[0] for pose in poses]
        body = 0.55 * tall * min(self._figures[0].half_width * 1.1, 1.9)
        width = max(lefts) - min(lefts) + body
        top = min(pose.foot[1] - pose.height * self._figures[0].top for pose in poses)
        foot = self.world.place(0.0, depth)[1]
        height = foot - top + 0.12 * tall
        return _Standing(build_wall(round(width), round(height), rng), min(lefts) - body / 2,
                         foot, depth)

    def _wall_patch(
        self, item: _Standing, matrix: NDArray[np.float64], surface: Image | Field,
    ) -> Patch:
        height, width = surface.shape[:2]
        moved = matrix.copy()
        moved[:, 2] += matrix[:, :2] @ (item.left, item.foot - height)
        corners = np.array(((0, 0, 1), (width, 0, 1), (0, height, 1), (width, height, 1)))
        places = corners @ moved.T
        left, top = (int(value) for value in np.floor(places.min(axis=0)) - 1)
        right, bottom = (int(value) for value in np.ceil(places.max(axis=0)) + 1)
        moved[:, 2] -= (left, top)
        size = (right - left, bottom - top)
        solid = np.full((height, width), 255, np.uint8)
        paint = cv2.warpAffine(surface, moved, size)
        cover = as_image(cv2.warpAffine(solid, moved, size))
        same: Image | Field = as_image(paint) if surface.ndim == 3 \
            else np.asarray(paint, np.float32)
        return Patch(same, cover, left, top)
