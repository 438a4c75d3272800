# SPDX-License-Identifier: Apache-2.0
"""Image messages to arrays and back; every way in which a message can be wrong."""
from __future__ import annotations

import struct
import sys
import zlib

import cv2
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.image_file import MAX_PIXELS
from rgbt_tracker_ros.pipeline.conversion import ENCODINGS, rgb_image, thermal_image
from rgbt_tracker_ros.ros.image_message import image_message

pytestmark = pytest.mark.ros
SIDES = st.integers(1, 12)
GREY = ('mono8', '8UC1', 'mono16', '16UC1')


def shape_and_type(encoding, height, width):
    channels = {'8UC3': 3, 'rgb8': 3, 'bgr8': 3, 'rgba8': 4, 'bgra8': 4}.get(encoding)
    return (height, width, channels) if channels else (height, width), \
        np.uint16 if '16' in encoding else np.uint8


@st.composite
def images(draw, encodings=ENCODINGS):
    encoding = draw(st.sampled_from(encodings))
    shape, dtype = shape_and_type(encoding, draw(SIDES), draw(SIDES))
    return encoding, draw(arrays(dtype, shape))


def padded(pixels, encoding, padding, big_endian=False):
    """A message as a driver with aligned rows, or another byte order, sends it."""
    stored = pixels.astype(pixels.dtype.newbyteorder('>' if big_endian else '<'))
    rows = [row.tobytes() + b'\xa5' * padding for row in stored]
    return Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding,
                 is_bigendian=int(big_endian), step=len(rows[0]), data=b''.join(rows))


def as_rgb(pixels, encoding):
    if pixels.ndim == 2:
        return np.repeat(pixels[:, :, None], 3, axis=2)
    colours = pixels[:, :, :3]
    return colours if encoding.startswith('rgb') else colours[:, :, ::-1]


@given(images(), st.integers(0, 5), st.booleans())
def test_pixels_survive_row_padding_and_byte_order(image, padding, big_endian):
    encoding, pixels = image
    message = padded(pixels, encoding, padding, big_endian)
    if encoding in GREY:
        read = thermal_image(message)
        assert read.dtype == pixels.dtype
        assert read.dtype.isnative
        np.testing.assert_array_equal(read, pixels)
    if pixels.dtype == np.uint8:
        np.testing.assert_array_equal(rgb_image(message), as_rgb(pixels, encoding))


@given(images())
def test_arrays_make_messages_that_read_back(image):
    encoding, pixels = image
    header = Header(frame_id='camera')
    message = image_message(pixels, encoding, header)
    assert message.header.frame_id == 'camera'
    assert len(message.data) == message.step * message.height
    read = thermal_image(message) if encoding in GREY else rgb_image(message)
    np.testing.assert_array_equal(read, pixels if encoding in GREY else as_rgb(pixels, encoding))


def test_a_strided_array_makes_a_message():
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)[:, ::-1]
    np.testing.assert_array_equal(rgb_image(image_message(pixels, 'rgb8', Header())), pixels)


def test_common_encodings_are_read_without_a_copy():
    rgb = image_message(np.zeros((4, 6, 3), np.uint8), 'rgb8', Header())
    counts = image_message(np.zeros((4, 6), np.uint16), 'mono16', Header())
    bgr = image_message(np.arange(72, dtype=np.uint8).reshape(4, 6, 3), 'bgr8', Header())
    for message, read in ((rgb, rgb_image(rgb)), (bgr, rgb_image(bgr)),
                          (counts, thermal_image(counts))):
        assert np.shares_memory(read, np.frombuffer(message.data, np.uint8))
        assert not read.flags.writeable


def test_a_coloured_thermal_image_becomes_grey():
    pixels = np.full((4, 6, 3), (10, 200, 30), np.uint8)
    grey = thermal_image(image_message(pixels, 'rgb8', Header()))
    np.testing.assert_array_equal(grey, cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))


def test_16_bits_on_the_rgb_topic_are_refused():
    message = image_message(np.zeros((4, 6), np.uint16), 'mono16', Header())
    with pytest.raises(InputError, match='mono16: an 8-bit image is needed; are the rgb and'):
        rgb_image(message)


@pytest.mark.parametrize(('changes', 'words'), [
    ({'step': 17}, 'step = 17: 6 pixels of rgb8 need at least 18'),
    ({'step': 20}, '72 bytes: height 4 x step 20 = 80'),
    ({'data': b'\0' * 71}, '71 bytes: height 4 x step 18 = 72'),
    ({'data': b'\0' * 73}, '73 bytes'),
    ({'data': b''}, '0 bytes'),
    ({'height': 0}, '6x0 pixels'),
    ({'width': 0}, '0x4 pixels'),
    ({'width': 4_000_000_000}, 'step = 18'),
    ({'height': 4_000_000_000}, '72 bytes'),
    ({'encoding': 'yuv99'}, "'yuv99': accepted are mono8, 8UC1, mono16"),
    ({'encoding': ''}, 'accepted are mono8'),
], ids=str)
@pytest.mark.parametrize('read', [rgb_image, thermal_image])
def test_a_message_that_contradicts_itself_is_refused(read, changes, words):
    message = image_message(np.zeros((4, 6, 3), np.uint8), 'rgb8', Header())
    for name, value in changes.items():
        setattr(message, name, value)
    with pytest.raises(InputError, match=words):
        read(message)


def test_other_encodings_go_through_cv_bridge_where_it_is_installed(monkeypatch):
    class CvBridge:
        def imgmsg_to_cv2(self, message, desired_encoding):
            if message.encoding == 'broken':
                raise TypeError('no such thing')
            return np.full((2, 3, 3), 7, np.uint8)

    module = type(sys)('cv_bridge')
    module.CvBridge = CvBridge
    monkeypatch.setitem(sys.modules, 'cv_bridge', module)
    assert (rgb_image(Image(encoding='yuv422', height=2, width=3)) == 7).all()
    with pytest.raises(InputError, match='cannot read it either'):
        rgb_image(Image(encoding='broken', height=2, width=3))


@pytest.mark.parametrize(('pixels', 'encoding'), [
    (np.zeros((2, 2), np.uint8), 'rgb8'), (np.zeros((2, 2), np.uint8), 'mono16'),
    (np.zeros((2, 2, 3), np.float32), 'rgb8'), (np.zeros(4, np.uint8), 'mono8'),
    (np.zeros((2, 2), np.uint8), '32FC1')])
def test_an_array_that_does_not_fit_its_encoding_is_refused(pixels, encoding):
    with pytest.raises(InputError, match='does not fit the encoding'):
        image_message(pixels, encoding, Header())


def compressed(pixels, suffix):
    return CompressedImage(format=suffix, data=cv2.imencode(f'.{suffix}', pixels)[1].tobytes())


@given(images(('mono8', 'mono16', 'bgr8', 'bgra8')))
def test_png_is_exact(image):
    encoding, pixels = image
    message = compressed(pixels, 'png')
    if encoding in GREY:
        np.testing.assert_array_equal(thermal_image(message), pixels)
    else:
        np.testing.assert_array_equal(rgb_image(message), as_rgb(pixels, encoding))


def test_jpeg_is_close_and_its_colours_are_in_order():
    pixels = np.zeros((16, 24, 3), np.uint8)
    pixels[:, :12] = (250, 10, 60)                          # B, G, R
    read = rgb_image(compressed(pixels, 'jpg'))
    assert np.abs(read[8, 4].astype(int) - (60, 10, 250)).max() < 8


def png_claiming(width, height):
    body = b'IHDR' + struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    head = b'\x89PNG\r\n\x1a\n' + struct.pack('>I', 13) + body
    return head + struct.pack('>I', zlib.crc32(body)) + b'\0\0\0\0IEND\xaeB`\x82'


def jpeg_claiming(width, height):
    return b'\xff\xd8\xff\xe0\x00\x04ab\xff\xc0' + struct.pack('>HBHH', 8, 8, height, width) \
        + b'\xff\xd9'


JPEG = cv2.imencode('.jpg', np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8))[1]
PNG = cv2.imencode('.png', np.random.default_rng(0).integers(0, 255, (32, 32), np.uint8))[1]


@pytest.mark.parametrize(('data', 'words'), [
    (b'', 'neither JPEG nor PNG'),
    (b'GIF89a....', 'neither JPEG nor PNG'),
    (b'\xff\xd8\xff', 'is cut off'),
    (JPEG.tobytes()[:100], 'is cut off'),
    (JPEG.tobytes()[:-200], 'is cut off'),
    (PNG.tobytes()[:20], 'is cut off'),
    (PNG.tobytes()[:-200], 'is cut off'),
    (PNG.tobytes()[:60] + b'\0' * 100 + PNG.tobytes()[160:], 'corrupt'),
    (png_claiming(4_000_000_000, 4_000_000_000), f'1 to {MAX_PIXELS} pixels'),
    (png_claiming(0, 5), 'claims 0x5 pixels'),
    (jpeg_claiming(65535, 65535), 'claims 65535x65535 pixels'),
    (jpeg_claiming(8, 8), 'corrupt'),
], ids=range(12))
@pytest.mark.parametrize('read', [rgb_image, thermal_image])
def test_bad_compressed_data_are_refused(read, data, words):
    with pytest.raises(InputError, match=words):
        read(CompressedImage(format='jpeg', data=data))


@given(st.binary(max_size=64), st.sampled_from([JPEG.tobytes(), PNG.tobytes()]),
       st.integers(0, 600))
def test_damaged_files_raise_nothing_but_input_errors(noise, data, position):
    message = CompressedImage(
        format='jpeg', data=data[:position] + noise + data[position + len(noise):])
    try:
        image = thermal_image(message)
    except InputError:
        return
    assert image.ndim == 2
