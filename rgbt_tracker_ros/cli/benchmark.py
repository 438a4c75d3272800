# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker benchmark`: how fast a model tracks on this machine."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from rgbt_tracker_ros.cli import options
from rgbt_tracker_ros.errors import ModelError

_ROUNDS = 3


def benchmark(
    model: options.Model = 'unified_nano',
    backend: options.Backend = 'auto',
    frames: Annotated[int, typer.Option(
        metavar='N', min=1, max=100000, help='Pairs that are timed.')] = 200,
    ros: Annotated[bool, typer.Option(
        '--ros', help='Also time the node over ROS topics (needs rclpy).')] = False,
    sync: Annotated[bool, typer.Option(
        '--sync', help='Instead compare synchronisers of frames on the same stamps; with '
        'message_filters where it is installed.')] = False,
    seconds: Annotated[float, typer.Option(
        metavar='S', min=1.0, max=3600.0,
        help='With --ros: how long each node is measured, in three rounds.')] = 24.0,
    json_file: Annotated[Path | None, typer.Option(
        '--json', metavar='OUT.json', help='Figures with hardware, versions and command.')] = None,
    picture: Annotated[Path | None, typer.Option(
        metavar='OUT.png', help='With --sync: draw the comparison.')] = None,
    set_: options.Set = None,
) -> None:
    """Time every stage of tracking on generated 640x480 pairs; with --ros also the node.

    The node is measured with its network and with one that answers at once, in turns with a node
    that pairs two image topics and does nothing else.
    """
    settings = options.make_settings(set_, model, backend)
    if sync:
        from rgbt_tracker_ros.cli.benchmark_sync import benchmark_sync

        return benchmark_sync(settings.sync, json_file, picture)

    from rgbt_tracker_ros.benchmark.files import write_json
    from rgbt_tracker_ros.benchmark.latency import machine, measure, percentiles
    from rgbt_tracker_ros.cli.benchmark_tables import show
    from rgbt_tracker_ros.cli.console import progress
    from rgbt_tracker_ros.cli.loading import load_tracker

    if ros:
        options.require_ros('--ros')
    tracker = load_tracker(settings)
    if tracker.backend.choice.degraded:
        raise ModelError(f'{tracker.backend.choice.reason}: that would be timed')

    def with_progress(numbers: Iterator[int]) -> Iterator[int]:
        return progress(numbers, 'timing', frames)

    report: dict[str, Any] = {
        'model': tracker.bundle.name, 'backend': tracker.backend.name, 'frames': frames,
        'milliseconds': percentiles(measure(tracker, frames, with_progress)), **machine()}
    tracker.close()
    if ros:
        from rgbt_tracker_ros.ros.overhead.measurement import measure as measure_nodes
        from rgbt_tracker_ros.ros.overhead.measurement import turns

        report['ros'] = measure_nodes(
            model, backend, seconds=seconds / _ROUNDS, rounds=_ROUNDS,
            settings=options.changed(settings),
            step=lambda names: progress(names, 'nodes', turns(_ROUNDS)))
    if json_file is not None:
        write_json(json_file, report)
    show(report)
