# SPDX-License-Identifier: Apache-2.0
"""A depth or an event camera in the place of the thermal one."""
from __future__ import annotations

from types import SimpleNamespace

import cv2
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest
from scenes import HEIGHT, WIDTH, images
from tiny_published import tiny_bundle

from rgbt_tracker_ros.benchmark.annotation import annotated
from rgbt_tracker_ros.benchmark.track_log import LOG_COLUMNS
from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.channel_order import reversed_view
from rgbt_tracker_ros.imaging.crops import CropGeometry, crop_rgb, crop_thermal
from rgbt_tracker_ros.imaging.depth import depth_image, millimetres
from rgbt_tracker_ros.imaging.health import CameraState
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.imaging.normalization import Normalization
from rgbt_tracker_ros.pipeline.conversion import thermal_image
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.preparation import PairPreparer

DEPTH = Settings.from_flat({'thermal.normalization': 'depth'})
EVENT = Settings.from_flat({'thermal.normalization': 'event'})
THREE = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def message(pixels, encoding, big=False):
    data = pixels.astype(pixels.dtype.newbyteorder('>' if big else '<')).tobytes()
    return SimpleNamespace(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding,
                           is_bigendian=int(big), step=len(data) // pixels.shape[0], data=data)


def depths(x, number=0):
    """Return a near square before a far wall, millimetres, with noise and holes."""
    rng = np.random.default_rng(number)
    depth = rng.integers(3990, 4010, (HEIGHT, WIDTH)).astype(np.uint16)
    depth[100:132, x:x + 32] = 1500
    depth[rng.random(depth.shape) < 0.02] = 0
    return depth


def events(x, number=0):
    """Return red and blue dots on white: noise, and where the edges of a square move."""
    frame = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    frame[np.random.default_rng(number).random((HEIGHT, WIDTH)) < 0.05] = (255, 0, 0)
    frame[100:132, x:x + 3] = (0, 0, 255)
    frame[100:132, x + 29:x + 32] = (255, 0, 0)
    return frame


# Messages ----------------------------------------------------------------------------------------


@given(arrays(np.float32, (3, 4), elements=st.floats(width=32)), st.booleans())
def test_any_depth_becomes_finite_colours(depth, big):
    counts = thermal_image(message(depth, '32FC1', big))
    known = np.where(np.isfinite(depth), depth, 0).astype(np.float64)
    # Single precision: half a millimetre may be rounded either way.
    assert np.abs(counts - np.clip(known, 0, 65.535) * 1000).max() < 0.51
    prepared = PairPreparer(DEPTH)(images(40)[0], np.tile(counts, (60, 80)))
    if prepared.pair.thermal is not None:
        crop = cv2.resize(prepared.pair.thermal, (16, 16))
        assert np.isfinite(THREE.apply(crop, 16)).all()
        assert prepared.pair.thermal.shape == (180, 320, 3)


def test_metres_and_millimetres_are_the_same_depth():
    depth = depths(40)
    metres = thermal_image(message((depth / 1000).astype(np.float32), '32FC1'))
    assert np.array_equal(metres, thermal_image(message(depth, '16UC1')))
    assert np.array_equal(millimetres(np.array([np.nan, np.inf, -1.0, 1e9, 1.5])),
                          [0, 0, 0, 65535, 1500])


@pytest.mark.parametrize('encoding', ['rgb8', 'bgr8', 'bgra8', 'mono8'])
def test_event_frames_keep_their_colours(encoding):
    frame = events(40)
    stored = {'rgb8': frame, 'bgr8': frame[..., ::-1], 'mono8': frame[..., 1],
              'bgra8': cv2.cvtColor(frame, cv2.COLOR_RGB2BGRA)}[encoding]
    read = thermal_image(message(stored, encoding), colors=True)
    assert np.array_equal(read, frame if encoding != 'mono8' else stored)
    assert thermal_image(message(stored, encoding)).ndim == 2


# Pairs -------------------------------------------------------------------------------------------


def test_depth_is_seen_in_the_colours_of_published_weights():
    prepared = PairPreparer(DEPTH)(images(40)[0], depths(40))
    assert prepared.thermal.usable
    assert np.array_equal(prepared.pair.thermal, depth_image(depths(40)))


def test_a_white_event_frame_is_no_fault_of_the_camera():
    prepare = PairPreparer(EVENT)
    prepared = prepare(images(40)[0], events(40))
    assert prepared.pair.mode == 'rgbt'
    assert np.array_equal(prepared.pair.thermal, events(40))
    assert prepare.rate()[1].reliability > 0
    prepare.configure(Settings())
    assert prepare(images(41)[0], events(41)[..., 1], 0.1).thermal.state is CameraState.SATURATED


@pytest.mark.parametrize(('shape', 'kind'), [
    ((8, 8), np.uint16), ((8, 8, 2), np.uint8), ((64,), np.uint8)], ids=str)
def test_what_is_no_event_frame_leaves_rgb_at_work(shape, kind):
    raw = np.random.default_rng(0).integers(0, 200, shape).astype(kind)
    prepared = PairPreparer(EVENT)(images(40)[0], raw)
    assert prepared.pair.mode == 'rgb'
    assert 'thermal.normalization event takes 8-bit frames' in prepared.thermal.reason


@pytest.mark.parametrize('settings', [DEPTH, EVENT])
def test_a_model_of_one_channel_is_refused_at_once_and_later_left_with_rgb(settings):
    with pytest.raises(InputError, match=r'thermal\.normalization = \w+ makes images of 3 chann'):
        PairPreparer(settings, channels=1)
    prepare = PairPreparer(channels=1)
    prepare.configure(settings)
    prepared = prepare(images(40)[0], depths(40))
    assert prepared.pair.mode == 'rgb'
    assert 'set model.name to one that takes 3' in prepared.thermal.reason


def test_a_crop_of_colours_does_not_fit_a_network_of_one_channel():
    with pytest.raises(InputError, match='an image of 3 channels does not fit a network that tak'):
        Normalization((0.4,), (0.2,)).apply(np.zeros((8, 8, 3), np.uint8), 8)


@pytest.mark.parametrize('backwards', [False, True])
@pytest.mark.parametrize('border', ['mean', 'zero'])
@pytest.mark.parametrize('matrix', [None, np.eye(3), np.diag((1.0, 1.0, 0.999))], ids=str)
def test_a_second_image_in_colour_is_cropped_as_the_first_one(backwards, border, matrix):
    color = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    other = reversed_view(np.ascontiguousarray(color[..., ::-1])) if backwards else color
    pair = ImagePair(color, other, thermal_to_rgb=matrix)
    geometry = CropGeometry.around(Box(-10, 150, 60, 80), 2.0, 32)
    wanted = crop_rgb(pair, geometry, (1, 2, 3), border)
    crop = crop_thermal(pair, geometry, (1, 2, 3), border)
    assert crop.shape == (32, 32, 3)
    if matrix is None or np.array_equal(matrix, np.eye(3)):
        assert np.array_equal(crop, wanted)
    assert crop[10, 0].tolist() == [1, 2, 3]


def test_it_is_shown_in_its_colours_where_rgb_is_missing():
    shown = annotated(ImagePair(None, events(40)), None, '')
    assert np.array_equal(shown[100:], events(40)[100:])


# Recordings --------------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def recordings(tmp_path_factory):
    """Return a folder with patrack/, and with rgb/, depth/ and event/ of eight images."""
    folder = tmp_path_factory.mktemp('recordings')
    tiny_bundle('patrack', folder)
    for camera in ('rgb', 'depth', 'event'):
        (folder / camera).mkdir()
    for number in range(8):
        x = 40 + 3 * number
        for camera, pixels in (('rgb', images(x, number=number)[0][..., ::-1]),
                               ('depth', depths(x, number)),
                               ('event', events(x, number)[..., ::-1])):
            cv2.imwrite(str(folder / camera / f'{number}.png'), pixels)
    return folder


def track(recordings, camera, *more):
    return run(['track', '--rgb', str(recordings / 'rgb'), '--thermal', str(recordings / camera),
                '--init', '40,100,32,32', '--backend', 'onnxruntime',
                '--set', f'thermal.normalization={camera}', *more])


@pytest.mark.parametrize('camera', ['depth', 'event'])
def test_track_takes_it(recordings, tmp_path, camera, capsys):
    assert track(recordings, camera, '--model', str(recordings / 'patrack'), '--log',
                 str(tmp_path / 'log.csv'), '--video', str(tmp_path / 'v.mp4')) == 0
    rows = (tmp_path / 'log.csv').read_text().splitlines()[1:]
    assert {row.split(',')[LOG_COLUMNS.index('mode')] for row in rows} == {'rgbt'}
    assert len(rows) == 8
    assert (tmp_path / 'v.mp4').stat().st_size > 1000
    assert 'using' not in capsys.readouterr().err


def test_track_refuses_a_model_of_one_channel(recordings, capsys):
    assert track(recordings, 'depth', '--model', 'unified_nano') == 2
    assert 'error: thermal.normalization = depth makes images of 3 channels, but the model ' \
        'takes 1' in capsys.readouterr().err
