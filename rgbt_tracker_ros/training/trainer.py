# SPDX-License-Identifier: Apache-2.0
"""Training of a network by a recipe: seeded, resumable, on CPUs or GPUs."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
import math
from pathlib import Path
import time

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.networks.families import find_family
from rgbt_tracker_ros.training import processes
from rgbt_tracker_ros.training.batched.bank import build_bank
from rgbt_tracker_ros.training.batched.loader import BatchedLoader
from rgbt_tracker_ros.training.batched.source import BatchedSource
from rgbt_tracker_ros.training.checkpoint import averaged_state, checkpoint_errors
from rgbt_tracker_ros.training.dataset import PairDataset
from rgbt_tracker_ros.training.log import TrainingLog
from rgbt_tracker_ros.training.recipe import Recipe
from rgbt_tracker_ros.training.run import Run

CHECKPOINT = 'checkpoint.pt'
SPEED = 'samples_per_s'
"""Column of the log: samples of all processes per second of wall time."""

_DRAW_EVERY = 60.0


class _OwnSamples(Sampler[int]):
    """Sample numbers from a step on, so that a resumed run sees what it would have seen.

    Of every batch they are those of this process.
    """

    def __init__(self, first: int, steps: int, batch: int) -> None:
        self._steps, self._batch = range(first, steps), batch
        self._rows = processes.own_rows(batch)

    def __iter__(self) -> Iterator[int]:
        return (step * self._batch + row for step in self._steps for row in self._rows)

    def __len__(self) -> int:
        return len(self._steps) * len(self._rows)


def train(recipe: Recipe, output: Path, seconds: float | None = None) -> Path:
    """Train, or go on with, the network of a recipe; return the checkpoint's file.

    `output` gets `checkpoint.pt` (weights, averaged weights if wanted, optimiser, step, recipe),
    `log.csv` and `log.png`. Called again with the same folder it continues after the last
    checkpoint. In several processes, as `torchrun` starts them, each takes its part of every
    batch, and only the first writes. After `seconds` it stops with a checkpoint, to be gone on
    with later.

    Raises
    ------
    InputError
        If the folder cannot be made, its checkpoint is damaged or of another network, a source
        of the recipe is missing or empty, or the loss is no longer a number.

    """
    end = math.inf if seconds is None else time.monotonic() + seconds
    start = recipe.network.start
    if isinstance(start, Path) and not start.is_file():
        raise InputError(f'recipe: network.start: {start}: no such file: give a checkpoint that '
                         'you have (docs/training.md)')
    with processes.joined() as device:
        if processes.rank() == 0:
            try:
                output.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(f'--output {output} cannot be made: {error.strerror}') from error
        if recipe.optim.threads:
            torch.set_num_threads(recipe.optim.threads)
        # A network's shapes stay: the fastest convolutions are worth being looked for.
        torch.backends.cudnn.benchmark = True
        # A network can take long to be read: what is wrong with the data is said before.
        batches = _batches(recipe, device)
        run = Run(recipe, device)
        checkpoint = output / CHECKPOINT
        if checkpoint.exists():
            run.load(checkpoint)
        if not processes.agree(run.step):
            raise InputError(f'--output {output} must be on a disk that all machines share')
        _Loop(run, batches(run.step), output, device).go(end)
    return checkpoint


class _Loop:
    """The steps of a run, what is written on the way, and what is shown of it."""

    def __init__(
        self, run: Run, batches: Iterable[Sequence[Tensor]], output: Path, device: torch.device,
    ) -> None:
        self._run, self._batches, self._device = run, batches, device
        self._checkpoint = output / CHECKPOINT
        self._writes = processes.rank() == 0
        self._log = TrainingLog(
            output / 'log.csv', (*run.names, SPEED), run.step) if self._writes else None
        self._totals = torch.zeros(len(run.names), device=device)
        self._steps = 0
        self._told_at = self._drawn = time.monotonic()

    def go(self, end: float) -> None:
        """Do all steps that are left, or as many as until a time."""
        run, optim = self._run, self._run.recipe.optim
        columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(),
                   TimeRemainingColumn())
        with Progress(*columns, disable=not self._writes) as progress:
            task = progress.add_task('training', total=optim.steps, completed=run.step)
            for batch in self._batches:
                parts = run.advance(
                    [tensor.to(self._device, non_blocking=True) for tensor in batch])
                self._totals += torch.stack(list(parts.values()))
                self._steps += 1
                if run.step % optim.log_every == 0:
                    progress.update(task, description=self._told())
                late = end < math.inf and processes.any_of(time.monotonic() > end)
                last = late or run.step == optim.steps
                if last or run.step % optim.checkpoint_every == 0:
                    self._keep(last=last)
                progress.update(task, completed=run.step)
                if late:
                    return

    def _told(self) -> str:
        """Write the means since the last time; return what to show."""
        self._check()
        means = (processes.shared_mean(self._totals) / self._steps).tolist()
        now = time.monotonic()
        speed = self._steps * self._run.recipe.optim.batch / (now - self._told_at)
        self._totals.zero_()
        self._steps, self._told_at = 0, now
        if self._log is not None:
            self._log.add(self._run.step, [*means, speed])
        parts = dict(zip(self._run.names, means, strict=True))
        told = f'IoU {parts["iou"]:.2f}' if 'iou' in parts else f'loss {parts["loss"]:.3f}'
        return f'training, {told}, {speed:.0f} samples/s'

    def _keep(self, *, last: bool) -> None:
        self._check()
        if self._log is None:
            return
        self._run.save(self._checkpoint)
        if last or time.monotonic() - self._drawn > _DRAW_EVERY:
            self._log.draw()
            self._drawn = time.monotonic()

    def _check(self) -> None:
        if not torch.isfinite(self._totals).all():
            raise InputError(f'recipe: by step {self._run.step} the loss is no longer a number; '
                             'the last checkpoint was kept: lower optim.lr, or give '
                             'optim.precision: fp32')


def _batches(
    recipe: Recipe, device: torch.device,
) -> Callable[[int], Iterable[Sequence[Tensor]]]:
    """Read a recipe's data; return what gives the batches of this process from a step on."""
    if recipe.data.batched:
        source = BatchedSource(recipe, build_bank(recipe, device))
        return lambda first: BatchedLoader(recipe, source, device, first)
    samples, optim, workers = PairDataset(recipe), recipe.optim, recipe.data.workers
    return lambda first: DataLoader(
        samples, batch_size=len(processes.own_rows(optim.batch)),
        sampler=_OwnSamples(first, optim.steps, optim.batch), num_workers=workers,
        pin_memory=device.type == 'cuda', prefetch_factor=4 if workers else None)


def averaged_network(checkpoint: Path) -> tuple[nn.Module, Recipe]:
    """Load the weights of a checkpoint for export, averaged ones if there are any, and its recipe.

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
