# SPDX-License-Identifier: Apache-2.0
"""CKD's distillation: students alike in style, each faithful to its teacher in content.

Both read the tokens after every block, B x N x C (arXiv 2410.11586). Style is what instance
normalisation takes away: mean and deviation of each channel over the tokens. Content is the rest.
"""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rgbt_tracker_ros.networks.center_head import CenterHead
from rgbt_tracker_ros.networks.ckd import CKDConfig
from rgbt_tracker_ros.networks.vit import ViT

Maps = tuple[Tensor, Tensor, Tensor]


def style_distance(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    """Return how far two students are apart in style, summed over the blocks; pulls on both."""
    total = first[0].new_zeros(())
    for one, other in zip(first, second, strict=True):
        std_one, mean_one = torch.std_mean(one, dim=1)
        std_other, mean_other = torch.std_mean(other, dim=1)
        total = total + ((mean_one - mean_other).square()
                         + (std_one - std_other).square()).mean()
    return total


def content_distance(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    """Return how far a student is from its teacher in content, summed over the blocks.

    The teacher gets no gradient.
    """
    total = student[0].new_zeros(())
    for one, other in zip(student, teacher, strict=True):
        total = total + F.mse_loss(_content(one), _content(other.detach()))
    return total


def shared_mask(batch: int, tokens: int, share: float, seed: int) -> Tensor:
    """Return B x S of 0 and 1 for masked modelling; each token is 0 with probability `share`."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(batch, tokens, generator=generator) >= share).float()


class Teachers(nn.Module):
    """One tracker per camera, each with its own trunk and head; trained beside the students."""

    def __init__(self, config: CKDConfig) -> None:
        super().__init__()
        self.rgb, self.thermal = ViT(config), ViT(config)
        self.rgb_head = CenterHead(config.channels, config.head_widths)
        self.thermal_head = CenterHead(config.channels, config.head_widths)

    def forward(
        self, template_rgb: Tensor, template_thermal: Tensor, search_rgb: Tensor,
        search_thermal: Tensor,
    ) -> tuple[tuple[list[Tensor], Maps], tuple[list[Tensor], Maps]]:
        """Return, for RGB and for thermal, the tokens after every block and the maps."""
        return (_track(self.rgb, self.rgb_head, template_rgb, search_rgb),
                _track(self.thermal, self.thermal_head, template_thermal, search_thermal))


def _track(
    trunk: ViT, head: CenterHead, template: Tensor, search: Tensor,
) -> tuple[list[Tensor], Maps]:
    tokens = torch.cat([trunk.embed_template(template), trunk.embed_search(search)], 1)
    outputs = []
    for block in trunk.blocks:
        tokens = block(tokens)
        outputs.append(tokens)
    return outputs, head(trunk.search_map(trunk.norm(tokens)))


def _content(tokens: Tensor) -> Tensor:
    return F.instance_norm(tokens.transpose(1, 2))
