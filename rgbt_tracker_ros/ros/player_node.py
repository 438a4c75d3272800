# SPDX-License-Identifier: Apache-2.0
"""Executable `player_node`: two recordings played as image topics."""
from __future__ import annotations

import sys

from rgbt_tracker_ros.ros.executable import run


def main() -> int:
    """Run the node and return its exit status."""
    return run('rgbt_tracker_ros.ros.player', 'PlayerNode')


if __name__ == '__main__':
    sys.exit(main())
