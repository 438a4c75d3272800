# SPDX-License-Identifier: Apache-2.0
"""The node registers by the calibrations of both cameras, however they are published."""
from __future__ import annotations

from typing import Any

from mock_model import write_bundle
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from ros_rig import HEIGHT, WIDTH, TrackerRig
from sensor_msgs.msg import CameraInfo

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.pipeline.calibration import calibration, shows_rectified
from rgbt_tracker_ros.ros.diagnostics import values_of

pytestmark = pytest.mark.ros


def camera_info(focal: float = 400.0, **more: Any) -> CameraInfo:
    x, y = WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5
    return CameraInfo(
        width=WIDTH, height=HEIGHT, distortion_model='plumb_bob', d=[0.0] * 5,
        k=[focal, 0.0, x, 0.0, focal, y, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[focal, 0.0, x, 0.0, 0.0, focal, y, 0.0, 0.0, 0.0, 1.0, 0.0], **more)


def test_a_message_becomes_a_calibration() -> None:
    message = camera_info(binning_x=2)
    message.roi.x_offset, message.roi.width, message.roi.height = 8, 160, 120
    found = calibration(message, rectified=False)
    assert found.size == (WIDTH, HEIGHT)
    assert found.binning == (2, 1)
    assert found.roi == (8, 0, 160, 120)
    assert found.matrix()[0, 0] == 200

    class Torn:
        k, r, p = (1.0,) * 8, (0.0,) * 9, (0.0,) * 12
    with pytest.raises(InputError, match='CameraInfo has 8 numbers in K: 9 are needed'):
        calibration(Torn(), rectified=False)


@pytest.mark.parametrize(('topic', 'rectified'), [
    ('/camera/image_raw', False), ('/camera/image_rect', True), ('image_rect_color', True),
    ('/camera/image_rect/compressed', True), ('/image_rect/raw', False)])
def test_rectified_images_are_known_by_their_topic(topic: str, rectified: bool) -> None:
    assert shows_rectified(topic) is rectified


def test_the_node_waits_for_both_calibrations_and_says_so(tmp_path: Any) -> None:
    bundle = write_bundle(tmp_path / 'mock')
    with TrackerRig() as rig:
        rig.start('tracker_node', model__name=bundle, registration__source='camera_info',
                  registration__depth=8.0, registration__translation=[0.1, 0.0, 0.0])

        def said() -> str:
            rig.show(None)
            rig.spin(0.05)
            for message in reversed(rig.statuses):
                for status in message.status:
                    if status.name.endswith(': registration'):
                        return status.message
            return ''

        rig.connect()
        assert 'no message on rgb/camera_info and thermal/camera_info yet' in said()
        # One driver has spoken once, for all who come later; the other speaks with each image.
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        rig.node.create_publisher(CameraInfo, 'thermal/camera_info', latched).publish(
            camera_info())
        rig.until(lambda: 'no message on rgb/camera_info yet' in said(), 'thermal calibration')
        stream = rig.publisher(CameraInfo, 'rgb/camera_info')

        def fitted() -> bool:
            stream.publish(camera_info())
            return said() == 'by both CameraInfo at 8 m'
        rig.until(fitted, 'registration')
        numbers = values_of(rig.statuses[-1], 'registration')['homography'].split()
        assert [round(float(number), 6) for number in numbers] == [1, 0, 5, 0, 1, 0, 0, 0, 1]
        # Live: another depth with the next frame, and back to the same view.
        assert rig.set_parameters(registration__depth=4.0).successful
        rig.until(lambda: said() == 'by both CameraInfo at 4 m', 'new depth')
        assert rig.set_parameters(registration__source='homography').successful
        rig.until(lambda: not (rig.statuses.clear(), said())[1], 'end of the registration')
