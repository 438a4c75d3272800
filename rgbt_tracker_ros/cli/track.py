# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker track`: track one target through a recording."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rgbt_tracker_ros.cli import options

if TYPE_CHECKING:
    from rgbt_tracker_ros.benchmark.sources import FrameSource, Kind

SOURCE_HELP = 'video file, folder of images or quoted glob.'


def track(
    init: Annotated[str, typer.Option(
        metavar='X,Y,W,H', help='Target in the first frame: top-left corner and size, pixels of '
        'the RGB image.')],
    rgb: Annotated[str | None, typer.Option(
        metavar='SRC', help=f'RGB recording: {SOURCE_HELP}')] = None,
    thermal: Annotated[str | None, typer.Option(
        metavar='SRC', help=f'Thermal recording, 8 or 16 bits (or depth, or events, as '
        f'thermal.normalization says): {SOURCE_HELP}')] = None,
    model: options.GivenModel = None,
    backend: options.GivenBackend = None,
    params: options.Params = None,
    start: Annotated[int, typer.Option(
        metavar='N', min=0, help='Number of the first frame, from 0.')] = 0,
    boxes: Annotated[Path | None, typer.Option(
        metavar='OUT.txt', help='Boxes, one x,y,w,h per line.')] = None,
    log: Annotated[Path | None, typer.Option(
        metavar='OUT.csv', help='Box, score, state, cameras and time per frame.')] = None,
    video: Annotated[Path | None, typer.Option(
        metavar='OUT.mp4', help='Overlay: RGB, thermal and fused image side by side.')] = None,
    set_: options.Set = None,
) -> None:
    """Track one target through an RGB and a thermal recording, or through one of them."""
    settings = options.read_settings(params, model, backend, set_)
    box = options.init_box(init)

    from rgbt_tracker_ros.benchmark.recording import read_frames, track_frames
    from rgbt_tracker_ros.cli.console import console, progress, warn
    from rgbt_tracker_ros.cli.loading import load_tracker
    from rgbt_tracker_ros.cli.track_outputs import Outputs
    from rgbt_tracker_ros.cli.track_summary import TrackSummary
    from rgbt_tracker_ros.tracking.preparation import PairPreparer

    sources = (_source(rgb, 'rgb'),
               _source(thermal, 'thermal', colors=settings.thermal.in_color))
    tracker = load_tracker(settings)
    frames = read_frames(*sources, start=start, warn=warn)
    prepare = PairPreparer(settings, tracker.bundle.thermal.channels)
    tracked = track_frames(tracker, prepare, frames, box, fused=video is not None)
    summary = TrackSummary()
    fused = tracker.bundle.gives_fused
    with Outputs(boxes, log, video, _rate(sources), fused) as outputs:
        for frame in progress(tracked, 'tracking', _total(sources, start)):
            outputs.write(frame)
            for event in summary.add(frame):
                warn(event)
    console().print(summary.line(), soft_wrap=True)


def _source(text: str | None, kind: Kind, *, colors: bool = False) -> FrameSource | None:
    from rgbt_tracker_ros.benchmark.sources import open_source

    return None if text is None else open_source(text, kind, colors=colors)


def _rate(sources: tuple[FrameSource | None, ...]) -> float:
    from rgbt_tracker_ros.benchmark.recording import DEFAULT_RATE

    return next((source.rate for source in sources if source and source.rate), DEFAULT_RATE)


def _total(sources: tuple[FrameSource | None, ...], start: int) -> int | None:
    """Return the number of frames for the progress bar, None when nothing says it."""
    counts = [source.count for source in sources if source and source.count]
    return max(min(counts) - start, 0) if counts else None
