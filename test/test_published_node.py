# SPDX-License-Identifier: Apache-2.0
"""Every published tracker in one tracker node, chosen by nothing but `model.name`."""
from __future__ import annotations

from collections.abc import Iterator
import math
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from node_bench import ACTIVATE, CLEANUP, CONFIGURE, DEACTIVATE
import pytest
from ros_rig import TrackerRig
from sensor_msgs.msg import Image
from tiny_published import tiny_bundle

from rgbt_tracker_ros.ros.diagnostics import values_of

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


@pytest.mark.parametrize('name', ['ckd', 'ainet', 'patrack', 'tpf'])
def test_the_node_tracks_with_it(waiting, tmp_path, name):
    waiting.load(model__name=str(tiny_bundle(name, tmp_path)))
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
