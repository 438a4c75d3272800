# SPDX-License-Identifier: Apache-2.0
"""PATrack: progressive adaptation of a frozen RGB tracker (arXiv 2603.21100).

One frozen vision transformer (OSTrack's) serves the RGB image and the image of a second sensor.
Beside attention and MLP of every block an adapter lets the streams take from each other: of
spatial frequencies (MDA), in a few blocks of what both agree on (CEA). The streams are added up,
and a task adapter fits the sum to the frozen head.

The second sensor may be a thermal camera, a depth camera or an event camera: an image of three
channels in any case. Published weights take depth as a colour map, see `imaging.depth`;
events as the frames that event data sets hold.

Attention is joint, so a template cannot be computed ahead beyond its embedding: `template` gives
the embedded tokens, and every frame passes all of them through the blocks.

Decided here, where the published code cannot run: it adds streams of unequal length at the end;
here both keep their template. Its blocks also own the adapters that they do not use; ours do not.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rgbt_tracker_ros.imaging.crops import Border
from rgbt_tracker_ros.networks.center_head import PUBLISHED_KEYS, CenterHead
from rgbt_tracker_ros.networks.checkpoint import KeyMap
from rgbt_tracker_ros.networks.inputs import RGB, Inputs
from rgbt_tracker_ros.networks.patrack_adapters import (
    EntangledAdapter,
    FrequencyAdapter,
    TaskAdapter,
)
from rgbt_tracker_ros.networks.vit import ViT, ViTBlock, ViTConfig

ENTANGLED_AT = (3, 6, 9)
"""Blocks, counted from 0, that exchange through CEA in the published network."""

_ENTANGLED = '(?:' + '|'.join(map(str, ENTANGLED_AT)) + ')'
_BLOCK = r'backbone\.blocks\.'
_SLOTS = ((r'adap_t', 'highfuseadapter1', 'norml1', 'beside_attention'),
          (r'adap2_t', 'highfuseadapter2', 'norml2', 'beside_mlp'))
_NAMES = (
    ('D_fc1', 'down'), (r'high_mixer\.conv1', 'fine'), (r'high_mixer\.proj1', 'fine_depthwise'),
    (r'high_mixer\.proj2', 'largest'), ('conv_fuse', 'smooth'), ('proj', 'up'),
    (r'obj_fuse\.linear1', 'keys.0'), (r'obj_fuse\.linear2', 'values.0'),
    (r'obj_fuse\.linear3', 'keys.1'), (r'obj_fuse\.linear4', 'values.1'),
    (r'obj_fuse\.linearcat', 'joint'))

PUBLISHED = KeyMap(
    renamed=(
        *((rf'{_BLOCK}(\d+)\.(?:{frequency}|{entangled})\.', rf'{ours}.\1.')
          for frequency, entangled, _, ours in _SLOTS),
        *((rf'{_BLOCK}(\d+)\.{norm}\.', rf'{ours}.\1.norm.') for _, _, norm, ours in _SLOTS),
        *((rf'(beside_\w+\.\d+\.){theirs}\.', rf'\1{ours}.') for theirs, ours in _NAMES),
        (r'adapter_head\.adapter_', 'task.'), (r'backbone\.', 'trunk.'), *PUBLISHED_KEYS),
    unused=(
        r'norm1\..*', r'backbone\.(cls_token|pos_embed)', r'.*\.gamma[12]',
        rf'{_BLOCK}{_ENTANGLED}\.adap2?_t\..*',
        rf'{_BLOCK}(?!{_ENTANGLED}\.)\d+\.(highfuseadapter[12]|norml[12])\..*'),
)


@dataclass(frozen=True, slots=True)
class PATrackConfig(ViTConfig):
    """Sizes of trunk, adapters and head, which blocks exchange by CEA, what is outside images."""

    head_widths: tuple[int, ...] = (256, 128, 64, 32)
    entangled_at: tuple[int, ...] = ENTANGLED_AT
    frequency_channels: int = 8
    entangled_channels: int = 192
    task_channels: int = 192
    task_dropout: float = 0.1
    border: Border = 'zero'


class PATrack(nn.Module):
    """Trunk, adapters and head; `template` runs once per template, `search` once per frame."""

    family = 'patrack'
    template_slots = 1
    template_names = ('rgb_tokens', 'thermal_tokens')
    gives_fused = False

    def __init__(self, config: PATrackConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = ViT(config)
        self.beside_attention = nn.ModuleList(map(self._adapter, range(config.blocks)))
        self.beside_mlp = nn.ModuleList(map(self._adapter, range(config.blocks)))
        self.task = TaskAdapter(config.channels, config.task_channels, config.task_dropout)
        self.head = CenterHead(config.channels, config.head_widths)
        self.frozen = False

    def _adapter(self, index: int) -> nn.Module:
        config = self.config
        cells = (config.template_size // config.patch, config.search_cells)
        if index in config.entangled_at:
            return EntangledAdapter(
                config.channels, cells, config.entangled_channels, config.norm_eps)
        return FrequencyAdapter(config.channels, cells, config.frequency_channels)

    @property
    def inputs(self) -> Inputs:
        """Return sizes and statistics of the crops: the second image is fed as if RGB."""
        return Inputs(
            self.config.template_size, self.config.search_size, thermal=RGB,
            border=self.config.border)

    def adapters(self) -> Iterator[nn.Parameter]:
        """Return what the published recipe trains; the norms before CEA stay as initialised."""
        for name, parameter in self.named_parameters():
            if name.startswith(('beside_', 'task.')) and '.norm.' not in name:
                yield parameter

    def freeze(self) -> None:
        """Freeze all but the adapters, the statistics of the head's normalisation included."""
        self.requires_grad_(False)
        for parameter in self.adapters():
            parameter.requires_grad_(True)
        self.frozen = True
        self.train(self.training)

    def train(self, mode: bool = True) -> PATrack:
        """Set the mode of all that is not frozen."""
        super().train(mode)
        if self.frozen:
            self.head.eval()
        return self

    def template(self, rgb: Tensor, thermal: Tensor) -> tuple[Tensor, Tensor]:
        """Return the embedded tokens of both template crops (B x 3 x Z x Z), B x T x C each."""
        return self.trunk.embed_template(rgb), self.trunk.embed_template(thermal)

    def search(
        self, template: Sequence[Tensor], rgb: Tensor, thermal: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return score, size and offset maps of both search crops (B x 3 x X x X)."""
        outputs = self.blocks(template, rgb, thermal)
        return self.head(self.trunk.search_map(self.task(self._sum(outputs[-1]))))

    def forward(
        self, template_rgb: Tensor, template_thermal: Tensor, search_rgb: Tensor,
        search_thermal: Tensor,
    ) -> dict[str, Tensor | tuple[Tensor, ...]]:
        """Return the maps, the head's input, and the output of every block."""
        template = self.template(template_rgb, template_thermal)
        outputs = self.blocks(template, search_rgb, search_thermal)
        total = self._sum(outputs[-1])
        features = self.trunk.search_map(self.task(total))
        score, size, offset = self.head(features)
        streams = tuple(zip(*(tokens.chunk(2) for tokens in outputs), strict=True))
        return {
            'score_map': score, 'size_map': size, 'offset_map': offset, 'feat_head': features,
            'block_rgb': streams[0], 'block_tir': streams[1], 'norm_sum': total}

    def forward_stacked(
        self, template: Tensor, search: Tensor,
    ) -> dict[str, Tensor | tuple[Tensor, ...]]:
        """Take each pair of crops as the published network does: six channels, RGB first."""
        template_rgb, template_thermal = template.split(3, dim=1)
        search_rgb, search_thermal = search.split(3, dim=1)
        return self(template_rgb, template_thermal, search_rgb, search_thermal)

    def blocks(self, template: Sequence[Tensor], rgb: Tensor, thermal: Tensor) -> list[Tensor]:
        """Return the tokens after every block, 2 B x (T + S) x C, RGB before thermal.

        The streams lie side by side on the batch axis, since they share the trunk; each adapter
        sees both from before the update.
        """
        search = self.trunk.embed_search(torch.cat([rgb, thermal]))
        tokens = torch.cat([torch.cat(list(template)), search], 1)
        outputs = []
        for block, attention, mlp in zip(
                self.trunk.blocks, self.beside_attention, self.beside_mlp, strict=True):
            assert isinstance(block, ViTBlock)
            normal = block.norm1(tokens)
            tokens = tokens + block.attn(normal) + attention(tokens, normal, block.norm1)
            normal = block.norm2(tokens)
            tokens = tokens + block.mlp(normal) + mlp(tokens, normal, block.norm2)
            outputs.append(tokens)
        return outputs

    def _sum(self, tokens: Tensor) -> Tensor:
        """Return the sum of both normalised streams, B x (T + S) x C."""
        rgb, thermal = self.trunk.norm(tokens).chunk(2)
        return rgb + thermal
