# SPDX-License-Identifier: Apache-2.0
"""Training of a network by a recipe: seeded, resumable, on a CPU or a GPU."""
from __future__ import annotations

from collections.abc import Iterator
import csv
from dataclasses import asdict, dataclass
import math
import os
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Sampler

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.networks.families import find_family
from rgbt_tracker_ros.training.checkpoint import averaged_state, checkpoint_errors
from rgbt_tracker_ros.training.dataset import PairDataset
from rgbt_tracker_ros.training.method import Method, make_method
from rgbt_tracker_ros.training.recipe import OptimRecipe, Recipe

CHECKPOINT = 'checkpoint.pt'
LOG_EVERY = 20


class _From(Sampler[int]):
    """Sample numbers from a given one on, so that a resumed run sees what it would have seen."""

    def __init__(self, first: int, count: int) -> None:
        self._range = range(first, count)

    def __iter__(self) -> Iterator[int]:
        return iter(self._range)

    def __len__(self) -> int:
        return len(self._range)


@dataclass
class _Run:
    recipe: Recipe
    method: Method
    average: AveragedModel
    optimizer: torch.optim.Optimizer
    step: int = 0

    def save(self, file: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        state = {
            'recipe': self.recipe.model_dump(mode='json'), 'step': self.step,
            'family': self.method.network.family,
            'network_config': asdict(self.method.network.config),
            'network': self.method.network.state_dict(),
            'extra': self.method.extra.state_dict(), 'average': self.average.state_dict(),
            'optimizer': self.optimizer.state_dict()}
        partial = file.with_suffix('.partial')
        torch.save(state, partial)
        os.replace(partial, file)

    def load(self, file: Path) -> None:
        """Go on from a checkpoint of the same network."""
        network = self.method.network
        with checkpoint_errors(file):
            state = torch.load(file, map_location='cpu', weights_only=True)
            config = type(network.config)(**state['network_config'])
            if state.get('family', 'unified') != network.family or config != network.config:
                raise InputError(f'{file} is of another network: use another output folder')
            stage = state['recipe'].get('stage', {'kind': 'tracking'})
            if stage['kind'] != self.recipe.stage.kind:
                raise InputError(f'{file} is of another stage: use another output folder')
            network.load_state_dict(state['network'])
            self.method.extra.load_state_dict(state.get('extra', {}))
            self.average.load_state_dict(state['average'])
            self.optimizer.load_state_dict(state['optimizer'])
            self.step = state['step']


def train(recipe: Recipe, output: Path) -> Path:
    """Train, or go on with, the network of a recipe; return the checkpoint's file.

    `output` gets `checkpoint.pt` (weights, averaged weights, optimiser, step, recipe) and
    `log.csv`. Called again with the same folder it continues after the last checkpoint.

    Raises
    ------
    InputError
        If the folder cannot be made, its checkpoint is damaged or of another network, or a source
        of the recipe is missing or empty.

    """
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'--output {output} cannot be made: {error.strerror}') from error
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    if recipe.optim.threads:
        torch.set_num_threads(recipe.optim.threads)
    torch.manual_seed(recipe.seed)
    run = _prepared(recipe, device)
    checkpoint = output / CHECKPOINT
    if checkpoint.exists():
        run.load(checkpoint)
    optim = recipe.optim
    loader = DataLoader(
        PairDataset(recipe), batch_size=optim.batch,
        sampler=_From(run.step * optim.batch, optim.steps * optim.batch),
        num_workers=recipe.data.workers, pin_memory=device.type == 'cuda',
        prefetch_factor=4 if recipe.data.workers else None)
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(),
               TimeRemainingColumn())
    with Progress(*columns) as progress, (output / 'log.csv').open('a', newline='') as file:
        task = progress.add_task('training', total=optim.steps, completed=run.step)
        log = csv.writer(file)
        if file.tell() == 0:
            log.writerow(('step', 'loss', *run.method.parts))
        for batch in loader:
            parts = _train_step(run, [tensor.to(device) for tensor in batch])
            if run.step % LOG_EVERY == 0:
                log.writerow([run.step, *(f'{value:.4f}' for value in parts.values())])
                file.flush()
                progress.update(task, description=_told(parts))
            if run.step % optim.checkpoint_every == 0 or run.step == optim.steps:
                run.save(checkpoint)
            progress.update(task, completed=run.step)
    return checkpoint


def _prepared(recipe: Recipe, device: torch.device) -> _Run:
    method = make_method(recipe, device)
    optim = recipe.optim
    optimizer = torch.optim.AdamW(
        method.groups(), lr=optim.lr, weight_decay=optim.weight_decay)
    average = AveragedModel(method.network, multi_avg_fn=get_ema_multi_avg_fn(optim.average))
    return _Run(recipe, method, average, optimizer)


def _train_step(run: _Run, batch: list[Tensor]) -> dict[str, float]:
    optim = run.recipe.optim
    for group in run.optimizer.param_groups:
        group['lr'] = group['peak'] * learning_rate_share(run.step, optim)
    loss, parts = run.method.loss(batch, run.step)
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(
        [weight for group in run.optimizer.param_groups for weight in group['params']],
        optim.clip)
    run.optimizer.step()
    run.average.update_parameters(run.method.network)
    run.step += 1
    return {name: float(value.detach()) for name, value in {'loss': loss, **parts}.items()}


def _told(parts: dict[str, float]) -> str:
    if 'iou' in parts:
        return f'training, IoU {parts["iou"]:.2f}'
    return f'training, loss {parts["loss"]:.3f}'


def learning_rate_share(step: int, optim: OptimRecipe) -> float:
    """Return the share of the peak learning rate at a step: linear warm-up, then the schedule."""
    if step < optim.warmup:
        return (step + 1) / optim.warmup
    if optim.schedule == 'constant':
        return 1.0
    progress = (step - optim.warmup) / max(optim.steps - optim.warmup, 1)
    return 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))


def averaged_network(checkpoint: Path) -> tuple[nn.Module, Recipe]:
    """Load the averaged weights of a checkpoint for export, and the recipe they come from.

    Raises
    ------
    InputError
        If the file is not a checkpoint of this package.

    """
    with checkpoint_errors(checkpoint):
        state = torch.load(checkpoint, map_location='cpu', weights_only=True)
        family = find_family(state.get('family', 'unified'))
        network = family.network(family.config(**state['network_config']))
        network.load_state_dict(averaged_state(state))
        return network.eval(), Recipe.model_validate(state['recipe'])


def training_data(recipe: Recipe) -> tuple[str, ...]:
    """Return, for the model card, the sources of a recipe that have a share, and its start."""
    sources = tuple(f'{name} ({share:g})' for name, share in recipe.data.shares.items())
    start = recipe.network.start
    return (*sources, f'what {start.name} was trained on') if isinstance(start, Path) else sources
