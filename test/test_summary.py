# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from scenes import box, images

from rgbt_tracker_ros import State, TrackResult
from rgbt_tracker_ros.benchmark.summary import KeyFrame, Span, draw_summary, pick_frames, spans

TIMES = np.arange(30) / 10


def test_spans_are_the_runs_of_each_name() -> None:
    names = ['clear', 'smoke', 'smoke+dark', 'dark', 'clear', 'dark']
    assert spans(names, [0, 1, 2, 3, 4, 5]) == [
        Span('smoke', 1, 3), Span('dark', 2, 4), Span('dark', 5, 5)]
    assert spans(['clear'] * 3, [0, 1, 2]) == []


@pytest.mark.parametrize('count', [2, 6])
def test_key_frames_show_start_events_and_end(count: int) -> None:
    picked = pick_frames(TIMES, [Span('smoke', 0.5, 1.5), Span('dark', 2.0, 2.4)], count)
    assert len(picked) == count
    assert (picked[0], picked[-1]) == (0, 29)
    if count > 3:
        assert {10, 22} <= set(picked)


@pytest.mark.parametrize('full', [True, False])
def test_the_picture_is_written(tmp_path: Path, full: bool) -> None:
    result = TrackResult(box(40), 0.8, State.TRACKING, 'rgbt', 0, 1.0, 2.0)
    results = [replace(result, state=State.LOST, mode='rgb') if 10 <= number < 15 else result
               for number in range(30)]
    rgb, thermal = images(40)
    frames = [KeyFrame(index, rgb, thermal if full else None) for index in (0, 12, 29)]
    truth = np.array([box(41)] * 30, float)
    truth[12] = np.nan
    extras = {'truth': truth, 'events': [Span('dark', 0.5, 1.5)]} if full else {}
    draw_summary(tmp_path / 'a.png', TIMES, results, frames, title='title', **extras)
    picture = cv2.imread(str(tmp_path / 'a.png'))
    assert picture.shape[1] == 1650
    # The red of the lost span is in it.
    assert (np.abs(picture.astype(int) - (49, 49, 224)).max(axis=2) < 8).sum() > 50
