# SPDX-License-Identifier: Apache-2.0
"""`/diagnostics` of a running node: every part, and the right time also under simulated time."""
from __future__ import annotations

from collections.abc import Iterator
import platform
from typing import Any

from mock_model import write_bundle
from node_bench import ACTIVATE, CONFIGURE, Bench
import pytest
from ros_rig import Scene
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.ros.diagnostics import values_of
from rgbt_tracker_ros.ros.image_message import image_message
from rgbt_tracker_ros.ros.messages import stamp_message
from rgbt_tracker_ros.tracking.tracker import Tracker

pytestmark = pytest.mark.ros
OK, WARN = b'\0', b'\1'
PARTS = ['node', 'rgb camera', 'thermal camera', 'sync', 'backend', 'memory']


class Robot(Bench):
    """A node with two cameras and, when simulated, a clock."""

    def __init__(self, bundle: Any, *parameters: str) -> None:
        super().__init__(bundle, Tracker.from_model, *parameters)
        self.scene = Scene()
        self.cameras = {
            camera: self.listener.create_publisher(Image, f'{camera}/image_raw', 10)
            for camera in ('rgb', 'thermal')}
        self.clock = self.listener.create_publisher(Clock, '/clock', 10)

    def up(self) -> None:
        assert self.request(CONFIGURE)
        assert self.request(ACTIVATE)
        self.until(lambda: all(item.get_subscription_count() for item in self.cameras.values()))
        self.spin(0.3)

    def tick(self, now: float) -> None:
        self.clock.publish(Clock(clock=stamp_message(now)))

    def show(self, stamp: float, cameras: Any = ('rgb', 'thermal')) -> None:
        header = Header(stamp=stamp_message(stamp), frame_id='camera')
        for camera in cameras:
            pixels = self.scene.rgb(80) if camera == 'rgb' else self.scene.thermal(80)
            self.cameras[camera].publish(image_message(
                pixels, 'rgb8' if camera == 'rgb' else 'mono16', header))

    def newest(self) -> dict[str, Any]:
        """Return the parts of a report that is still to come."""
        self.reports.clear()
        self.until(lambda: self.reports)
        return {part.name.rpartition(': ')[2]: part for part in self.reports[-1].status}


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: Any) -> Any:
    return write_bundle(tmp_path_factory.mktemp('models') / 'mock')


@pytest.fixture
def robot(bundle: Any) -> Iterator[Robot]:
    robot = Robot(bundle)
    yield robot
    robot.close()


@pytest.fixture
def simulated(bundle: Any) -> Iterator[Robot]:
    robot = Robot(bundle, 'use_sim_time:=true')
    yield robot
    robot.close()


def test_every_part_is_there_in_every_state(robot):
    for numbers in ([], [CONFIGURE], [ACTIVATE]):
        assert all(map(robot.request, numbers))
        parts = robot.newest()
        assert list(parts) == PARTS
        assert {part.name.partition(': ')[0] for part in parts.values()} == {'rgbt_tracker'}
        assert parts['node'].hardware_id == parts['memory'].hardware_id == platform.node()
        assert parts['node'].level == OK
        assert float(values_of(robot.reports[-1], 'memory')['rss_mb']) > 10
    assert parts['rgb camera'].hardware_id == '/rgb/image_raw'


def test_a_working_node_says_how_well_it_works(robot):
    robot.up()
    robot.node.set_parameters([robot.parameter('initial_box', [80.0, 100.0, 32.0, 32.0])])
    for _ in range(45):
        robot.show(robot.now())
        robot.spin(0.033)
    parts = robot.newest()
    assert [part.level for part in parts.values()] == [OK] * len(PARTS), parts
    numbers = {name: values_of(robot.reports[-1], name) for name in PARTS}
    assert numbers['node']['state'] == 'active'
    assert float(numbers['node']['frames_per_s']) > 0
    for camera in ('rgb camera', 'thermal camera'):
        assert 1 < float(numbers[camera]['rate_hz']) < 31
        assert 0 <= float(numbers[camera]['age_s']) < 5
        assert numbers[camera]['health'] == 'ok'
    assert {'pairs', 'mean_dt_ms', 'max_dt_ms', 'dropped_frames'} <= numbers['sync'].keys()
    assert float(numbers['backend']['p50_ms']) <= float(numbers['backend']['p95_ms'])


def test_cameras_that_never_match_are_reported_with_the_remedy(robot):
    robot.up()
    for _ in range(45):
        robot.show(robot.now(), ['rgb'])
        robot.show(robot.now() - 0.5, ['thermal'])
        robot.spin(0.033)
    part = robot.newest()['sync']
    assert part.level == WARN
    assert 'sync.' in part.message


def test_cameras_that_have_just_begun_are_not_said_to_lack_pairs(robot):
    robot.up()
    robot.spin(2.5)
    robot.reports.clear()
    for _ in range(40):
        robot.show(robot.now())
        robot.spin(0.033)
    parts = [part for report in robot.reports for part in report.status
             if part.name.endswith(': sync')]
    assert parts
    assert {part.level for part in parts} == {OK}, parts


def test_simulated_time_that_never_comes_is_said_and_frames_go_on(simulated):
    simulated.up()
    for number in range(20):
        simulated.show(500 + number / 30)
        simulated.spin(0.02)
    part = simulated.newest()['node']
    assert part.level == WARN
    assert 'no time comes on /clock' in part.message
    assert seconds(simulated.reports[-1].header.stamp) == 0
    assert simulated.node._activity.tally.frames > 0


def test_stamps_and_rates_are_those_of_simulated_time_and_a_pause_is_no_silence(simulated):
    simulated.up()
    for number in range(60):                 # 30 images a simulated second, slower in truth
        now = 500 + number / 30
        simulated.tick(now)
        simulated.show(now)
        simulated.spin(0.045)
    parts = simulated.newest()
    assert seconds(simulated.reports[-1].header.stamp) == pytest.approx(now)
    assert parts['node'].level == OK, parts['node'].message
    assert float(values_of(simulated.reports[-1], 'rgb camera')['rate_hz']) == pytest.approx(
        30, rel=0.15)
    simulated.spin(3.5)
    parts = simulated.newest()
    assert seconds(simulated.reports[-1].header.stamp) == pytest.approx(now)
    assert parts['rgb camera'].level == OK, parts['rgb camera'].message
    for number in range(8):                  # time goes on without images: that is silence
        simulated.tick(now + number)
        simulated.spin(0.5)
    assert 'no image on /rgb/image_raw' in simulated.newest()['rgb camera'].message
