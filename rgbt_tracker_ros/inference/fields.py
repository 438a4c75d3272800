# SPDX-License-Identifier: Apache-2.0
"""Typed reading of a YAML mapping; every complaint names the file, the key and what was found."""
from __future__ import annotations

from collections.abc import Mapping
import math
from pathlib import Path
from typing import Any

from rgbt_tracker_ros.errors import ModelError


class Fields:
    """A mapping of a model description, read key by key.

    Parameters
    ----------
    path
        The file the mapping comes from, for messages.
    values
        The mapping; anything else is reported as an error.
    prefix
        Dotted name of the mapping inside the file, empty for the whole file.

    """

    def __init__(self, path: Path, values: Any, prefix: str = '') -> None:
        self._path = path
        self._prefix = prefix
        if not isinstance(values, Mapping):
            raise self.error('', 'a mapping', values)
        self._values = values

    def error(self, key: str, expected: str, found: Any) -> ModelError:
        """Make the error that says what `key` should have been."""
        name = '.'.join(part for part in (self._prefix, key) if part) or 'the file'
        return ModelError(
            f'{self._path}: {name} must be {expected}, found {found!r}: '
            'correct it, or export the model again')

    def only(self, *keys: str) -> None:
        """Raise ModelError if the mapping has a key that is not in `keys`."""
        for key in self._values:
            if key not in keys:
                raise self.error('', f'made of the keys {", ".join(keys)}', str(key))

    def has(self, key: str) -> bool:
        """Tell whether the key is present."""
        return key in self._values

    def keys(self) -> tuple[str, ...]:
        """Return the keys as text."""
        return tuple(str(key) for key in self._values)

    def section(self, key: str) -> Fields:
        """Return the mapping under `key`."""
        prefix = f'{self._prefix}.{key}' if self._prefix else key
        return Fields(self._path, self._get(key, 'a mapping'), prefix)

    def text(self, key: str, choices: tuple[str, ...] = ()) -> str:
        """Return a non-empty text, one of `choices` if there are any."""
        value = self._get(key, 'a text')
        expected = f'one of {", ".join(choices)}' if choices else 'a text'
        if not isinstance(value, str) or not value or (choices and value not in choices):
            raise self.error(key, expected, value)
        return value

    def integer(self, key: str, low: int, high: int) -> int:
        """Return an integer in low..high."""
        expected = f'an integer from {low} to {high}'
        value = self._get(key, expected)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(key, expected, value)
        return value

    def number(self, key: str, low: float, high: float) -> float:
        """Return a finite number in low..high."""
        expected = f'a number from {low:g} to {high:g}'
        value = self._get(key, expected)
        if not _is_number(value) or not low <= value <= high:
            raise self.error(key, expected, value)
        return float(value)

    def numbers(self, key: str, lengths: tuple[int, ...], low: float, high: float,
                ) -> tuple[float, ...]:
        """Return a list of finite numbers in low..high."""
        counts = ' or '.join(map(str, lengths))
        expected = f'a list of {counts} numbers from {low:g} to {high:g}'
        value = self._get(key, expected)
        if (not isinstance(value, list) or len(value) not in lengths
                or not all(_is_number(item) and low <= item <= high for item in value)):
            raise self.error(key, expected, value)
        return tuple(float(item) for item in value)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self._get(key, 'a list of texts')
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(key, 'a list of texts', value)
        return tuple(value)

    def shapes(self, key: str) -> dict[str, tuple[int, ...]]:
        """Return a mapping from tensor names to static shapes."""
        section = self.section(key)
        result = {}
        for name, value in section._values.items():
            good = isinstance(value, list) and value and all(
                isinstance(item, int) and not isinstance(item, bool) and item > 0
                for item in value)
            if not isinstance(name, str) or not good:
                raise section.error(str(name), 'a list of positive integers', value)
            result[name] = tuple(value)
        return result

    def _get(self, key: str, expected: str) -> Any:
        if key not in self._values:
            raise self.error(key, expected, 'nothing')
        return self._values[key]


def _is_number(value: Any) -> bool:
    # Whole numbers have no bound in YAML, and isfinite would overflow.
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, float) and math.isfinite(value))
