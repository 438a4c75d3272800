# SPDX-License-Identifier: Apache-2.0
"""The player: what it plays when, the faults it makes, and how it ends."""
from __future__ import annotations

from typing import Any

import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from ros_rig import Rig, at
from sensor_msgs.msg import Image
from std_msgs.msg import Bool

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.pipeline.conversion import rgb_image, thermal_image
from rgbt_tracker_ros.ros.playlist import Faults, Recording, open_clip, play
from rgbt_tracker_ros.synthetic.corruptions import Corruption

pytestmark = pytest.mark.ros
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
COUNT = 12


class Frames:
    """A source whose frame number n is an image full of n."""

    def __init__(self, count: int, dtype: Any = np.uint8) -> None:
        self.text, self.count, self.rate = 'frames', count, None
        self._dtype = dtype

    def frames(self, start: int = 0) -> Any:
        for number in range(start, self.count):
            yield np.full((4, 6), number, self._dtype)


@pytest.fixture(scope='module')
def clip(tmp_path_factory: Any) -> Any:
    """RGB at 30 Hz and 16-bit thermal at 15 Hz, each image full of its number."""
    folder = tmp_path_factory.mktemp('clip')
    for camera, count, rate in (('rgb', COUNT, 30), ('thermal', COUNT // 2, 15)):
        (folder / camera).mkdir()
        for number in range(count):
            image = np.full((24, 32, 3), 10 * number, np.uint8) if camera == 'rgb' \
                else np.full((24, 32), 7000 + number, np.uint16)
            cv2.imwrite(str(folder / camera / f'{number:04d}.png'), image)
        stamps = [f'{number / rate + 0.25:.6f}' for number in range(count)]
        (folder / f'{camera}_stamps.txt').write_text('\n'.join(stamps))
    return folder


def test_frames_of_both_cameras_come_in_order():
    shows = list(play([Recording('rgb', Frames(6), rate=30), Recording('thermal', Frames(3),
                                                                       rate=15)], Faults()))
    assert [show.due for show in shows] == sorted(show.due for show in shows)
    assert all(show.due == show.stamp for show in shows)
    assert [int(show.pixels[0, 0]) for show in shows if show.kind == 'thermal'] == [0, 1, 2]


def test_a_delay_moves_the_message_and_an_offset_its_stamp():
    faults = Faults(thermal_delay=0.2, thermal_stamp_offset=-0.05)
    shows = list(play([Recording('rgb', Frames(6)), Recording('thermal', Frames(6))], faults))
    assert [show.due for show in shows] == sorted(show.due for show in shows)
    for show in shows:
        thermal = show.kind == 'thermal'
        assert show.due - show.stamp == pytest.approx(0.25 if thermal else 0)


def test_thermal_stands_still_while_it_is_frozen():
    faults = Faults(freeze=((0.1, 0.2), (0.3, 0.4)))
    shows = play([Recording('thermal', Frames(10), rate=20)], faults)
    assert [int(show.pixels[0, 0]) for show in shows] == [0, 1, 1, 1, 4, 5, 5, 5, 8, 9]


def test_dropped_frames_depend_on_the_seed_only():
    def shown(seed: int) -> list[float]:
        return [show.stamp for show in play([Recording('rgb', Frames(200))],
                                            Faults(drop=0.3, seed=seed))]
    assert shown(1) == shown(1) != shown(2)
    assert 110 < len(shown(1)) < 170


def test_corruptions_befall_the_images_of_their_camera():
    faults = Faults(corruptions=(Corruption('thermal-late', 2), Corruption('rgb-missing', 50)))
    shows = list(play([Recording(kind, Frames(9)) for kind in ('rgb', 'thermal')], faults))
    shown = {kind: [int(show.pixels[0, 0]) for show in shows if show.kind == kind]
             for kind in ('rgb', 'thermal')}
    assert shown['thermal'] == [0, 0, 0, 1, 2, 3, 4, 5, 6]
    assert len(shown['rgb']) == 5
    assert shown['rgb'][0] == 0


def test_8_bits_become_counts_and_16_stay():
    faults = Faults(sixteen_bit=True)
    counts = [show.pixels for show in play([Recording('thermal', Frames(2))], faults)]
    assert counts[1].dtype == np.uint16
    assert counts[1][0, 0] > counts[0][0, 0] > 1000
    kept = [show.pixels for show in play([Recording('thermal', Frames(2, np.uint16))], faults)]
    assert kept[1][0, 0] == 1


@given(st.integers(1, 5), st.integers(1, 4), st.integers(2, 60))
def test_a_loop_goes_on_in_time(frames, rounds, rate):
    shows = play([Recording('rgb', Frames(frames), rate=rate)], Faults(), loop=True)
    stamps = [next(shows).stamp for _ in range(frames * rounds)]
    np.testing.assert_allclose(np.diff(stamps), 1 / rate)


@pytest.mark.parametrize('text', ['', 'a', '0.1\n0.1', '0.2\n0.1', 'nan', '0\ninf'])
def test_stamps_that_make_no_sense_are_refused(clip, tmp_path, text):
    file = tmp_path / 'stamps.txt'
    file.write_text(text)
    with pytest.raises(InputError, match=r'stamps file .*stamps\.txt'):
        Recording.open('rgb', clip / 'rgb', stamps=file)


def test_a_clip_without_stamps_is_refused(clip, tmp_path):
    with pytest.raises(InputError, match='does not exist'):
        open_clip(tmp_path)


def test_a_clip_is_played_in_real_time_and_the_player_ends(clip):
    with Rig() as rig:
        images = {camera: rig.listen(Image, f'/{camera}/image_raw')
                  for camera in ('rgb', 'thermal')}
        finished = rig.listen(Bool, '/player/finished', LATCHED)
        process = rig.start('player_node', clip=clip, frame_id='front')
        rig.until(lambda: finished, 'end')
        assert finished[0].data
        assert process.wait(10) == 0
        rgb, thermal = images['rgb'], images['thermal']
        assert [int(rgb_image(message)[0, 0, 0]) for message in rgb] == [
            10 * number for number in range(COUNT)]
        assert [int(thermal_image(message)[0, 0]) for message in thermal] == [
            7000 + number for number in range(COUNT // 2)]
        assert thermal[0].encoding == 'mono16'
        assert rgb[0].header.frame_id == 'front'
        np.testing.assert_allclose(np.diff([at(message) for message in rgb]), 1 / 30, atol=1e-5)
        assert at(rgb[0]) == pytest.approx(at(thermal[0]), abs=1e-5)
        assert abs(at(rgb[0]) - rig.node.get_clock().now().nanoseconds * 1e-9) < 20


@pytest.mark.parametrize(('parameters', 'words'), [
    ({}, 'nothing to play'),
    ({'rgb': '/no/such/folder'}, '/no/such/folder: does not exist'),
    ({'clip': 'CLIP', 'freeze': [1.0, 0.5]}, 'freeze'),
    ({'clip': 'CLIP', 'drop': 2}, 'drop = 2'),
    ({'clip': 'CLIP', 'corrupt': ['fog:3']}, "corrupt: corruption 'fog' is unknown"),
    ({'clip': 'CLIP', 'corrupt': ['smoke']}, 'each with its level'),
    ({'clip': 'CLIP', 'wait': 0.1}, 'has no subscriber after 0.1 s'),
], ids=['nothing', 'path', 'freeze', 'drop', 'corrupt', 'level', 'alone'])
def test_what_cannot_be_played_ends_with_status_2_and_one_line(clip, capfd, parameters, words):
    with Rig() as rig:
        given_clip = {name: clip if value == 'CLIP' else value
                      for name, value in parameters.items()}
        assert rig.start('player_node', **given_clip).wait(20) == 2
    lines = capfd.readouterr().err.strip().splitlines()
    assert any(words in line for line in lines)
    assert not any('Traceback' in line for line in lines)
