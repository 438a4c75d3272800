# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker demo`: player, tracker and recorder as ROS nodes, then figures and a video."""
from __future__ import annotations

from pathlib import Path
import random
from typing import TYPE_CHECKING, Annotated

import typer

from rgbt_tracker_ros.cli import options
from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    from rgbt_tracker_ros.cli.demo_material import Material

_DOMAINS = range(70, 101)
"""Free of what people usually choose, and every port they need is free on Linux."""


def demo(
    rgb: Annotated[str | None, typer.Option(
        metavar='SRC', help='RGB recording: video file, folder of images or quoted glob.',
        show_default='a generated clip')] = None,
    thermal: Annotated[str | None, typer.Option(
        metavar='SRC', help='Thermal recording of the same scene.')] = None,
    init: Annotated[str | None, typer.Option(
        metavar='X,Y,W,H', help='Target in the first RGB frame of own recordings.')] = None,
    seed: Annotated[int, typer.Option(
        min=0, help='Another seed, another generated world and noise.')] = 7,
    output: Annotated[Path, typer.Option(
        metavar='DIR', help='Folder for boxes, log, video and picture.')] = Path('demo/output'),
    model: options.Model = 'unified_nano',
    backend: options.Backend = 'auto',
) -> None:
    """Track a target by the ROS node, live over DDS, and show how well it went."""
    if (rgb is None, thermal is None, init is None) not in ((True,) * 3, (False,) * 3):
        raise InputError('own recordings need all of --rgb, --thermal and --init X,Y,W,H')
    options.require_ros('demo')

    from rgbt_tracker_ros.cli.demo_material import recorded
    from rgbt_tracker_ros.inference.model_path import resolve

    bundle = resolve(model)
    if rgb is not None and thermal is not None and init is not None:
        material = recorded(rgb, thermal, init)
    else:
        material = _generated(output, seed)
    run_demo(material, output, str(bundle), backend)


def _generated(output: Path, seed: int) -> Material:
    from rgbt_tracker_ros.cli.demo_display import progress_bar
    from rgbt_tracker_ros.cli.demo_material import generated

    with progress_bar('generating the clip') as progress:
        return generated(output / 'clips', seed, progress)


def run_demo(material: Material, output: Path, model: str, backend: str = 'auto') -> None:
    """Play the material to the tracker, write all files and show the figures.

    Parameters
    ----------
    material
        What to play.
    output
        Folder for the files.
    model, backend
        Of the tracker; the model as a folder.

    """
    from rgbt_tracker_ros.cli.console import console
    from rgbt_tracker_ros.cli.demo_display import headline, progress_bar, summary_table
    from rgbt_tracker_ros.cli.demo_report import read_run, summarize, write_boxes, write_log
    from rgbt_tracker_ros.cli.demo_session import play
    from rgbt_tracker_ros.cli.demo_video import draw

    output.mkdir(parents=True, exist_ok=True)
    domain = random.SystemRandom().choice(_DOMAINS)
    table, fused_of = play(material, output, {'model.name': model, 'model.backend': backend},
                           domain)
    run = read_run(table, material)
    summary = summarize(run, material)
    write_boxes(output / 'boxes.txt', run)
    write_log(output / 'log.csv', run)
    with progress_bar('drawing video and picture') as progress:
        draw(output, material, run, fused_of, headline(summary), progress)
    console().print(summary_table(material.name, summary))
    console().print(f'in {output}/: boxes.txt, log.csv, overlay.mp4, summary.png, logs/',
                    soft_wrap=True)
