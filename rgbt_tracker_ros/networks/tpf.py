# SPDX-License-Identifier: Apache-2.0
"""TPF: task-driven pixel-level fusion before a single-stream tracker (arXiv 2503.11247).

The adapter makes one image of an RGB and a thermal crop; an ordinary one-stream vision transformer
tracks in it, with an initial and a dynamic template (the paper's nearest-neighbour updating is the
tracker's template memory, `nearest_reliable`). No code was published: docs/tpf.md lists what the
paper leaves open and how it is decided here.

Attention is joint, so a template cannot be computed ahead beyond its embedding: `template` gives
the embedded tokens of the fused template, and every frame passes all of them through the blocks.
Per frame only the search crop goes through the adapter.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.networks.center_head import PUBLISHED_KEYS, CenterHead
from rgbt_tracker_ros.networks.checkpoint import KeyMap
from rgbt_tracker_ros.networks.inputs import Inputs
from rgbt_tracker_ros.networks.pixel_adapter import AdapterConfig, PixelAdapter
from rgbt_tracker_ros.networks.vit import ViT, ViTConfig

ONE_STREAM = KeyMap(
    renamed=((r'backbone\.', 'trunk.'), *PUBLISHED_KEYS),
    unused=(r'backbone\.(cls_token|pos_embed)',))
"""Names in the checkpoints of OSTrack, which trunk and head may start from."""


@dataclass(frozen=True, slots=True)
class TPFConfig(ViTConfig):
    """Sizes of the trunk and the head, number of templates, and the adapter's form."""

    head_widths: tuple[int, ...] = (256, 128, 64, 32)
    template_slots: int = 2
    adapter: AdapterConfig = field(default_factory=AdapterConfig)

    def __post_init__(self) -> None:
        """Take what a checkpoint holds, which knows no dataclasses and tuples; check the heads."""
        if isinstance(self.adapter, dict):
            object.__setattr__(self, 'adapter', AdapterConfig(**self.adapter))
        object.__setattr__(self, 'head_widths', tuple(self.head_widths))
        if self.channels % self.heads:
            raise InputError(f'tpf: channels {self.channels} must divide by heads {self.heads}')


class TPF(nn.Module):
    """Adapter, trunk and head; `template` runs once per template, `search` once per frame."""

    family = 'tpf'
    template_names = ('template_tokens',)
    gives_fused = True

    def __init__(self, config: TPFConfig) -> None:
        super().__init__()
        self.config = config
        self.inputs = Inputs(config.template_size, config.search_size)
        self.template_slots = config.template_slots
        self.adapter = PixelAdapter(config.adapter)
        self.trunk = ViT(config)
        # Zero, so that the weights of a one-template tracker start as what they were.
        self.slot = nn.Parameter(torch.zeros(config.template_slots, 1, config.channels))
        self.head = CenterHead(config.channels, config.head_widths)

    def template(self, rgb: Tensor, thermal: Tensor) -> Tensor:
        """Return the embedded tokens of a fused template, B x T x C.

        The crops are B x 3 x Z x Z and B x 1 x Z x Z, normalised; a missing one is zeros.
        """
        return self.trunk.embed_template(self.adapter(rgb, thermal))

    def search(
        self, templates: Sequence[Tensor], rgb: Tensor, thermal: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return score, size and offset maps of a search crop, and its fused image.

        `templates` holds the tokens of each slot: the initial template, then the dynamic one.
        """
        fused = self.adapter(rgb, thermal)
        return (*self.match(templates, fused), fused)

    def match(self, templates: Sequence[Tensor], fused: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return score, size and offset maps of a fused search crop, B x 3 x X x X."""
        joint = torch.cat([slot + self.slot[index] for index, slot in enumerate(templates)], 1)
        tokens = self.trunk(joint, self.trunk.embed_search(fused))
        return self.head(self.trunk.search_map(tokens))
