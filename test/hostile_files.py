# SPDX-License-Identifier: Apache-2.0
"""Bags, images and videos that were made to do harm; the file's name says which way."""
from __future__ import annotations

from binascii import crc32
from collections.abc import Callable
from pathlib import Path
import shutil
import sqlite3
import struct
import sys
from typing import Any
import zlib

from bag_files import (
    COMPRESSED,
    IMAGE,
    RGB,
    TYPES,
    Entry,
    compressed,
    header,
    make,
    scene,
    write_bag,
)
import lz4.frame
import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
import yaml

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BOMB = 3 * 2**29
"""Bytes that a bomb unpacks to; more than the readers may take."""


def zeros(compress: Callable[[bytes], bytes], finish: Callable[[], bytes]) -> bytes:
    """Return `BOMB` zeros, compressed."""
    block = bytes(2**26)
    return b''.join(compress(block) for _ in range(BOMB // len(block))) + finish()


def zstd_bomb() -> bytes:
    packer = zstd.ZstdCompressor()
    return zeros(packer.compress, packer.flush)


def lz4_bomb() -> bytes:
    packer = lz4.frame.LZ4FrameCompressor()
    begin = packer.begin()
    return begin + zeros(packer.compress, packer.flush)


# MCAP files -------------------------------------------------------------------------------------

def record(kind: int, content: bytes) -> bytes:
    return struct.pack('<BQ', kind, len(content)) + content


def text(value: str) -> bytes:
    return struct.pack('<I', len(value)) + value.encode()


def mcap(chunk: bytes, compression: str, size: int, checksum: int = 0) -> bytes:
    """Return a file with one channel and one chunk, its index included."""
    magic = b'\x89MCAP0\r\n'
    body = magic + record(1, text('ros2') + text('test'))
    offset = len(body)
    inner = struct.pack('<QQQI', 1, 2, size, checksum) + text(compression) \
        + struct.pack('<Q', len(chunk)) + chunk
    body += record(6, inner)
    length = len(body) - offset
    index = record(7, struct.pack('<HI', 1, 16) + bytes(16))
    body += index
    definition = TYPES.generate_msgdef(IMAGE, ros_version=2)[0]
    summary = len(body)
    body += record(3, struct.pack('<H', 1) + text(IMAGE) + text('ros2msg') + text(definition))
    body += record(4, struct.pack('<HH', 1, 1) + text(RGB) + text('cdr') + struct.pack('<I', 0))
    body += record(8, struct.pack('<QQQQ', 1, 2, offset, length) + struct.pack(
        '<IHQ', 10, 1, offset + length) + struct.pack('<Q', len(index)) + text(compression)
        + struct.pack('<QQ', len(chunk), size))
    body += record(0x0B, struct.pack('<QHIIIIQQ', 1, 1, 1, 0, 0, 1, 1, 2) + struct.pack(
        '<IHQ', 10, 1, 1))
    return body + record(2, struct.pack('<QQI', summary, 0, 0)) + magic


def message_record(data: bytes, length: int | None = None) -> bytes:
    content = struct.pack('<HIQQ', 1, 0, 1, 1) + data
    return struct.pack('<BQ', 5, len(content) if length is None else length) + content


def mcap_files(folder: Path) -> None:
    bomb = zstd_bomb()
    good = message_record(bytes(TYPES.serialize_cdr(next(iter(scene(1))).message, IMAGE)))
    for name, content in {
        'chunk_bomb': mcap(bomb, 'zstd', BOMB),
        'chunk_that_lies': mcap(bomb, 'zstd', 4096),
        'lz4_chunk_that_lies': mcap(lz4_bomb(), 'lz4', 4096),
        'claim_of_exabytes': mcap(good, '', 2**60),
        'unknown_compression': mcap(good, 'rar', len(good)),
        'damaged_chunk': mcap(good, '', len(good), crc32(good) ^ 1),
        'record_beyond_its_chunk': mcap(
            bad := message_record(b'', 2**62), '', len(bad)),
        'summary_beyond_the_file': mcap(good, '', len(good))[:-60] + b'\x03' + b'\xff' * 59,
        'header_of_a_terabyte': b'\x89MCAP0\r\n' + struct.pack('<BQ', 1, 2**40) + bytes(60),
        'empty': b'',
        'cut_off': mcap(good, '', len(good))[:-100],
        'no_mcap': b'\x89MCAP0\r\n' + bytes(100),
    }.items():
        (folder / f'{name}.mcap').write_bytes(content)
    (folder / 'good.mcap').write_bytes(mcap(good, '', len(good), crc32(good)))


# Folders ----------------------------------------------------------------------------------------

def edited(folder: Path, name: str, edit: Callable[[dict[str, Any]], object]) -> None:
    """Write a bag whose metadata are changed."""
    file = write_bag(folder / name, scene(1)) / 'metadata.yaml'
    content = yaml.safe_load(file.read_text())
    edit(content['rosbag2_bagfile_information'])
    file.write_text(yaml.safe_dump(content))


def folders(folder: Path) -> None:
    write_bag(folder / 'outside', scene(1))
    edited(folder, 'path_upwards', lambda about: about.update(
        relative_file_paths=['../outside/outside.mcap']))
    edited(folder, 'path_absolute', lambda about: about.update(
        relative_file_paths=[str(folder / 'outside' / 'outside.mcap')]))
    edited(folder, 'count_that_is_no_number', lambda about: about[
        'topics_with_message_count'][0].update(message_count='many'))
    edited(folder, 'topic_that_is_no_text', lambda about: about[
        'topics_with_message_count'][0]['topic_metadata'].update(name=[1]))
    for name, content in {'metadata_deep': '[' * 20000, 'metadata_no_map': '- 1',
                          'metadata_large': '#' * 5 * 2**20, 'metadata_binary': '\0\1'}.items():
        (write_bag(folder / name, scene(1)) / 'metadata.yaml').write_text(content)
    file = write_bag(folder / 'file_bomb', scene(1), mode=CompressionMode.FILE)
    (file / 'file_bomb.mcap.zstd').write_bytes(zstd_bomb())
    message_bomb(folder / 'message_bomb')


def message_bomb(path: Path) -> None:
    writer = Writer(path, version=9, storage_plugin=StoragePlugin.SQLITE3)
    writer.set_compression(CompressionMode.MESSAGE, CompressionFormat.ZSTD)
    with writer:
        topic = writer.add_connection(RGB, IMAGE, typestore=TYPES)
        writer.write(topic, 1, b'')
    with sqlite3.connect(path / 'message_bomb.db3') as database:
        database.execute('UPDATE messages SET data = ?', (zstd_bomb(),))


# Messages ---------------------------------------------------------------------------------------

def raw(path: Path, data: bytes, kind: str = IMAGE, definition: str | None = None,
        digest: str | None = None) -> None:
    """Write a bag with one message of any bytes."""
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topic = writer.add_connection(
            RGB, kind, msgdef=definition or TYPES.generate_msgdef(IMAGE, ros_version=2)[0],
            rihs01=digest or TYPES.hash_rihs01(IMAGE))
        writer.write(topic, 1, data)


def messages(folder: Path) -> None:
    head = header(1, 'a')
    for name, (height, width, encoding, step) in {
        'image_of_2_to_62_pixels': (2**31, 2**31, 'mono8', 2**31),
        'image_whose_size_overflows': (2**32 - 1, 2**32 - 1, 'rgb8', 2**32 - 1),
        'image_with_no_rows': (0, 5, 'mono8', 5),
        'image_with_short_rows': (1, 10, 'rgb8', 3),
        'image_of_unknown_encoding': (1, 1, '__import__("os")', 1),
    }.items():
        write_bag(folder / name, [Entry(1, RGB, IMAGE, make(
            IMAGE, head, height, width, encoding, 0, step, np.zeros(12, np.uint8)))])
    png = bytearray(compressed(1, np.zeros((4, 4), np.uint8), '.png').data)
    png[16:24] = struct.pack('>II', 2**31 - 1, 2**31 - 1)
    write_bag(folder / 'png_that_claims_too_much', [Entry(1, RGB, COMPRESSED, make(
        COMPRESSED, head, 'png', np.frombuffer(bytes(png), np.uint8)))])
    good = bytes(TYPES.serialize_cdr(next(iter(scene(1))).message, IMAGE))
    raw(folder / 'sequence_of_4_gigabytes',
        good[:48] + good[48:].replace(struct.pack('<I', 230400), b'\xff' * 4, 1))
    raw(folder / 'string_of_4_gigabytes', good[:12] + b'\xff' * 4 + good[16:])
    raw(folder / 'no_cdr', b'\x07\x07' + good[2:])
    raw(folder / 'short_message', good[:9])
    raw(folder / 'unknown_type', good, 'evil_msgs/msg/Image')
    raw(folder / 'other_hash', good, digest='RIHS01_' + '0' * 64)
    raw(folder / 'other_fields', good, definition='uint8[] data\n')
    raw(folder / 'definition_with_code', good,
        definition='uint8 x=__import__("os").mkdir("pwned")\nuint8 class\n')
    raw(folder / 'definition_too_long', good, definition='# ' + 'a' * 2**17 + '\nuint8 x\n')


# SQLite -----------------------------------------------------------------------------------------

def sqlite_files(folder: Path) -> None:
    source = write_bag(folder / 'source', scene(1), storage='sqlite3') / 'source.db3'
    columns = 'id INTEGER, topic_id INTEGER, timestamp INTEGER'
    for name, script in {
        'generated_column': f'CREATE TABLE messages({columns}, data BLOB GENERATED ALWAYS AS '
                            f'(zeroblob({BOMB // 2}))); '
                            'INSERT INTO messages VALUES (1, 1, 1);',
        'view_without_end': 'CREATE VIEW messages AS WITH RECURSIVE n(id, topic_id, timestamp, '
                            'data) AS (SELECT 1, 1, 1, 1 UNION ALL SELECT id + 1, 1, 1, 1 FROM n) '
                            'SELECT * FROM n;',
        'virtual_table': 'CREATE VIRTUAL TABLE messages USING fts5(id, topic_id, '
                         'timestamp, data);',
    }.items():
        file = folder / f'{name}.db3'
        shutil.copy(source, file)
        with sqlite3.connect(file) as database:
            database.executescript('DROP TABLE messages; ' + script)
    for name, change in {'negative_time': 'timestamp = -5', 'time_of_text': "timestamp = 'now'",
                         'endless_time': f'timestamp = {2**63 - 1}', 'data_of_text': "data = 'x'",
                         'data_of_null': 'data = 7'}.items():
        file = folder / f'{name}.db3'
        shutil.copy(source, file)
        with sqlite3.connect(file) as database:
            database.execute(f'UPDATE messages SET {change}')
    (folder / 'torn.db3').write_bytes(source.read_bytes()[:9000])
    (folder / 'no_database.db3').write_bytes(b'SQLite format 3\0' + bytes(5000))


# Images -----------------------------------------------------------------------------------------

def png(width: int, height: int) -> bytes:
    """Return a black image, whole and small as a file."""
    def part(kind: bytes, content: bytes) -> bytes:
        return struct.pack('>I', len(content)) + kind + content + struct.pack(
            '>I', crc32(kind + content))
    packer = zlib.compressobj(9)
    row = bytes(1 + width)
    data = b''.join(packer.compress(row) for _ in range(height)) + packer.flush()
    return b'\x89PNG\r\n\x1a\n' + part(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0,
                                                          0)) + part(b'IDAT', data) \
        + part(b'IEND', b'')


def image_files(folder: Path) -> None:
    side = 50000
    tiff = b''.join(struct.pack('<HHII', tag, 4, 1, side) for tag in (256, 257))
    big = b''.join(struct.pack('<HHQQ', tag, 16, 1, 2**40) for tag in (256, 257))
    for name, content in {
        'black.png': png(20000, 20000),
        'claim.png': png(4, 4)[:16] + struct.pack('>II', 2**31 - 1, 2**31 - 1) + png(4, 4)[24:],
        'claim.jpg': b'\xff\xd8\xff\xc0\0\x11\x08' + struct.pack('>HH', 65535, 65535) + bytes(99),
        'claim.bmp': b'BM' + bytes(12) + struct.pack('<IiiHHI', 40, side, -side, 1, 24, 0)
                     + bytes(99),
        'claim.tif': b'II*\0' + struct.pack('<IH', 8, 2) + tiff + bytes(99),
        'claim.tiff': b'II+\0' + struct.pack('<HHQQ', 8, 0, 16, 2) + big + bytes(99),
        'claim.pgm': b'P5 # a word\n' + f'{side} {side}\n255\n'.encode() + bytes(99),
        'claim.ppm': b'P6\n' + b'9' * 900 + b' 2\n255\n',
        'claim.webp': b'RIFF\0\1\0\0WEBPVP8X' + bytes(8) + b'\xff' * 6 + bytes(99),
        'other_format.png': b'#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 90000 +X 90000\n',
        'empty.png': b'', 'cut.jpg': b'\xff\xd8\xff\xe1\xff',
    }.items():
        (folder / name).write_bytes(content)
    with (folder / 'claim.y4m').open('wb') as video:
        video.write(b'YUV4MPEG2 W12000 H12000 F25:1 C420jpeg\nFRAME\n')
        video.truncate(12000 * 12000 * 3 // 2 + video.tell())


def write_all(folder: Path) -> None:
    """Write every file; bags into bags/, the rest into images/."""
    bags, images = folder / 'bags', folder / 'images'
    for made in (bags, images):
        made.mkdir()
    mcap_files(bags)
    folders(bags)
    messages(bags)
    sqlite_files(bags)
    image_files(images)
