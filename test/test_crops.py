# SPDX-License-Identifier: Apache-2.0
"""Crops: equal to the published ones, right under registration, and never failing."""
from __future__ import annotations

import math
from pathlib import Path

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.crops import CropGeometry, clip_box, crop_rgb, crop_thermal
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.imaging.normalization import Normalization

OURS = Path(__file__).parent / 'data' / 'crops.npz'
PUBLISHED = Path(__file__).parents[2] / 'shared' / 'parity' / 'preproc_seed0.npz'
IMAGENET = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
GREY = Normalization((0.5,), (0.25,))

coordinates = st.floats(-500, 1500)
sizes = st.floats(2, 800)
boxes = st.builds(Box, coordinates, coordinates, sizes, sizes)


def reference_crops() -> tuple[str, np.ndarray, np.ndarray, dict[tuple[float, int], np.ndarray]]:
    """Return source, image, boxes and crops: the published trackers' where we have them."""
    if PUBLISHED.is_file():
        data = np.load(PUBLISHED)
        return (f'{PUBLISHED.name} of the published trackers', data['image_gray'],
                data['boxes_xywh'],
                {(2.0, 128): data['template_crops'], (4.0, 256): data['search_crops']})
    return f'our own {OURS.name}, as {PUBLISHED.name} is absent', *our_crops()


def our_crops() -> tuple[np.ndarray, np.ndarray, dict[tuple[float, int], np.ndarray]]:
    data = np.load(OURS)
    return data['image'], data['boxes'], {(2.0, 16): data['crops_16'], (4.0, 32): data['crops_32']}


def assert_crops_equal(source: str, image: np.ndarray, rows: np.ndarray,
                       crops: dict[tuple[float, int], np.ndarray]) -> None:
    pair = ImagePair(np.stack([image, 255 - image, image // 2], -1), image)
    for (factor, out), wanted in crops.items():
        for row, expected in zip(rows, wanted, strict=True):
            geometry = CropGeometry.around(Box(*map(float, row)), factor, out, snap=False)
            rgb = crop_rgb(pair, geometry, (0, 0, 0), 'zero')
            thermal = crop_thermal(pair, geometry, (0,), 'zero')
            assert rgb is not None
            message = f'box {row} x {factor}: not byte-equal to {source}'
            assert np.array_equal(rgb[..., 0], expected), message
            assert np.array_equal(thermal, expected), message


def test_crops_equal_the_published_ones() -> None:
    assert_crops_equal(*reference_crops())


def test_crops_equal_our_slow_implementation() -> None:
    assert_crops_equal(f'our own {OURS.name}', *our_crops())


@pytest.mark.parametrize(('box', 'factor', 'side', 'left', 'top'), [
    (Box(10, 20, 30, 30), 2.0, 60, -5, 5),
    (Box(10, 20, 31, 17), 2.0, 46, 2, 6),   # sqrt(527) * 2 = 45.9; left = round(2.5) to even
    (Box(11, 21, 31, 17), 2.0, 46, 4, 6),   # left = round(3.5), top = round(6.5), both to even
    (Box(0.2, 0.2, 0.1, 0.1), 2.0, 1, 0, 0),
])
def test_crop_side_and_corner(box: Box, factor: float, side: int, left: int, top: int) -> None:
    geometry = CropGeometry.around(box, factor, 128)
    assert (geometry.side, geometry.left, geometry.top) == (side, left, top)
    assert geometry.resize_factor == 128 / side
    assert geometry.region == (left, top, side, side)


def test_published_decoding() -> None:
    """The way back uses the previous box's exact centre and a margin of ten pixels."""
    geometry = CropGeometry.around(Box(100.3, 60.7, 33.0, 21.0), 4.0, 256, snap=False)
    side = math.ceil(math.sqrt(33.0 * 21.0) * 4.0)
    box = clip_box(geometry.to_image(0.53, 0.41, 0.2, 0.3), 320, 240)
    half_window = 0.5 * side
    assert box.cx == pytest.approx(0.53 * side + (100.3 + 16.5) - half_window)
    assert box.cy == pytest.approx(0.41 * side + (60.7 + 10.5) - half_window)
    assert (box.w, box.h) == (pytest.approx(0.2 * side), pytest.approx(0.3 * side))
    assert clip_box(Box(316, 100, 3, 4), 320, 240) == (310, 100, 10, 10)
    assert clip_box(Box(-50, -50, 20, 20), 320, 240) == (0, 0, 10, 10)
    assert clip_box(Box(-5, 230, 400, 30), 320, 240) == (0, 230, 320, 10)
    if PUBLISHED.is_file():
        data = np.load(PUBLISHED)
        height, width = map(int, data['image_size_hw'])
        for previous, predicted, expected in zip(
                data['decode_prev_box'], data['decode_pred_cxcywh'], data['decode_new_box'],
                strict=True):
            geometry = CropGeometry.around(Box(*map(float, previous)), 4.0, 256, snap=False)
            box = clip_box(geometry.to_image(*map(float, predicted)), width, height)
            assert np.allclose(box, expected, atol=1e-4), f'{PUBLISHED.name}: {previous}'


def test_published_normalisation() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    mean, std = np.float32(IMAGENET.mean), np.float32(IMAGENET.std)
    expected = ((crop.astype(np.float32) / np.float32(255)) - mean) / std
    assert np.array_equal(IMAGENET.apply(crop, 16)[0], expected.transpose(2, 0, 1))
    if PUBLISHED.is_file():
        data = np.load(PUBLISHED)
        grey = data['image_gray']
        pair = ImagePair(np.stack([grey, 255 - grey, grey // 2], -1), None)
        geometry = CropGeometry.around(
            Box(*map(float, data['boxes_xywh'][0])), 2.0, 128, snap=False)
        ours = IMAGENET.apply(crop_rgb(pair, geometry, (0, 0, 0), 'zero'), 128)
        assert np.array_equal(ours[:, :, ::8, ::8], data['template0_normalised']), PUBLISHED.name


@given(boxes, boxes, st.floats(0.5, 8), st.integers(16, 512), st.booleans())
def test_boxes_round_trip(around: Box, box: Box, factor: float, out: int, snap: bool) -> None:
    geometry = CropGeometry.around(around, factor, out, snap=snap)
    assert np.allclose(geometry.to_image(*geometry.to_crop(box)), box, atol=1e-6)
    # A snapped crop is the same crop, told exactly.
    exact = CropGeometry.around(around, factor, out, snap=False)
    assert geometry.region == exact.region
    assert max(abs(a - b) for a, b in zip(geometry.center, exact.center, strict=True)) < 0.5 + 1e-9


@given(boxes)
def test_snapped_coordinates_are_those_of_the_pixels(around: Box) -> None:
    geometry = CropGeometry.around(around, 3.0, 64)
    whole_crop = geometry.to_image(0.5, 0.5, 1.0, 1.0)
    assert np.allclose(whole_crop, geometry.region, atol=1e-6)


@given(st.builds(Box, *[st.floats() for _ in range(4)]), st.integers(1, 4000),
       st.integers(1, 4000), st.floats(1, 50))
def test_clipped_box_is_finite_inside_and_large_enough(
        box: Box, width: int, height: int, margin: float) -> None:
    clipped = clip_box(box, width, height, margin)
    assert all(map(math.isfinite, clipped))
    assert clipped.x >= 0
    assert clipped.y >= 0
    assert clipped.x + clipped.w <= width * (1 + 1e-12)
    assert clipped.y + clipped.h <= height * (1 + 1e-12)
    assert clipped.w >= min(margin, width) * (1 - 1e-9)
    assert clipped.h >= min(margin, height) * (1 - 1e-9)


@given(st.floats(0, 500), st.floats(0, 300), st.floats(10, 100), st.floats(10, 100))
def test_box_inside_is_not_clipped(x: float, y: float, w: float, h: float) -> None:
    assert np.allclose(clip_box(Box(x, y, w, h), 640, 480), (x, y, w, h))


@pytest.mark.parametrize('box', [
    Box(math.nan, 0, 10, 10), Box(0, 0, math.inf, 10), Box(0, 0, 0, 10), Box(0, 0, 10, -1)])
def test_no_crop_around_a_bad_box(box: Box) -> None:
    with pytest.raises(InputError, match='cannot crop around box'):
        CropGeometry.around(box, 2.0, 128)


def smooth_image(width: int, height: int) -> np.ndarray:
    """Return an image that is the same scene at any size."""
    rows, columns = np.mgrid[:height, :width]
    x, y = (columns + 0.5) / width, (rows + 0.5) / height
    return (127 + 60 * np.sin(9 * x + 3 * y) + 60 * np.cos(11 * y)).astype(np.uint8)


@pytest.mark.parametrize('size', [(160, 120), (320, 256), (960, 720)])
@pytest.mark.parametrize('box', [Box(300, 200, 60, 40), Box(100, 50, 70, 70)])
def test_thermal_of_another_size_lands_on_the_rgb_crop(size: tuple[int, int], box: Box) -> None:
    rgb = np.repeat(smooth_image(640, 480)[..., None], 3, -1)
    pair = ImagePair(rgb, smooth_image(*size))
    geometry = CropGeometry.around(box, 2.0, 128)
    in_rgb, in_thermal = crop_rgb(pair, geometry, (0,) * 3), crop_thermal(pair, geometry, (0,))
    assert in_rgb is not None
    assert in_thermal is not None
    assert np.abs(in_rgb[..., 0].astype(int) - in_thermal).max() <= 4


def blob(width: int, height: int, x: float, y: float, sigma: float) -> np.ndarray:
    """Return a bright spot; x and y count from the image's corner, as boxes do."""
    rows, columns = np.mgrid[:height, :width]
    square = (columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2
    return np.round(250 * np.exp(-square / (2 * sigma ** 2))).astype(np.uint8)


def centroid(crop: np.ndarray) -> tuple[float, float]:
    rows, columns = np.mgrid[:crop.shape[0], :crop.shape[1]]
    weight = crop.astype(float).sum()
    return (float((crop * (columns + 0.5)).sum() / weight) / crop.shape[1],
            float((crop * (rows + 0.5)).sum() / weight) / crop.shape[0])


@pytest.mark.parametrize('scale', [0.25, 0.5, 1.0, 2.0])
@pytest.mark.parametrize('out', [64, 256])
def test_boxes_and_pixels_of_both_crops_agree_within_a_fraction_of_a_pixel(
        scale: float, out: int) -> None:
    x, y = 203.7, 151.2
    rgb = np.repeat(blob(480, 360, x, y, 12)[..., None], 3, -1)
    thermal = blob(round(480 * scale), round(360 * scale), x * scale, y * scale, 12 * scale)
    pair = ImagePair(rgb, thermal)
    geometry = CropGeometry.around(Box(170, 130, 61, 48), 3.0, out)
    expected = geometry.to_crop(Box.from_center(x, y, 10, 10))[:2]
    limit = 0.12 / geometry.side     # an eighth of an RGB pixel
    assert centroid(crop_rgb(pair, geometry, (0,) * 3)[..., 0]) == pytest.approx(
        expected, abs=limit)
    assert centroid(crop_thermal(pair, geometry, (0,))) == pytest.approx(expected, abs=limit)


@pytest.mark.parametrize('matrix', [
    [[1, 0, 12], [0, 1, -7], [0, 0, 1]],
    [[1.9, 0.1, 10], [-0.05, 2.1, -20], [0, 0, 1]],
    [[1.1, 0.05, 8], [0.02, 0.95, 5], [1e-4, -5e-5, 1]],
])
def test_homography_crop_equals_the_crop_of_the_warped_frame(matrix: list[list[float]]) -> None:
    thermal = smooth_image(400, 300)
    homography = np.array(matrix, np.float64)
    rgb = np.zeros((480, 640, 3), np.uint8)
    pair = ImagePair(rgb, thermal, thermal_to_rgb=homography)
    geometry = CropGeometry.around(Box(150, 110, 50, 60), 2.0, 96)
    whole = cv2.warpPerspective(thermal, homography, (640, 480))
    expected = crop_thermal(ImagePair(rgb, whole), geometry, (0,))
    crop = crop_thermal(pair, geometry, (0,))
    assert crop is not None
    assert expected is not None
    assert np.abs(crop.astype(int) - expected).max() <= 3


def test_identity_homography_changes_nothing() -> None:
    rgb, thermal = np.zeros((48, 64, 3), np.uint8), smooth_image(64, 48)
    geometry = CropGeometry.around(Box(20, 10, 13, 11), 2.0, 32)
    plain = crop_thermal(ImagePair(rgb, thermal), geometry, (9,))
    same = crop_thermal(ImagePair(rgb, thermal, thermal_to_rgb=np.eye(3)), geometry, (9,))
    assert np.array_equal(plain, same)


def test_homography_without_inverse_is_named() -> None:
    pair = ImagePair(np.zeros((48, 64, 3), np.uint8), smooth_image(64, 48),
                     thermal_to_rgb=np.zeros((3, 3)))
    with pytest.raises(InputError, match='has no inverse'):
        crop_thermal(pair, CropGeometry.around(Box(20, 10, 13, 11), 2.0, 32), (0,))


def test_mean_border_keeps_the_last_pixels_and_zero_border_loses_them() -> None:
    image = np.full((20, 20), 200, np.uint8)
    pair = ImagePair(None, image)
    geometry = CropGeometry((10.0, 10.0), 20, 20)
    mean, zero = crop_thermal(pair, geometry, (7,)), crop_thermal(pair, geometry, (0,), 'zero')
    assert mean is not None
    assert zero is not None
    assert (mean == 200).all()
    assert (zero[:-1, :-1] == 200).all()
    assert not zero[-1].any()
    assert not zero[:, -1].any()


@pytest.mark.parametrize('box', [
    Box(-900, 10, 20, 20), Box(10, 5000, 20, 20), Box(700, 500, 2, 2), Box(-1e12, 0, 10, 10)])
def test_crop_outside_is_filled(box: Box) -> None:
    pair = ImagePair(np.full((48, 64, 3), 200, np.uint8), np.full((48, 64), 200, np.uint8))
    geometry = CropGeometry.around(box, 2.0, 16)
    rgb, thermal = crop_rgb(pair, geometry, (1, 2, 3)), crop_thermal(pair, geometry, (4,))
    assert rgb is not None
    assert (rgb == (1, 2, 3)).all()
    assert (thermal == 4).all()


@settings(max_examples=40)
@given(boxes, st.sampled_from(['mean', 'zero']))
def test_any_box_gives_a_crop(box: Box, border: str) -> None:
    pair = ImagePair(np.full((48, 64, 3), 200, np.uint8), np.full((30, 40), 100, np.uint8))
    geometry = CropGeometry.around(box, 4.0, 32)
    rgb = crop_rgb(pair, geometry, IMAGENET.fill(border), border)
    thermal = crop_thermal(pair, geometry, GREY.fill(border), border)
    assert rgb is not None
    assert thermal is not None
    assert rgb.shape == (32, 32, 3)
    assert thermal.shape == (32, 32)


def test_a_huge_crop_takes_no_huge_memory() -> None:
    pair = ImagePair(np.full((48, 64, 3), 200, np.uint8), None)
    crop = crop_rgb(pair, CropGeometry.around(Box(0, 0, 1e7, 1e7), 4.0, 64), (5, 6, 7))
    assert crop is not None
    assert (crop[0, 0] == (5, 6, 7)).all()


def test_views_and_read_only_images_are_taken() -> None:
    bgr = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    view = bgr[..., ::-1]
    frozen = np.frombuffer(np.ascontiguousarray(view).tobytes(), np.uint8).reshape(bgr.shape)
    for box in (Box(20, 20, 8, 8), Box(-5, 20, 20, 20)):
        geometry = CropGeometry.around(box, 2.0, 32)
        crops = [crop_rgb(ImagePair(image, None), geometry, (0, 0, 0))
                 for image in (view, frozen)]
        assert np.array_equal(crops[0], crops[1])


def test_missing_camera_is_none_and_zeros() -> None:
    grey = smooth_image(64, 48)
    geometry = CropGeometry.around(Box(20, 20, 8, 8), 2.0, 32)
    assert crop_rgb(ImagePair(None, grey), geometry, (0, 0, 0)) is None
    assert crop_thermal(ImagePair(np.zeros((48, 64, 3), np.uint8), None), geometry, (0,)) is None
    assert GREY.apply(None, 32).shape == (1, 1, 32, 32)
    assert not GREY.apply(None, 32).any()


def test_normalisation_repeats_grey_and_writes_in_place() -> None:
    grey = smooth_image(32, 32)
    out = np.full((1, 3, 32, 32), np.nan, np.float32)
    assert IMAGENET.apply(grey, 32, out) is out
    for channel in range(3):
        expected = (grey / 255 - IMAGENET.mean[channel]) / IMAGENET.std[channel]
        assert np.allclose(out[0, channel], expected, atol=1e-6)


def test_fill_is_the_mean_colour_or_black() -> None:
    assert IMAGENET.fill('mean') == (124, 116, 104)
    assert IMAGENET.fill('zero') == (0, 0, 0)
    tile = np.full((4, 4, 3), IMAGENET.fill('mean'), np.uint8)
    assert np.abs(IMAGENET.apply(tile, 4)).max() < 0.01


@pytest.mark.parametrize(('mean', 'std'), [
    ((0.5, 0.5), (0.5, 0.5)), ((0.5,), (0.5, 0.5, 0.5)), ((0.5,), (0.0,)), ((math.nan,), (1.0,))])
def test_bad_normalisation_is_named(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match='normalisation mean'):
        Normalization(mean, std)
