# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from rgbt_tracker_ros.benchmark.video import VideoWriter
from rgbt_tracker_ros.errors import InputError


def _write(path: Path, height: int = 48, width: int = 64, rate: float = 29.97) -> None:
    with VideoWriter(path, rate) as writer:
        for level in (20, 120, 220):
            writer.write(np.full((height, width, 3), level, np.uint8))


def test_a_video_has_the_format_that_plays_everywhere(tmp_path: Path) -> None:
    path = tmp_path / 'a.mp4'
    _write(path)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == 'h264'
        assert stream.format.name == 'yuv420p'
        assert float(stream.average_rate) == pytest.approx(29.97, abs=0.01)
        levels = [frame.to_ndarray(format='gray').mean() for frame in container.decode(video=0)]
    assert levels == pytest.approx([20, 120, 220], abs=4)
    content = path.read_bytes()
    # faststart: the index stands before the frames.
    assert content.index(b'moov') < content.index(b'mdat')


def test_odd_sizes_lose_a_row_and_a_column(tmp_path: Path) -> None:
    _write(tmp_path / 'a.mp4', 49, 65)
    with av.open(str(tmp_path / 'a.mp4')) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (64, 48)


def test_frames_must_have_one_size(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / 'a.mp4') as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8))
        with pytest.raises(InputError, match='32x32 does not fit a video of 64x48'):
            writer.write(np.zeros((32, 32, 3), np.uint8))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'a\.mp4 cannot be written'):
        _write(tmp_path / 'no' / 'a.mp4')


def test_a_full_disk_is_an_error_and_nothing_worse(tmp_path: Path) -> None:
    full = tmp_path / 'full.mp4'
    full.symlink_to('/dev/full')
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    video = VideoWriter(full)

    def write(frames: int) -> None:
        for number in range(frames):
            video.write(np.roll(noise, number, 0))

    with pytest.raises(InputError, match='No space left'):
        write(100)
    with pytest.raises(InputError, match='any further'):
        write(1)
    video.close()
    video.close()
