# SPDX-License-Identifier: Apache-2.0
"""OpenCV's trackers behind the interface of ours."""
from __future__ import annotations

import cv2
import numpy as np
import pytest
from scenes import images

from rgbt_tracker_ros.benchmark.peer_tracker import VIEWS, PeerTracker, viewed
from rgbt_tracker_ros.benchmark.peers import make_peer_job
from rgbt_tracker_ros.benchmark.protocol.job import make_tracker
from rgbt_tracker_ros.errors import InputError, ModelError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.result import State

START = Box(40, 100, 32, 32)


def pair(number, cameras='rgbt'):
    rgb, thermal = images(40 + 3 * number, number=number)
    return ImagePair(rgb if 'rgb' in cameras else None,
                     None if cameras == 'rgb' else thermal, size=(320, 240))


@pytest.mark.parametrize('view', VIEWS)
def test_a_target_is_followed_the_same_each_time(view):
    tracker = make_tracker(make_peer_job('opencv:mil', Settings(), view))
    runs = []
    for _ in range(2):
        tracker.reset()
        assert tracker.box is None
        tracker.initialize(pair(0), START)
        runs.append([tracker.track(pair(number)).box for number in range(1, 8)])
    assert runs[0] == runs[1]
    assert abs(runs[0][-1].x - (40 + 3 * 7)) < 12
    assert tracker.state is State.TRACKING


def test_a_frame_without_its_image_leaves_the_box():
    tracker = make_tracker(make_peer_job('opencv:mil', Settings(), 'thermal'))
    before = tracker.initialize(pair(0), START).box
    result = tracker.track(pair(1, 'rgb'))
    assert (result.box, result.score, result.note) == (before, 0.0, 'no thermal image')
    assert tracker.miss('dark').note == 'dark'
    with pytest.raises(InputError, match='first thermal image is missing'):
        tracker.initialize(pair(0, 'rgb'), START)


class Lost:
    """A tracker that finds nothing, then breaks."""

    def __init__(self):
        self._count = 0

    def init(self, image, box):
        assert image.shape == (240, 320, 3)

    def update(self, image):
        self._count += 1
        if self._count > 1:
            raise cv2.error('no such\n thing')
        return False, (0, 0, 0, 0)


def test_a_lost_target_stays_where_it_was():
    tracker = PeerTracker(Lost, 'rgb')
    tracker.initialize(pair(0), START)
    lost = tracker.track(pair(1))
    assert (lost.state, lost.box, lost.score) == (State.LOST, START, 0.0)
    assert tracker.track(pair(2)).note == 'no such thing'


def test_views_are_in_the_frame_of_rgb():
    rgb, thermal = np.full((8, 10, 3), (200, 100, 0), np.uint8), np.full((4, 5), 50, np.uint8)
    both = ImagePair(rgb, thermal)
    np.testing.assert_array_equal(viewed(both, 'rgb')[0, 0], (0, 100, 200))
    np.testing.assert_array_equal(viewed(both, 'thermal'), np.full((8, 10, 3), 50))
    np.testing.assert_array_equal(viewed(both, 'average')[3, 3], (25, 75, 125))
    np.testing.assert_array_equal(viewed(ImagePair(rgb, None), 'average')[0, 0], (0, 100, 200))
    assert viewed(ImagePair(rgb, None), 'thermal') is None
    moved = ImagePair(rgb, np.eye(8, 10, dtype=np.uint8) * 90, thermal_to_rgb=np.array(
        [[1, 0, 2], [0, 1, 0], [0, 0, 1.0]]))
    assert viewed(moved, 'thermal')[3, 5, 0] == 90


@pytest.mark.parametrize(('name', 'view', 'message'), [
    ('opencv:goturn', 'rgb', 'give opencv:csrt'), ('mil', 'rgb', 'give opencv:csrt'),
    ('opencv:mil', 'rgbt', 'looks at one image: give rgb, thermal, average'),
    ('opencv:nano', 'rgb', r'needs a folder with \*backbone\*'),
])
def test_what_cannot_be_made_is_refused(name, view, message):
    with pytest.raises(InputError, match=message):
        make_peer_job(name, Settings(), view)


def test_an_opencv_without_the_tracker_is_named(monkeypatch):
    monkeypatch.delattr(cv2, 'TrackerMIL')
    with pytest.raises(InputError, match='pip install opencv-contrib-python-headless'):
        make_peer_job('opencv:mil', Settings())


def test_weights_are_part_of_the_job(tmp_path):
    with pytest.raises(InputError, match='is missing in it'):
        make_peer_job('opencv:nano', Settings(), weights=tmp_path)
    for part in ('v2_backbone', 'v2_head'):
        (tmp_path / f'{part}.onnx').write_bytes(b'1')
    job = make_peer_job('opencv:nano', Settings(), weights=tmp_path)
    (tmp_path / 'v2_head.onnx').write_bytes(b'2')
    assert make_peer_job('opencv:nano', Settings(), weights=tmp_path).digest != job.digest
    with pytest.raises(ModelError, match='not the one the evaluation was started with'):
        job.load()
