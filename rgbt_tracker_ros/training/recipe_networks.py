# SPDX-License-Identifier: Apache-2.0
"""The part of a recipe that says which network is trained; one class per family."""
from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from rgbt_tracker_ros.networks.ainet_fusion import OrderGradient
from rgbt_tracker_ros.networks.efficientnet import MOST_BLOCKS, TrunkName
from rgbt_tracker_ros.networks.patrack import ENTANGLED_AT
from rgbt_tracker_ros.networks.pixel_adapter import AdapterConfig
from rgbt_tracker_ros.training.strict import Strict


class UnifiedNetwork(Strict):
    """`unified`, and what it starts from."""

    family: Literal['unified'] = 'unified'
    channels: int = Field(default=128, ge=16, multiple_of=8)
    blocks: int = Field(default=3, ge=1, le=12)
    trunk: TrunkName = Field(default='lite0', description='Size of the EfficientNet.')
    fine: bool = Field(
        default=False, description='Match templates at stride 8, too.')
    start: Literal['imagenet', 'scratch'] | Path = Field(
        default='imagenet', description='Weights of the trunk, or a checkpoint of ours to go on '
        'from; relative to the recipe.')
    frozen_blocks: int = Field(
        default=3, ge=0, le=MOST_BLOCKS, description='Trunk blocks whose weights stay.')
    frozen_filters: bool = Field(
        default=False, description='Keep the depthwise filters of all trunk blocks: on a CPU a '
        'step takes a third less.')

    @model_validator(mode='before')
    @classmethod
    def _as_in_first_recipes(cls, content: Any) -> Any:
        """Read the start of recipes, and of their checkpoints, that had but one trunk."""
        if isinstance(content, dict) and content.get('start') == 'efficientnet_lite0':
            return {**content, 'start': 'imagenet'}
        return content

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
    drop_path: float = Field(
        default=0.0, ge=0, lt=1, description='Probability that a sample skips a residual branch '
        'of the last block; it grows from 0 in the first one.')

    @property
    def crop_sizes(self) -> tuple[int, int]:
        """Return the sides of template and search crop, pixels."""
        return self.template_size, self.search_size

    @property
    def sizes(self) -> dict[str, Any]:
        """Return what all networks of this kind are made from."""
        return {
            'template_size': self.template_size, 'search_size': self.search_size,
            'channels': self.channels, 'heads': self.heads, 'blocks': self.blocks,
            'head_widths': self.head_widths}


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


class AINetNetwork(VisionTransformerNetwork):
    """`ainet`, and what it starts from."""

    family: Literal['ainet']
    state: int = Field(default=16, ge=1)
    rank: int = Field(default=48, ge=1)
    skipped_tokens: int | None = Field(
        default=None, ge=0, description='Tokens that the fusion of all layers does not see. '
        'None: those of the template. The published network has 64 for crops of any size.')
    order_pooled: int = Field(default=2048, ge=1)
    order_widths: tuple[int, ...] = (512, 256, 128)
    order_gradient: OrderGradient = 'straight_through'
    order_temperature: float = Field(default=0.1, gt=0)
    dfm_steps: int = Field(default=40, ge=1)
    ofm_steps: int = Field(default=256, ge=1)
    start: Path | None = Field(
        default=None, description='Checkpoint of ours, of AINet, or of a one-stream ViT tracker '
        '(OSTrack, DropTrack); relative to the recipe. None: random weights.')


class PATrackNetwork(VisionTransformerNetwork):
    """`patrack`, and what it starts from."""

    family: Literal['patrack']
    entangled_at: tuple[int, ...] = ENTANGLED_AT
    frequency_channels: int = Field(default=8, ge=4, multiple_of=4)
    entangled_channels: int = Field(default=192, ge=1)
    task_channels: int = Field(default=192, ge=1)
    task_dropout: float = Field(default=0.1, ge=0, lt=1)
    start: Path | None = Field(
        default=None, description='Checkpoint of ours, of PATrack, or of OSTrack or another '
        'one-stream ViT tracker; relative to the recipe. None: random weights.')


NetworkRecipe = Annotated[
    UnifiedNetwork | TPFNetwork | CKDNetwork | AINetNetwork | PATrackNetwork,
    Field(discriminator='family')]
