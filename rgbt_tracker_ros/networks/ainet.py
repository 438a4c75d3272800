# SPDX-License-Identifier: Apache-2.0
"""AINet: RGB-thermal interaction in all layers (arXiv 2408.08827, AAAI 2025).

One vision transformer serves both cameras. After each of its blocks a difference-based fusion
(DFM) lets the two streams take from each other; what it fuses in every layer goes, search part
only, through one order-dynamic fusion (OFM) to the head.

Attention is joint, so a template cannot be computed ahead beyond its embedding: `template` gives
the embedded tokens, and every frame passes all of them through the blocks.

Decided here, where paper or published code leave room: the order network learns (see
`OrderFusion`; `order_gradient='none'` is the published behaviour). The trunk's own last norm,
which the published network computes and throws away, does not exist.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rgbt_tracker_ros.imaging.crops import Border
from rgbt_tracker_ros.networks.ainet_fusion import (
    DifferenceFusion,
    Exchanged,
    OrderFusion,
    OrderGradient,
)
from rgbt_tracker_ros.networks.center_head import PUBLISHED_KEYS, CenterHead
from rgbt_tracker_ros.networks.checkpoint import KeyMap
from rgbt_tracker_ros.networks.inputs import RGB, Inputs
from rgbt_tracker_ros.networks.mamba import Scan
from rgbt_tracker_ros.networks.vit import ViT, ViTConfig

_SELECTION = r'(A_log|D|conv1d\.|x_proj\.|dt_proj\.)'
_OFM = r'mamba_fusion\.fusion\.0\.mamba\.'
_SUFFIXES = (('', 0), ('_b', 1), ('_s', 2))

PUBLISHED = KeyMap(
    renamed=(
        (r'backbone\.cross_mamba\.(\d+)\.mamba\.' + _SELECTION, r'dfm.\1.mamba.select.\2'),
        (r'backbone\.cross_mamba\.', 'dfm.'),
        (r'backbone\.', 'trunk.'),
        *((rf'{_OFM}A{suffix}_log', f'ofm.select.{index}.A_log') for suffix, index in _SUFFIXES),
        *((rf'{_OFM}(D|conv1d|x_proj|dt_proj){suffix}(?=\.|$)', rf'ofm.select.{index}.\1')
          for suffix, index in _SUFFIXES),
        (_OFM + r'(mlp|fc)\.', r'ofm.order.\1.'),
        (_OFM, 'ofm.'),
        (r'mamba_fusion\.fusion\.0\.', 'ofm.'),
        (r'mamba_fusion\.', 'ofm.'),
        *PUBLISHED_KEYS),
    unused=(r'backbone\.(cls_token|pos_embed|norm\.(weight|bias))',),
)

SHORT_SCANS = {'dfm_steps': 8, 'ofm_steps': 32}
"""Chunk lengths about where a scan's graph is smallest: steps in a chunk, then chunks."""


@dataclass(frozen=True, slots=True)
class AINetConfig(ViTConfig):
    """Sizes of the trunk, the fusion modules and the head.

    Attributes
    ----------
    state, rank
        State size and step-size rank of all scans.
    skipped_tokens
        Tokens at the beginning of every layer that the OFM does not see: the template at 256
        pixels. The published form for 384 pixels leaves this at 64 though its template has 144.
    order_pooled, order_widths
        Length that the order network pools the tokens of all layers to, and widths of its layers.
    order_gradient, order_temperature
        Whether the order network learns, and the temperature of its soft sort.
    scan, dfm_steps, ofm_steps
        Form of the scans (see `mamba.run_scan`), and chunk lengths of the two-level form.
    border
        What crops show outside of the image.

    """

    head_widths: tuple[int, ...] = (256, 128, 64, 32)
    state: int = 16
    rank: int = 48
    skipped_tokens: int = 64
    order_pooled: int = 2048
    order_widths: tuple[int, ...] = (512, 256, 128)
    order_gradient: OrderGradient = 'straight_through'
    order_temperature: float = 0.1
    scan: Scan = 'auto'
    dfm_steps: int = 40
    ofm_steps: int = 256
    border: Border = 'zero'


@dataclass(frozen=True, slots=True)
class FusedTokens:
    """What the trunk and the fusion modules make of a pair of crops.

    Attributes
    ----------
    joined
        B x (T + S - skipped) x C, output of the OFM.
    logits
        B x blocks; the OFM's third scan reads the layers in their ascending order.
    rgb, thermal
        Output of every block, before its DFM, B x (T + S) x C.
    exchanged
        Output of every DFM.

    """

    joined: Tensor
    logits: Tensor
    rgb: tuple[Tensor, ...]
    thermal: tuple[Tensor, ...]
    exchanged: tuple[Exchanged, ...]


class AINet(nn.Module):
    """Trunk, fusion and head; `template` runs once per template, `search` once per frame."""

    family = 'ainet'
    template_slots = 1
    template_names = ('rgb_tokens', 'thermal_tokens')
    gives_fused = False

    def __init__(self, config: AINetConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = ViT(config)
        del self.trunk.norm
        self.dfm = nn.ModuleList(
            DifferenceFusion(config.channels, state=config.state, rank=config.rank,
                             scan=config.scan, steps=config.dfm_steps)
            for _ in range(config.blocks))
        tokens = config.template_tokens + config.search_tokens - config.skipped_tokens
        self.ofm = OrderFusion(
            config.channels, config.blocks, tokens, state=config.state, rank=config.rank,
            scan=config.scan, steps=config.ofm_steps, pooled=config.order_pooled,
            order_widths=config.order_widths, order_gradient=config.order_gradient,
            temperature=config.order_temperature)
        self.head = CenterHead(config.channels, config.head_widths)

    @property
    def inputs(self) -> Inputs:
        """Return sizes and statistics of the crops: thermal is grey, repeated, as if RGB."""
        return Inputs(
            self.config.template_size, self.config.search_size, thermal=RGB,
            border=self.config.border)

    def template(self, rgb: Tensor, thermal: Tensor) -> tuple[Tensor, Tensor]:
        """Return the embedded tokens of both template crops (B x 3 x Z x Z), B x T x C each."""
        return self.trunk.embed_template(rgb), self.trunk.embed_template(thermal)

    def search(
        self, template: Sequence[Tensor], rgb: Tensor, thermal: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return score, size and offset maps of both search crops (B x 3 x X x X)."""
        return self.head(self.trunk.search_map(self.fused(template, rgb, thermal).joined))

    def forward(
        self, template_rgb: Tensor, template_thermal: Tensor, search_rgb: Tensor,
        search_thermal: Tensor,
    ) -> dict[str, Tensor | tuple[Tensor, ...]]:
        """Return the maps, the head's input, and what every layer and the order network give."""
        template = self.template(template_rgb, template_thermal)
        fused = self.fused(template, search_rgb, search_thermal)
        features = self.trunk.search_map(fused.joined)
        score, size, offset = self.head(features)
        return {
            'score_map': score, 'size_map': size, 'offset_map': offset, 'feat_head': features,
            'block_rgb': fused.rgb, 'block_tir': fused.thermal,
            'dfm_rgb': tuple(layer.rgb for layer in fused.exchanged),
            'dfm_tir': tuple(layer.thermal for layer in fused.exchanged),
            'dfm_u': tuple(layer.fused for layer in fused.exchanged),
            'gate': tuple(layer.gate for layer in fused.exchanged),
            'order_logits': fused.logits,
            'order_pi': fused.logits.argsort(dim=1, stable=True)}

    def fused(self, template: Sequence[Tensor], rgb: Tensor, thermal: Tensor) -> FusedTokens:
        """Pass embedded templates and search crops through trunk and fusion."""
        # Both streams side by side on the batch axis, since they share the trunk.
        search = self.trunk.embed_search(torch.cat([rgb, thermal]))
        tokens = torch.cat([torch.cat(list(template)), search], 1)
        outputs: list[tuple[Tensor, Tensor]] = []
        exchanged: list[Exchanged] = []
        for block, dfm in zip(self.trunk.blocks, self.dfm, strict=True):
            first, second = block(tokens).chunk(2)
            outputs.append((first, second))
            exchanged.append(dfm(first, second))
            tokens = torch.cat([exchanged[-1].rgb, exchanged[-1].thermal])
        skipped = self.config.skipped_tokens
        joined, logits = self.ofm([layer.fused[:, skipped:] for layer in exchanged])
        streams = tuple(zip(*outputs, strict=True))
        return FusedTokens(joined, logits, streams[0], streams[1], tuple(exchanged))
