# SPDX-License-Identifier: Apache-2.0
"""Bags of every kind are read, and their two cameras found."""
from __future__ import annotations

from pathlib import Path
import sys

from bag_files import (
    BEGIN,
    IMAGE,
    LATENCY,
    PERIOD,
    RGB,
    THERMAL,
    Entry,
    image,
    scene,
    write_bag,
)
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from rosbags.rosbag2 import CompressionMode

from rgbt_tracker_ros.bags.reader import BagReader
from rgbt_tracker_ros.bags.topics import CameraTopics, Topic, choose_topics
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.pipeline.conversion import rgb_image, thermal_image


@pytest.mark.parametrize(('storage', 'distribution', 'version', 'mode'), [
    ('mcap', 'jazzy', 9, CompressionMode.NONE),
    ('mcap', 'humble', 8, CompressionMode.STORAGE),
    ('mcap', 'jazzy', 9, CompressionMode.MESSAGE),
    ('sqlite3', 'humble', 8, CompressionMode.NONE),
    ('sqlite3', 'kilted', 9, CompressionMode.MESSAGE),
    ('sqlite3', 'jazzy', 9, CompressionMode.FILE),
    ('mcap', 'kilted', 9, CompressionMode.FILE),
])
def test_every_storage_is_read(tmp_path: Path, storage: str, distribution: str, version: int,
                               mode: CompressionMode) -> None:
    path = write_bag(tmp_path / 'bag', scene(3), storage=storage, distribution=distribution,
                     version=version, mode=mode)
    with BagReader(path) as bag:
        assert bag.topics == [Topic(THERMAL, IMAGE, 3), Topic(RGB, IMAGE, 3)]
        assert (bag.start, bag.end) == (BEGIN + LATENCY, BEGIN + LATENCY + 1000 + 2 * PERIOD)
        cameras = bag.cameras()
        assert cameras == CameraTopics(RGB, THERMAL)
        recorded = list(bag.messages(cameras.names))
        (third,) = bag.messages([RGB], start=bag.start + 2 * PERIOD)
    assert [item.topic for item in recorded] == [RGB, THERMAL] * 3
    assert [item.time for item in recorded[::2]] == [
        BEGIN + LATENCY + number * PERIOD for number in range(3)]
    expected = list(scene(3))
    for item, entry in zip(recorded, expected, strict=True):
        assert item.message.header.stamp.nanosec == entry.message.header.stamp.nanosec
        assert item.message.header.frame_id == entry.message.header.frame_id
        np.testing.assert_array_equal(item.message.data, entry.message.data)
    assert third.time == recorded[4].time


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_one_file_of_a_bag_is_enough(tmp_path: Path, storage: str) -> None:
    path = write_bag(tmp_path / 'bag', scene(2), storage=storage)
    (file,) = path.glob('bag.*')
    with BagReader(file) as bag:
        assert len(list(bag.messages([RGB]))) == 2
    (path / 'metadata.yaml').unlink()
    with BagReader(path) as bag:
        assert len(list(bag.messages([THERMAL]))) == 2


def test_pixels_come_without_a_copy(tmp_path: Path) -> None:
    rgb8 = [Entry(1, RGB, IMAGE, image(1, np.full((4, 6, 3), 7, np.uint8), 'rgb8')),
            Entry(2, THERMAL, IMAGE, image(1, np.full((4, 6), 9, np.uint16), 'mono16'))]
    with BagReader(write_bag(tmp_path / 'bag', rgb8)) as bag:
        color, heat = (item.message for item in bag.messages([RGB, THERMAL]))
    assert np.shares_memory(rgb_image(color), color.data)
    assert np.shares_memory(thermal_image(heat), heat.data)
    assert thermal_image(heat).tolist() == [[9] * 6] * 4


def test_chunks_that_overlap_are_merged(tmp_path: Path) -> None:
    """A recorder writes messages as they come; large ones end a chunk at once."""
    big = np.zeros((600, 1000, 3), np.uint8)
    times = [50, 10, 40, 20, 30]
    entries = [Entry(time, RGB, IMAGE, image(time, big, 'rgb8')) for time in times]
    with BagReader(write_bag(tmp_path / 'bag', entries)) as bag:
        assert [item.time for item in bag.messages([RGB])] == sorted(times)
        assert [item.time for item in bag.messages([RGB], 20, 50)] == [20, 30, 40]


def choose(names: dict[str, str], rgb: str | None = None,
           thermal: str | None = None) -> CameraTopics:
    """Choose out of topics that are given with the encoding of their images."""
    topics = [Topic(name, 'sensor_msgs/msg/CompressedImage' if name.endswith('compressed')
                    else IMAGE, 1) for name in names]
    return choose_topics(topics, rgb, thermal, names.__getitem__)


@pytest.mark.parametrize(('names', 'chosen'), [
    ({'/rgb/image_raw': 'bgr8', '/thermal/image_raw': 'mono16'},
     ('/rgb/image_raw', '/thermal/image_raw')),
    ({'/cam0/image': 'bgr8', '/cam1/image': '16UC1'}, ('/cam0/image', '/cam1/image')),
    ({'/camera/image_raw': 'rgb8', '/flir_boson/image': 'mono8'},
     ('/camera/image_raw', '/flir_boson/image')),
    ({'/rgb/image_raw': 'bgr8', '/rgb/image_raw/compressed': 'jpeg', '/lwir/image': 'mono8'},
     ('/rgb/image_raw', '/lwir/image')),
    ({'/rgb/image_raw/compressed': 'jpeg', '/ir/image_raw/compressed': '16UC1; png compressed'},
     ('/rgb/image_raw/compressed', '/ir/image_raw/compressed')),
    ({'/rgb/image_raw': 'bgr8', '/depth/image_raw': '16UC1'}, ('/rgb/image_raw', None)),
    ({'/thermal/image_raw': 'mono16'}, (None, '/thermal/image_raw')),
    ({'/rgb/image_raw': 'bgr8', '/thermal/image_raw': 'mono16',
      '/rgbt_tracker/annotated_image/compressed': 'jpeg'},
     ('/rgb/image_raw', '/thermal/image_raw')),
])
def test_cameras_are_found_by_name_then_by_encoding(
        names: dict[str, str], chosen: tuple[str | None, str | None]) -> None:
    assert choose(names) == CameraTopics(*chosen)


@pytest.mark.parametrize(('names', 'options', 'message'), [
    ({'/left/image': 'bgr8', '/right/image': 'bgr8'}, {}, 'choose by --rgb-topic'),
    ({'/ir/a': 'mono16', '/ir/b': 'mono16', '/rgb': 'bgr8'}, {}, 'choose by --thermal-topic'),
    ({'/rgb': 'bgr8'}, {'thermal': '/heat'}, '--thermal-topic /heat: the bag has no images there'),
    ({'/rgb': 'bgr8'}, {'rgb': '/rgb', 'thermal': '/rgb'}, 'are both /rgb'),
    ({}, {}, 'no topic that looks like a camera'),
])
def test_what_cannot_be_chosen_is_listed(
        names: dict[str, str], options: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        choose(names, **options)
    assert all(name in str(caught.value) for name in names)


def test_named_topics_are_taken_as_they_are() -> None:
    names = {'/left/image': 'bgr8', '/right/image': 'bgr8'}
    assert choose(names, '/right/image', '/left/image') == CameraTopics(
        '/right/image', '/left/image')
    assert choose(names, '/right/image').rgb == '/right/image'


@given(st.dictionaries(st.text('/_abirgthemlw01', min_size=1), st.sampled_from(
    ['bgr8', 'mono8', 'mono16', '16UC1', '', 'jpeg'])))
def test_a_choice_is_of_different_topics_of_the_bag(names: dict[str, str]) -> None:
    try:
        cameras = choose(names)
    except InputError:
        return
    assert set(cameras.names) <= set(names)
    assert cameras.rgb != cameras.thermal


@pytest.mark.parametrize(('make', 'message'), [
    (lambda path: path / 'nothing', 'does not exist'),
    (lambda path: path, 'the folder has no metadata.yaml'),
])
def test_no_bag_is_said_in_one_line(tmp_path: Path, make: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        BagReader(make(tmp_path))  # type: ignore[operator]


def test_without_rosbags_the_remedy_is_said(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('rgbt_tracker_ros.bags.reader.find_spec', lambda name: None)
    assert 'rosbags' in sys.modules
    with pytest.raises(InputError, match='pip install "rosbags>='):
        BagReader(tmp_path)
