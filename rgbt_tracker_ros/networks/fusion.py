# SPDX-License-Identifier: Apache-2.0
"""Pixel-level fusion of an RGB and a thermal crop into one image."""
from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rgbt_tracker_ros.networks.ssd_block import SSDMixer

PRESENCE_STD = 0.08


class PixelFusion(nn.Module):
    """Mix the two crops pixel by pixel, with weights that an SSD encoder reads from both.

    fused = (w_rgb rgb + w_thermal thermal) / (w_rgb + w_thermal), w = presence x exp(logit). It
    starts as the plain mean of the cameras that are present. `presence` falls to 0 for a crop
    without contrast: a missing camera (all zeros) leaves the other one's image untouched. The idea
    of fusing before a single-stream tracker is TPF's (arXiv 2503.11247); the Mamba-2 encoder and
    the normalised mixture are ours.
    """

    def __init__(self, channels: int = 48) -> None:
        super().__init__()
        self.to_rgb = _filled(nn.Conv2d(1, 3, 1), 1.0)
        self.stem = nn.Conv2d(4, 24, 4, stride=4)
        self.down8 = nn.Conv2d(24, 32, 3, stride=2, padding=1)
        self.down16 = nn.Conv2d(32, channels, 3, stride=2, padding=1)
        self.mixer = SSDMixer(channels, heads=2, state=16)
        self.up8 = nn.Conv2d(channels, 32, 1)
        self.logits = _filled(nn.Conv2d(32, 2, 3, padding=1), 0.0)

    def forward(self, rgb: Tensor, thermal: Tensor) -> Tensor:
        """Fuse B x 3 x H x W and B x 1 x H x W (normalised) to a normalised B x 3 x H x W."""
        weights = self.weights(rgb, thermal)
        return (weights[:, :1] * rgb + weights[:, 1:] * self.to_rgb(thermal)).to(rgb.dtype)

    def weights(self, rgb: Tensor, thermal: Tensor) -> Tensor:
        """Return the mixture weights of RGB and thermal, B x 2 x H x W, which sum to at most 1."""
        present = torch.cat([presence(rgb), presence(thermal)], 1)
        eighth = F.relu(self.down8(F.relu(self.stem(torch.cat([rgb, thermal], 1)))))
        coarse = F.relu(self.down16(eighth))
        height, width = coarse.shape[-2:]
        tokens = self.mixer(coarse.flatten(2).transpose(1, 2), height, width)
        coarse = tokens.transpose(1, 2).reshape(coarse.shape)
        merged = F.relu(eighth + F.interpolate(self.up8(coarse), scale_factor=2.0))
        logits = 4.0 * torch.tanh(self.logits(merged).float() / 4.0)
        logits = F.interpolate(
            logits, scale_factor=8.0, mode='bilinear', align_corners=False)
        raw = present * logits.exp()
        return raw / (raw.sum(1, keepdim=True) + 1e-4)


def _filled(layer: nn.Conv2d, weight: float) -> nn.Conv2d:
    """Set all weights of a layer to one value and its bias to zero."""
    nn.init.constant_(layer.weight, weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def presence(crop: Tensor) -> Tensor:
    """Return B x 1 x 1 x 1 in [0, 1): how much contrast a normalised crop has."""
    centred = crop.float() - crop.float().mean((1, 2, 3), keepdim=True)
    variance = centred.square().mean((1, 2, 3), keepdim=True)
    return variance / (variance + PRESENCE_STD ** 2)
