# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker generate`: write a generated RGB-thermal clip with its ground truth."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    from rgbt_tracker_ros.synthetic.spec import ClipSpec

_DRAWS = 50
"""Random scenes that are tried for one whose target is seen in the first image."""


def generate(
    output: Annotated[Path, typer.Argument(help='Folder to make; it must not exist yet.')],
    seed: Annotated[int, typer.Option(min=0, help='Another seed, another world and noise.')] = 7,
    random: Annotated[bool, typer.Option(
        '--random', help='A random scene, target and events, not the demonstration.')] = False,
    size: Annotated[str, typer.Option(help='WIDTHxHEIGHT of both cameras, pixels.')] = '640x480',
    duration: Annotated[float, typer.Option(
        min=1.0, max=600.0, help='Seconds; only with --random.')] = 12.0,
    overwrite: Annotated[bool, typer.Option(
        '--overwrite', help='Replace a clip that was generated before.')] = False,
) -> None:
    """Generate an RGB-thermal clip with exact ground truth: smoke, darkness, occlusion ..."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from rgbt_tracker_ros.cli.console import error_console
    from rgbt_tracker_ros.synthetic.clip_files import write_clip
    from rgbt_tracker_ros.synthetic.scripts import demo_spec

    view = _parse_size(size)
    spec = _random_spec(seed, view, duration) if random else demo_spec(view)
    console = error_console()
    with Progress(TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(),
                  TimeRemainingColumn(), console=console, transient=True,
                  disable=not console.is_terminal) as bar:
        task = bar.add_task('generating', total=None)
        write_clip(
            output, spec, seed,
            lambda done, total: bar.update(task, completed=done, total=total), overwrite=overwrite)
    console.print(f'wrote {output}: {spec.duration:g} s, {spec.rgb_rate:g} Hz RGB, '
                  f'{spec.thermal_rate:g} Hz thermal, seed {seed}', markup=False)


def _random_spec(seed: int, size: tuple[int, int], duration: float) -> ClipSpec:
    """Draw until the target is seen in the first image, where tracking starts."""
    import numpy as np

    from rgbt_tracker_ros.synthetic.clip import Clip
    from rgbt_tracker_ros.synthetic.scripts import random_spec

    rng = np.random.default_rng(seed)
    spec = random_spec(rng, size, duration)
    for _ in range(_DRAWS):
        _, truth = Clip(spec, seed).rgb(0)
        if not truth.absent and not truth.occluded:
            break
        spec = random_spec(rng, size, duration)
    return spec


def _parse_size(text: str) -> tuple[int, int]:
    parts = text.lower().split('x')
    if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
        raise InputError(f'--size {text!r} is not WIDTHxHEIGHT: give for example 640x480')
    return int(parts[0]), int(parts[1])
