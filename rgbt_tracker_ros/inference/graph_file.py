# SPDX-License-Identifier: Apache-2.0
"""Looks into an ONNX file, without the package onnx, at how its tensors are kept.

The hash in model.yaml covers only the graph's own file, and a path to another one may lead
anywhere; some versions of ONNX Runtime follow it.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from rgbt_tracker_ros.errors import ModelError

# Numbers of the fields (onnx.proto) that lead to tensors, and the kind of message they hold.
_FIELDS = {
    'model': {7: 'graph', 20: 'training', 25: 'function'},
    'training': {1: 'graph', 2: 'graph'},
    'graph': {1: 'node', 5: 'tensor', 15: 'sparse'},
    'function': {7: 'node', 11: 'attribute'},
    'node': {5: 'attribute'},
    'attribute': {5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse'},
    'sparse': {1: 'tensor', 2: 'tensor'},
}
_DATA_TYPE, _EXTERNAL_DATA, _DATA_LOCATION = 2, 13, 14
_FLOAT16 = 10
_VARINT, _BYTES, _FIXED = 0, 2, {1: 8, 5: 4}
_DEEPEST = 64


def check_self_contained(content: bytes) -> None:
    """Raise ModelError unless the graph holds all its tensors itself."""
    try:
        external = _any_tensor(memoryview(content), 'model', _is_external)
    except (LookupError, ValueError) as error:
        raise ModelError('is no ONNX file: export the model again') from error
    if external:
        raise ModelError('keeps tensors in other files (external data): export it as one file')


def in_half_precision(file: Path) -> bool:
    """Tell whether a graph has weights in float16; raise ModelError if it cannot be read."""
    try:
        return _any_tensor(memoryview(file.read_bytes()), 'model',
                           lambda number, value: number == _DATA_TYPE and value == _FLOAT16)
    except OSError as error:
        raise ModelError(f'{file}: {error.strerror or error}') from error
    except (LookupError, ValueError) as error:
        raise ModelError(f'{file} is no ONNX file: export the model again') from error


def _is_external(number: int, value: int | memoryview) -> bool:
    return number == _EXTERNAL_DATA or (number == _DATA_LOCATION and bool(value))


def _any_tensor(message: memoryview, kind: str, test: Callable[[int, int | memoryview], bool],
                depth: int = 0) -> bool:
    """Tell whether any field of any tensor in a message passes a test."""
    if depth > _DEEPEST:
        raise ValueError
    for number, value in _fields(message):
        if kind == 'tensor':
            if test(number, value):
                return True
        elif isinstance(value, memoryview) and number in _FIELDS[kind] \
                and _any_tensor(value, _FIELDS[kind][number], test, depth + 1):
            return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field of a Protocol Buffers message."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        value: int | memoryview
        if key & 7 == _VARINT:
            value, position = _varint(message, position)
        else:
            if key & 7 == _BYTES:
                length, position = _varint(message, position)
            else:
                length = _FIXED[key & 7]
            if position + length > len(message):
                raise ValueError
            value = message[position:position + length]
            position += length
        yield key >> 3, value


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
        if shift > 63:
            raise ValueError
