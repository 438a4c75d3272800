# SPDX-License-Identifier: Apache-2.0
"""What the node says about each frame (`~/status`) and about itself (`/diagnostics`)."""
from __future__ import annotations

from diagnostic_msgs import msg as diagnostic_msgs
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from std_msgs.msg import Header

from rgbt_tracker_ros.pipeline import messages
from rgbt_tracker_ros.pipeline.report import Part


def diagnostic_array(header: Header, node: str, parts: list[Part]) -> DiagnosticArray:
    """Return the parts as one message; `node` is the full name of the node."""
    return messages.diagnostic_array(diagnostic_msgs, header, node, parts)


def values_of(message: DiagnosticArray, part: str) -> dict[str, str]:
    """Return the numbers of one part, as text; empty when the message has no such part."""
    for status in message.status:
        if status.name.endswith(f': {part}'):
            return {item.key: item.value for item in status.values}
    return {}


def fault_of(message: DiagnosticArray, node: str) -> str | None:
    """Return why a node cannot work, empty when it can; None when the message is another's.

    Parameters
    ----------
    message
        From `/diagnostics`.
    node
        Full name of the node, without the first slash.

    """
    for status in message.status:
        if status.name == f'{node}: node':
            return str(status.message) if status.level == DiagnosticStatus.ERROR else ''
    return None
