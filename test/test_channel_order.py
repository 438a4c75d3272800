# SPDX-License-Identifier: Apache-2.0
"""Images read backwards give what a converted copy gives, bit by bit."""
from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.channel_order import in_memory_order, is_reversed, reversed_view
from rgbt_tracker_ros.imaging.crops import CropGeometry, crop_rgb
from rgbt_tracker_ros.imaging.health import CameraHealth
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.imaging.normalization import Normalization
from rgbt_tracker_ros.settings import HealthSettings

BGR = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
VIEW = reversed_view(BGR)
COPY = np.ascontiguousarray(VIEW)
NORMALIZATION = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@settings(max_examples=40, deadline=None)
@given(st.tuples(st.floats(-30, 70), st.floats(-30, 50), st.floats(4, 40), st.floats(4, 40)),
       st.sampled_from(('mean', 'zero')), st.sampled_from((32, 6000)))
def test_crops_and_tensors_are_equal(box, border, longest):
    geometry = CropGeometry.around(Box(*box), 4.0, 32)
    geometry = CropGeometry(geometry.center, max(geometry.side, longest - 32), 32)
    crops = [crop_rgb(ImagePair(image, None), geometry, (1, 2, 3), border)
             for image in (VIEW, COPY)]
    np.testing.assert_array_equal(*crops)
    np.testing.assert_array_equal(*(NORMALIZATION.apply(crop, 32) for crop in crops))


def test_tensors_are_written_in_place():
    for image in (VIEW, COPY):
        crop = image[:32, :32]
        out = np.zeros((1, 3, 32, 32), np.float32)
        assert NORMALIZATION.apply(crop, 32, out) is out
        np.testing.assert_array_equal(out, NORMALIZATION.apply(crop.copy(), 32))
        assert out.any()


def test_health_is_the_same():
    judged = []
    for image in (VIEW, COPY):
        camera = CameraHealth('rgb', HealthSettings())
        judged.append([camera.update(image, number / 30) for number in range(4)])
    assert judged[0] == judged[1]


def test_orders_are_told_apart():
    assert is_reversed(VIEW)
    assert not is_reversed(COPY)
    assert in_memory_order(VIEW).strides == BGR.strides
    assert in_memory_order(COPY) is COPY
    assert not is_reversed(BGR[:, :, 0])
