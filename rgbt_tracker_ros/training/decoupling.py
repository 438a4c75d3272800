# SPDX-License-Identifier: Apache-2.0
"""Decoupled representation fine-tuning: what serves tracking apart from what only shows the scene.

The adapter's code is cut in two. The task part makes the fused image and gets the tracker's loss;
the rest keeps what is needed, together with it, to tell both camera images again. The two parts
are kept uncorrelated, so that the task part need not carry what does not help to track.
"""
from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rgbt_tracker_ros.networks.pixel_adapter import AdapterConfig
from rgbt_tracker_ros.training.processes import shared_mean
from rgbt_tracker_ros.training.recipe_stages import DecoupledStage

PARTS = ('correlation', 'reconstruction')


class Decoupling(nn.Module):
    """The part of the code beside the task, and the decoder of both; used in training only."""

    def __init__(self, stage: DecoupledStage, config: AdapterConfig) -> None:
        super().__init__()
        self.stage, self.stride = stage, config.stride
        self.rest = nn.Conv2d(config.channels, config.channels, 1)
        self.decode = nn.Conv2d(config.channels, 4 * config.stride ** 2, 3, padding=1)

    def forward(
        self, code: Tensor, task: Tensor, rgb: Tensor, thermal: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss beside the tracker's, and its parts.

        Parameters
        ----------
        code, task
            The adapter's code and its task part, B x C x h x w.
        rgb, thermal
            The crops that were encoded, normalised.

        """
        rest = self.rest(code)
        shown = F.pixel_shuffle(self.decode(task + rest), self.stride)
        correlation = cross_correlation(task, rest)
        reconstruction = (shown - torch.cat([rgb, thermal], 1)).abs().mean()
        loss = self.stage.correlation * correlation + self.stage.reconstruction * reconstruction
        return loss, dict(zip(PARTS, (correlation, reconstruction), strict=True))


def cross_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Return the mean squared correlation of the channels of two codes, 0 (apart) to 1."""
    a, b = (_standard(code) for code in (first, second))
    return shared_mean(a.T @ b / len(a)).square().mean()


def _standard(code: Tensor) -> Tensor:
    """Return the values of B x C x h x w by channel, N x C, with mean 0 and variance 1."""
    values = code.float().transpose(0, 1).flatten(1).T
    values = values - shared_mean(values.mean(0))
    return values / (shared_mean(values.square().mean(0)) + 1e-6).sqrt()
