# SPDX-License-Identifier: Apache-2.0
"""EfficientNet-Lite0 up to stride 16, laid out so that its public ImageNet weights load.

Block table and padding follow the published network (Tan and Le, 2019, "lite" variant: ReLU6, no
squeeze-and-excitation); keys are those of the PyPI package `efficientnet_lite_pytorch`.
"""
from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# (kernel, stride, expansion, channels out) of blocks 0..10
BLOCKS = (
    (3, 1, 1, 16),
    (3, 2, 6, 24), (3, 1, 6, 24),
    (5, 2, 6, 40), (5, 1, 6, 40),
    (3, 2, 6, 80), (3, 1, 6, 80), (3, 1, 6, 80),
    (5, 1, 6, 112), (5, 1, 6, 112), (5, 1, 6, 112),
)
STRIDE8_BLOCK = 4
BN_EPS = 1e-3


class SamePadConv(nn.Conv2d):
    """Convolution with TensorFlow's "same" padding: at stride 2 the odd pixel goes to the end."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve B x C x H x W, H and W multiples of the stride, to H / stride x W / stride."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = max(kernel - stride, 0)
        if total % 2:
            x = F.pad(x, (total // 2, total - total // 2) * 2)
            return F.conv2d(x, self.weight, None, stride, 0, 1, self.groups)
        return F.conv2d(x, self.weight, None, stride, total // 2, 1, self.groups)


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
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """First eleven blocks; gives the stride 8 (40 channels) and stride 16 (112 channels) maps."""

    channels = (BLOCKS[STRIDE8_BLOCK][3], BLOCKS[-1][3])

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SamePadConv(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=BN_EPS)
        widths = [32, *(block[3] for block in BLOCKS)]
        self._blocks = nn.ModuleList(
            InvertedResidual(c_in, *block) for c_in, block in zip(widths, BLOCKS, strict=False)
        )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Turn a normalised B x 3 x H x W image into its stride 8 and stride 16 maps."""
        x = F.relu6(self._bn0(self._conv_stem(image)))
        stride8 = x
        for index, block in enumerate(self._blocks):
            x = block(x)
            if index == STRIDE8_BLOCK:
                stride8 = x
        return stride8, x

    def load_imagenet(self, file: Path) -> None:
        """Load the published ImageNet weights; every parameter must be found."""
        published = torch.load(file, map_location='cpu', weights_only=True)
        own = self.state_dict()
        self.load_state_dict({key: published[key] for key in own})

    def freeze(self, blocks: int, *, filters: bool = False) -> None:
        """Freeze all normalisation statistics, and the weights of the stem and first blocks.

        With `filters` the depthwise filters of the other blocks too.
        """
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        for part in [self._conv_stem, self._bn0, *self._blocks[:blocks]]:
            for weight in part.parameters():
                weight.requires_grad_(False)
        if filters:
            for block in self._blocks:
                block.get_submodule('_depthwise_conv').requires_grad_(False)
