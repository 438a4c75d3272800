# SPDX-License-Identifier: Apache-2.0
"""What the trainer needs to know of a way to train a network."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from rgbt_tracker_ros.training.recipe import Recipe
from rgbt_tracker_ros.training.recipe_networks import (
    AINetNetwork,
    CKDNetwork,
    PATrackNetwork,
    UnifiedNetwork,
)


class Method(Protocol):
    """A network in training.

    Attributes
    ----------
    network
        What is trained and exported.
    extra
        What is trained with it and used in training only; may have no parameters.
    parts
        Names of the figures that `loss` gives, for the log.

    """

    network: Any
    extra: nn.Module
    parts: tuple[str, ...]

    def groups(self) -> list[dict[str, Any]]:
        """Return the parameters to train, in groups with their peak learning rate as `peak`."""

    def loss(self, batch: Sequence[Tensor], step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a batch (see `PairDataset`) in a step, and its parts."""


def make_method(recipe: Recipe, device: torch.device) -> Method:
    """Make the network of a recipe, ready to train on a device."""
    if isinstance(recipe.network, UnifiedNetwork):
        from rgbt_tracker_ros.training.unified_method import UnifiedMethod

        return UnifiedMethod(recipe, recipe.network, device)
    if isinstance(recipe.network, CKDNetwork):
        from rgbt_tracker_ros.training.ckd_method import CKDMethod

        return CKDMethod(recipe, recipe.network, device)
    if isinstance(recipe.network, AINetNetwork):
        from rgbt_tracker_ros.training.ainet_method import AINetMethod

        return AINetMethod(recipe, recipe.network, device)
    if isinstance(recipe.network, PATrackNetwork):
        from rgbt_tracker_ros.training.patrack_method import PATrackMethod

        return PATrackMethod(recipe, recipe.network, device)
    from rgbt_tracker_ros.training.tpf_method import TPFMethod

    return TPFMethod(recipe, recipe.network, device)
