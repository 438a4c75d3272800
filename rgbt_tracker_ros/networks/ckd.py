# SPDX-License-Identifier: Apache-2.0
"""CKD: coupled knowledge distillation (arXiv 2410.11586, ACM MM 2024).

Two vision transformers of equal form, one per camera, exchange nothing but (if wanted) which
search tokens to drop; what makes them fit together is the distillation they were trained with.
Their tokens are joined on the channel axis, RGB first, and one centre head reads the search part.

Attention is joint, so a template cannot be computed ahead beyond its embedding: `template` gives
the embedded tokens, and every frame passes all of them through the blocks.

Decided here, where paper or published code leave room: the published elimination across cameras
cannot run (its helper neither takes nor returns what it is called with) and is off in the main
configuration. Ours is what the paper describes, at blocks 3, 6 and 9 with 0.7 of the tokens kept
when `eliminate_at` says so; off by default.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rgbt_tracker_ros.imaging.crops import Border
from rgbt_tracker_ros.networks.center_head import PUBLISHED_KEYS, CenterHead
from rgbt_tracker_ros.networks.checkpoint import KeyMap
from rgbt_tracker_ros.networks.elimination import (
    best_candidates,
    keep_candidates,
    kept_tokens,
    restored,
)
from rgbt_tracker_ros.networks.inputs import RGB, Inputs
from rgbt_tracker_ros.networks.vit import ViT, ViTBlock, ViTConfig

PUBLISHED = KeyMap(
    renamed=((r'rgb_branch\.', 'rgb.'), (r'tir_branch\.', 'thermal.'), *PUBLISHED_KEYS),
    unused=(r'(rgb|tir)_branch\.(cls_token|pos_embed)',),
)


@dataclass(frozen=True, slots=True)
class CKDConfig(ViTConfig):
    """Sizes of the two trunks and the head, where tokens are dropped, what is outside images."""

    head_widths: tuple[int, ...] = (256, 128, 64, 32)
    eliminate_at: tuple[int, ...] = ()
    keep: float = 0.7
    border: Border = 'zero'


@dataclass(frozen=True, slots=True)
class StudentTokens:
    """What the two students make of a pair of crops.

    Attributes
    ----------
    joined
        B x (T + S) x 2 C, both last norms joined on the channel axis; dropped tokens are zeros.
    rgb, thermal
        Output of every block, B x N x C; N shrinks where tokens are dropped.

    """

    joined: Tensor
    rgb: tuple[Tensor, ...]
    thermal: tuple[Tensor, ...]


class CKD(nn.Module):
    """Both students and the head; `template` runs once per template, `search` once per frame."""

    family = 'ckd'
    template_slots = 1
    template_names = ('rgb_tokens', 'thermal_tokens')
    gives_fused = False

    def __init__(self, config: CKDConfig) -> None:
        super().__init__()
        self.config = config
        self.rgb = ViT(config)
        self.thermal = ViT(config)
        self.head = CenterHead(2 * config.channels, config.head_widths)

    @property
    def inputs(self) -> Inputs:
        """Return sizes and statistics of the crops: thermal is grey, repeated, as if RGB."""
        return Inputs(
            self.config.template_size, self.config.search_size, thermal=RGB,
            border=self.config.border)

    def template(self, rgb: Tensor, thermal: Tensor) -> tuple[Tensor, Tensor]:
        """Return the embedded tokens of both template crops (B x 3 x Z x Z), B x T x C each."""
        return self.rgb.embed_template(rgb), self.thermal.embed_template(thermal)

    def search(
        self, template: Sequence[Tensor], rgb: Tensor, thermal: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return score, size and offset maps of both search crops (B x 3 x X x X)."""
        students = self.students(template, rgb, thermal)
        return self.head(self.rgb.search_map(students.joined))

    def forward(
        self, template_rgb: Tensor, template_thermal: Tensor, search_rgb: Tensor,
        search_thermal: Tensor, keep: Tensor | None = None,
    ) -> dict[str, Tensor | tuple[Tensor, ...]]:
        """Return the maps, the head's input and the output of every block.

        `keep` (B x S of 0 and 1), for training, blanks search tokens of both cameras alike.
        """
        template = self.template(template_rgb, template_thermal)
        students = self.students(template, search_rgb, search_thermal, keep)
        features = self.rgb.search_map(students.joined)
        score, size, offset = self.head(features)
        return {
            'score_map': score, 'size_map': size, 'offset_map': offset, 'feat_head': features,
            'block_rgb': students.rgb, 'block_tir': students.thermal}

    def students(
        self, template: Sequence[Tensor], rgb: Tensor, thermal: Tensor,
        keep: Tensor | None = None,
    ) -> StudentTokens:
        """Pass embedded templates and search crops through both trunks, block by block."""
        count, total = self.config.template_tokens, self.config.search_tokens
        streams = [
            torch.cat([template[0], self.rgb.embed_search(rgb, keep)], 1),
            torch.cat([template[1], self.thermal.embed_search(thermal, keep)], 1)]
        places: Tensor | None = None
        outputs: list[list[Tensor]] = []
        for index, blocks in enumerate(zip(self.rgb.blocks, self.thermal.blocks, strict=True)):
            if index in self.config.eliminate_at:
                streams, kept = _eliminating(blocks, streams, count, self.config.keep)
                places = kept if places is None else places.gather(1, kept)
            else:
                streams = [block(tokens) for block, tokens in zip(blocks, streams, strict=True)]
            outputs.append(streams)
        joined = torch.cat([self.rgb.norm(streams[0]), self.thermal.norm(streams[1])], -1)
        if places is not None:
            search = restored(joined[:, count:], places, total)
            joined = torch.cat([joined[:, :count], search], 1)
        by_stream = tuple(zip(*outputs, strict=True))
        return StudentTokens(joined, by_stream[0], by_stream[1])


def _eliminating(
    blocks: Sequence[nn.Module], streams: Sequence[Tensor], template_tokens: int, share: float,
) -> tuple[list[Tensor], Tensor]:
    """Run one block of each trunk and drop, between attention and MLP, the same search tokens."""
    attended, weights = [], []
    for block, tokens in zip(blocks, streams, strict=True):
        assert isinstance(block, ViTBlock)
        query, key, value = block.attn.split(block.norm1(tokens))
        weights.append(block.attn.weights(query, key))
        attended.append(tokens + block.attn.mix(weights[-1], value))
    count = kept_tokens(streams[0].shape[1] - template_tokens, share)
    kept = best_candidates(weights, template_tokens, count)
    left = []
    for block, tokens in zip(blocks, attended, strict=True):
        assert isinstance(block, ViTBlock)
        left.append(block.feed(keep_candidates(tokens, template_tokens, kept)))
    return left, kept
