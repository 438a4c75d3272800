# SPDX-License-Identifier: Apache-2.0
"""Accuracy floors of the shipped model: a worse one must not land unnoticed."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rgbt_tracker_ros.benchmark.datasets.registry import load_dataset
from rgbt_tracker_ros.benchmark.metrics import mean_scores, overlaps, score_track
from rgbt_tracker_ros.benchmark.peers import make_peer_job
from rgbt_tracker_ros.benchmark.protocol.one_pass import track_sequence
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.synthetic.clip import generate
from rgbt_tracker_ros.synthetic.scripts import demo_spec
from rgbt_tracker_ros.tracking.preparation import PairPreparer
from rgbt_tracker_ros.tracking.result import State
from rgbt_tracker_ros.tracking.tracker import Tracker

MODEL = 'unified_nano'
REACQUIRED_WITHIN_S = 1.0
SHARED = Path(__file__).resolve().parents[2] / 'shared' / 'data'
DEVELOPMENT = SHARED / 'dev'

with_development_data = pytest.mark.skipif(
    not DEVELOPMENT.is_dir(),
    reason='the development tracks are not beside this checkout (../shared/data/dev)')


@pytest.fixture(scope='module')
def tracker():
    made = Tracker.from_model(MODEL)
    yield made
    made.close()


@pytest.fixture(scope='module')
def demo_pairs():
    """Generate the demonstration's clip, every event in it, at half its size."""
    preparer = PairPreparer(Settings())
    pairs = []
    shown = -1
    for frame in generate(demo_spec((320, 240)), 7):
        # As from a synchroniser: a thermal frame takes part once.
        thermal = None if frame.thermal_index == shown else frame.thermal
        if pairs and thermal is None:
            continue
        shown = frame.thermal_index
        prepared = preparer(frame.rgb, thermal, frame.stamp)
        assert prepared.pair is not None
        pairs.append((frame, prepared.pair))
    return pairs


@pytest.fixture(scope='module')
def demo_run(tracker, demo_pairs):
    frames = [frame for frame, _ in demo_pairs]
    return frames, track(tracker, demo_pairs), [frame.truth for frame in frames]


def track(tracker, pairs):
    first, pair = pairs[0]
    return [tracker.initialize(pair, first.truth.box),
            *(tracker.track(pair) for _, pair in pairs[1:])]


def success_rate(results, truths):
    truth = np.array([item.box or (np.nan,) * 4 for item in truths])
    use = np.array([not (item.occluded or item.absent) for item in truths])
    return score_track(np.array([item.box for item in results]), truth, use).sr


@pytest.mark.slow
def test_generated_clip_with_every_event(demo_run):
    _, results, truths = demo_run
    assert success_rate(results, truths) >= 0.70


@pytest.mark.slow
@pytest.mark.parametrize('view', ['rgb', 'thermal'])
def test_a_tracker_of_opencv_is_far_behind(demo_run, demo_pairs, view):
    _, results, truths = demo_run
    peer = track(make_peer_job('opencv:mil', Settings(), view).load(), demo_pairs)
    assert success_rate(results, truths) >= success_rate(peer, truths) + 0.3


@pytest.mark.slow
def test_target_is_found_again_after_the_occlusion(demo_run):
    frames, results, truths = demo_run
    end = max(index for index, item in enumerate(truths) if item.occluded)
    after = [index for index, frame in enumerate(frames)
             if 0 < frame.stamp - frames[end].stamp <= REACQUIRED_WITHIN_S]
    ious = overlaps([results[index].box for index in after],
                    [truths[index].box for index in after])
    assert max(ious) > 0.5
    assert results[after[-1]].state is State.TRACKING


@pytest.mark.slow
def test_every_answer_is_finite_and_inside_the_image(demo_run):
    frames, results, _ = demo_run
    for frame, result in zip(frames, results, strict=True):
        assert np.isfinite([*result.box, result.score]).all()
        assert 0 <= result.score <= 1
        inside = Box(*result.box).inside(frame.rgb.shape[1], frame.rgb.shape[0])
        assert inside.w == pytest.approx(result.box.w, abs=1e-6)


@pytest.mark.slow
def test_frozen_thermal_camera_is_left_out_and_taken_back(demo_run):
    _, results, truths = demo_run
    modes = {event: {result.mode for result, truth in zip(results, truths, strict=True)
                     if event in truth.event} for event in ('freeze', 'smoke')}
    assert 'rgb' in modes['freeze']
    assert 'rgbt' in modes['smoke']
    assert results[-1].mode == 'rgbt'


@pytest.mark.slow
@with_development_data
@pytest.mark.parametrize(('modality', 'floor'), [('rgbt', 0.78), ('rgb', 0.65), ('thermal', 0.77)])
def test_real_development_tracks(tracker, modality, floor):
    assert development_score(tracker, modality) >= floor


@pytest.fixture(scope='module')
def both_cameras(tracker):
    return development_score(tracker)


@pytest.mark.slow
@with_development_data
@pytest.mark.parametrize(('view', 'margin'), [('rgb', 0.07), ('average', 0.02)])
def test_both_cameras_beat_nanotrack(both_cameras, view, margin):
    peer = make_peer_job('opencv:nano', Settings(), view, SHARED / 'weights').load()
    assert both_cameras >= development_score(peer) + margin


@pytest.mark.slow
@with_development_data
def test_people_who_cross_do_not_swap(tracker):
    """Four thermal tracks with crossings and an occlusion; one swap costs about 0.1."""
    names = ('0111_1803_2', '1207_1712_1', '1207_1712_2', '1207_1712_3')
    sequences = load_dataset('folder', DEVELOPMENT / 'tracks_thermal', only=names,
                             thermal=SHARED / 'train' / 'thermal_only_videos').sequences
    assert mean_score(tracker, sequences, 'rgbt') >= 0.69


def development_score(tracker, modality='rgbt'):
    sequences = load_dataset('folder', DEVELOPMENT / 'tracks').sequences
    assert len(sequences) == 5
    return mean_score(tracker, sequences, modality)


def mean_score(tracker, sequences, modality):
    return mean_scores([
        score_track(track_sequence(tracker, item, Settings(), modality).boxes, item.truth,
                    item.use) for item in sequences]).sr
