# SPDX-License-Identifier: Apache-2.0
"""What builders measured, one file per platform: a second engine is built faster with it."""
from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
import hashlib
import json
from pathlib import Path

from rgbt_tracker_ros.inference.engines.files import write_whole
from rgbt_tracker_ros.inference.engines.record import DamagedError, pack, unpack
from rgbt_tracker_ros.inference.engines.tools import Platform

SUFFIX = '.timings'


def read_timings(folder: Path, platform: Platform) -> bytes | None:
    """Return what is known; None without a file, or with one that is damaged or of another."""
    try:
        facts, content = unpack(_path(folder, platform).read_bytes())
    except (OSError, DamagedError):
        return None
    return content if facts == asdict(platform) else None


def keep_timings(folder: Path, platform: Platform, content: bytes) -> None:
    """Keep what a build has measured; where that cannot be, the next build is only slower."""
    with suppress(OSError):
        write_whole(_path(folder, platform), pack(asdict(platform), content))


def _path(folder: Path, platform: Platform) -> Path:
    digest = hashlib.sha256(json.dumps(asdict(platform), sort_keys=True).encode()).hexdigest()
    return folder / f'{platform.runtime}-{digest[:16]}{SUFFIX}'
