# SPDX-License-Identifier: Apache-2.0
"""Which of a bag's topics are the RGB and the thermal camera."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import re

from rgbt_tracker_ros.errors import InputError

IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')

_THERMAL_WORDS = {'thermal', 'ir', 'lwir', 'infrared', 'flir', 'boson', 'lepton', 'tir', 'temp',
                  'temperature', 'heat'}
_RGB_WORDS = {'rgb', 'color', 'colour', 'visible', 'vis', 'eo', 'webcam', 'usb'}
_OTHER_WORDS = {'depth', 'disparity', 'mask', 'annotated', 'fused', 'debug', 'infra1', 'infra2'}


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of a bag: its name, the type of its messages and how many there are."""

    name: str
    type: str
    count: int

    def __str__(self) -> str:
        return f'{self.name} ({self.type}, {self.count})'


@dataclass(frozen=True, slots=True)
class CameraTopics:
    """The image topics of the two cameras; a bag may lack one of them."""

    rgb: str | None
    thermal: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """Return those that there are."""
        return tuple(name for name in (self.rgb, self.thermal) if name is not None)


def choose_topics(topics: Sequence[Topic], rgb: str | None, thermal: str | None,
                  encoding: Callable[[str], str]) -> CameraTopics:
    """Return the topics of the two cameras.

    Parameters
    ----------
    topics
        All topics of the bag.
    rgb, thermal
        Topics that were asked for; None = found by name, then by encoding. A camera that is not
        in the bag stays None, as long as the other one is.
    encoding
        Returns the encoding of the first image of a topic; empty when nobody can tell.

    Raises
    ------
    InputError
        If a topic is not in the bag or holds no images, or if several could be meant.

    """
    images = [topic for topic in topics if topic.type in IMAGE_TYPES and topic.count]
    for option, name in (('--rgb-topic', rgb), ('--thermal-topic', thermal)):
        if name is not None and name not in [topic.name for topic in images]:
            raise InputError(f'{option} {name}: the bag has no images there; {_listing(topics)}')
    if rgb is not None and rgb == thermal:
        raise InputError(f'--rgb-topic and --thermal-topic are both {rgb}: give two topics')
    free = [topic for topic in images if topic.name not in (rgb, thermal)
            and not _words(topic.name) & _OTHER_WORDS]
    kinds = {topic.name: _kind(topic.name, encoding) for topic in free}
    if thermal is None:
        thermal = _only([topic for topic in free if kinds[topic.name] == 'thermal'],
                        '--thermal-topic', topics)
    if rgb is None:
        rgb = _only([topic for topic in free if kinds[topic.name] == 'rgb'], '--rgb-topic',
                    topics)
    if rgb is None and thermal is None:
        raise InputError(
            'the bag has no topic that looks like a camera: name the topics by --rgb-topic and '
            f'--thermal-topic; {_listing(topics)}')
    return CameraTopics(rgb, thermal)


def _kind(name: str, encoding: Callable[[str], str]) -> str:
    """Return 'rgb', 'thermal' or ''."""
    words = _words(name)
    thermal, rgb = bool(words & _THERMAL_WORDS), bool(words & _RGB_WORDS)
    if thermal != rgb:
        return 'thermal' if thermal else 'rgb'
    text = encoding(name)
    if not text:
        return ''
    return 'thermal' if re.search(r'mono16|16UC1', text) else 'rgb'


def _words(name: str) -> set[str]:
    return set(re.split(r'[/_]', name.lower()))


def _only(found: Sequence[Topic], option: str, topics: Sequence[Topic]) -> str | None:
    """Return the topic; of one camera's raw and compressed images the raw ones."""
    raw = {topic.name for topic in found if topic.type == IMAGE_TYPES[0]}
    found = [topic for topic in found
             if topic.name in raw or topic.name.rpartition('/')[0] not in raw]
    if len(found) > 1:
        raise InputError(
            f'several topics could be meant: choose by {option}; {_listing(topics)}')
    return found[0].name if found else None


def _listing(topics: Sequence[Topic]) -> str:
    return 'its topics are ' + (', '.join(map(str, topics)) or 'none')
