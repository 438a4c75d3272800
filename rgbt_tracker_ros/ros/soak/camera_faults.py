# SPDX-License-Identifier: Apache-2.0
"""Faults of cameras and drivers: what goes out is changed on its way."""
from __future__ import annotations

from array import array
from collections.abc import Callable
from time import monotonic

import cv2
import numpy as np
from sensor_msgs.msg import Image

from rgbt_tracker_ros.imaging.image_pair import CAMERAS
from rgbt_tracker_ros.ros.image_message import image_message
from rgbt_tracker_ros.ros.soak.bench import Bench
from rgbt_tracker_ros.ros.soak.cameras import Shot
from rgbt_tracker_ros.ros.soak.scene import like, pixels
from rgbt_tracker_ros.ros.soak.schedule import Plan

BOTH = 'both'
EACH = CAMERAS
EACH_AND_BOTH = (*CAMERAS, BOTH)

Replace = Callable[[Image], Image]
_LATE_S = (0.05, 0.4)
_COLDEST = 2500


def befalls(plan: Plan, shot: Shot) -> bool:
    """Tell whether a shot is one of the camera, or cameras, that a fault befalls."""
    return plan.variant in (BOTH, shot.camera)


def _other(camera: str) -> str:
    return CAMERAS[1 - CAMERAS.index(camera)]


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
            if befalls(plan, shot) and shot.message is not None:
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
        if befalls(plan, shot):
            shot.message = still[shot.camera]
    bench.cameras.show(change)
    bench.rest(plan.seconds)
    _expect_other(bench, plan, since)


def missing(bench: Bench, plan: Plan) -> None:
    """Let a camera be silent."""
    since = monotonic()
    def change(shot: Shot) -> None:
        if befalls(plan, shot):
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
        if befalls(plan, shot):
            shot.delay = delay
    bench.cameras.show(change)
    bench.rest(plan.seconds)


def drops(bench: Bench, plan: Plan) -> None:
    """Lose a third of all images at random."""
    rng = np.random.default_rng(plan.seed)
    def change(shot: Shot) -> None:
        if befalls(plan, shot) and rng.random() < 1 / 3:
            shot.message = None
    bench.cameras.show(change)
    bench.rest(plan.seconds)


def slow(bench: Bench, plan: Plan) -> None:
    """Send every third image only, as a thermal camera of 9 Hz."""
    def change(shot: Shot) -> None:
        if befalls(plan, shot) and shot.tick % 3:
            shot.message = None
    bench.cameras.show(change)
    bench.rest(plan.seconds)


def other_size(bench: Bench, plan: Plan) -> None:
    """Send images of half the size for a while."""
    def change(shot: Shot) -> None:
        if not befalls(plan, shot) or shot.message is None:
            return
        image = pixels(shot.message)
        half = image.shape[1] // 2, image.shape[0] // 2
        shot.message = like(shot.message, np.asarray(cv2.resize(image, half)))
        shot.size = half
    bench.cameras.show(change)
    bench.rest(plan.seconds)


def other_encoding(bench: Bench, plan: Plan) -> None:
    """Send the same view in another encoding for a while: BGR, or thermal in 8 bits."""
    def change(shot: Shot) -> None:
        if not befalls(plan, shot) or shot.message is None:
            return
        image, header = pixels(shot.message), shot.message.header
        if shot.camera == 'rgb':
            shot.message = image_message(image[..., ::-1], 'bgr8', header)
        else:
            grey = np.clip((image.astype(np.int32) - _COLDEST) // 8, 0, 255).astype(np.uint8)
            shot.message = image_message(grey, 'mono8', header)
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
    'other encoding': (other_encoding, EACH_AND_BOTH),
    'drivers restart': (unplugged, ()),
}
"""What happens, and its variants: the camera it befalls."""
