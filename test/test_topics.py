# SPDX-License-Identifier: Apache-2.0
"""Quality of service of the topics, and what is said when no image comes through."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from mock_model import write_bundle
from node_bench import ACTIVATE, CONFIGURE, Bench
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from rgbt_tracker_ros.tracking.tracker import Tracker

pytestmark = pytest.mark.ros
RGB = 'qos_overrides./rgb/image_raw.subscription'
WARN, ERROR = DiagnosticStatus.WARN, DiagnosticStatus.ERROR


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: Any) -> Any:
    return write_bundle(tmp_path_factory.mktemp('models') / 'mock')


@pytest.fixture
def make(bundle: Any) -> Iterator[Any]:
    benches: list[Bench] = []

    def make(*parameters: str) -> Bench:
        benches.append(Bench(bundle, Tracker.from_model, *parameters))
        assert benches[-1].request(CONFIGURE)
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()


def reliability(infos: Any) -> set[str]:
    return {info.qos_profile.reliability.name for info in infos}


def test_cameras_are_best_effort_and_results_reliable(make):
    bench = make()
    assert bench.request(ACTIVATE)
    for camera in ('rgb', 'thermal'):
        infos = bench.until(
            lambda topic=f'/{camera}/image_raw':
            bench.listener.get_subscriptions_info_by_topic(topic))
        assert reliability(infos) == {'BEST_EFFORT'}
    for name in ('detections', 'status', 'annotated_image', 'fused_image'):
        infos = bench.until(
            lambda topic=f'/rgbt_tracker/{name}':
            bench.listener.get_publishers_info_by_topic(topic))
        assert reliability(infos) == {'RELIABLE'}


def test_an_override_counts_for_its_topic_alone_and_stays_after_a_restart(make):
    bench = make(f'{RGB}.reliability:=reliable', f'{RGB}.depth:=2')
    for _ in range(2):
        assert bench.request(ACTIVATE)
        rgb, thermal = (item.qos_profile for item in bench.node._activity._inputs._subscriptions)
        assert (rgb.reliability.name, rgb.depth) == ('RELIABLE', 2)
        assert (thermal.reliability.name, thermal.depth) == ('BEST_EFFORT', 5)
        assert bench.request(4)


@pytest.mark.parametrize(('override', 'words'), [
    ('reliability:=relable', '`relable`'), ('depth:=many', "'many'"), ('history:=7', "'7'")])
def test_an_override_that_is_none_leaves_the_node_inactive_with_the_reason(make, override, words):
    bench = make(f'{RGB}.{override}')
    before = len(list(bench.node.subscriptions))
    assert not bench.request(ACTIVATE)
    assert bench.state == 'inactive'
    assert len(list(bench.node.subscriptions)) == before
    part = bench.report('node', 'cannot activate: cannot subscribe to /rgb/image_raw')
    assert part.level == ERROR
    assert words in part.message
    assert 'reliability: reliable or best_effort' in part.message


def test_an_incompatible_publisher_and_one_of_another_type_are_named_with_the_remedy(make, capfd):
    bench = make(f'{RGB}.reliability:=reliable')
    bench.stranger.create_publisher(
        Image, '/rgb/image_raw', QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    bench.stranger.create_publisher(CompressedImage, '/thermal/image_raw', 1)
    assert bench.request(ACTIVATE)
    rgb = bench.report('rgb camera', '/stranger')
    assert rgb.level == WARN
    assert 'no image on /rgb/image_raw' in rgb.message
    assert (f'/stranger (sensor_msgs/msg/Image, best_effort) offers an incompatible reliability: '
            f'set {RGB}.reliability to best_effort') in rgb.message
    thermal = bench.report('thermal camera', 'sends another type than sensor_msgs/msg/Image')
    assert 'set image_transport to compressed' in thermal.message
    log = capfd.readouterr().err
    assert log.count('offers an incompatible reliability') == 1
    assert log.count('sends another type') == 1


def test_without_publishers_the_topics_with_images_are_named_until_one_comes(make, capfd):
    bench = make()
    bench.listener.create_publisher(Image, '/camera/color', 1)
    assert bench.request(ACTIVATE)
    part = bench.report('thermal camera', 'nobody publishes on it')
    assert part.message.endswith('Images are on /camera/color')
    camera = bench.listener.create_publisher(Image, '/thermal/image_raw', 1)
    bench.report('thermal camera', 'fits: is it publishing?')
    bench.until(camera.get_subscription_count)
    camera.publish(Image(height=1, width=1, encoding='mono8', step=1, data=b'\1'))
    bench.spin(0.5)
    log = capfd.readouterr().err
    assert 'thermal: images come again' in log
    assert 'stamps are zero' in log
    assert log.count('rgb: no image on') == 1
