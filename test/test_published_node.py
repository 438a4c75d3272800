# SPDX-License-Identifier: Apache-2.0
"""Every published tracker in one tracker node, chosen by nothing but `model.name`."""
from __future__ import annotations

from collections.abc import Iterator
from functools import cache
import math
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from node_bench import ACTIVATE, CLEANUP, CONFIGURE, DEACTIVATE
import numpy as np
import pytest
from ros_rig import HEIGHT, PERIOD, SIDE, WIDTH, TrackerRig
from sensor_msgs.msg import Image
from tiny_published import tiny_bundle

from rgbt_tracker_ros.ros.diagnostics import values_of
from rgbt_tracker_ros.ros.image_message import image_message

pytestmark = pytest.mark.ros


class Waiting(TrackerRig):
    """A node that is given one model after the other."""

    def load(self, **parameters: Any) -> None:
        assert self.set_parameters(**parameters).successful
        for number in (CONFIGURE, ACTIVATE):
            assert self._transition(number)
        self.connect()

    def unload(self) -> None:
        for number in (DEACTIVATE, CLEANUP):
            assert self._transition(number)

    def next_header(self) -> Any:
        """Return the header of the frame that `status` will show."""
        self.stamp += PERIOD
        header = self.header()
        self.stamp -= PERIOD
        return header

    def _transition(self, number: int) -> bool:
        request = ChangeState.Request()
        request.transition.id = number
        return bool(self.call(ChangeState, f'{self.name}/change_state', request).success)


@pytest.fixture(scope='module')
def waiting() -> Iterator[Waiting]:
    with Waiting() as rig:
        rig.fused = rig.listen(Image, f'{rig.name}/fused_image')
        rig.reports = rig.listen(DiagnosticArray, '/diagnostics')
        rig.start('tracker_node', autostart=False, model__backend='onnxruntime', model__threads=1,
                  target__lost_threshold=0.0)
        yield rig


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: Any) -> Any:
    folder = tmp_path_factory.mktemp('bundles')
    return cache(lambda name: str(tiny_bundle(name, folder)))


@pytest.mark.parametrize('name', ['ckd', 'ainet', 'patrack', 'tpf'])
def test_the_node_tracks_with_it(waiting, bundle, name):
    waiting.load(model__name=bundle(name))
    status = waiting.follow(100, frames=3)
    assert (status['state'], status['mode'], status['error']) == ('tracking', 'rgbt', '')
    assert math.isfinite(float(status['score']))
    box = waiting.detection().detections[0].bbox
    assert math.isfinite(box.center.position.x + box.center.position.y)
    assert min(box.size_x, box.size_y) > 0
    if name == 'tpf':       # the only one that makes one image of two
        image = waiting.until(lambda: waiting.fused and waiting.fused[-1], 'fused image')
        assert image.width > 0
        assert len(image.data) == image.step * image.height
    said = waiting.until(
        lambda: [values for message in waiting.reports if (
            values := values_of(message, 'node')).get('model') == name], 'report')[-1]
    assert said['backend'] == 'onnxruntime'
    waiting.unload()


def test_depth_and_event_cameras_are_tracked_in_the_place_of_thermal(waiting, bundle):
    rng = np.random.default_rng(0)

    def depth(x: float, metres: bool = False) -> Image:
        pixels = rng.integers(3990, 4010, (HEIGHT, WIDTH)).astype(np.uint16)
        pixels[100:100 + SIDE, round(x):round(x) + SIDE] = 1500
        if not metres:
            return image_message(pixels, '16UC1', waiting.next_header())
        pixels = (pixels / 1000).astype('<f4')
        pixels[:9] = np.nan
        return Image(header=waiting.next_header(), height=HEIGHT, width=WIDTH, encoding='32FC1',
                     step=4 * WIDTH, data=pixels.tobytes())

    waiting.load(model__name=bundle('patrack'), thermal__normalization='depth')
    waiting.status(100, thermal=depth(100))
    assert waiting.init_box(100)['accepted'] == 'True'
    said = [waiting.status(102, thermal=depth(102)),
            waiting.status(104, thermal=depth(104, metres=True))]
    assert waiting.set_parameters(thermal__normalization='event').successful
    for x in (106, 108):
        events = rng.choice(np.array([0, 255], np.uint8), (HEIGHT, WIDTH, 3))
        said.append(waiting.status(
            x, thermal=image_message(events, 'bgr8', waiting.next_header())))
    for status in said:
        assert (status['state'], status['mode'], status['error']) == ('tracking', 'rgbt', '')
        assert math.isfinite(float(status['score']))
    waiting.unload()
    assert waiting.set_parameters(thermal__normalization='percentile').successful
