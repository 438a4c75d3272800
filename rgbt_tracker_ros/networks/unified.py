# SPDX-License-Identifier: Apache-2.0
"""`unified`: pixel-level RGB-T fusion and tracking in one trunk (ours).

It takes up what TPF (arXiv 2503.11247) names as its future work: Mamba-2 in place of Mamba, fusion
and tracking in one branch. One convolutional trunk sees the fused image; search tokens are matched
with cached template tokens by pixel-wise correlation and cross-attention between SSD blocks.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rgbt_tracker_ros.networks.efficientnet import EfficientNetLite, TrunkName
from rgbt_tracker_ros.networks.fine_match import FineMatch
from rgbt_tracker_ros.networks.fusion import PixelFusion
from rgbt_tracker_ros.networks.heads import CentreHead
from rgbt_tracker_ros.networks.inputs import Inputs
from rgbt_tracker_ros.networks.ssd_block import SSDMixer

STRIDE = 16


@dataclass(frozen=True, slots=True)
class UnifiedConfig:
    """Sizes of a `unified` network."""

    template_size: int = 128
    search_size: int = 256
    channels: int = 128
    blocks: int = 3
    heads: int = 4
    state: int = 32
    template_slots: int = 2
    trunk: TrunkName = 'lite0'
    fine: bool = False

    @property
    def template_tokens(self) -> int:
        """Return the number of tokens of one template."""
        return (self.template_size // STRIDE) ** 2

    @property
    def search_cells(self) -> int:
        """Return the number of cells along one side of the score map."""
        return self.search_size // STRIDE


class MatchBlock(nn.Module):
    """Mix search tokens by SSD, let them read the templates, then a convolutional MLP."""

    def __init__(self, config: UnifiedConfig, *, columns: bool) -> None:
        super().__init__()
        channels = config.channels
        self.mixer = SSDMixer(
            channels, heads=config.heads, state=config.state, columns=columns)
        self.norm_query = nn.LayerNorm(channels)
        self.query = nn.Linear(channels, channels)
        self.key_value = nn.Linear(channels, 2 * channels)
        self.read = nn.Linear(channels, channels)
        self.heads = config.heads
        self.norm_mlp = nn.LayerNorm(channels)
        self.expand = nn.Linear(channels, 2 * channels)
        self.local = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels)
        self.reduce = nn.Linear(2 * channels, channels)

    def forward(self, tokens: Tensor, templates: Tensor, cells: int) -> Tensor:
        """Update B x L x C search tokens given B x T x C template tokens."""
        tokens = self.mixer(tokens, cells, cells)
        tokens = tokens + self._attend(self.norm_query(tokens), templates)
        inner = F.gelu(self.expand(self.norm_mlp(tokens)))
        grid = inner.transpose(1, 2).reshape(inner.shape[0], -1, cells, cells)
        inner = inner + self.local(grid).flatten(2).transpose(1, 2)
        return tokens + self.reduce(F.gelu(inner))

    def _attend(self, queries: Tensor, templates: Tensor) -> Tensor:
        batch, length, channels = queries.shape
        width = channels // self.heads
        query = self.query(queries).reshape(batch, length, self.heads, width).transpose(1, 2)
        key, value = self.key_value(templates).chunk(2, dim=-1)
        key = key.reshape(batch, -1, self.heads, width).permute(0, 2, 3, 1)
        value = value.reshape(batch, -1, self.heads, width).transpose(1, 2)
        attention = torch.softmax((query @ key).float() * width ** -0.5, dim=-1).to(value.dtype)
        return self.read((attention @ value).transpose(1, 2).reshape(batch, length, channels))


class UnifiedTracker(nn.Module):
    """The whole network; `template` runs once per template, `search` once per frame."""

    family = 'unified'
    template_names = ('template_tokens',)
    gives_fused = True

    def __init__(self, config: UnifiedConfig) -> None:
        super().__init__()
        self.config = config
        self.inputs = Inputs(config.template_size, config.search_size)
        self.template_slots = config.template_slots
        channels, count = config.channels, config.template_tokens
        self.fusion = PixelFusion()
        self.trunk = EfficientNetLite(config.trunk)
        fine, coarse = self.trunk.channels
        self.down = nn.Conv2d(fine, channels // 2, 3, stride=2, padding=1)
        self.neck = nn.Conv2d(channels // 2 + coarse, channels, 1)
        self.norm = nn.LayerNorm(channels)
        self.template_position = nn.Parameter(torch.randn(1, count, channels) * 0.02)
        self.slot = nn.Parameter(torch.randn(config.template_slots, 1, channels) * 0.02)
        self.search_position = nn.Parameter(
            torch.randn(1, config.search_cells ** 2, channels) * 0.02)
        self.correlation = nn.Linear(count * config.template_slots, channels)
        self.merge = nn.Linear(2 * channels, channels)
        # Four fine cells take the place of one token, so that templates stay one tensor.
        self.fine = FineMatch(fine, channels // 4, channels, 4 * count, config.template_slots
                              ) if config.fine else None
        self.blocks = nn.ModuleList(
            MatchBlock(config, columns=bool(index % 2)) for index in range(config.blocks))
        self.norm_out = nn.LayerNorm(channels)
        self.head = CentreHead(channels)

    def features(self, rgb: Tensor, thermal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the fused crop, its tokens (B x L x C) and its map at stride 8.

        The fused crop is B x 3 x H x W, normalised.
        """
        fused = self.fusion(rgb, thermal)
        stride8, stride16 = self.trunk(fused)
        joined = self.neck(torch.cat([F.relu(self.down(stride8)), stride16], 1))
        return fused, self.norm(joined.flatten(2).transpose(1, 2)), stride8

    def template(self, rgb: Tensor, thermal: Tensor) -> Tensor:
        """Return the tokens of a template crop, B x T x C; with `fine`, those of it below."""
        _, tokens, stride8 = self.features(rgb, thermal)
        if self.fine is None:
            return tokens
        return torch.cat([tokens, self.fine.tokens(stride8).reshape(tokens.shape)], 1)

    def search(
        self, templates: Sequence[Tensor], rgb: Tensor, thermal: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return score, size and offset maps of a search crop, and its fused image.

        `templates` holds the tokens of each slot: the initial template, then the dynamic one.
        """
        fused, tokens, stride8 = self.features(rgb, thermal)
        cells, details = self.config.search_cells, None
        if self.fine is not None:
            count = self.config.template_tokens
            shape = (len(tokens), -1, self.fine.channels)
            details = self.fine(
                self.fine.tokens(stride8), [slot[:, count:].reshape(shape) for slot in templates],
                2 * cells)
            templates = [slot[:, :count] for slot in templates]
        normal = F.normalize(tokens.float(), dim=-1)
        similar = [
            normal @ F.normalize(slot.float(), dim=-1).transpose(1, 2) for slot in templates]
        correlation = self.correlation(torch.cat(similar, -1).to(tokens.dtype) * 4.0)
        joint = torch.cat([
            slot + self.template_position + self.slot[index]
            for index, slot in enumerate(templates)
        ], 1)
        tokens = self.merge(torch.cat([tokens + self.search_position, correlation], -1))
        if details is not None:
            tokens = tokens + details
        for block in self.blocks:
            tokens = block(tokens, joint, cells)
        grid = self.norm_out(tokens).transpose(1, 2).reshape(tokens.shape[0], -1, cells, cells)
        score, size, offset = self.head(grid)
        return score, size, offset, fused
