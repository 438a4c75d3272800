# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from scenes import images

from rgbt_tracker_ros.benchmark.sources import open_source
from rgbt_tracker_ros.benchmark.video import VideoWriter
from rgbt_tracker_ros.errors import InputError


def _video(path: Path, frames: int = 6) -> Path:
    with VideoWriter(path, 25.0) as writer:
        for number in range(frames):
            writer.write(images(40 + 10 * number, number=number)[0])
    return path


def test_a_video_gives_its_frames_from_any_start(tmp_path: Path) -> None:
    source = open_source(_video(tmp_path / 'a.mp4'), 'rgb')
    assert (source.count, source.rate) == (6, 25.0)
    frames = list(source.frames())
    assert len(frames) == 6
    assert frames[0].shape == (240, 320, 3)
    np.testing.assert_array_equal(next(source.frames(4)), frames[4])
    # The square is where it was drawn, and red, green and blue are not swapped.
    assert np.abs(frames[2][110, 70].astype(int) - (230, 225, 235)).max() < 12


def test_a_colour_video_is_grey_as_thermal(tmp_path: Path) -> None:
    frame = next(open_source(_video(tmp_path / 'a.mp4'), 'thermal').frames())
    assert frame.shape == (240, 320)
    assert frame.dtype == np.uint8
    assert frame[110, 50] > 210


def test_sixteen_bit_thermal_images_stay_sixteen_bits(tmp_path: Path) -> None:
    counts = np.arange(240 * 320, dtype=np.uint16).reshape(240, 320) + 20000
    cv2.imwrite(str(tmp_path / '1.png'), counts)
    frame = next(open_source(tmp_path, 'thermal').frames())
    np.testing.assert_array_equal(frame, counts)


def test_sixteen_bit_thermal_videos_stay_sixteen_bits(tmp_path: Path) -> None:
    import av

    counts = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 10
    with av.open(str(tmp_path / 'a.mkv'), 'w') as container:
        stream = container.add_stream('ffv1', rate=9)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'gray16le'
        container.mux(stream.encode(av.VideoFrame.from_ndarray(counts, format='gray16le')))
        container.mux(stream.encode(None))
    frame = next(open_source(tmp_path / 'a.mkv', 'thermal').frames())
    np.testing.assert_array_equal(frame, counts)


def test_images_come_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 9, 1, 2):
        cv2.imwrite(str(tmp_path / f'frame_{number}.png'), np.full((8, 8), number, np.uint8))
    (tmp_path / 'notes.txt').write_text('no image')
    for text in (tmp_path, tmp_path / 'frame_*.png'):
        source = open_source(text, 'thermal')
        assert source.count == 4
        assert [int(frame[0, 0]) for frame in source.frames()] == [1, 2, 9, 10]
        assert [int(frame[0, 0]) for frame in source.frames(2)] == [9, 10]


def test_rgb_images_are_rgb(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / '1.png'), np.full((8, 8, 3), (10, 20, 30), np.uint8))
    cv2.imwrite(str(tmp_path / '2.png'), np.full((8, 8), 77, np.uint8))
    first, second = open_source(tmp_path, 'rgb').frames()
    assert first[0, 0].tolist() == [30, 20, 10]
    assert second[0, 0].tolist() == [77, 77, 77]


def test_frames_are_read_lazily(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / '0.png'), np.zeros((8, 8), np.uint8))
    (tmp_path / '1.png').write_bytes(b'broken')
    frames = open_source(tmp_path, 'thermal').frames()
    assert next(frames).shape == (8, 8)
    with pytest.raises(InputError, match=r'frame 1 \(1\.png\) is no readable image'):
        next(frames)


def test_bad_sources_are_named_with_their_option(tmp_path: Path) -> None:
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'text.mp4').write_text('no video')
    whole = _video(tmp_path / 'whole.mp4').read_bytes()
    (tmp_path / 'cut.mp4').write_bytes(whole[:len(whole) // 3])
    for name, message in [
        ('nowhere.mp4', 'does not exist'), ('empty', 'the folder holds no images'),
        ('*.png', 'no file matches the pattern'), ('text.mp4', 'is no readable video'),
    ]:
        with pytest.raises(InputError) as caught:
            open_source(tmp_path / name, 'thermal')
        assert str(caught.value).startswith(f'--thermal {tmp_path / name}: {message}')
        assert '\n' not in str(caught.value)
    with pytest.raises(InputError, match=r'--rgb .*cut\.mp4'):
        list(open_source(tmp_path / 'cut.mp4', 'rgb').frames())
    with pytest.raises(InputError, match='--rgb ~nobody_of_this_name: cannot be looked up'):
        open_source('~nobody_of_this_name', 'rgb')


def test_a_size_that_changes_is_named_with_its_frame(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / '0.png'), np.zeros((8, 8), np.uint8))
    cv2.imwrite(str(tmp_path / '1.png'), np.zeros((8, 12), np.uint8))
    with pytest.raises(InputError, match='frame 1 is 12x8 but those before are 8x8'):
        list(open_source(tmp_path, 'thermal').frames())


def test_pixels_of_another_type_are_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / '0.tiff'), np.zeros((8, 8), np.float32))
    with pytest.raises(InputError, match='pixels of type float32'):
        list(open_source(tmp_path, 'thermal').frames())
