# SPDX-License-Identifier: Apache-2.0
"""Each parameter of template and target, set while the node tracks, changes the next frame."""
from __future__ import annotations

from live_node import PLACE, untried
import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from ros_rig import PERIOD, SIDE

pytestmark = pytest.mark.ros


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
    live.set(target__found_threshold=0.5)
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
    status = live.status_of(rgb=pixels, thermal=thermal)
    assert (float(status['x']) < PLACE - 20) == moves


@pytest.mark.parametrize(('rivals', 'moves'), [(True, False), (False, True)])
def test_target_rivals(live, rivals, moves):
    # A look-alike stands beside the target, which then vanishes.
    live.set(target__rivals=rivals)
    for _ in range(5):
        pixels, thermal = live.scene.rgb(PLACE - 48), live.scene.thermal(PLACE - 48)
        pixels[100:100 + SIDE, PLACE:PLACE + SIDE] = 235
        thermal[100:100 + SIDE, PLACE:PLACE + SIDE] = 7900
        assert abs(float(live.status_of(rgb=pixels, thermal=thermal)['x']) - PLACE) < 8
    status = live.status(PLACE - 48)
    assert (float(status['x']) < PLACE - 20) == moves


def test_target_coast(live):
    places = [float(live.status(PLACE + 3 * step)['x']) for step in range(8)]
    live.set(target__lost_frames=1, target__coast=False)
    assert float(live.status(None)['x']) == pytest.approx(places[-1], abs=1)
    live.set(target__coast=True)
    assert [float(live.status(None)['x']) for _ in range(4)][-1] > places[-1] + 4


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


# All of them -------------------------------------------------------------------------------------


def test_a_wrong_value_among_good_ones_changes_nothing(live):
    result = live.set_parameters(target__lost_frames=1, target__window=7.0)
    assert not result.successful
    assert 'target.window' in result.reason
    assert live.status(None)['state'] == 'tracking'


def test_integers_are_taken_where_decimals_are_meant(live):
    live.set(target__lost_frames=1)
    live.set_untold({'target.found_threshold': 1, 'target.lost_threshold': 1})
    assert live.dim(170)['state'] == 'lost'


def test_the_service_answers_while_frames_go_on(live):
    client = live.node.create_client(SetParameters, f'{live.name}/set_parameters')
    live.until(client.service_is_ready, 'service')
    since = live.stamp
    answers = []
    for number in range(30):
        future = client.call_async(SetParameters.Request(parameters=[
            Parameter('target.window', value=0.5 + number / 100).to_parameter_msg()]))
        live.show(PLACE)
        live.spin(PERIOD)
        live.until(future.done, 'answer')
        answers.append(future.result().results[0].successful)
    live.until(lambda: len(live.modes(since)) >= 20, 'frames')
    assert all(answers)
    live.node.destroy_client(client)


def test_every_dynamic_parameter_of_template_and_target_was_tried():
    assert not untried('template', 'target')
