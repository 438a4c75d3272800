# SPDX-License-Identifier: Apache-2.0
"""Weights between where a training started and where it ended.

What a fine-tuning forgets, its start still knows: a mean of both is often better than either
(Wortsman et al., arXiv 2109.01903).
"""
from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import nn

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.training.checkpoint import load_own


def mix_with_start(network: nn.Module, start: Path | str | None, share: float) -> None:
    """Move a network's weights towards those that its training started from.

    Parameters
    ----------
    network
        The trained network; changed.
    start
        Checkpoint of the same network that the recipe names.
    share
        Of the start's weights, 0 to 1.

    Raises
    ------
    InputError
        If the training did not start from a checkpoint of ours, or that cannot be read.

    """
    first = copy.deepcopy(network)
    if not isinstance(start, Path) or not load_own(first, start):
        raise InputError(f'--start-share {share:g}: the training started from {start}, which is '
                         'no checkpoint of ours: leave it out')
    old = first.state_dict()
    network.load_state_dict({
        key: torch.lerp(value, old[key], share) if value.is_floating_point() else value
        for key, value in network.state_dict().items()})
