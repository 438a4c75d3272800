# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from mock_model import SEARCH, TEMPLATE, write_bundle
import numpy as np
import pytest
from scenes import box, pair

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.inference.backend import SearchMaps
from rgbt_tracker_ros.inference.bundle import ModelBundle, load_bundle
from rgbt_tracker_ros.inference.factory import load_backend
from rgbt_tracker_ros.ros.soak.faulty_backend import FaultyBackend
from rgbt_tracker_ros.tracking.network_inputs import NetworkInputs
from rgbt_tracker_ros.tracking.observer import Observer
from rgbt_tracker_ros.tracking.redetection import Look


@pytest.fixture
def bundle(tmp_path: Path) -> ModelBundle:
    return load_bundle(write_bundle(tmp_path / 'm'))


def test_crops_are_normalised_and_a_missing_camera_is_zero(bundle: ModelBundle) -> None:
    inputs = NetworkInputs(bundle)
    rgb, thermal = inputs.template(pair(40, thermal=False), box(40))
    assert rgb.shape == (1, 3, TEMPLATE, TEMPLATE)
    assert thermal.shape == (1, 1, TEMPLATE, TEMPLATE)
    assert not thermal.any()
    # The target is 230 of 255; mean 0.5, deviation 0.25.
    assert rgb[0, 0, TEMPLATE // 2, TEMPLATE // 2] == pytest.approx((230 / 255 - 0.5) / 0.25)


def test_a_camera_that_drops_out_leaves_no_trace_in_the_next_crop(bundle: ModelBundle) -> None:
    inputs = NetworkInputs(bundle)
    assert inputs.search(pair(40), box(40))[1].any()
    assert not inputs.search(pair(40, thermal=False), box(40))[1].any()


def test_templates_stay_when_further_crops_are_cut(bundle: ModelBundle) -> None:
    inputs = NetworkInputs(bundle)
    first = inputs.template(pair(40), box(40))[0]
    kept = first.copy()
    inputs.template(pair(200), box(40))
    inputs.search(pair(200), box(40))
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize('growth', [1.0, 2.0])
def test_a_sighting_is_in_image_coordinates_at_any_growth(
        bundle: ModelBundle, growth: float) -> None:
    observer = Observer(bundle, load_backend(bundle))
    start = observer.make_template(*observer.crop(pair(40), box(40)))
    sighting = observer.look(pair(60), Look(box(44), growth), [start, start], False)
    assert abs(sighting.box.cx - 76) < 4 * growth
    assert abs(sighting.box.cy - 116) < 4 * growth
    assert sighting.region.w == SEARCH * growth
    assert sighting.fused is None
    assert observer.backend_s > 0


def test_a_look_alike_makes_a_sighting_unclear(bundle: ModelBundle) -> None:
    observer = Observer(bundle, load_backend(bundle))
    alone, twin = pair(40), pair(100)
    both = ImagePair(np.maximum(alone.rgb, twin.rgb), np.maximum(alone.thermal, twin.thermal))
    start = observer.make_template(*observer.crop(alone, box(40)))
    look = Look(box(60), 1.0)
    assert observer.look(alone, look, [start, start], False).clear
    assert not observer.look(both, look, [start, start], False).clear


@pytest.mark.parametrize(('fault', 'message'), [
    ('nan', "NaN or infinity in 'score_map'"), ('infinite', "NaN or infinity in 'score_map'"),
    ('shape', r"'score_map' of shape \(3, 5\)")])
def test_maps_of_no_use_are_an_error_whatever_backend_gave_them(
        bundle: ModelBundle, fault: str, message: str) -> None:
    backend = FaultyBackend(load_backend(bundle))
    observer = Observer(bundle, backend)
    tokens = observer.make_template(*observer.crop(pair(40), box(40)))
    backend.fault = fault
    with pytest.raises(ModelError, match=message):
        observer.look(pair(40), Look(box(40), 1.0), [tokens, tokens], False)


def test_maps_must_fit_together() -> None:
    score = np.zeros((4, 4), np.float32)
    size = np.zeros((2, 4, 4), np.float32)
    assert SearchMaps(score, size, size).checked().fused is None
    with pytest.raises(ModelError, match=r"'offset_map' of shape \(2, 1, 4\)"):
        SearchMaps(score, size, size[:, :1]).checked()
    size[1, 2, 3] = np.inf
    with pytest.raises(ModelError, match="'size_map'"):
        SearchMaps(score, size, np.zeros_like(size)).checked()
