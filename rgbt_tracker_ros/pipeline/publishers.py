# SPDX-License-Identifier: Apache-2.0
"""Why no image arrives: what is known about a topic's publishers, in words with the remedy."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_MOST = 5
"""Topics named at most."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """One end of a topic.

    Attributes
    ----------
    node
        Full name of the node.
    kind
        Type of the messages, `sensor_msgs/msg/Image`.
    reliability
        `reliable`, `best_effort` or what else the middleware says.

    """

    node: str
    kind: str
    reliability: str

    def __str__(self) -> str:
        return f'{self.node} ({self.kind}, {self.reliability})'


def full_name(namespace: str, name: str) -> str:
    """Return a node's name in words: the middleware may not know it yet."""
    if not name or 'UNKNOWN' in name:
        return 'a publisher of unknown name'
    return f'{namespace.rstrip("/")}/{name}'


def why_silent(topic: str, kind: str, reliability: str, publishers: Sequence[Publisher]) -> str:
    """Return why nothing may arrive on a topic, and what to do.

    Parameters
    ----------
    topic, kind, reliability
        What is subscribed to, and how.
    publishers
        Who publishes on that topic.

    """
    if publishers:
        return '; '.join(_why(topic, kind, reliability, item) for item in publishers)
    return 'nobody publishes on it: is the camera running, and the topic remapped?'


def elsewhere(topics: Sequence[str]) -> str:
    """Return which topics have images, for one who listens to the wrong one; empty without."""
    if not topics:
        return ''
    rest = len(topics) - _MOST
    return f' Images are on {", ".join(topics[:_MOST])}' + (
        f' and {rest} more topics' if rest > 0 else '')


def _why(topic: str, kind: str, reliability: str, publisher: Publisher) -> str:
    if publisher.kind != kind:
        remedy = {'CompressedImage': 'set image_transport to compressed and name the topic '
                                     'without its ending /compressed',
                  'Image': 'set image_transport to raw'}.get(
            publisher.kind.rpartition('/')[2], 'remap the topic to one of images')
        return f'{publisher} sends another type than {kind}: {remedy}'
    if reliability == 'reliable' and publisher.reliability == 'best_effort':
        return (f'{publisher} offers an incompatible reliability: set '
                f'qos_overrides.{topic}.subscription.reliability to best_effort')
    return (f'{publisher} fits: is it publishing? Big images need the DDS profile '
            'dds_shared_memory.xml on both sides')
