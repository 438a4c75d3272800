# SPDX-License-Identifier: Apache-2.0
"""The tracker node with all its work but the network's, to be measured."""
from __future__ import annotations

import sys

from rgbt_tracker_ros.ros.executable import run
from rgbt_tracker_ros.ros.lifecycle import TrackerNode
from rgbt_tracker_ros.ros.overhead.idle_network import idle_tracker


class IdleNode(TrackerNode):
    """Node `rgbt_tracker` on an idle network."""

    def __init__(self) -> None:
        super().__init__(idle_tracker)


def main() -> int:
    """Run the node and return its exit status."""
    return run('rgbt_tracker_ros.ros.overhead.idle_node', 'IdleNode')


if __name__ == '__main__':
    sys.exit(main())
