# SPDX-License-Identifier: Apache-2.0
"""Faults of cameras, drivers, clocks and bags: what goes out is changed on its way."""
from __future__ import annotations

from array import array
from collections.abc import Callable
from time import monotonic

import cv2
import numpy as np
from sensor_msgs.msg import Image

from rgbt_tracker_ros.pipeline.pairing import CAMERAS
from rgbt_tracker_ros.ros.soak.bench import Bench
from rgbt_tracker_ros.ros.soak.cameras import Shot
from rgbt_tracker_ros.ros.soak.scene import like, pixels
from rgbt_tracker_ros.ros.soak.schedule import Plan

BOTH = 'both'
EACH = CAMERAS
EACH_AND_BOTH = (*CAMERAS, BOTH)

Replace = Callable[[Image], Image]
Restamp = Callable[[Shot, np.random.Generator], None]
_LATE_S = (0.05, 0.4)
_SECOND = 10**9


def _befalls(plan: Plan, shot: Shot) -> bool:
    return plan.variant in (BOTH, shot.camera)


def _other(camera: str) -> str:
    return CAMERAS[1 - CAMERAS.index(camera)]


# Images ------------------------------------------------------------------------------------------


def _copy(message: Image, **fields: object) -> Image:
    names = ('header', 'height', 'width', 'encoding', 'is_bigendian', 'step', 'data')
    return Image(**{**{name: getattr(message, name) for name in names}, **fields})


def empty_image(message: Image) -> Image:
    """Return an image of 0 x 0 pixels."""
    return _copy(message, height=0, width=0, step=0, data=array('B'))


def wrong_step(message: Image) -> Image:
    """Return an image whose rows are said to be shorter than its pixels."""
    return _copy(message, step=message.step - 7)


def truncated(message: Image) -> Image:
    """Return an image of which a third is missing."""
    return _copy(message, data=message.data[:2 * len(message.data) // 3])


def unknown_encoding(message: Image) -> Image:
    """Return an image in an encoding that nobody knows."""
    return _copy(message, encoding='plasma12')


def huge_claim(message: Image) -> Image:
    """Return an image that claims four thousand million rows."""
    return _copy(message, height=2**32 - 1)


def blank(message: Image) -> Image:
    """Return an image of one grey."""
    return like(message, np.full_like(pixels(message), 100))


def saturated(message: Image) -> Image:
    """Return an image at the top of its range."""
    image = pixels(message)
    return like(message, np.full_like(image, np.iinfo(image.dtype).max))


def bad_images(replace: Replace) -> Callable[[Bench, Plan], None]:
    """Return a fault in which a camera's images are of no use; the other must go on alone."""
    def run(bench: Bench, plan: Plan) -> None:
        since = monotonic()
        def change(shot: Shot) -> None:
            if _befalls(plan, shot) and shot.message is not None:
                shot.message = replace(shot.message)
        bench.cameras.show(change)
        bench.rest(plan.seconds)
        _expect_other(bench, plan, since)
    return run


def frozen(bench: Bench, plan: Plan) -> None:
    """Repeat one image."""
    since = monotonic()
    still = {camera: bench.cameras.image(camera) for camera in CAMERAS}
    def change(shot: Shot) -> None:
        if _befalls(plan, shot):
            shot.message = still[shot.camera]
    bench.cameras.show(change)
    bench.rest(plan.seconds)
    _expect_other(bench, plan, since)


def missing(bench: Bench, plan: Plan) -> None:
    """Let a camera be silent."""
    since = monotonic()
    def change(shot: Shot) -> None:
        if _befalls(plan, shot):
            shot.message = None
    bench.cameras.show(change)
    bench.rest(plan.seconds)
    _expect_other(bench, plan, since)


def _expect_other(bench: Bench, plan: Plan, since: float) -> None:
    if plan.variant != BOTH:
        wanted = _other(plan.variant)
        bench.expect(wanted in bench.judge.modes_since(since),
                     f'no answer by the {wanted} camera alone')


def late(bench: Bench, plan: Plan) -> None:
    """Let images come late, with their right stamps."""
    delay = np.random.default_rng(plan.seed).uniform(*_LATE_S)
    def change(shot: Shot) -> None:
        if _befalls(plan, shot):
            shot.delay = delay
    bench.cameras.show(change)
    bench.rest(plan.seconds)


def drops(bench: Bench, plan: Plan) -> None:
    """Lose a third of all images at random."""
    rng = np.random.default_rng(plan.seed)
    def change(shot: Shot) -> None:
        if _befalls(plan, shot) and rng.random() < 1 / 3:
            shot.message = None
    bench.cameras.show(change)
    bench.rest(plan.seconds)


def slow(bench: Bench, plan: Plan) -> None:
    """Send every third image only, as a thermal camera of 9 Hz."""
    def change(shot: Shot) -> None:
        if _befalls(plan, shot) and shot.tick % 3:
            shot.message = None
    bench.cameras.show(change)
    bench.rest(plan.seconds)


def other_size(bench: Bench, plan: Plan) -> None:
    """Send images of half the size for a while."""
    def change(shot: Shot) -> None:
        if not _befalls(plan, shot) or shot.message is None:
            return
        image = pixels(shot.message)
        half = image.shape[1] // 2, image.shape[0] // 2
        shot.message = like(shot.message, np.asarray(cv2.resize(image, half)))
        shot.size = half
    bench.cameras.show(change)
    bench.rest(plan.seconds)


def unplugged(bench: Bench, plan: Plan) -> None:
    """Let both drivers die and come back."""
    bench.cameras.plug_out()
    try:
        bench.rest(plan.seconds / 2)
    finally:
        bench.cameras.plug_in()
    bench.rest(plan.seconds / 2)


# Stamps ------------------------------------------------------------------------------------------


def bad_stamps(restamp: Callable[[int, np.random.Generator], int]
               ) -> Callable[[Bench, Plan], None]:
    """Return a fault in which stamps are wrong; `restamp` gets the right one, nanoseconds."""
    def run(bench: Bench, plan: Plan) -> None:
        rng = np.random.default_rng(plan.seed)
        def change(shot: Shot) -> None:
            if _befalls(plan, shot):
                shot.stamp = restamp(shot.stamp, rng)
        bench.cameras.show(change)
        bench.rest(plan.seconds)
    return run


def equal_stamps(bench: Bench, plan: Plan) -> None:
    """Give all images one stamp."""
    stamps: dict[str, int] = {}
    def change(shot: Shot) -> None:
        if _befalls(plan, shot):
            shot.stamp = stamps.setdefault(shot.camera, shot.stamp)
    bench.cameras.show(change)
    bench.rest(plan.seconds)


def jitter(stamp: int, rng: np.random.Generator) -> int:
    """Return a stamp up to a tenth of a second off, so that many go backward."""
    return stamp + int(rng.uniform(-0.1, 0.1) * _SECOND)


def future(stamp: int, rng: np.random.Generator) -> int:
    """Return a stamp an hour ahead."""
    return stamp + 3600 * _SECOND


def past(stamp: int, rng: np.random.Generator) -> int:
    """Return a stamp of last year."""
    return stamp - 365 * 86400 * _SECOND


def random_stamps(stamp: int, rng: np.random.Generator) -> int:
    """Return any stamp."""
    return int(rng.integers(1, 2**31 - 1)) * _SECOND


def zero_stamps(bench: Bench, plan: Plan) -> None:
    """Set no stamps at all; the node then takes the time of arrival."""
    bench.judge.unstamped = True
    def change(shot: Shot) -> None:
        if _befalls(plan, shot):
            shot.stamp = 0
    bench.cameras.show(change)
    bench.rest(plan.seconds)
    bench.cameras.show()
    bench.rest(1.0)
    bench.judge.unstamped = False


def bag_loop(bench: Bench, plan: Plan) -> None:
    """Let all stamps jump back for good, as when a bag begins anew."""
    back = np.random.default_rng(plan.seed).uniform(2.0, 60.0)
    bench.cameras.offset -= int(back * _SECOND)
    bench.rest(plan.seconds / 2)


FAULTS: dict[str, tuple[Callable[[Bench, Plan], None], tuple[str, ...]]] = {
    'empty image': (bad_images(empty_image), EACH),
    'wrong step': (bad_images(wrong_step), EACH),
    'truncated data': (bad_images(truncated), EACH),
    'unknown encoding': (bad_images(unknown_encoding), EACH),
    'huge claimed size': (bad_images(huge_claim), EACH),
    'blank': (bad_images(blank), EACH_AND_BOTH),
    'saturated': (bad_images(saturated), EACH),
    'frozen': (frozen, EACH_AND_BOTH),
    'missing': (missing, EACH_AND_BOTH),
    'late': (late, EACH),
    'drops': (drops, (BOTH,)),
    'slow': (slow, ('thermal',)),
    'other size': (other_size, EACH_AND_BOTH),
    'drivers restart': (unplugged, ()),
    'equal stamps': (equal_stamps, (BOTH,)),
    'stamps jitter': (bad_stamps(jitter), (BOTH,)),
    'zero stamps': (zero_stamps, (BOTH,)),
    'future stamps': (bad_stamps(future), (BOTH,)),
    'past stamps': (bad_stamps(past), ('rgb',)),
    'random stamps': (bad_stamps(random_stamps), (BOTH,)),
    'bag loop': (bag_loop, ()),
}
"""What happens, and its variants: the camera it befalls."""
