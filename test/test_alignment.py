# SPDX-License-Identifier: Apache-2.0
"""The command `align`: known warps of generated pairs are found, and guesses are refused."""
from __future__ import annotations

from functools import cache
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.imaging.alignment import Alignment, align
from rgbt_tracker_ros.imaging.registration import scaled_view
from rgbt_tracker_ros.imaging.structure import agreement, structure
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.synthetic.clip import Clip
from rgbt_tracker_ros.synthetic.scripts import demo_spec

SIZE = (320, 240)


@cache
def scene(seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Return the colours and 8-bit temperatures of one moment, seen from one place."""
    clip = Clip(demo_spec(SIZE), seed)
    thermal = clip.thermal(0).astype(np.float32)
    low, high = np.percentile(thermal, (1, 99))
    return clip.rgb(0)[0], np.clip((thermal - low) * 255 / (high - low), 0, 255).astype(np.uint8)


def grey(seed: int = 7) -> np.ndarray:
    return cv2.cvtColor(scene(seed)[0], cv2.COLOR_RGB2GRAY)


def other_camera(size: tuple[int, int], zoom: float = 1.0, angle: float = 0.0,
                 shift: tuple[float, float] = (0, 0),
                 tilt: tuple[float, float] = (0, 0)) -> np.ndarray:
    """Return the map from pixels of the scene to those of a thermal camera of its own kind.

    `zoom` is that over the scaled view; `shift` in image sides; `tilt` in depth over the image.
    """
    x, y = SIZE[0] / 2 - 0.5, SIZE[1] / 2 - 0.5
    cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
    there = np.array([[1, 0, x + shift[0] * SIZE[0]], [0, 1, y + shift[1] * SIZE[1]], [0, 0, 1]])
    turn = np.array([[cos, -sin, 0], [sin, cos, 0],
                     [tilt[0] / SIZE[0], tilt[1] / SIZE[1], 1]])
    return scaled_view(SIZE, size) @ there @ turn @ np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]])


def corner_error(found: np.ndarray, warp: np.ndarray, size: tuple[int, int]) -> float:
    """Return the mean error of the thermal image's corners, RGB pixels."""
    width, height = size
    corners = np.array([[[0, 0]], [[width - 1, 0]], [[width - 1, height - 1]], [[0, height - 1]]],
                       np.float64)
    truth = cv2.perspectiveTransform(corners, np.linalg.inv(warp))
    return float(np.linalg.norm(cv2.perspectiveTransform(corners, found) - truth, axis=2).mean())


def aligned(warp: np.ndarray, size: tuple[int, int], model: str = 'homography') -> Alignment:
    return align([grey()], [cv2.warpPerspective(scene()[1], warp, size)], model)


@pytest.mark.parametrize(('size', 'view'), [
    ((320, 240), {'shift': (0.06, -0.04)}),
    ((160, 120), {'zoom': 1.1, 'angle': 0.05}),
    ((640, 512), {'zoom': 1.25, 'angle': -0.04, 'shift': (-0.03, 0.03)}),
    ((320, 256), {'zoom': 0.9, 'shift': (0.05, 0.02), 'tilt': (0.05, -0.05)})])
def test_a_known_view_is_found(size: tuple[int, int], view: dict[str, float]) -> None:
    warp = other_camera(size, **view)
    found = aligned(warp, size)
    assert not found.objection
    assert corner_error(found.matrix, warp, size) < 3
    assert found.after.edges > 1.3 * found.before.edges


def test_a_map_with_less_freedom_has_less() -> None:
    warp = other_camera(SIZE, shift=(0.05, 0.03))
    found = aligned(warp, SIZE, 'translation')
    assert not found.objection
    assert np.allclose(found.matrix[:, :2], np.eye(3)[:, :2], atol=1e-9)
    assert corner_error(found.matrix, warp, SIZE) < 1


def test_views_that_fit_already_are_left_alone() -> None:
    assert 'leave registration.homography empty' in aligned(np.eye(3), SIZE).objection


def test_images_of_nothing_in_common_are_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (24, 32)).astype(np.uint8)
    objection = align([grey()], [cv2.resize(noise, SIZE, interpolation=cv2.INTER_CUBIC)]).objection
    assert objection
    assert 'give more pairs' in objection


def test_edges_agree_whichever_side_is_bright() -> None:
    image = grey()
    straight, inverted, turned = (structure(item) for item in (
        image, 255 - image, np.ascontiguousarray(image[::-1, ::-1])))
    assert agreement(straight, inverted)[0] > 0.99
    assert agreement(straight, turned)[0] < 0.5
    hidden = structure(image, np.zeros_like(image))
    assert agreement(straight, hidden) == (0, 0)


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """Write a pair of images of different sizes: 8-bit colours and 16-bit counts."""
    warp = other_camera((400, 320), zoom=1.1, shift=(0.04, 0.0))
    thermal = cv2.warpPerspective(scene()[1], warp, (400, 320)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / 'rgb.png'), cv2.cvtColor(scene()[0], cv2.COLOR_RGB2BGR))
    cv2.imwrite(str(tmp_path / 'thermal.png'), thermal * 20 + 7000)
    cv2.imwrite(str(tmp_path / 'blank.png'), np.full((32, 40), 8000, np.uint16))
    return tmp_path


def test_the_command_writes_parameters_and_a_picture(
        pair: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(['align', '--rgb', f'{pair}/rgb.png', '--thermal', f'{pair}/thermal.png',
                '--output', f'{pair}/out.yaml', '--picture', f'{pair}/out.png']) == 0
    assert 'edges agree by' in capsys.readouterr().out
    values = yaml.safe_load((pair / 'out.yaml').read_text())['/**']['ros__parameters']
    homography = values['registration']['homography']
    assert all(type(number) is float for number in homography)
    settings = Settings.from_flat({'registration.source': values['registration']['source'],
                                   'registration.homography': homography})
    matrix = np.reshape(settings.registration.homography, (3, 3))
    warp = other_camera((400, 320), zoom=1.1, shift=(0.04, 0.0))
    assert corner_error(matrix, warp, (400, 320)) < 3
    picture = cv2.imread(str(pair / 'out.png'))
    assert picture is not None
    assert picture.shape == (2 * 480 + 6, 2 * 640 + 6, 3)


@pytest.mark.parametrize(('changes', 'message'), [
    ({'--thermal': 'rgb.png'}, 'the scaled view fits as well'),
    ({'--thermal': 'blank.png'}, 'all pairs are blank in one camera'),
    ({'--map': 'spline'}, '--map spline is not one of homography'),
    ({'--rgb': 'none.png'}, 'does not exist')])
def test_the_command_refuses_in_one_line_and_writes_nothing(
        pair: Path, changes: dict[str, str], message: str,
        capsys: pytest.CaptureFixture[str]) -> None:
    given = {'--rgb': 'rgb.png', '--thermal': 'thermal.png', **changes}
    arguments = [str(pair / value) if value.endswith('.png') else value
                 for item in given.items() for value in item]
    assert run(['align', *arguments, '--output', f'{pair}/out.yaml']) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count('\n') == 1
    assert not (pair / 'out.yaml').exists()
