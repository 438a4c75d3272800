# SPDX-License-Identifier: Apache-2.0
"""Executable `recorder_node`: what the tracker publishes, written to a file."""
from __future__ import annotations

import sys

from rgbt_tracker_ros.ros.executable import run


def main() -> int:
    """Run the node and return its exit status."""
    return run('rgbt_tracker_ros.ros.recorder', 'RecorderNode')


if __name__ == '__main__':
    sys.exit(main())
