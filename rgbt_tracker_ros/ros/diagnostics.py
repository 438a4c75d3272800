# SPDX-License-Identifier: Apache-2.0
"""What the node says about each frame (`~/status`) and about itself (`/diagnostics`)."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the node: how it is, in words, and its numbers."""

    name: str
    level: bytes
    message: str
    values: Mapping[str, Any]


def diagnostic_array(header: Header, node: str, parts: list[Part]) -> DiagnosticArray:
    """Return the parts as one message.

    Parameters
    ----------
    header
        Header of the message.
    node
        Full name of the node; it goes before the name of each part.
    parts
        What to say.

    """
    return DiagnosticArray(header=header, status=[
        DiagnosticStatus(
            level=part.level, name=f'{node.lstrip("/")}: {part.name}', message=part.message,
            hardware_id=node,
            values=[KeyValue(key=key, value=_text(value)) for key, value in part.values.items()])
        for part in parts])


def values_of(message: DiagnosticArray, part: str) -> dict[str, str]:
    """Return the numbers of one part, as text; empty when the message has no such part."""
    for status in message.status:
        if status.name.endswith(f': {part}'):
            return {item.key: item.value for item in status.values}
    return {}


def _text(value: Any) -> str:
    return f'{value:.6g}' if isinstance(value, float) else str(value)
