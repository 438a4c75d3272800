# SPDX-License-Identifier: Apache-2.0
"""The cameras' calibrations that a bag holds beside the images."""
from __future__ import annotations

from collections.abc import Callable, Mapping

from rgbt_tracker_ros.bags.reader import BagReader, Recorded
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.camera_model import Calibration
from rgbt_tracker_ros.pipeline.calibration import calibration, shows_rectified

_TYPE = 'sensor_msgs/msg/CameraInfo'


class RecordedCalibrations:
    """Hands on each calibration that is new.

    Parameters
    ----------
    reader
        The open bag.
    cameras
        Image topics, and which camera each one is.
    deliver
        Called with camera and calibration.
    warn
        Called with a sentence when one cannot be used.

    Attributes
    ----------
    topics
        The `camera_info` topics beside the images, and which image topic each one is for.

    """

    def __init__(self, reader: BagReader, cameras: Mapping[str, str],
                 deliver: Callable[[str, Calibration], None], warn: Callable[[str], None]) -> None:
        self._reader = reader
        self._cameras = cameras
        self._deliver = deliver
        self._warn = warn
        self._known: dict[str, Calibration | str] = {}
        recorded = {topic.name for topic in reader.topics if topic.type == _TYPE and topic.count}
        beside = {images.removesuffix('/compressed').rpartition('/')[0] + '/camera_info': images
                  for images in cameras}
        self.topics = {name: images for name, images in beside.items() if name in recorded}

    def take_first(self) -> None:
        """Take the first of each camera: a driver may say it once, long before it is needed."""
        for topic in self.topics:
            for recorded in self._reader.messages([topic]):
                self.take(recorded)
                break

    def take(self, recorded: Recorded) -> None:
        """Take a message of one of the topics."""
        images = self.topics[recorded.topic]
        found: Calibration | str
        try:
            found = calibration(recorded.message, shows_rectified(images))
        except InputError as error:
            found = f'{recorded.topic}: {error}'
        if found == self._known.get(images):
            return
        self._known[images] = found
        if isinstance(found, str):
            self._warn(found)
        else:
            self._deliver(self._cameras[images], found)
