# SPDX-License-Identifier: Apache-2.0
"""Image files, with the size in their header checked before anything is decoded.

A file of some kilobytes can claim, and even hold, an image that takes all memory.
"""
from __future__ import annotations

from collections.abc import Callable
import mmap
from pathlib import Path
import struct
from typing import Any

import cv2

from rgbt_tracker_ros.errors import InputError

MAX_PIXELS = 64_000_000
"""Largest image that is decoded: 8000 x 8000 pixels."""

PNG = b'\x89PNG\r\n\x1a\n'
JPEG = b'\xff\xd8\xff'

Raw = bytes | memoryview | mmap.mmap
Size = tuple[int, int]

_STANDALONE = {0x01, *range(0xD0, 0xD9)}                            # JPEG markers without a body
_FRAME_HEADERS = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}        # SOF0 .. SOF15
_TIFF_NUMBERS = {3: 'H', 4: 'I', 16: 'Q'}
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_PNM_HEADER = 1024


def read_image(path: Path, flags: int) -> Any:
    """Read an image file as `cv2.imread` does.

    Raises
    ------
    InputError
        If it is no image, damaged or too large; the message does not name the file.

    """
    try:
        with path.open('rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
            width, height = image_size(raw)
    except (OSError, ValueError) as error:      # ValueError: an empty file
        raise InputError(f'cannot be read ({error})') from error
    check_size(width, height)
    try:
        image = cv2.imread(str(path), flags)
    except cv2.error as error:
        raise InputError(f'cannot be decoded ({error.err})') from error
    if image is None:
        raise InputError('is damaged')
    return image


def check_size(width: int, height: int) -> None:
    """Raise InputError unless an image has a size that is decoded."""
    if width <= 0 or height <= 0 or width * height > MAX_PIXELS:
        raise InputError(f'claims {width}x{height} pixels: 1 to {MAX_PIXELS} pixels are accepted')


def image_size(raw: Raw) -> Size:
    """Return the (width, height) in the header of a file of any format that is read.

    Raises
    ------
    InputError
        If it has none of these formats, or is cut off.

    """
    start = bytes(raw[:12])
    for magic, size in _FORMATS.items():
        if start.startswith(magic):
            try:
                return size(raw)
            except (struct.error, IndexError, ValueError):
                raise InputError(f'is cut off after {len(raw)} bytes, or damaged') from None
    raise InputError('is no PNG, JPEG, BMP, TIFF, PNM or WebP image')


def jpeg_frame(raw: Raw) -> int:
    """Return where the frame header of a JPEG begins (ITU T.81, B.2.2); IndexError if nowhere."""
    position = 2
    while True:
        if raw[position] != 0xFF:
            raise IndexError
        marker = raw[position + 1]
        if marker in _FRAME_HEADERS:
            return position
        if marker == 0xFF:                # fill byte
            position += 1
        elif marker in _STANDALONE:
            position += 2
        else:
            position += 2 + max(struct.unpack_from('>H', raw, position + 2)[0], 2)


def _jpeg(raw: Raw) -> Size:
    height, width = struct.unpack_from('>HH', raw, jpeg_frame(raw) + 5)
    return width, height


def _png(raw: Raw) -> Size:
    width, height = struct.unpack_from('>II', raw, 16)
    return width, height


def _bmp(raw: Raw) -> Size:
    old = struct.unpack_from('<I', raw, 14)[0] == 12
    width, height = struct.unpack_from('<HH' if old else '<ii', raw, 18)
    return width, abs(height)            # negative: first row at the top


def _tiff(raw: Raw) -> Size:
    order = '<' if bytes(raw[:2]) == b'II' else '>'
    if struct.unpack_from(f'{order}H', raw, 2)[0] == 43:      # BigTIFF
        folder, = struct.unpack_from(f'{order}Q', raw, 8)
        count, = struct.unpack_from(f'{order}Q', raw, folder)
        first, length, value = folder + 8, 20, 12
    else:
        folder, = struct.unpack_from(f'{order}I', raw, 4)
        count, = struct.unpack_from(f'{order}H', raw, folder)
        first, length, value = folder + 2, 12, 8
    found: dict[int, int] = {}
    for entry in range(first, first + length * min(count, 4096), length):
        tag, kind = struct.unpack_from(f'{order}HH', raw, entry)
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT):
            found[tag], = struct.unpack_from(f'{order}{_TIFF_NUMBERS.get(kind, "I")}', raw,
                                             entry + value)
    return found.get(_TIFF_WIDTH, 0), found.get(_TIFF_HEIGHT, 0)


def _pnm(raw: Raw) -> Size:
    lines = bytes(raw[2:_PNM_HEADER]).splitlines()
    numbers = b' '.join(line.partition(b'#')[0] for line in lines).split()
    return int(numbers[0]), int(numbers[1])


def _webp(raw: Raw) -> Size:
    kind = bytes(raw[12:16])
    if bytes(raw[8:12]) != b'WEBP':
        raise ValueError
    if kind == b'VP8X':
        packed = bytes(raw[24:30])
        return 1 + int.from_bytes(packed[:3], 'little'), 1 + int.from_bytes(packed[3:], 'little')
    if kind == b'VP8L':
        bits, = struct.unpack_from('<I', raw, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from('<HH', raw, 26)
    return width & 0x3FFF, height & 0x3FFF


_FORMATS: dict[bytes, Callable[[Raw], Size]] = {
    PNG: _png, JPEG: _jpeg, b'BM': _bmp, b'II*\0': _tiff, b'MM\0*': _tiff, b'II+\0': _tiff,
    b'MM\0+': _tiff, b'RIFF': _webp, **{b'P%d' % kind: _pnm for kind in range(1, 7)}}
