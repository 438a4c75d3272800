# SPDX-License-Identifier: Apache-2.0
"""One line of what `rgbt-tracker doctor` reports."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal['ok', 'missing', 'warning', 'error']


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of a subject.

    Attributes
    ----------
    subject
        As in `GPU`.
    level
        `missing` does no harm, `warning` costs speed, `error` keeps the tracker from running.
    text
        What was found, or the remedy.

    """

    subject: str
    level: Level
    text: str
