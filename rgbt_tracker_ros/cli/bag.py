# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker bag`: run the node's pipeline over a ROS 2 bag, without ROS."""
from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rgbt_tracker_ros.cli import options
from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    from rgbt_tracker_ros.bags.reader import BagReader
    from rgbt_tracker_ros.bags.replay import Answered, Frame, Replay
    from rgbt_tracker_ros.bags.topics import CameraTopics


class Storage(str, Enum):
    """Formats of bags."""

    MCAP = 'mcap'
    SQLITE3 = 'sqlite3'


def bag(
    source: Annotated[Path, typer.Argument(
        metavar='BAG', help='Folder of a ROS 2 bag, or one file of it (MCAP or SQLite).')],
    output: Annotated[Path, typer.Option(
        metavar='OUT', help='New bag, a folder: detections and status of each frame.')],
    init: Annotated[str | None, typer.Option(
        metavar='X,Y,W,H', help='Target: top-left corner and size, pixels of the RGB image. '
        'Not needed when the bag has boxes on .../init_box.')] = None,
    init_stamp: Annotated[float | None, typer.Option(
        metavar='S', help='Stamp of the image that --init is of, seconds since 1970; else the '
        'first usable pair.')] = None,
    rgb_topic: Annotated[str | None, typer.Option(
        metavar='TOPIC', help='RGB images; else found by name and encoding.')] = None,
    thermal_topic: Annotated[str | None, typer.Option(
        metavar='TOPIC', help='Thermal images; else found by name and encoding.')] = None,
    model: options.GivenModel = None,
    backend: options.GivenBackend = None,
    params: options.Params = None,
    set_: options.Set = None,
    storage: Annotated[Storage, typer.Option(help='Format of the new bag.')] = Storage.MCAP,
    with_images: Annotated[bool, typer.Option(
        '--with-images', help='Also write the images with the target drawn into them.')] = False,
    log: Annotated[Path | None, typer.Option(
        metavar='OUT.csv', help='Stamp, box, score, state and cameras per frame.')] = None,
    video: Annotated[Path | None, typer.Option(
        metavar='OUT.mp4', help='Overlay: RGB, thermal and fused image side by side.')] = None,
    start: Annotated[float, typer.Option(
        metavar='S', min=0, help='Begin so many seconds after the begin of the bag.')] = 0.0,
    end: Annotated[float | None, typer.Option(
        metavar='S', min=0, help='End so many seconds after the begin of the bag.')] = None,
) -> None:
    """Track through a ROS 2 bag as the node would have, and write what it says into a new bag."""
    from rgbt_tracker_ros.bags.reader import BagReader, require_rosbags
    from rgbt_tracker_ros.cli.track_outputs import check_distinct

    settings = options.read_settings(params, model, backend, set_)
    box = None if init is None else options.init_box(init)
    if box is None and init_stamp is not None:
        raise InputError('--init-stamp without --init: give the box, too')
    if box is not None and init_stamp is None:
        settings = settings.updated({'initial_box': list(box)})
    if end is not None and end <= start:
        raise InputError(f'--end {end:g} is not after --start {start:g}')
    check_distinct({'--output': output, '--log': log, '--video': video})
    require_rosbags(source)

    from rgbt_tracker_ros.bags.replay import Replay
    from rgbt_tracker_ros.bags.writer import ResultBag
    from rgbt_tracker_ros.cli.bag_outputs import BagOutputs
    from rgbt_tracker_ros.cli.console import console, warn
    from rgbt_tracker_ros.cli.loading import load_tracker

    result = ResultBag(output, storage.value, with_images)
    with BagReader(source) as reader:
        cameras = reader.cameras(rgb_topic, thermal_topic)
        warn(f'rgb is {cameras.rgb or "missing"}, thermal is {cameras.thermal or "missing"}')
        tracker = load_tracker(settings)
        try:
            replay = Replay(reader, cameras, tracker, settings, warn, fused=video is not None)
            if not settings.initial_box and box is None and not replay.has_requests:
                raise InputError('no target: give --init X,Y,W,H (the bag has no boxes on '
                                 '.../init_box or .../detections_in)')
            if box is not None and init_stamp is not None:
                replay.start_at(box, init_stamp)
            fused = tracker.bundle.gives_fused
            with BagOutputs(result, log, video, _rate(reader, cameras), fused) as outputs:
                line = _run(reader, replay, outputs.write, cameras, (start, end),
                            box is not None)
        finally:
            tracker.close()
    console().print(line, soft_wrap=True)


def _run(reader: BagReader, replay: Replay, write: Callable[[Frame | Answered], None],
         cameras: CameraTopics, span: tuple[float, float | None], given: bool) -> str:
    """Work through the bag and return the summary.

    Raises
    ------
    InputError
        If there is no frame, or none that the target of the command line could be started on.

    """
    from rgbt_tracker_ros.cli.bag_summary import BagSummary
    from rgbt_tracker_ros.cli.console import progress, warn

    begin, end = (None if value is None else reader.start + round(value * 1e9) for value in span)
    summary = BagSummary()
    total = max(topic.count for topic in reader.topics if topic.name in cameras.names)
    for event in progress(replay.events(begin, end), 'tracking', total):
        write(event)
        for note in summary.add(event):
            warn(note)
    if not summary.frames:
        raise InputError('the bag has no usable frame of these cameras (between --start and '
                         '--end): see rgbt-tracker doctor --bag')
    if given and not summary.started:
        raise InputError('--init: there is no frame to start on: give an --init-stamp inside the '
                         'recording, or none')
    return summary.line()


def _rate(reader: BagReader, cameras: CameraTopics) -> float:
    """Return the mean rate of the camera that sets the pace, in a range that players accept."""
    count = next(topic.count for topic in reader.topics if topic.name == cameras.names[0])
    return min(max((count - 1) / max((reader.end - reader.start) * 1e-9, 1e-3), 1.0), 120.0)
