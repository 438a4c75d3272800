# SPDX-License-Identifier: Apache-2.0
"""What the soak test's cameras show: a walking person, made once and played to and fro."""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.ros.image_message import image_message
from rgbt_tracker_ros.synthetic.clip import Clip
from rgbt_tracker_ros.synthetic.spec import Actor, ClipSpec

SIZE = (640, 480)
FRAME_ID = 'camera_optical'
_SECONDS = 3.0
_RATE = 30.0


class Scene:
    """A loop of finished messages with the true box of each; played without any jump.

    Parameters
    ----------
    seed
        Another seed, another world.

    """

    def __init__(self, seed: int) -> None:
        walker = Actor('person', ((0.0, 0.75, 0.62), (_SECONDS, 1.25, 0.66)), size=0.6, heat=310,
                       look=3)
        spec = ClipSpec(actors=(walker,), size=SIZE, duration=_SECONDS, rgb_rate=_RATE,
                        thermal_rate=_RATE, jitter=0.0, sway=0.0)
        clip = Clip(spec, seed)
        self._messages: dict[str, list[Image]] = {'rgb': [], 'thermal': []}
        self._boxes: list[Box] = []
        for index in range(len(clip.rgb_stamps)):
            rgb, truth = clip.rgb(index)
            assert truth.box is not None
            header = Header(frame_id=FRAME_ID)
            self._messages['rgb'].append(image_message(rgb, 'rgb8', header))
            self._messages['thermal'].append(
                image_message(clip.thermal(index), 'mono16', Header(frame_id=FRAME_ID)))
            self._boxes.append(truth.box)

    def message(self, camera: str, tick: int) -> Image:
        """Return the message of a camera; its header's stamp is the caller's to set."""
        return self._messages[camera][self._index(tick)]

    def box(self, tick: int) -> Box:
        """Return the true box, pixels of the RGB image."""
        return self._boxes[self._index(tick)]

    def _index(self, tick: int) -> int:
        last = len(self._boxes) - 1
        place = tick % (2 * last)
        return min(place, 2 * last - place)


def pixels(message: Image) -> NDArray[Any]:
    """Return the pixels of a message of the scene, without a copy."""
    kind, channels = (np.uint8, 3) if message.encoding == 'rgb8' else (np.dtype('<u2'), 1)
    image: NDArray[Any] = np.frombuffer(message.data, kind)
    shape = (message.height, message.width, channels)
    return image.reshape(shape[:2] if channels == 1 else shape)


def like(message: Image, image: NDArray[Any]) -> Image:
    """Return other pixels as a message of the same camera."""
    return image_message(image, message.encoding, Header(frame_id=message.header.frame_id))
