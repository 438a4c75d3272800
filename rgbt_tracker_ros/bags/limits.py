# SPDX-License-Identifier: Apache-2.0
"""How much a bag may make this machine allocate, whatever it claims."""
from __future__ import annotations

from binascii import crc32
from pathlib import Path
import shutil
import sys
import tempfile

import lz4.frame

from rgbt_tracker_ros.errors import InputError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LARGEST_MESSAGE = 2**28
"""Bytes; an uncompressed image of 8000 x 8000 pixels has 3/4 of it."""

LARGEST_CHUNK = LARGEST_MESSAGE + 2**20
OPEN_CHUNKS = 2 * LARGEST_CHUNK
"""Bytes of all chunks that must be open at once because their times overlap."""

_LARGEST_FACTOR = 1000
"""Zeros shrink more than 10000 times, what a blank camera sends 100 times."""

_STEP = 2**20
_SPARE = 0.9


def unpack_chunk(data: bytes, compression: str, size: int, checksum: int) -> bytes:
    """Unpack a chunk of an MCAP file.

    Parameters
    ----------
    data
        As it is in the file.
    compression
        Name of the method.
    size
        What it must unpack to, bytes.
    checksum
        CRC-32 of the result; 0 = not known.

    Raises
    ------
    InputError
        If it is too large, of another size than it claims, or damaged.

    """
    if size > LARGEST_CHUNK:
        raise InputError(f'a chunk claims {size} bytes: at most {LARGEST_CHUNK} are accepted')
    raw: bytes
    if compression == 'zstd':
        raw = zstd.ZstdDecompressor().decompress(data, size + 1)
    elif compression == 'lz4':
        raw = lz4.frame.LZ4FrameDecompressor().decompress(data, size + 1)
    elif compression == '':
        raw = data
    else:
        raise InputError(f'a chunk is compressed by {compression!r}: zstd and lz4 are known')
    if len(raw) != size:
        raise InputError(f'a chunk does not unpack to the {size} bytes that it claims')
    if checksum and crc32(raw) != checksum:
        raise InputError('a chunk is damaged: its checksum is wrong')
    return raw


def unpack_message(data: bytes) -> bytes:
    """Unpack a message of a bag that was compressed message by message.

    Raises
    ------
    InputError
        If it is too large or cut off.

    """
    unpacker = zstd.ZstdDecompressor()
    raw: bytes = unpacker.decompress(data, LARGEST_MESSAGE + 1)
    if len(raw) > LARGEST_MESSAGE:
        raise InputError(f'a compressed message is larger than {LARGEST_MESSAGE} bytes')
    if not unpacker.eof:
        raise InputError('a compressed message is cut off')
    return raw


def check_packed_file(path: Path) -> None:
    """Raise InputError unless a compressed file can be unpacked into the temporary folder."""
    room = int(shutil.disk_usage(tempfile.gettempdir()).free * _SPARE)
    factor_limit = _LARGEST_FACTOR * path.stat().st_size + _STEP
    size = 0
    with zstd.open(path, 'rb') as file:
        while part := file.read(_STEP):
            size += len(part)
            if size > factor_limit:
                raise InputError(f'{path.name} unpacks to more than {_LARGEST_FACTOR} times its '
                                 'size, which no recording does')
            if size > room:
                raise InputError(f'{path.name} does not fit, unpacked, into '
                                 f'{tempfile.gettempdir()}: set TMPDIR to a larger disk')
