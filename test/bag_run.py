# SPDX-License-Identifier: Apache-2.0
"""Runs `rgbt-tracker bag` and reads what it wrote."""
from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from bag_files import scene, write_bag
from mock_model import write_bundle

from rgbt_tracker_ros.bags.reader import BagReader
from rgbt_tracker_ros.cli.main import run

FRAMES = 24
INIT = '40,100,32,32'
DETECTIONS, STATUS = '/rgbt_tracker/detections', '/rgbt_tracker/status'


class Clip:
    """A folder with model/ and bag/, and the command with good arguments for them."""

    def __init__(self, folder: Path) -> None:
        self.model = write_bundle(folder / 'model')
        self.bag = write_bag(folder / 'bag', scene(FRAMES))

    def __call__(self, source: Path | None = None, *flags: str, **changes: str | None) -> int:
        """Run the command; options that are None are left out."""
        options = {'output': 'out', 'init': INIT, 'model': str(self.model)} | changes
        return run(['bag', str(source or self.bag), *flags, *(
            part for name, value in options.items() if value is not None
            for part in (f'--{name.replace("_", "-")}', value))])


class Said(NamedTuple):
    """One detection of a result bag: record time, stamp and frame, and the box (or None)."""

    time: int
    stamp: int
    frame: str
    box: list[float] | None


def said(path: Path = Path('out')) -> list[Said]:
    with BagReader(path) as result:
        found = []
        for item in result.messages([DETECTIONS]):
            stamp, detections = item.message.header.stamp, item.message.detections
            box = detections[0].bbox if detections else None
            found.append(Said(item.time, stamp.sec * 10**9 + stamp.nanosec,
                              item.message.header.frame_id, box and [
                                  box.center.position.x - box.size_x / 2,
                                  box.center.position.y - box.size_y / 2, box.size_x, box.size_y]))
    return found


def statuses(path: Path = Path('out')) -> list[dict[str, dict[str, str]]]:
    """Return the status messages: part → its numbers."""
    with BagReader(path) as result:
        return [{part.name.partition(': ')[2]: {item.key: item.value for item in part.values}
                 for part in item.message.status} for item in result.messages([STATUS])]
