# SPDX-License-Identifier: Apache-2.0
"""TPF's Pixel-level Fusion Adapter (PFA): an RGB and a thermal crop become one image.

The paper (arXiv 2503.11247) establishes three Vision-Mamba blocks between convolutions that encode
and merge the two images; the rest is decided here, see docs/tpf.md.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.networks.fusion import presence
from rgbt_tracker_ros.networks.ssd_block import SSDMixer
from rgbt_tracker_ros.networks.vision_mamba import VisionMamba

Output = Literal['mixed', 'mixture', 'residual', 'direct']
Mixer = Literal['ssd', 's6', 's6_forward', 'none']

STRIDES = (4, 8, 16)
MOST_LOGIT = 4.0
"""Largest logit of a camera: its weight is at most e^8 times the other's."""


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """Form of the adapter.

    Attributes
    ----------
    channels
        Channels of the code that is made of both images.
    blocks
        Mamba blocks; the paper's number is three.
    stride
        Pixels per cell of the code: 4, 8 or 16.
    mixer
        `ssd` is Mamba-2's scan in both directions; `s6` Mamba-1's in both, as in Vision Mamba,
        `s6_forward` in one; `none` leaves the blocks out.
    heads, state
        Heads (of `ssd`) and state size of a block.
    output
        How the code becomes an image. `mixture`: weights of the two cameras. `residual`: a change
        that is added to their mean. `mixed`: both. `direct`: the image itself.

    """

    channels: int = 64
    blocks: int = 3
    stride: int = 8
    mixer: Mixer = 'ssd'
    heads: int = 2
    state: int = 16
    output: Output = 'mixed'

    def __post_init__(self) -> None:
        """Refuse values that no adapter can be built from."""
        for name, value, choices in (('stride', self.stride, STRIDES),
                                     ('mixer', self.mixer, get_args(Mixer)),
                                     ('output', self.output, get_args(Output))):
            if value not in choices:
                raise InputError(f'fusion adapter: {name} {value!r} must be one of '
                                 f'{", ".join(map(str, choices))}')
        if min(self.channels, self.blocks, self.heads, self.state) < 1:
            raise InputError('fusion adapter: channels, blocks, heads and state must be positive')
        if self.channels % 2 or self.channels % self.heads:
            raise InputError(f'fusion adapter: channels {self.channels} must be even and divide '
                             f'by heads {self.heads}')


class Presence(NamedTuple):
    """How much each camera shows, B x 1 x 1 x 1 in [0, 1); 0 is a missing one."""

    rgb: Tensor
    thermal: Tensor


class PixelAdapter(nn.Module):
    """Fuse two normalised crops to one normalised image of three channels.

    It starts as the mean of the cameras that are present, and a missing camera (all zeros) leaves
    the other one's image untouched, except with `direct` output. `encode` and `paint` are apart so
    that the code between them can be trained on its own (decoupled fine-tuning).
    """

    def __init__(self, config: AdapterConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.channels
        self.to_rgb = nn.Conv2d(1, 3, 1)
        nn.init.ones_(self.to_rgb.weight)
        nn.init.zeros_(_bias(self.to_rgb))
        self.stem_rgb = nn.Conv2d(3, channels // 2, 4, stride=4)
        self.stem_thermal = nn.Conv2d(1, channels // 2, 4, stride=4)
        steps = STRIDES.index(config.stride)
        self.merge = nn.ModuleList(
            [nn.Conv2d(channels, channels, 3, padding=1)]
            + [nn.Conv2d(channels, channels, 3, stride=2, padding=1) for _ in range(steps)])
        # Rows and columns in turn, so that a cell is near its neighbours in one of them.
        self.blocks = nn.ModuleList(
            _block(config, columns=bool(index % 2))
            for index in range(0 if config.mixer == 'none' else config.blocks))
        self.task = nn.Conv2d(channels, channels, 1)
        self.weigh = nn.Conv2d(channels, 2, 3, padding=1)
        self.draw = nn.Conv2d(channels, 3 * config.stride ** 2, 3, padding=1)
        for layer in (self.weigh, self.draw):
            nn.init.zeros_(_bias(layer))
            if config.output != 'direct':
                nn.init.zeros_(layer.weight)

    def forward(self, rgb: Tensor, thermal: Tensor) -> Tensor:
        """Fuse B x 3 x H x W and B x 1 x H x W to B x 3 x H x W; H and W divide by 16."""
        return self.paint(self.task(self.encode(rgb, thermal)), rgb, thermal)

    def encode(self, rgb: Tensor, thermal: Tensor) -> Tensor:
        """Return the code of both crops, B x C x H / stride x W / stride."""
        code = torch.cat([F.relu(self.stem_rgb(rgb)), F.relu(self.stem_thermal(thermal))], 1)
        for layer in self.merge:
            code = F.relu(layer(code))
        height, width = code.shape[-2:]
        tokens = code.flatten(2).transpose(1, 2)
        for block in self.blocks:
            tokens = block(tokens, height, width)
        return tokens.transpose(1, 2).reshape(code.shape)

    def paint(self, task: Tensor, rgb: Tensor, thermal: Tensor) -> Tensor:
        """Make the fused image of the task code and the two crops."""
        change = F.pixel_shuffle(self.draw(task), self.config.stride)
        if self.config.output == 'direct':
            return change
        seen = Presence(presence(rgb), presence(thermal))
        fused = self._mixture(task, seen, rgb, thermal)
        if self.config.output == 'mixture':
            return fused
        # With one camera there is nothing to fuse.
        return fused + (seen.rgb * seen.thermal).to(change.dtype) * change

    def _mixture(self, task: Tensor, seen: Presence, rgb: Tensor, thermal: Tensor) -> Tensor:
        """Return the mean of the two images, weighted by presence x exp(logit)."""
        present = torch.cat(seen, 1)
        if self.config.output == 'residual':
            raw = present
        else:
            logits = MOST_LOGIT * torch.tanh(self.weigh(task).float() / MOST_LOGIT)
            raw = present * F.interpolate(
                logits, scale_factor=float(self.config.stride), mode='bilinear',
                align_corners=False).exp()
        weights = (raw / (raw.sum(1, keepdim=True) + 1e-4)).to(rgb.dtype)
        return weights[:, :1] * rgb + weights[:, 1:] * self.to_rgb(thermal)


def _block(config: AdapterConfig, *, columns: bool) -> nn.Module:
    if config.mixer == 'ssd':
        return SSDMixer(
            config.channels, heads=config.heads, state=config.state, columns=columns)
    return VisionMamba(
        config.channels, state=config.state, columns=columns, both=config.mixer == 's6')


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias
