# SPDX-License-Identifier: Apache-2.0
"""Which parameters keep their values in training, and how fast the others learn."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.training.recipe import OptimRecipe


def freeze(network: nn.Module, names: Sequence[str]) -> None:
    """Let parameters whose names begin so keep their values, and statistics beside them.

    Raises
    ------
    InputError
        If no parameter begins so.

    """
    for beginning in names:
        hit = [weight for name, weight in network.named_parameters() if name.startswith(beginning)]
        if not hit:
            raise InputError(f'recipe: network.frozen: no parameter begins with {beginning!r}')
        for weight in hit:
            weight.requires_grad_(False)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and not module.weight.requires_grad:
            module.eval()


def groups_of(
    modules: Sequence[nn.Module], slow: tuple[str, ...], optim: OptimRecipe,
) -> list[dict[str, Any]]:
    """Return what learns, as an optimiser takes it: with `trunk_lr` where names begin so."""
    named = [(name, weight) for module in modules for name, weight in module.named_parameters()
             if weight.requires_grad]
    return [group for group in (
        {'params': [weight for name, weight in named if name.startswith(slow)],
         'peak': optim.trunk_lr},
        {'params': [weight for name, weight in named if not name.startswith(slow)],
         'peak': optim.lr}) if group['params']]
