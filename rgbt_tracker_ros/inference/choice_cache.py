# SPDX-License-Identifier: Apache-2.0
"""Remembers which backend was the quickest for a model on this machine."""
from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
import hashlib
from importlib.metadata import PackageNotFoundError, version
import json
from pathlib import Path

from rgbt_tracker_ros.inference.bundle import ModelBundle
from rgbt_tracker_ros.inference.engines.files import cache_folder, write_whole
from rgbt_tracker_ros.inference.engines.tools import EngineError
from rgbt_tracker_ros.inference.processor import cpu_name, thread_count
from rgbt_tracker_ros.settings import ModelSettings

_FORMAT = 1
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Remembered:
    """A choice that was made before: the backend's name, and why in words."""

    name: str
    reason: str


class ChoiceCache:
    """One choice, in a file named by the digest of everything it depends on.

    A file that is damaged or cannot be read is as good as none, and one that cannot be written is
    no harm: the choice is then made again at the next start.

    Parameters
    ----------
    bundle, settings
        Which graphs run, with how many threads, in which precision.
    runtimes
        Python distributions of the backends to choose from.

    """

    def __init__(self, bundle: ModelBundle, settings: ModelSettings,
                 runtimes: tuple[str, ...]) -> None:
        facts = {
            'format': _FORMAT, 'cpu': cpu_name(), 'threads': thread_count(settings.threads),
            'precision': settings.precision, 'graphs': [
                bundle.template_graph.sha256, bundle.search_graph.sha256],
            'versions': {name: _version(name) for name in runtimes}}
        key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
        self._path: Path | None = None
        with suppress(EngineError):     # a user without a home
            self._path = cache_folder().parent / 'choices' / f'{key[:32]}.json'

    def read(self) -> Remembered | None:
        """Return the choice; None when there is none."""
        try:
            if self._path is None or self._path.stat().st_size > _LONGEST:
                return None
            found = json.loads(self._path.read_text(encoding='utf-8'))
        except (OSError, ValueError):
            return None
        if not isinstance(found, Mapping):
            return None
        name, reason = found.get('backend'), found.get('reason')
        return Remembered(name, reason) if isinstance(name, str) and isinstance(
            reason, str) else None

    def write(self, choice: Remembered) -> None:
        """Keep the choice, where that is possible."""
        if self._path is None:
            return
        content = {'backend': choice.name, 'reason': choice.reason}
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, [json.dumps(content, indent=2).encode()])


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ''
