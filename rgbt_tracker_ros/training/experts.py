# SPDX-License-Identifier: Apache-2.0
"""Fused-image sources from which TPF's adapter learns what a good fused image is.

An expert turns B x 3 x H x W RGB and B x 1 x H x W thermal, both in 0..1, into a B x 3 x H x W
image in 0..1. Three classic ones are here; `onnx_expert.py` runs any fusion model of the user's.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

_LUMA = (0.299, 0.587, 0.114)
_LEAST_TOP = 8


class Expert(Protocol):
    """A source of fused images."""

    @property
    def name(self) -> str:
        """Return a short name, for logs."""

    def __call__(self, rgb: Tensor, thermal: Tensor) -> Tensor:
        """Fuse B x 3 x H x W and B x 1 x H x W, both 0..1, to B x 3 x H x W in 0..1."""


@dataclass(frozen=True, slots=True)
class WeightedAverage:
    """The same share of RGB in every pixel."""

    rgb_share: float = 0.5
    name: str = 'average'

    def __call__(self, rgb: Tensor, thermal: Tensor) -> Tensor:
        """Fuse; see `Expert`."""
        return self.rgb_share * rgb + (1.0 - self.rgb_share) * thermal


@dataclass(frozen=True, slots=True)
class LaplacianPyramid:
    """Per scale the stronger detail of the two brightnesses (Burt and Adelson, 1983)."""

    levels: int = 4
    name: str = 'laplacian'

    def __call__(self, rgb: Tensor, thermal: Tensor) -> Tensor:
        """Fuse; see `Expert`."""
        grey = luma(rgb)
        first, second, details = grey, thermal, []
        for _ in range(self.levels):
            if min(first.shape[-2:]) < 2 * _LEAST_TOP:
                break
            (first, of_first), (second, of_second) = _split(first), _split(second)
            details.append(torch.where(of_first.abs() > of_second.abs(), of_first, of_second))
        fused = (first + second) / 2
        for detail in reversed(details):
            fused = _enlarged(fused, detail) + detail
        return recoloured(rgb, grey, fused)


@dataclass(frozen=True, slots=True)
class GuidedFilter:
    """Base and detail layers mixed by saliency weights that follow edges (Li et al., 2013).

    Attributes
    ----------
    base_radius, detail_radius
        Radii of the filter that smooths the weights of the base and of the detail layer, pixels.
    base_eps, detail_eps
        How much contrast (squared) the filter smooths over.

    """

    base_radius: int = 20
    base_eps: float = 0.1
    detail_radius: int = 4
    detail_eps: float = 1e-4
    name: str = 'guided_filter'

    def __call__(self, rgb: Tensor, thermal: Tensor) -> Tensor:
        """Fuse; see `Expert`."""
        grey = luma(rgb)
        images = (grey, thermal)
        salient = [_box(_laplacian(image).abs(), 2) for image in images]
        wins = (salient[0] >= salient[1]).to(rgb.dtype)
        bases = [_box(image, 15) for image in images]
        details = [image - base for image, base in zip(images, bases, strict=True)]
        masks = (wins, 1.0 - wins)
        fused = _mixed(bases, [
            _guided(image, mask, self.base_radius, self.base_eps)
            for image, mask in zip(images, masks, strict=True)])
        fused = fused + _mixed(details, [
            _guided(image, mask, self.detail_radius, self.detail_eps)
            for image, mask in zip(images, masks, strict=True)])
        return recoloured(rgb, grey, fused)


def luma(rgb: Tensor) -> Tensor:
    """Return the brightness, B x 1 x H x W, of an RGB image."""
    return (rgb * rgb.new_tensor(_LUMA).reshape(1, 3, 1, 1)).sum(1, keepdim=True)


def recoloured(rgb: Tensor, grey: Tensor, fused: Tensor) -> Tensor:
    """Return the RGB image with another brightness, its colour differences kept, in 0..1."""
    return (rgb + fused - grey).clamp(0.0, 1.0)


def _split(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the image at half size, and the detail that it lacks."""
    kernel = image.new_tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0
    smooth = F.conv2d(F.pad(image, (2, 2, 2, 2), mode='reflect'),
                      torch.outer(kernel, kernel)[None, None], stride=2)
    return smooth, image - _enlarged(smooth, image)


def _enlarged(image: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(image, size=like.shape[-2:], mode='bilinear', align_corners=False)


def _laplacian(image: Tensor) -> Tensor:
    kernel = image.new_tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
    return F.conv2d(F.pad(image, (1, 1, 1, 1), mode='reflect'), kernel[None, None])


def _box(image: Tensor, radius: int) -> Tensor:
    """Return the mean over a square window, smaller at the border; by rows, then by columns."""
    radius = min(radius, min(image.shape[-2:]) // 4)
    size = 2 * radius + 1
    rows = F.avg_pool2d(image, (1, size), 1, (0, radius), count_include_pad=False)
    return F.avg_pool2d(rows, (size, 1), 1, (radius, 0), count_include_pad=False)


def _guided(guide: Tensor, image: Tensor, radius: int, eps: float) -> Tensor:
    """Smooth an image, but not over edges of the guide (guided filter, He et al., 2010)."""
    mean_guide, mean_image = _box(guide, radius), _box(image, radius)
    variance = _box(guide * guide, radius) - mean_guide * mean_guide
    together = _box(guide * image, radius) - mean_guide * mean_image
    slope = together / (variance + eps)
    start = mean_image - slope * mean_guide
    return _box(slope, radius) * guide + _box(start, radius)


def _mixed(layers: list[Tensor], weights: list[Tensor]) -> Tensor:
    first, second = (weight.clamp_min(0.0) + 1e-6 for weight in weights)
    return (first * layers[0] + second * layers[1]) / (first + second)
