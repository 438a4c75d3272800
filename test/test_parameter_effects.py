# SPDX-License-Identifier: Apache-2.0
"""Each dynamic parameter, set by a service while the node tracks, changes the next frame."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mock_model import write_bundle
import numpy as np
import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from ros_rig import PERIOD, SIDE, TrackerRig
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from rgbt_tracker_ros.pipeline.conversion import rgb_image
from rgbt_tracker_ros.ros.diagnostics import values_of
from rgbt_tracker_ros.ros.image_message import image_message
from rgbt_tracker_ros.settings import Settings

pytestmark = pytest.mark.ros
START = {'sync.timeout': 0.2}
PLACE = 140
TESTED: set[str] = set()


class Live(TrackerRig):
    """A running node whose parameters are changed."""

    def set(self, **values: Any) -> None:
        """Set parameters by the service, one after the other."""
        names = {name.replace('__', '.'): value for name, value in values.items()}
        TESTED.update(names)
        self._set(names)

    def _set(self, names: dict[str, Any]) -> None:
        request = SetParameters.Request(parameters=[
            Parameter(name, value=value).to_parameter_msg() for name, value in names.items()])
        results = self.call(SetParameters, f'{self.name}/set_parameters', request).results
        assert all(result.successful for result in results), results

    def defaults(self) -> None:
        """Give every dynamic parameter its default."""
        values = {name: START.get(name, value) for name, value, spec in Settings().items()
                  if not spec.read_only and not isinstance(value, tuple)}
        assert self.set_parameters(**values).successful

    def dim(self, level: int) -> dict[str, str]:
        """Show the target darker in RGB than when it was chosen."""
        pixels = self.scene.rgb(None)
        pixels[100:100 + SIDE, PLACE:PLACE + SIDE] = level
        return self._status(rgb=pixels)

    def raw(self, counts: int) -> tuple[float, float, float]:
        """Show thermal counts that are higher everywhere; return what `glow` does."""
        thermal = self.scene.thermal(PLACE)
        self._status(thermal=thermal + np.uint16(counts))
        return self._look()

    def glow(self) -> tuple[float, float, float]:
        """Show a frame; return the fused image's ground and target levels, and its contrast."""
        self.status(PLACE)
        return self._look()

    def _look(self) -> tuple[float, float, float]:
        fused = rgb_image(self.next_message(self.fused)).astype(float)
        return fused[:30].mean(), fused[56:72, 56:72].mean(), fused[:30].std()

    def _status(self, **pixels: Any) -> dict[str, str]:
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

    def modes(self, before: int) -> list[str]:
        return [values['mode'] for message in self.statuses[before:]
                if (values := values_of(message, 'target'))]


@pytest.fixture(scope='module')
def node(tmp_path_factory: Any) -> Iterator[Live]:
    bundle = write_bundle(tmp_path_factory.mktemp('models') / 'mock')
    with Live() as rig:
        reliable = {f'qos_overrides./{camera}/image_raw.subscription.reliability': 'reliable'
                    for camera in ('rgb', 'thermal')}
        rig.start('tracker_node', model__name=bundle, sync__timeout=0.2, **reliable)
        rig.fused = rig.listen(Image, f'{rig.name}/fused_image')
        rig.connect()
        yield rig


@pytest.fixture
def live(node: Live) -> Iterator[Live]:
    """A node that follows a target with default settings."""
    node.stamp += 5
    node.call(Trigger, f'{node.name}/reset', Trigger.Request())
    for _ in range(8):
        node.show(None)
        node.spin(0.03)
    assert node.status(PLACE)['mode'] == 'rgbt'
    assert node.init_box(PLACE)['accepted'] == 'True'
    yield node
    node.defaults()


# template.* --------------------------------------------------------------------------------------


def test_template_update(live):
    live.set(template__interval=1)
    assert live.status(PLACE)['template_frame'] == '1'
    live.set(template__update='off')
    assert live.status(PLACE)['template_frame'] == '0'


def test_template_interval(live):
    assert [live.status(PLACE)['template_frame'] for _ in range(3)] == ['0'] * 3
    live.set(template__interval=4)
    assert live.status(PLACE)['template_frame'] == '4'


def test_template_threshold(live):
    live.set(template__interval=1)
    status = live.dim(170)
    assert 0.4 < float(status['score']) < 0.8
    assert status['template_frame'] == '0'
    live.set(template__threshold=0.4)
    assert live.dim(170)['template_frame'] == '2'


@pytest.mark.parametrize(('memory', 'frame'), [(4, '3'), (1, '0')])
def test_template_memory(live, memory, frame):
    # Only the fourth frame counts when there is room for one candidate, and it is a bad one.
    live.set(template__interval=4, template__memory=memory)
    for _ in range(3):
        live.status(PLACE)
    assert live.dim(170)['template_frame'] == frame


# target.* ----------------------------------------------------------------------------------------


def test_target_lost_threshold(live):
    live.set(target__lost_frames=1)
    assert live.dim(170)['state'] == 'tracking'
    live.set(target__found_threshold=1.0, target__lost_threshold=0.95)
    assert live.dim(170)['state'] == 'lost'


def test_target_lost_frames(live):
    assert live.status(None)['state'] == 'tracking'
    live.set(target__lost_frames=2)
    assert live.status(None)['state'] == 'lost'


def test_target_found_threshold(live):
    live.set(target__lost_frames=1, target__found_threshold=0.99)
    assert live.status(None)['state'] == 'lost'
    assert live.dim(200)['state'] == 'lost'
    live.set(target__found_threshold=0.4)
    assert live.dim(200)['state'] == 'tracking'


def test_target_redetect(live):
    live.set(target__lost_frames=1, target__redetect=False)
    assert live.status(None)['state'] == 'lost'
    assert {live.status(PLACE - 80)['state'] for _ in range(60)} == {'lost'}
    live.set(target__redetect=True)
    assert 'tracking' in [live.status(PLACE - 80)['state'] for _ in range(60)]


@pytest.mark.parametrize(('window', 'moves'), [(0.6, False), (0.0, True)])
def test_target_window(live, window, moves):
    # A look-alike that fits better than the target itself, at the edge of the search region.
    live.set(target__window=window)
    pixels = live.scene.rgb(PLACE - 45)
    pixels[100:100 + SIDE, PLACE:PLACE + SIDE] = 215
    thermal = live.scene.thermal(PLACE - 45)
    thermal[100:100 + SIDE, PLACE:PLACE + SIDE] = 7800
    status = live._status(rgb=pixels, thermal=thermal)
    assert (float(status['x']) < PLACE - 20) == moves


def test_target_smoothing(live):
    # The mock model's boxes are squares: a long one grows as much as smoothing lets it.
    assert live.init_box(PLACE, w=48, h=24)['accepted'] == 'True'
    live.set(target__smoothing=0.99)
    held = float(live.status(PLACE)['w'])
    assert held == pytest.approx(48, abs=1)
    live.set(target__smoothing=0.0)
    assert abs(float(live.status(PLACE)['w']) - held) > 4


def test_target_predict_to_now(live):
    def shown(step: int) -> int:
        live.stamp = live.node.get_clock().now().nanoseconds * 1e-9 - PERIOD
        live.status(PLACE + 2 * step)
        return len(live.detection().detections)

    assert [shown(step) for step in range(6)][-1] == 1
    live.set(target__predict_to_now=True)
    assert shown(6) == 2


# thermal.* ---------------------------------------------------------------------------------------

RANGE = {'thermal__normalization': 'range', 'thermal__max': 8000.0, 'thermal__min': 7000.0}
CELSIUS = {'thermal__normalization': 'range', 'thermal__unit': 'celsius',
           'thermal__min': -203.15, 'thermal__max': -193.15}


def test_thermal_normalization(live):
    ground, target, _ = live.glow()
    live.set(thermal__normalization='range')     # 0 to 65535: hardly any contrast
    after, shown, _ = live.glow()
    assert shown - after < target - ground - 50
    live.set(thermal__normalization='none')
    assert live.status(PLACE)['mode'] == 'rgb'


@pytest.mark.parametrize(('before', 'change', 'darker'), [
    (RANGE, {'thermal__min': 6000.0}, False),
    (RANGE, {'thermal__max': 12000.0}, True),
    (RANGE, {'thermal__unit': 'celsius'}, True),
    (CELSIUS, {'thermal__scale': 0.02}, False),
    (CELSIUS, {'thermal__offset': 0.0}, False),
    ({'thermal__smoothing': 0.0}, {'thermal__low_percentile': 49.0}, True),
    ({'thermal__smoothing': 0.0, 'thermal__low_percentile': 0.0},
     {'thermal__high_percentile': 60.0}, False),
], ids=lambda value: next(iter(value)) if isinstance(value, dict) else '')
def test_thermal_range(live, before, change, darker):
    live.set(**before)
    ground = live.glow()[0]
    live.set(**change)
    after = live.glow()[0]
    assert after < ground - 4 if darker else after > ground + 4


def test_thermal_smoothing(live):
    live.set(thermal__smoothing=0.0)
    steady = live.glow()[0]
    live.set(thermal__smoothing=0.99)
    shifted = live.raw(120)[0] - steady
    assert shifted > 4
    live.set(thermal__smoothing=0.0)
    assert abs(live.raw(120)[0] - steady) < 0.5 * shifted


def test_thermal_clip_limit(live):
    live.set(thermal__normalization='clahe', thermal__smoothing=0.0, thermal__clip_limit=1.0)
    contrast = live.glow()[2]
    live.set(thermal__clip_limit=40.0)
    assert live.glow()[2] > contrast + 4


def test_thermal_tiles(live):
    # One tile shows the warm right half brighter; many make each half as bright as the other.
    def step() -> float:
        thermal = live.scene.thermal(None)
        thermal[:, PLACE + SIDE // 2:] += 400
        live._status(thermal=thermal)
        fused = rgb_image(live.next_message(live.fused))[:30].astype(float)
        return float(fused[:, 90:].mean() - fused[:, :38].mean())

    live.set(thermal__normalization='clahe', thermal__smoothing=0.0, thermal__clip_limit=40.0,
             thermal__tiles=1)
    before = step()
    live.set(thermal__tiles=32)
    assert abs(step()) < 0.5 * before


# sync.* ------------------------------------------------------------------------------------------


def test_sync_slop(live):
    def differences() -> list[int]:
        before = len(live.statuses)
        for _ in range(3):
            live.stamp += 0.2
            live.send('rgb', 0.0)
            live.send('thermal', 0.06)
            live.spin(0.05)
        live.stamp += 0.2
        live.status(PLACE)
        return [round(float(values['dt_ms'])) for message in live.statuses[before:]
                if (values := values_of(message, 'target')) and values['dt_ms']]

    assert 60 not in differences()
    live.set(sync__slop=0.1)
    assert 60 in differences()


def test_sync_thermal_offset(live):
    live.set(sync__thermal_offset=-0.4)
    live.stamp += PERIOD
    live.send('rgb', 0.0)
    live.send('thermal', 0.4)
    assert float(live.next_status()['dt_ms']) == pytest.approx(0, abs=0.1)


def test_sync_timeout(live):
    live.set(sync__timeout=10.0)
    before = len(live.statuses)
    live.stamp += PERIOD
    live.send('rgb', 0.0)
    live.spin(0.5)
    assert live.modes(before) == []
    live.set(sync__timeout=0.05)
    assert live.next_status()['mode'] == 'rgb'


def test_sync_queue(live):
    live.set(sync__timeout=10.0)
    before = len(live.statuses)
    for number in range(5):
        live.send('rgb', (number + 1) * PERIOD)
    live.spin(0.3)
    assert live.modes(before) == []
    live.set(sync__queue=2)
    live.send('rgb', 6 * PERIOD)
    live.stamp += 3 * PERIOD
    live.until(lambda: len(live.modes(before)) >= 2, 'frames that a short queue lets go')
    assert set(live.modes(before)) == {'rgb'}
    live.stamp += 3 * PERIOD


def test_sync_unpaired(live):
    def alternate() -> list[str]:
        before = len(live.statuses)
        for _ in range(8):
            live.stamp += 2 * PERIOD
            live.send('rgb', -PERIOD)
            live.send('rgb', 0.0)
            live.send('thermal', 0.0)
            live.spin(0.05)
        live.spin(0.3)
        return live.modes(before)

    assert 'rgb' not in alternate()
    live.set(sync__unpaired='alone')
    assert 'rgb' in alternate()


def test_sync_jump(live):
    def back() -> dict[str, str]:
        live.stamp -= 0.5 + PERIOD
        live.show(PLACE)
        live.spin(0.2)
        live.stamp += 0.5
        live.status(PLACE)
        return values_of(live.statuses[-1], 'frames')

    jumps = int(back()['jumps'])
    live.set(sync__jump=0.2)
    assert int(back()['jumps']) > jumps


# All of them -------------------------------------------------------------------------------------


def test_every_dynamic_parameter_of_these_groups_was_tried():
    wanted = {name for name, _, spec in Settings().items() if not spec.read_only
              and name.partition('.')[0] in ('template', 'target', 'thermal', 'sync')}
    assert wanted <= TESTED, wanted - TESTED


def test_a_wrong_value_among_good_ones_changes_nothing(live):
    result = live.set_parameters(target__lost_frames=1, target__window=7.0)
    assert not result.successful
    assert 'target.window' in result.reason
    assert live.status(None)['state'] == 'tracking'


def test_integers_are_taken_where_decimals_are_meant(live):
    live.set(target__lost_frames=1)
    live._set({'target.found_threshold': 1, 'target.lost_threshold': 1})
    assert live.dim(170)['state'] == 'lost'


def test_the_service_answers_while_frames_go_on(live):
    client = live.node.create_client(SetParameters, f'{live.name}/set_parameters')
    live.until(client.service_is_ready, 'service')
    before = len(live.statuses)
    answers = []
    for number in range(30):
        future = client.call_async(SetParameters.Request(parameters=[
            Parameter('target.window', value=0.5 + number / 100).to_parameter_msg()]))
        live.show(PLACE)
        live.spin(PERIOD)
        live.until(future.done, 'answer')
        answers.append(future.result().results[0].successful)
    live.until(lambda: len(live.modes(before)) >= 20, 'frames')
    assert all(answers)
    live.node.destroy_client(client)
