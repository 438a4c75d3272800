# SPDX-License-Identifier: Apache-2.0
"""What is in the cache, what of it is of use here, and how the rest goes."""
from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from rgbt_tracker_ros.inference.engines import crash_guard, timing
from rgbt_tracker_ros.inference.engines.record import DamagedError, unpack
from rgbt_tracker_ros.inference.engines.store import CacheEntry, Store
from rgbt_tracker_ros.inference.engines.tools import Platform


@dataclass(frozen=True, slots=True)
class ListedEngine:
    """An engine, and why it is of no use here; empty = it is."""

    kept: CacheEntry
    useless: str


def list_engines(folder: Path, platform: Platform | None) -> list[ListedEngine]:
    """Return every engine of a cache, newest first.

    Parameters
    ----------
    folder
        The cache; it may be missing.
    platform
        That of this machine; None = it runs no engines.

    """
    seen: set[tuple[str, str, Platform]] = set()
    judged = []
    for kept in reversed(list(Store(folder).kept())):
        identity, useless = kept.identity, kept.trouble
        if identity is not None:
            place = identity.name, identity.precision, identity.platform
            if platform is None:
                useless = 'no engine runs here'
            elif identity.platform != platform:
                useless = f'is for {identity.platform}, here is {platform}'
            elif place in seen:
                useless = 'is of an older export of the model'
            seen.add(place)
        judged.append(ListedEngine(kept, useless))
    return judged


def prune(folder: Path, platform: Platform | None) -> list[CacheEntry]:
    """Remove what is of no use here, and notes of crashes; return the engines among it.

    Raises
    ------
    OSError
        If one cannot be removed.

    """
    removed = [item.kept for item in list_engines(folder, platform) if item.useless]
    for kept in removed:
        kept.path.unlink(missing_ok=True)
    for path in folder.glob(f'*{timing.SUFFIX}'):
        if platform is None or not _is_of(path, platform):
            path.unlink(missing_ok=True)
    for path in folder.glob(f'.*{crash_guard.SUFFIX}'):
        path.unlink(missing_ok=True)
    return removed


def _is_of(timings: Path, platform: Platform) -> bool:
    try:
        return unpack(timings.read_bytes())[0] == asdict(platform)
    except (OSError, DamagedError):
        return False
