# SPDX-License-Identifier: Apache-2.0
"""Training in several processes, one per GPU, as `torchrun` starts them.

Each process takes its rows of every batch, so that a run depends on the batch of the recipe and
not on the number of processes: means over the batch (of losses, and in normalisation) are those
over all processes' rows, and random masks are cut from those of the whole batch.

Gradients are averaged after the whole backward pass, in few large pieces, rather than by PyTorch's
`DistributedDataParallel`: which weights take part may differ from step to step.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import os
from typing import Any

import torch
from torch import Tensor, distributed, nn

from rgbt_tracker_ros.errors import InputError

_PIECE = 1 << 24
"""Least number of gradients that are exchanged at once."""


@contextmanager
def joined() -> Iterator[torch.device]:
    """Join the other processes if `torchrun` started this one; yield its device.

    Raises
    ------
    InputError
        If there are more processes than GPUs on this machine.

    """
    cuda = torch.cuda.is_available()
    if not distributed.is_available() or not distributed.is_torchelastic_launched():
        yield torch.device('cuda' if cuda else 'cpu')
        return
    device = torch.device('cpu')
    if cuda:
        number = int(os.environ['LOCAL_RANK'])
        if number >= torch.cuda.device_count():
            raise InputError(f'torchrun started process {number + 1} on a machine with '
                             f'{torch.cuda.device_count()} GPUs: give --nproc-per-node gpu')
        device = torch.device('cuda', number)
        torch.cuda.set_device(device)
    distributed.init_process_group('nccl' if cuda else 'gloo')
    try:
        yield device
    finally:
        distributed.destroy_process_group()


def count() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if _together() else 1


def rank() -> int:
    """Return the number of this process, from 0."""
    return distributed.get_rank() if _together() else 0


def own_rows(size: int) -> range:
    """Return which rows of a batch are this process's.

    Raises
    ------
    InputError
        If the batch cannot be divided evenly.

    """
    if size % count():
        raise InputError(f'recipe: optim.batch {size} cannot be divided among {count()} '
                         'processes: give a multiple')
    rows = size // count()
    return range(rank() * rows, (rank() + 1) * rows)


def own_part(whole: Tensor) -> Tensor:
    """Return this process's rows of a tensor made for the whole batch."""
    rows = own_rows(len(whole))
    return whole[rows.start:rows.stop]


def shared_mean(value: Tensor) -> Tensor:
    """Return the mean of a tensor over all processes, with its gradient."""
    return _Mean.apply(value) if _together() else value


def average_gradients(weights: Sequence[nn.Parameter]) -> None:
    """Give each weight the mean of its gradients in all processes."""
    if not _together():
        return
    piece: list[Tensor] = []
    grads = [weight.grad for weight in weights if weight.grad is not None]
    for number, grad in enumerate(grads, 1):
        piece.append(grad)
        if number == len(grads) or sum(part.numel() for part in piece) >= _PIECE:
            means = _mean(torch.cat([part.flatten() for part in piece]))
            for part, mean in zip(piece, means.split([part.numel() for part in piece]),
                                  strict=True):
                part.copy_(mean.reshape(part.shape))
            piece.clear()


def agree(value: int) -> bool:
    """Tell whether all processes have the same number."""
    if not _together():
        return True
    numbers: list[Any] = [None] * count()
    distributed.all_gather_object(numbers, value)
    return len(set(numbers)) == 1


def any_of(flag: bool) -> bool:
    """Tell whether something is so in any process."""
    if not _together():
        return flag
    flags: list[Any] = [None] * count()
    distributed.all_gather_object(flags, flag)
    return any(flags)


def see_whole_batch(network: nn.Module) -> None:
    """Let normalisation and dropout do what they would if one process had the whole batch."""
    for module in network.modules():
        # They keep their parameters, statistics, modes and names.
        if type(module) is nn.Dropout:
            module.__class__ = _WholeBatchDropout
        elif type(module) is nn.BatchNorm2d and _together():
            module.__class__ = _WholeBatchNorm


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return _mean(value)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        # Each process's loss depends on this one's value alike.
        return _mean(grads[0])


class _WholeBatchNorm(nn.BatchNorm2d):
    """`BatchNorm2d` over all processes, also on a CPU, where PyTorch has none."""

    def forward(self, maps: Tensor) -> Tensor:
        """Normalise B x C x H x W maps."""
        if not self.training:
            return super().forward(maps)
        axes, values = (0, 2, 3), maps.float()
        mean = shared_mean(values.mean(axes, keepdim=True))
        apart = values - mean
        variance = shared_mean(apart.square().mean(axes, keepdim=True))
        self._keep(mean.detach().flatten(), variance.detach().flatten(),
                   count() * maps.numel() // maps.shape[1])
        weight, bias = (part.reshape(1, -1, 1, 1) for part in (self.weight, self.bias))
        return (apart * (variance + self.eps).rsqrt() * weight + bias).to(maps.dtype)

    @torch.no_grad()
    def _keep(self, mean: Tensor, variance: Tensor, values: int) -> None:
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked.add_(1)
        for kept, new in ((self.running_mean, mean),
                          (self.running_var, variance * values / (values - 1))):
            assert kept is not None
            kept.lerp_(new, self.momentum)


class _WholeBatchDropout(nn.Dropout):
    """`Dropout` that draws for all processes and takes its part."""

    def forward(self, values: Tensor) -> Tensor:
        """Drop some of B x ... values."""
        if not self.training:
            return values
        drawn = torch.rand(count(), *values.shape, device=values.device)[rank()]
        return values * (drawn >= self.p) / (1.0 - self.p)


def _mean(value: Tensor) -> Tensor:
    total = value.clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(total)
    return total / count()


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()
