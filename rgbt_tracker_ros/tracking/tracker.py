# SPDX-License-Identifier: Apache-2.0
"""The tracker: a target's box in, its box in every later frame out."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import perf_counter

from rgbt_tracker_ros.errors import InputError, ModelError
from rgbt_tracker_ros.imaging.box import MIN_SIDE, Box
from rgbt_tracker_ros.imaging.crops import clip_box
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.inference.backend import Backend
from rgbt_tracker_ros.inference.bundle import ModelBundle, load_bundle
from rgbt_tracker_ros.inference.factory import load_backend
from rgbt_tracker_ros.inference.monitor import Monitor
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.following import Following
from rgbt_tracker_ros.tracking.motion import follow
from rgbt_tracker_ros.tracking.observer import Observer, Sighting
from rgbt_tracker_ros.tracking.redetection import Look, Redetection
from rgbt_tracker_ros.tracking.result import State, TrackResult
from rgbt_tracker_ros.tracking.target_state import TargetState
from rgbt_tracker_ros.tracking.template_memory import Candidate, TemplateMemory

_SIZE_AS_ONE = 0.2
"""Share of a change of size that is believed while a rival is one with the target."""


class Tracker:
    """Tracks one target in pairs of RGB and thermal images.

    Not thread-safe: call it from one thread.

    Parameters
    ----------
    bundle
        The checked model bundle.
    backend
        Runs the bundle's graphs.
    settings
        Settings; the groups `template` and `target` matter here.

    """

    def __init__(self, bundle: ModelBundle, backend: Backend,
                 settings: Settings | None = None) -> None:
        self.bundle = bundle
        self.backend = backend
        self._settings = settings or Settings()
        self._observer = Observer(bundle, backend)
        self._memory = TemplateMemory(self._settings.template)
        self._target = TargetState(self._settings.target)
        self._following = Following(self._settings.target)
        self._redetection = Redetection()
        self._box = self._last_good = Box(0, 0, MIN_SIDE, MIN_SIDE)
        self._size = (0, 0)
        self._initial_mode = ''
        self._as_one = False
        self._frame = 0

    @classmethod
    def from_model(cls, name: str | Path, backend: str = 'auto',
                   settings: Settings | None = None, monitor: Monitor | None = None) -> Tracker:
        """Load a shipped model by name, or a model bundle by its folder.

        `monitor` is told of what takes long, and may end it.

        Raises
        ------
        ModelError
            If the model or the backend cannot be loaded.
        InputError
            If there is no backend of that name.

        """
        settings = (settings or Settings()).updated(
            {'model.name': str(name), 'model.backend': backend})
        bundle = load_bundle(name)
        return cls(bundle, load_backend(bundle, settings.model, monitor), settings)

    @property
    def state(self) -> State:
        """Return IDLE without a target, else TRACKING or LOST."""
        return self._target.state

    @property
    def box(self) -> Box | None:
        """Return where the target was last, pixels of the RGB image; None without a target."""
        return None if self.state is State.IDLE else self._box

    def initialize(self, pair: ImagePair, box: Box) -> TrackResult:
        """Take the target in `box`, pixels of the RGB image, as the one to track.

        Raises
        ------
        InputError
            If the box is not finite, too small or outside the image.
        ModelError
            If the network fails on the template; the tracker then has no target.

        """
        start = self._observer.begin()
        inside = Box(*box).inside(pair.width, pair.height)
        self.reset()
        self._memory.start(self._observer.make_template(*self._observer.crop(pair, inside)))
        self._box = self._last_good = inside
        self._size = (pair.width, pair.height)
        self._initial_mode = pair.mode
        self._following.start(inside, pair.stamp)
        self._as_one = False
        self._target.start()
        return self._result(pair.mode, start, 1.0, '', None)

    def track(self, pair: ImagePair, fused: bool = False) -> TrackResult:
        """Find the target in the next pair.

        A network that fails (NaN, run-time error) gives a frame of score 0 with the reason in
        `note`; the box then stays where it was.

        Parameters
        ----------
        pair
            The next pair; one of its images may be missing.
        fused
            Also return the fused search crop, where the model has one.

        Raises
        ------
        InputError
            If there is no target yet.

        """
        start = self._begin()
        note = self._fit_to(pair)
        sighting = None
        try:
            sighting = self._look(pair, fused)
            self._take_in(pair, sighting)
        except ModelError as error:
            note = str(error)
            if sighting is None:
                self._update_state(0.0)
        score = sighting.score if sighting else 0.0
        return self._result(pair.mode, start, score, note, sighting)

    def miss(self, note: str) -> TrackResult:
        """Let a frame pass in which no camera was usable; it counts as one of score 0.

        Raises
        ------
        InputError
            If there is no target yet.

        """
        start = self._begin()
        self._update_state(0.0)
        return self._result('none', start, 0.0, note, None)

    def reset(self) -> None:
        """Forget the target."""
        self._target.stop()
        self._redetection.forget()
        self._frame = 0

    def configure(self, settings: Settings) -> None:
        """Use other `template.*` and `target.*` settings from the next frame on."""
        self._settings = replace(
            self._settings, template=settings.template, target=settings.target)
        self._memory.configure(settings.template)
        self._target.settings = self._following.settings = settings.target

    def close(self) -> None:
        """Free the backend; the tracker cannot be used afterwards."""
        self.reset()
        self.backend.close()

    def _begin(self) -> float:
        """Begin a frame and return the time, seconds of `perf_counter`."""
        if self.state is State.IDLE:
            raise InputError('there is no target: call initialize(pair, box) first')
        self._frame += 1
        if self.state is State.LOST:
            self._redetection.count()
        return self._observer.begin()

    def _look(self, pair: ImagePair, fused: bool) -> Sighting:
        """Return the sighting of the target in the looks that its state asks for."""
        target = self._settings.target
        slots = self._memory.slots(self.bundle.template_slots)
        lost = self.state is State.LOST
        expected = clip_box(self._following.carry_on(pair.stamp, lost), *self._size,
                            margin=MIN_SIDE)
        if not lost:
            seen = self._observer.look(pair, Look(expected, 1.0), slots, fused)
            index, self._as_one = self._following.choose(seen.found)
            return seen.of(index, expected)
        if target.coast:
            self._set_box(expected)
        self._following.place(self._box)
        looks = [Look(self._box, 1.0)]
        if target.redetect:
            looks = self._redetection.plan(self._box, self.bundle.search.factor, *self._size)
        return max((self._believed(self._observer.look(pair, look, slots, fused))
                    for look in looks), key=lambda sighting: sighting.score)

    def _believed(self, sighting: Sighting) -> Sighting:
        """Return what was found of a lost target, with the score that its place leaves it."""
        if self._following.is_rival(sighting.box):
            return replace(sighting, score=0.0)
        return replace(sighting, score=sighting.score * self._redetection.plausibility(
            self._box, sighting.box))

    def _take_in(self, pair: ImagePair, sighting: Sighting) -> None:
        """Let a sighting move the box, the state and the templates."""
        target = self._settings.target
        before = self.state
        after = self._update_state(sighting.score)
        if before is State.LOST and after is State.TRACKING:
            self._redetection.reset()
            self._set_box(follow(self._box, sighting.box, 1.0, target.smoothing))
            self._following.find(self._box)
        elif after is State.TRACKING:
            # A doubtful sighting moves the box only in part, so that an occluder does not
            # carry it away.
            trust = min(sighting.score / target.lost_threshold, 1.0) if target.lost_threshold \
                else 1.0
            smoothing = target.smoothing
            if self._as_one:
                # The box is that of two.
                smoothing = 1.0 - _SIZE_AS_ONE * (1.0 - smoothing)
            self._set_box(follow(self._following.expected, sighting.box, trust, smoothing))
            self._following.see(self._box)
        if after is State.TRACKING and sighting.score >= target.lost_threshold:
            if before is State.TRACKING:
                self._redetection.note_motion(self._last_good, self._box)
            self._last_good = self._box
            self._remember(pair, sighting)
        self._renew_template()

    def _update_state(self, score: float) -> State:
        """Return the new state; without `target.coast` a lost target stays where it was seen."""
        before = self.state
        after = self._target.update(score)
        if before is State.TRACKING and after is State.LOST:
            coast = self._settings.target.coast
            self._set_box(self._following.expected if coast else self._last_good)
        return after

    def _remember(self, pair: ImagePair, sighting: Sighting) -> None:
        # A template without a camera that the initial one has would make it worse.
        degraded = pair.mode not in (self._initial_mode, 'rgbt')
        if (not degraded and sighting.clear and not self._as_one
                and self._memory.wants(self._frame, sighting.score)):
            crops = self._observer.crop(pair, self._box)
            self._memory.offer(Candidate(self._frame, sighting.score, *crops))

    def _renew_template(self) -> None:
        if self.bundle.template_slots < 2 or self.state is not State.TRACKING:
            return
        chosen = self._memory.choose(self._frame)
        if chosen is not None:
            self._memory.put(
                chosen, self._observer.make_template(chosen.rgb, chosen.thermal))

    def _fit_to(self, pair: ImagePair) -> str:
        """Scale the boxes when the image size changes (same view assumed); return a note."""
        old, new = self._size, (pair.width, pair.height)
        if old == new:
            return ''
        x, y = new[0] / old[0], new[1] / old[1]
        self._last_good = Box(self._last_good.x * x, self._last_good.y * y,
                              self._last_good.w * x, self._last_good.h * y)
        self._size = new
        self._redetection.reset()
        self._set_box(Box(self._box.x * x, self._box.y * y, self._box.w * x, self._box.h * y))
        self._following.start(self._box, pair.stamp)
        return (f'image size changed from {old[0]}x{old[1]} to {new[0]}x{new[1]}: '
                'the box was scaled')

    def _set_box(self, box: Box) -> None:
        self._box = clip_box(box, *self._size, margin=MIN_SIDE)

    def _result(self, mode: str, start: float, score: float, note: str,
                sighting: Sighting | None) -> TrackResult:
        fused = sighting.fused if sighting else None
        return TrackResult(
            box=self._box, score=score, state=self.state, mode=mode,
            template_frame=self._memory.dynamic_frame,
            backend_ms=1000 * self._observer.backend_s,
            total_ms=1000 * (perf_counter() - start), fused=fused,
            crop_ms=1000 * self._observer.crop_s,
            crop_box=sighting.region if sighting and fused is not None else None, note=note)
