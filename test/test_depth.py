# SPDX-License-Identifier: Apache-2.0
"""Depth images as colour maps."""
from __future__ import annotations

import cv2
import numpy as np
import pytest

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.depth import depth_image


@pytest.mark.parametrize('cut', [True, False])
def test_depth_is_stretched_and_coloured_as_opencv_does_it(cut):
    depth = np.random.default_rng(0).integers(400, 30_000, (20, 30)).astype(np.uint16)
    kept = np.minimum(depth, int(min(3 * np.median(depth), 10_000))) if cut else depth
    levels = cv2.normalize(kept, None, alpha=0, beta=255, norm_type=cv2.NORM_MINMAX)
    wanted = cv2.applyColorMap(levels.astype(np.uint8), cv2.COLORMAP_JET)
    assert np.array_equal(depth_image(depth, cut=cut), wanted)
    assert np.array_equal(depth_image(depth.astype(np.float32), cut=cut), wanted)


def test_near_is_blue_and_far_is_red():
    image = depth_image(np.array([[500.0, 1000.0, 1400.0]]))
    assert image[0, 0, 0] > image[0, 0, 2]
    assert image[0, 2, 2] > image[0, 2, 0]


@pytest.mark.parametrize('value', [0.0, 700.0, np.nan, np.inf])
def test_depth_without_any_difference_is_one_colour(value):
    image = depth_image(np.full((3, 4), value))
    assert image.shape == (3, 4, 3)
    assert (image == image[0, 0]).all()


@pytest.mark.parametrize('shape', [(4,), (4, 4, 3), (0, 4)])
def test_what_is_no_depth_image_is_refused(shape):
    with pytest.raises(InputError, match='height x width'):
        depth_image(np.zeros(shape, np.uint16))
