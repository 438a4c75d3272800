# SPDX-License-Identifier: Apache-2.0
"""A tracker node that tracks while its parameters are changed by the service."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mock_model import write_bundle
import numpy as np
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from ros_rig import PERIOD, SIDE, TrackerRig, at
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from rgbt_tracker_ros.pipeline.conversion import rgb_image
from rgbt_tracker_ros.ros.diagnostics import values_of
from rgbt_tracker_ros.ros.image_message import image_message
from rgbt_tracker_ros.settings import Settings

PLACE = 140
_START = {'sync.timeout': 0.2}
_tried: set[str] = set()


def untried(*groups: str) -> set[str]:
    """Return the dynamic parameters of some groups that no test of this run has changed."""
    return {name for name, _, spec in Settings().items()
            if not spec.read_only and name.partition('.')[0] in groups} - _tried


class Live(TrackerRig):
    """A running node whose parameters are changed."""

    def set(self, **values: Any) -> None:
        """Set parameters by the service, one after the other."""
        names = {name.replace('__', '.'): value for name, value in values.items()}
        _tried.update(names)
        self.set_untold(names)

    def set_untold(self, names: dict[str, Any]) -> None:
        """Set parameters, which counts as no test of them."""
        request = SetParameters.Request(parameters=[
            Parameter(name, value=value).to_parameter_msg() for name, value in names.items()])
        results = self.call(SetParameters, f'{self.name}/set_parameters', request).results
        assert all(result.successful for result in results), results

    def defaults(self) -> None:
        """Give every dynamic parameter its default."""
        values = {name: _START.get(name, value) for name, value, spec in Settings().items()
                  if not spec.read_only and not isinstance(value, tuple)}
        assert self.set_parameters(**values).successful

    def dim(self, level: int) -> dict[str, str]:
        """Show the target darker in RGB than when it was chosen."""
        pixels = self.scene.rgb(None)
        pixels[100:100 + SIDE, PLACE:PLACE + SIDE] = level
        return self.status_of(rgb=pixels)

    def raw(self, counts: int) -> tuple[float, float, float]:
        """Show thermal counts that are higher everywhere; return what `glow` does."""
        thermal = self.scene.thermal(PLACE)
        self.status_of(thermal=thermal + np.uint16(counts))
        return self._look()

    def glow(self) -> tuple[float, float, float]:
        """Show a frame; return the fused image's ground and target levels, and its contrast."""
        self.status(PLACE)
        return self._look()

    def _look(self) -> tuple[float, float, float]:
        fused = rgb_image(self.next_message(self.fused)).astype(float)
        return fused[:30].mean(), fused[56:72, 56:72].mean(), fused[:30].std()

    def status_of(self, **pixels: Any) -> dict[str, str]:
        """Show a frame with these pixels of one camera or both; return its status."""
        self.stamp += PERIOD
        images = {camera: image_message(item, 'rgb8' if camera == 'rgb' else 'mono16',
                                        self.header()) for camera, item in pixels.items()}
        self.stamp -= PERIOD
        return self.status(PLACE, **images)

    def send(self, camera: str, after: float, x: float = PLACE) -> None:
        """Publish one camera's image, so many seconds after the newest stamp."""
        before = self.stamp
        self.stamp += after
        message = image_message(self.scene.rgb(x), 'rgb8', self.header()) if camera == 'rgb' \
            else image_message(self.scene.thermal(x), 'mono16', self.header())
        self.stamp = before
        self.publisher(Image, f'/{camera}/image_raw').publish(message)

    def modes(self, since: float) -> list[str]:
        """Return the cameras in use in each frame whose stamp is newer than this one."""
        return [values['mode'] for message in self.statuses if at(message) > since + 1e-6
                and (values := values_of(message, 'target'))]


@contextmanager
def running(folder: Path) -> Iterator[Live]:
    """Run a node with a mock model."""
    bundle = write_bundle(folder / 'mock')
    with Live() as rig:
        reliable = {f'qos_overrides./{camera}/image_raw.subscription.reliability': 'reliable'
                    for camera in ('rgb', 'thermal')}
        rig.start('tracker_node', model__name=bundle, sync__timeout=0.2, **reliable)
        rig.fused = rig.listen(Image, f'{rig.name}/fused_image')
        rig.connect()
        yield rig


@contextmanager
def following(node: Live) -> Iterator[Live]:
    """Have it follow a target with default settings, which it gets back afterwards."""
    node.stamp += 5
    node.call(Trigger, f'{node.name}/reset', Trigger.Request())
    for _ in range(8):
        node.show(None)
        node.spin(0.03)
    assert node.status(PLACE)['mode'] == 'rgbt'
    assert node.init_box(PLACE)['accepted'] == 'True'
    yield node
    node.defaults()
