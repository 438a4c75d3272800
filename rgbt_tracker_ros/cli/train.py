# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker train`: train a network by a recipe; goes on where an earlier run stopped."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from rgbt_tracker_ros.cli.console import console
from rgbt_tracker_ros.errors import InputError


def train(
    recipe: Annotated[Path, typer.Argument(help='Recipe, as config/recipes/unified_nano.yaml.')],
    output: Annotated[Path | None, typer.Option(
        help='Folder of the checkpoint and the log.',
        show_default='runs/<name of the recipe>')] = None,
    dataset: Annotated[list[str] | None, typer.Option(
        metavar='NAME[/SPLIT]:DIR', help='Train on this dataset in place of the recipe\'s data, '
        'as lasher:DIR; may be repeated. docs/datasets.md tells what must be in it.')] = None,
    allow_missing: Annotated[bool, typer.Option(
        '--allow-missing', help='Do without sequences of --dataset that are missing or damaged.'),
    ] = False,
    seconds: Annotated[float | None, typer.Option(
        min=0, help='Stop after so long, with a checkpoint to go on from.')] = None,
) -> None:
    """Train a network; called again with the same output it continues."""
    try:
        from rgbt_tracker_ros.training.recipe import named_datasets, read_recipe
        from rgbt_tracker_ros.training.trainer import train as run
    except ModuleNotFoundError as error:
        raise InputError(
            f'training needs {error.name}: pip install -e ".[train]" in the repository') from error
    checked = read_recipe(recipe)
    if dataset:
        checked = checked.on_datasets(named_datasets(dataset, allow_missing))
    checkpoint = run(checked, output or Path('runs') / checked.name, seconds)
    if os.environ.get('RANK', '0') == '0':
        console().print(f'checkpoint: {checkpoint}')
