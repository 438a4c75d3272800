# SPDX-License-Identifier: Apache-2.0
"""Format of the cache's files: one line with a hash of all the rest, one of facts, and bytes.

Some run times crash on an engine that is torn, so damage must be seen before they get it.
"""
from __future__ import annotations

from collections.abc import Mapping
import hashlib
import json
from typing import Any

_MAGIC = b'rgbt-tracker engine 1 '
_FIRST = len(_MAGIC) + 64 + 1


class DamagedError(ValueError):
    """A file of the cache is not as it was written; the message says in what."""


def pack(facts: Mapping[str, Any], content: bytes) -> list[bytes]:
    """Return the parts of a file, to be written one after the other."""
    line = json.dumps(facts, sort_keys=True).encode() + b'\n'
    digest = hashlib.sha256(line)
    digest.update(content)
    return [_MAGIC + digest.hexdigest().encode() + b'\n', line, content]


def unpack(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the facts and the content of a file.

    Raises
    ------
    DamagedError
        If one byte is not as it was, or some are missing.

    """
    if not data.startswith(_MAGIC):
        raise DamagedError('is empty' if not data else 'is no engine of this package')
    rest = memoryview(data)[_FIRST:]
    digest = _MAGIC + hashlib.sha256(rest).hexdigest().encode() + b'\n'
    if data[:_FIRST] != digest:
        raise DamagedError('is damaged or cut off')
    end = data.find(b'\n', _FIRST)
    try:
        facts = json.loads(data[_FIRST:end])
    except ValueError as error:
        raise DamagedError('is no engine of this package') from error
    if end < 0 or not isinstance(facts, dict):
        raise DamagedError('is no engine of this package')
    return facts, data[end + 1:]
