# SPDX-License-Identifier: Apache-2.0
"""The part of a recipe that says which network is trained; one class per family."""
from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from rgbt_tracker_ros.networks.pixel_adapter import AdapterConfig
from rgbt_tracker_ros.training.strict import Strict


class UnifiedNetwork(Strict):
    """`unified`, and what it starts from."""

    family: Literal['unified'] = 'unified'
    channels: int = Field(default=128, ge=16, multiple_of=8)
    blocks: int = Field(default=3, ge=1, le=12)
    start: Literal['efficientnet_lite0', 'scratch'] = 'efficientnet_lite0'
    frozen_blocks: int = Field(
        default=3, ge=0, le=11, description='Trunk blocks whose weights stay.')

    @property
    def crop_sizes(self) -> tuple[int, int]:
        """Return the sides of template and search crop, pixels."""
        return 128, 256


class VisionTransformerNetwork(Strict):
    """What the networks on a plain vision transformer have in common."""

    template_size: int = Field(default=128, ge=32, multiple_of=16)
    search_size: int = Field(default=256, ge=32, multiple_of=16)
    channels: int = Field(default=768, ge=16, multiple_of=8)
    heads: int = Field(default=12, ge=1)
    blocks: int = Field(default=12, ge=1, le=48)
    head_widths: tuple[int, ...] = (256, 128, 64, 32)
    frozen: tuple[str, ...] = Field(
        default=(), description='Parameters whose names begin so keep their values.')

    @property
    def crop_sizes(self) -> tuple[int, int]:
        """Return the sides of template and search crop, pixels."""
        return self.template_size, self.search_size


class TPFNetwork(VisionTransformerNetwork):
    """`tpf`, and what it starts from."""

    family: Literal['tpf']
    template_slots: Literal[1, 2] = 2
    adapter: AdapterConfig = AdapterConfig()
    start: Path | None = Field(
        default=None, description='Checkpoint of ours, or of OSTrack or another one-stream ViT '
        'tracker; relative to the recipe. None: random weights.')


class CKDNetwork(VisionTransformerNetwork):
    """`ckd`, and what it starts from."""

    family: Literal['ckd']
    start: Path | None = Field(
        default=None, description='Checkpoint of ours, of CKD, or of a one-stream ViT tracker '
        '(OSTrack, DropTrack); relative to the recipe. None: random weights.')


NetworkRecipe = Annotated[
    UnifiedNetwork | TPFNetwork | CKDNetwork, Field(discriminator='family')]
