# SPDX-License-Identifier: Apache-2.0
"""Why no image arrives, in words with the remedy."""
from __future__ import annotations

import pytest

from rgbt_tracker_ros.pipeline.publishers import Publisher, elsewhere, full_name, why_silent

IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'


def why(*publishers, kind=IMAGE, reliability='best_effort'):
    return why_silent('/rgb/image_raw', kind, reliability, publishers)


def test_without_a_publisher_the_topics_with_images_are_named():
    assert why() == 'nobody publishes on it: is the camera running, and the topic remapped?'
    assert elsewhere([]) == ''
    assert elsewhere(['/cam/image']) == ' Images are on /cam/image'
    many = elsewhere([f'/cam_{number}' for number in range(8)])
    assert many.endswith('/cam_4 and 3 more topics')


def test_an_incompatible_reliability_is_named_with_the_parameter_to_set():
    words = why(Publisher('/cam', IMAGE, 'best_effort'), reliability='reliable')
    assert words == (
        '/cam (sensor_msgs/msg/Image, best_effort) offers an incompatible reliability: set '
        'qos_overrides./rgb/image_raw.subscription.reliability to best_effort')


@pytest.mark.parametrize(('kind', 'offered', 'remedy'), [
    (IMAGE, COMPRESSED, 'set image_transport to compressed'),
    (COMPRESSED, IMAGE, 'set image_transport to raw'),
    (IMAGE, 'std_msgs/msg/String', 'remap the topic to one of images'),
])
def test_another_type_is_named_with_the_remedy(kind, offered, remedy):
    words = why(Publisher('/cam', offered, 'reliable'), kind=kind)
    assert f'sends another type than {kind}: {remedy}' in words


def test_a_publisher_that_fits_sends_nothing_or_loses_it():
    assert 'dds_shared_memory.xml' in why(Publisher('/cam', IMAGE, 'reliable'))


def test_every_publisher_is_judged():
    words = why(Publisher('/a', IMAGE, 'reliable'), Publisher('/b', COMPRESSED, 'reliable'))
    assert '/a (' in words
    assert '; /b (' in words


@pytest.mark.parametrize(('namespace', 'name', 'words'), [
    ('/', 'cam', '/cam'), ('/robot', 'cam', '/robot/cam'),
    ('_NODE_NAMESPACE_UNKNOWN_', '_NODE_NAME_UNKNOWN_', 'a publisher of unknown name'),
    ('', '', 'a publisher of unknown name'),
])
def test_names(namespace, name, words):
    assert full_name(namespace, name) == words
