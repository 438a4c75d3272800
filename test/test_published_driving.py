# SPDX-License-Identifier: Apache-2.0
"""Every published tracker's bundle drives the tracker, its family told by the bundle alone."""
from __future__ import annotations

import numpy as np
import pytest
from tiny_published import NETWORKS, tiny_bundle

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.tracker import Tracker


@pytest.mark.parametrize('name', NETWORKS)
def test_a_bundle_tracks_with_both_cameras_and_with_one(name, tmp_path):
    settings = Settings().updated({
        'template.update': 'interval', 'template.interval': 1, 'template.threshold': 0.0,
        'target.lost_threshold': 0.0})
    tracker = Tracker.from_model(tiny_bundle(name, tmp_path), 'onnxruntime', settings)
    rng = np.random.default_rng(0)
    pairs = [ImagePair(rng.integers(0, 255, (120, 160, 3), np.uint8),
                       rng.integers(0, 255, (120, 160), np.uint8)) for _ in range(4)]
    tracker.initialize(pairs[0], Box(60, 40, 24, 30))
    results = [*(tracker.track(pair) for pair in pairs[1:]),
               tracker.track(ImagePair(None, pairs[0].thermal))]
    tracker.close()
    assert [result.mode for result in results] == ['rgbt'] * 3 + ['thermal']
    for result in results:
        assert np.isfinite(result.box).all()
        assert 0.0 <= result.score <= 1.0
