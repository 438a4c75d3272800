# SPDX-License-Identifier: Apache-2.0
"""What the node says about each frame (`~/status`) and about itself (`/diagnostics`)."""
from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from rgbt_tracker_ros.pipeline.report import Part


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
            level=bytes([part.level]), name=f'{node.lstrip("/")}: {part.name}',
            message=part.message,
            hardware_id=node,
            values=[KeyValue(key=key, value=value) for key, value in part.texts().items()])
        for part in parts])


def values_of(message: DiagnosticArray, part: str) -> dict[str, str]:
    """Return the numbers of one part, as text; empty when the message has no such part."""
    for status in message.status:
        if status.name.endswith(f': {part}'):
            return {item.key: item.value for item in status.values}
    return {}

