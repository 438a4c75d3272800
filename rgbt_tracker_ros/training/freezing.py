# SPDX-License-Identifier: Apache-2.0
"""Parameters that keep their values in training."""
from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from rgbt_tracker_ros.errors import InputError


def freeze(network: nn.Module, names: Sequence[str]) -> None:
    """Let parameters whose names begin so keep their values, and their modules' statistics.

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
        weights = list(module.parameters())
        if weights and not any(weight.requires_grad for weight in weights):
            module.eval()
