# SPDX-License-Identifier: Apache-2.0
"""The tracker node as its users meet it: a process of its own, over DDS on loopback."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState, GetState
from mock_model import write_bundle
import numpy as np
import pytest
from ros_rig import HEIGHT, PERIOD, SIDE, WIDTH, TrackerRig, at, center
from sensor_msgs.msg import Image
from status_document import DIAGNOSTICS, STATUS, documented
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from rgbt_tracker_ros.pipeline.conversion import rgb_image
from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.ros.diagnostics import values_of
from rgbt_tracker_ros.ros.image_message import image_message
from rgbt_tracker_ros.ros.messages import stamp_message
from rgbt_tracker_ros.tracking.prediction import HORIZON_S

pytestmark = pytest.mark.ros
CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE = 1, 2, 3, 4


@pytest.fixture(scope='module')
def node(tmp_path_factory: Any) -> Iterator[TrackerRig]:
    bundle = write_bundle(tmp_path_factory.mktemp('models') / 'mock')
    with TrackerRig() as rig:
        # Best effort may lose a frame on a busy machine, and each test here counts on every one.
        reliable = {f'qos_overrides./{camera}/image_raw.subscription.reliability': 'reliable'
                    for camera in ('rgb', 'thermal')}
        rig.start('tracker_node', model__name=bundle, sync__timeout=0.2, **reliable)
        rig.connect()
        yield rig


@pytest.fixture
def rig(node: TrackerRig) -> TrackerRig:
    """The node, without a target and with both cameras healthy."""
    reset(node)
    for _ in range(4):
        status = node.status(None)
    assert (status['state'], status['mode'], status['error']) == ('idle', 'rgbt', '')
    return node


def reset(rig: TrackerRig) -> Trigger.Response:
    before = len(rig.statuses)
    response = rig.call(Trigger, f'{rig.name}/reset', Trigger.Request())
    assert response.success
    assert rig.answer(before)['accepted'] == 'True'
    return response


def state(rig: TrackerRig) -> str:
    return str(rig.call(GetState, f'{rig.name}/get_state', GetState.Request()).current_state.label)


def transition(rig: TrackerRig, number: int) -> bool:
    request = ChangeState.Request()
    request.transition.id = number
    return bool(rig.call(ChangeState, f'{rig.name}/change_state', request).success)


# Following -------------------------------------------------------------------------------------


def test_detections_follow_the_target_under_the_header_of_its_rgb_image(rig):
    status = rig.follow(80)
    message = rig.detection()
    assert message.header == rig.header()
    assert message.detections[0].header == rig.header()
    assert center(message) == pytest.approx((90 + SIDE / 2, 100 + SIDE / 2), abs=4)
    hypothesis = message.detections[0].results[0].hypothesis
    assert hypothesis.class_id == 'target'
    assert 0.5 < hypothesis.score <= 1
    assert (status['state'], status['mode'], status['dt_ms']) == ('tracking', 'rgbt', '0')
    assert float(status['backend_ms']) > 0


def test_every_status_is_about_its_frame(rig):
    rig.follow(80)
    names = [part.name for part in rig.next_message(rig.statuses).status]
    assert names == [f'rgbt_tracker: {part}' for part in (
        'target', 'rgb camera', 'thermal camera', 'frames')]
    frames = values_of(rig.statuses[-1], 'frames')
    assert {'pairs', 'rgb_only', 'thermal_only', 'dropped_frames'} <= frames.keys()


def test_the_id_stays_until_the_next_start(rig):
    first = rig.follow(80)['id']
    assert rig.status(92)['id'] == first
    assert rig.detection().detections[0].id == first
    second = rig.follow(150)['id']
    assert second not in ('', first)


def test_a_lost_target_gives_empty_detections_and_is_found_again(rig):
    target = rig.follow(80)['id']
    for _ in range(6):
        status = rig.status(None)
    assert status['state'] == 'lost'
    assert rig.detection().detections == []
    assert rig.detection().header == rig.header()
    for _ in range(4):
        status = rig.status(92)
    assert (status['state'], status['id']) == ('tracking', target)


def test_idle_gives_empty_detections(rig):
    rig.status(50)
    assert rig.detection().detections == []


# Requests --------------------------------------------------------------------------------------


def test_reset_drops_the_target(rig):
    target = rig.follow(80)['id']
    assert reset(rig).message == f'target {target} is dropped'
    assert rig.status(92)['state'] == 'idle'
    assert reset(rig).message == 'there was no target'


def test_enable_pauses_and_goes_on(rig):
    target = rig.follow(80)['id']
    response = rig.call(SetBool, f'{rig.name}/enable', SetBool.Request(data=False))
    assert (response.success, response.message) == (True, 'paused: the target is kept')
    before = len(rig.detections)
    rig.until(lambda: not rig.node.count_subscribers('/rgb/image_raw'), 'end of the subscription')
    rig.spin(0.3)
    assert len(rig.detections) == before
    assert rig.call(SetBool, f'{rig.name}/enable', SetBool.Request(data=True)).success
    rig.connect()
    assert rig.status(92)['id'] == target


@pytest.mark.parametrize(('box', 'reason'), [
    ({'x': 1000}, 'lies outside the 320x240 image'),
    ({'x': 80, 'w': 0}, 'has a side under 2 px'),
    ({'x': 80, 'h': -5}, 'has a side under 2 px'),
    ({'x': float('nan')}, 'is not finite'),
    ({'x': 80, 'w': float('inf')}, 'is not finite'),
    ({'x': 80, 'theta': 0.5}, 'the box is rotated'),
    ({'x': 80, 'stamp': 3.0}, 'no frame is near its stamp 3.000 s'),
], ids=str)
def test_a_box_that_cannot_be_used_is_refused_with_the_reason(rig, box, reason):
    target = rig.follow(80)['id']
    answer = rig.init_box(**box)
    assert (answer['request'], answer['accepted']) == ('init_box', 'False')
    assert reason in answer['reason']
    status = rig.status(92)
    assert (status['state'], status['id']) == ('tracking', target)
    assert reason in status['last_request']


def test_a_box_is_matched_to_the_frame_of_its_stamp(rig):
    places = [60 + 4 * number for number in range(12)]
    stamps = []
    for place in places:
        rig.status(place)
        stamps.append(rig.stamp)
    answer = rig.init_box(places[2], stamp=stamps[2])
    assert answer['accepted'] == 'True'
    assert rig.status(places[-1] + 4)['state'] == 'tracking'
    assert center(rig.detection())[0] == pytest.approx(places[-1] + 4 + SIDE / 2, abs=5)


def test_a_box_may_come_before_its_frame(rig):
    rig.status(60)
    before = len(rig.statuses)
    message = Detection2D()
    message.header.stamp = stamp_message(rig.stamp + PERIOD)
    message.bbox.center.position.x, message.bbox.center.position.y = 66 + SIDE / 2, 116.0
    message.bbox.size_x = message.bbox.size_y = float(SIDE)
    rig.publisher(Detection2D, f'{rig.name}/init_box').publish(message)
    rig.spin(0.1)
    status = rig.status(66)
    assert rig.answer(before)['accepted'] == 'True'
    assert status['state'] == 'tracking'


def test_a_box_for_a_stream_that_stands_still_starts_at_once(rig):
    rig.status(60)
    rig.detection()
    before = len(rig.detections)
    assert rig.init_box(60)['accepted'] == 'True'
    started = rig.until(lambda: rig.detections[before:], 'detection without a new frame')[0]
    assert started.header == rig.header()
    assert len(started.detections) == 1


def detections_at(*places_and_scores: tuple[float, float]) -> Detection2DArray:
    message = Detection2DArray()
    for place, score in places_and_scores:
        detection = Detection2D(results=[ObjectHypothesisWithPose()])
        detection.results[0].hypothesis.score = score
        detection.bbox.center.position.x = place + SIDE / 2
        detection.bbox.center.position.y = 100 + SIDE / 2
        detection.bbox.size_x = detection.bbox.size_y = float(SIDE)
        message.detections.append(detection)
    return message


def test_detections_start_the_best_one_but_only_when_idle(rig):
    rig.status(60)
    before = len(rig.statuses)
    detector = rig.publisher(Detection2DArray, '/detections_in')
    detector.publish(detections_at((200, 0.3), (60, 0.9)))
    answer = rig.answer(before)
    assert (answer['request'], answer['accepted']) == ('detections_in', 'True')
    target = rig.status(62)['id']
    assert center(rig.detection())[0] == pytest.approx(62 + SIDE / 2, abs=4)
    detector.publish(detections_at((200, 1.0)))
    rig.spin(0.1)
    assert rig.status(64)['id'] == target


# Bad frames ------------------------------------------------------------------------------------


def spoilt(rig: TrackerRig, camera: str, **changes: Any) -> Image:
    """The next frame's image, with fields that contradict each other."""
    rig.stamp += PERIOD
    pixels, encoding = (rig.scene.rgb(92), 'rgb8') if camera == 'rgb' \
        else (rig.scene.thermal(92), 'mono16')
    message = image_message(pixels, encoding, rig.header())
    rig.stamp -= PERIOD
    for name, value in changes.items():
        setattr(message, name, value)
    return message


@pytest.mark.parametrize(('camera', 'changes', 'reason'), [
    ('rgb', {'step': 10}, 'step = 10'),
    ('rgb', {'data': b'\0' * 100}, 'holds 100 bytes'),
    ('rgb', {'encoding': 'yuv99'}, "encoding 'yuv99'"),
    ('rgb', {'encoding': 'mono16', 'step': 960}, 'encoding mono16: an 8-bit image'),
    ('rgb', {'width': 0}, 'is empty'),
    ('thermal', {'step': 10}, 'step = 10'),
    ('thermal', {'data': b''}, 'holds 0 bytes'),
    ('thermal', {'encoding': '64FC1'}, "encoding '64FC1'"),
], ids=lambda value: value if isinstance(value, str) else '')
def test_a_bad_image_is_reported_and_the_other_camera_goes_on(rig, camera, changes, reason):
    rig.follow(80)
    status = rig.status(92, **{camera: spoilt(rig, camera, **changes)})
    assert status['error'].startswith(f'{camera}: ')
    assert reason in status['error']
    assert status['state'] == 'tracking'
    assert status['mode'] == ('thermal' if camera == 'rgb' else 'rgb')
    health = values_of(rig.next_message(rig.statuses), f'{camera} camera')
    assert health['state'] == 'unfit'
    status = [rig.status(94) for _ in range(3)][-1]
    assert (status['state'], status['mode'], status['error']) == ('tracking', 'rgbt', '')
    assert reason in status['last_error']


def test_a_second_detection_tells_where_the_target_is_by_now(rig):
    """The cameras' stamps are on the node's clock here, else it knows no `now` for them."""
    assert len(rig.detection().detections) == 0
    rig.stamp = rig.node.get_clock().now().nanoseconds * 1e-9
    rig.follow(80)
    assert len(rig.detection().detections) == 1
    assert rig.set_parameters(target__predict_to_now=True).successful
    rig.spin(0.4)                        # frames came faster than their stamps say
    rig.stamp = rig.node.get_clock().now().nanoseconds * 1e-9 - PERIOD
    rig.status(94)
    measured, predicted = rig.detection().detections
    assert measured.header == rig.header()
    assert 0 < seconds(predicted.header.stamp) - seconds(measured.header.stamp) < HORIZON_S
    assert predicted.header.frame_id == measured.header.frame_id
    assert predicted.id == f'{measured.id}/predicted'
    assert predicted.results[0].hypothesis.class_id == 'target_predicted'
    assert predicted.results[0].hypothesis.score < measured.results[0].hypothesis.score
    assert rig.set_parameters(target__predict_to_now=False).successful
    rig.stamp = 3000.0
    rig.status(94)


def test_two_bad_images_at_once_are_reported(rig):
    target = rig.follow(80)['id']
    status = rig.status(92, rgb=spoilt(rig, 'rgb', step=1), thermal=spoilt(rig, 'thermal', step=1))
    assert 'rgb: ' in status['error']
    assert 'thermal: ' in status['error']
    assert (status['state'], status['mode'], status['id']) == ('tracking', 'none', target)
    assert rig.detection().detections == []
    assert rig.status(94)['state'] == 'tracking'


def test_a_size_change_is_survived(rig):
    target = rig.follow(80)['id']
    for number in range(3):
        status = rig.status(2 * 90 + number, 200, size=(2 * WIDTH, 2 * HEIGHT))
        assert np.isfinite(float(status['x']))
    assert status['id'] == target
    assert rig.status(90)['error'].startswith('image size changed from 640x480 to 320x240')
    assert rig.status(90)['mode'] == 'rgbt'


def test_stamps_that_go_back_start_the_synchroniser_anew(rig):
    rig.follow(80)
    rig.stamp -= 20
    for _ in range(3):
        status = rig.status(92)
    assert status['state'] == 'tracking'
    assert values_of(rig.statuses[-1], 'frames')['jumps'] != '0'


def test_zero_stamps_are_replaced_by_the_time_of_arrival(rig):
    rig.follow(80)
    before = len(rig.detections)
    for _ in range(6):                   # the gap in time makes the cameras stale for some frames
        rig.show(90, rgb=image_message(rig.scene.rgb(90), 'rgb8', Header()),
                 thermal=image_message(rig.scene.thermal(90), 'mono16', Header()))
        rig.spin(0.05)
    message = rig.until(lambda: [item for item in rig.detections[before:] if item.detections],
                        'detections')[0]
    assert at(message) == pytest.approx(rig.node.get_clock().now().nanoseconds * 1e-9, abs=10)
    rig.stamp = 5000.0
    assert rig.status(90)['error'] == ''


# Cameras ---------------------------------------------------------------------------------------


def test_a_frozen_thermal_camera_is_left_out_until_it_moves(rig):
    rig.follow(80)
    still = rig.scene.thermal(90)
    for _ in range(4):
        rig.stamp += PERIOD
        frozen = image_message(still, 'mono16', rig.header())
        rig.stamp -= PERIOD
        status = rig.status(92, thermal=frozen)
    assert (status['state'], status['mode']) == ('tracking', 'rgb')
    health = rig.statuses[-1].status[2]
    assert health.message.startswith('thermal: ')
    assert 'identical images' in health.message
    for _ in range(4):
        status = rig.status(92)
    assert status['mode'] == 'rgbt'


def test_without_thermal_images_tracking_goes_on_and_fusion_resumes(rig):
    rig.follow(80)
    before = len(rig.statuses)
    for _ in range(8):
        rig.show(92, thermal=None)
        rig.spin(0.08)
    alone = rig.until(lambda: [
        values for message in rig.statuses[before:]
        if (values := values_of(message, 'target')).get('mode') == 'rgb'], 'frames of RGB alone')
    assert {values['state'] for values in alone} == {'tracking'}
    for _ in range(5):
        rig.show(92)
        rig.spin(0.05)
    rig.until(lambda: values_of(rig.statuses[-1], 'target').get('mode') == 'rgbt', 'fusion')


# Images ----------------------------------------------------------------------------------------


def test_drawn_and_fused_images_come_while_someone_looks(rig):
    rig.follow(80)
    topics = [f'{rig.name}/{name}_image' for name in ('annotated', 'fused')]
    lists = [rig.listen(Image, topic) for topic in topics]
    rig.until(lambda: all(map(rig.node.count_subscribers, topics)), 'match')
    rig.spin(0.2)
    rig.status(90)
    drawn, fused = (rig.next_message(images) for images in lists)
    assert drawn.header == fused.header == rig.header()
    assert (drawn.width, drawn.height, drawn.encoding) == (WIDTH, HEIGHT, 'rgb8')
    assert (fused.width, fused.height) == (128, 128)
    shown = rgb_image(drawn).astype(int)
    assert ((shown[:, :, 1] - shown[:, :, 0]) > 60).sum() > SIDE       # the green of the box


# Parameters and life cycle ---------------------------------------------------------------------


def test_a_parameter_takes_effect_with_the_next_frame(rig):
    rig.follow(80)
    assert rig.set_parameters(target__lost_frames=1).successful
    assert rig.status(None)['state'] == 'lost'
    assert rig.set_parameters(target__lost_frames=5).successful


def test_initial_box_starts_when_it_is_set(rig):
    before = len(rig.statuses)
    assert rig.set_parameters(initial_box=[60, 100, SIDE, SIDE]).successful
    status = rig.status(60)
    assert rig.answer(before)['request'] == 'initial_box'
    assert status['state'] == 'tracking'
    assert rig.set_parameters(initial_box=[]).successful


def test_transitions_that_are_not_possible_harm_nothing(rig):
    assert not transition(rig, CONFIGURE)
    assert not transition(rig, 99)
    assert rig.follow(80)['state'] == 'tracking'


def test_the_node_can_be_taken_down_and_brought_up_again(rig):
    diagnostics = rig.listen(DiagnosticArray, '/diagnostics')
    assert transition(rig, DEACTIVATE)
    response = rig.call(Trigger, f'{rig.name}/reset', Trigger.Request())
    assert (response.success, response.message[:22]) == (False, 'the node is not active')
    assert transition(rig, CLEANUP)
    assert state(rig) == 'unconfigured'
    rig.until(lambda: [message for message in diagnostics
                       if message.status[0].message == 'unconfigured'], 'diagnostics')
    assert transition(rig, CONFIGURE)
    assert transition(rig, ACTIVATE)
    rig.connect()
    assert rig.follow(80)['state'] == 'tracking'
    report = rig.until(lambda: [values for message in diagnostics[-1:] if (
        values := values_of(message, 'node')).get('frames', '0') != '0'], 'diagnostics')[0]
    assert report['model'] == 'mock'


def test_a_silent_camera_is_described_in_the_diagnostics(rig):
    diagnostics = rig.listen(DiagnosticArray, '/diagnostics')
    message = rig.until(lambda: [item.status[0].message for item in diagnostics
                                 if 'no image' in item.status[0].message], 'warning')[0]
    assert 'rgb: no image on /rgb/image_raw' in message
    assert 'rig (sensor_msgs/msg/Image, reliable' in message


def test_every_key_that_was_said_so_far_is_explained_in_the_documentation(rig):
    diagnostics = rig.listen(DiagnosticArray, '/diagnostics')
    rig.follow(80)
    rig.until(lambda: diagnostics, 'diagnostics')
    explained = documented()
    for topic, messages in ((STATUS, rig.statuses), (DIAGNOSTICS, diagnostics)):
        said = {(part.name.partition(': ')[2], item.key) for message in messages
                for part in message.status for item in part.values}
        assert len(said) > 20
        assert [(part, key) for part, key in said if key not in explained[topic, part]] == []


def test_ctrl_c_ends_the_node_with_status_0(rig):
    process = rig.processes[0]
    process.send_signal(2)
    process.send_signal(2)
    assert process.wait(10) == 0
