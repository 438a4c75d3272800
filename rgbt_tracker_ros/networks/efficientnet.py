# SPDX-License-Identifier: Apache-2.0
"""EfficientNet-Lite up to stride 16, laid out so that its public ImageNet weights load.

Block table and padding follow the published networks (Tan and Le, 2019, "lite" variants: ReLU6, no
squeeze-and-excitation, stem and first stage as wide in all of them); keys are those of the PyPI
package `efficientnet_lite_pytorch`.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TrunkName = Literal['lite0', 'lite2']

STAGES = ((3, 1, 1), (3, 2, 6), (5, 2, 6), (3, 2, 6), (5, 1, 6))
"""Kernel, stride of the first block, and expansion of each stage."""

STRIDE8_STAGE = 2
BN_EPS = 1e-3


@dataclass(frozen=True, slots=True)
class TrunkSize:
    """Blocks and channels of each stage."""

    repeats: tuple[int, ...]
    widths: tuple[int, ...]


TRUNKS: dict[str, TrunkSize] = {
    'lite0': TrunkSize((1, 2, 2, 3, 3), (16, 24, 40, 80, 112)),
    'lite2': TrunkSize((1, 3, 3, 4, 4), (16, 24, 48, 88, 120)),
}
MOST_BLOCKS = max(sum(size.repeats) for size in TRUNKS.values())


class SamePadConv(nn.Conv2d):
    """Convolution with TensorFlow's "same" padding: at stride 2 the odd pixel goes to the end."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve B x C x H x W, H and W multiples of the stride, to H / stride x W / stride."""
        return self.with_weights(x, self.weight, None)

    def with_weights(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Convolve with weights of the same shape as its own."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = max(kernel - stride, 0)
        if total % 2:
            x = F.pad(x, (total // 2, total - total // 2) * 2)
            return F.conv2d(x, weight, bias, stride, 0, 1, self.groups)
        return F.conv2d(x, weight, bias, stride, total // 2, 1, self.groups)


def normalised(conv: SamePadConv, norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Convolve and normalise B x C x H x W.

    Frozen statistics are folded into the filters, which is the same and spares the passes over
    the maps, forward and backward, that a normalisation of its own takes.
    """
    if norm.training:
        return norm(conv(x))
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    weight = conv.weight * scale[:, None, None, None]
    return conv.with_weights(x, weight, norm.bias - norm.running_mean * scale)


class InvertedResidual(nn.Module):
    """Expand, filter depthwise, project; with a residual connection where shapes allow."""

    def __init__(self, c_in: int, kernel: int, stride: int, expansion: int, c_out: int) -> None:
        super().__init__()
        inner = c_in * expansion
        self.residual = stride == 1 and c_in == c_out
        self.expands = expansion != 1
        if self.expands:
            self._expand_conv = SamePadConv(c_in, inner, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(inner, eps=BN_EPS)
        self._depthwise_conv = SamePadConv(inner, inner, kernel, stride, groups=inner, bias=False)
        self._bn1 = nn.BatchNorm2d(inner, eps=BN_EPS)
        self._project_conv = SamePadConv(inner, c_out, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(c_out, eps=BN_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Map B x C_in x H x W to B x C_out x H / stride x W / stride."""
        y = F.relu6(normalised(self._expand_conv, self._bn0, x)) if self.expands else x
        y = F.relu6(normalised(self._depthwise_conv, self._bn1, y))
        y = normalised(self._project_conv, self._bn2, y)
        return x + y if self.residual else y


class EfficientNetLite(nn.Module):
    """The stages up to stride 16; gives the maps at stride 8 and at stride 16.

    Attributes
    ----------
    channels
        Of both maps.

    """

    def __init__(self, name: TrunkName = 'lite0') -> None:
        super().__init__()
        size = TRUNKS[name]
        self.channels = (size.widths[STRIDE8_STAGE], size.widths[-1])
        self._stride8_block = sum(size.repeats[:STRIDE8_STAGE + 1]) - 1
        c_in = 32
        self._conv_stem = SamePadConv(3, c_in, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(c_in, eps=BN_EPS)
        self._blocks = nn.ModuleList()
        stages = zip(STAGES, size.repeats, size.widths, strict=True)
        for (kernel, stride, expansion), repeats, width in stages:
            for number in range(repeats):
                self._blocks.append(InvertedResidual(
                    c_in, kernel, 1 if number else stride, expansion, width))
                c_in = width

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Turn a normalised B x 3 x H x W image into its stride 8 and stride 16 maps."""
        x = F.relu6(normalised(self._conv_stem, self._bn0, image))
        stride8 = x
        for index, block in enumerate(self._blocks):
            x = block(x)
            if index == self._stride8_block:
                stride8 = x
        return stride8, x

    def load_imagenet(self, file: Path) -> None:
        """Load the published ImageNet weights; every parameter must be found."""
        published = torch.load(file, map_location='cpu', weights_only=True)
        own = self.state_dict()
        self.load_state_dict({key: published[key] for key in own})

    def freeze(self, blocks: int, *, filters: bool = False) -> None:
        """Freeze all normalisations, and the weights of the stem and first blocks.

        With `filters` the depthwise filters of the other blocks too.
        """
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval().requires_grad_(False)
        for part in [self._conv_stem, self._bn0, *self._blocks[:blocks]]:
            for weight in part.parameters():
                weight.requires_grad_(False)
        if filters:
            for block in self._blocks:
                block.get_submodule('_depthwise_conv').requires_grad_(False)
