# SPDX-License-Identifier: Apache-2.0
"""Plain vision transformer that looks at a template and a search crop together.

The one-stream trunk of OSTrack (arXiv 2203.11991), on which the published RGB-T trackers stand:
tokens of 16 x 16 pixels, template first, and pre-norm blocks over all of them at once. Parameter
names are the usual ones of ViTs (`blocks.0.attn.qkv`, ...), so that public trunks load by name.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class ViTConfig:
    """Sizes of a trunk; the defaults are ViT-B with the published crop sizes."""

    template_size: int = 128
    search_size: int = 256
    patch: int = 16
    channels: int = 768
    heads: int = 12
    blocks: int = 12
    mlp_ratio: int = 4
    norm_eps: float = 1e-6

    @property
    def template_tokens(self) -> int:
        """Return the number of tokens of a template crop."""
        return (self.template_size // self.patch) ** 2

    @property
    def search_cells(self) -> int:
        """Return the number of tokens along one side of the search crop."""
        return self.search_size // self.patch

    @property
    def search_tokens(self) -> int:
        """Return the number of tokens of a search crop."""
        return self.search_cells ** 2


class PatchEmbedding(nn.Module):
    """Cut an image into patches and map each to a token, in row-major order."""

    def __init__(self, patch: int, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, channels, patch, stride=patch)

    def forward(self, image: Tensor) -> Tensor:
        """Map B x 3 x H x W to B x (H / patch * W / patch) x C."""
        tokens: Tensor = self.proj(image)
        return tokens.flatten(2).transpose(1, 2)


class Attention(nn.Module):
    """Multi-head self-attention, in three steps for those who need what is between them."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (channels // heads) ** -0.5
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map B x N x C to B x N x C."""
        query, key, value = self.split(tokens)
        return self.mix(self.weights(query, key), value)

    def split(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the (scaled) queries, keys and values of B x N x C tokens, B x heads x N x D."""
        batch, length, channels = tokens.shape
        joined = self.qkv(tokens).reshape(batch, length, 3, self.heads, channels // self.heads)
        query, key, value = joined.permute(2, 0, 3, 1, 4).unbind(0)
        return query * self.scale, key, value

    def weights(self, query: Tensor, key: Tensor) -> Tensor:
        """Return how much each query takes of each token, B x heads x Q x N; rows sum to 1."""
        return torch.softmax(query @ key.transpose(-2, -1), dim=-1)

    def mix(self, weights: Tensor, value: Tensor) -> Tensor:
        """Return the weighted values of all heads, joined and projected: B x Q x C."""
        mixed = (weights @ value).transpose(1, 2).flatten(2)
        return self.proj(mixed)


class MLP(nn.Module):
    """Two linear layers with an exact (erf) GELU between them."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, inner)
        self.fc2 = nn.Linear(inner, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map B x N x C to B x N x C."""
        return self.fc2(F.gelu(self.fc1(tokens)))


class ViTBlock(nn.Module):
    """Pre-norm transformer block: x + attention(norm1(x)), then x + MLP(norm2(x))."""

    def __init__(
        self, channels: int, heads: int, mlp_ratio: int = 4, norm_eps: float = 1e-6,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=norm_eps)
        self.attn = Attention(channels, heads)
        self.norm2 = nn.LayerNorm(channels, eps=norm_eps)
        self.mlp = MLP(channels, mlp_ratio * channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map B x N x C to B x N x C."""
        return self.feed(tokens + self.attn(self.norm1(tokens)))

    def feed(self, tokens: Tensor) -> Tensor:
        """Do the second half: x + MLP(norm2(x))."""
        return tokens + self.mlp(self.norm2(tokens))


class ViT(nn.Module):
    """Patch embedding, position tables of template and search crop, blocks and last norm."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.channels
        self.patch_embed = PatchEmbedding(config.patch, channels)
        self.pos_embed_z = nn.Parameter(torch.zeros(1, config.template_tokens, channels))
        self.pos_embed_x = nn.Parameter(torch.zeros(1, config.search_tokens, channels))
        self.blocks = nn.ModuleList(
            ViTBlock(channels, config.heads, config.mlp_ratio, config.norm_eps)
            for _ in range(config.blocks))
        self.norm = nn.LayerNorm(channels, eps=config.norm_eps)
        self.apply(_start)
        nn.init.trunc_normal_(self.pos_embed_z, std=0.02)
        nn.init.trunc_normal_(self.pos_embed_x, std=0.02)

    def embed_template(self, image: Tensor) -> Tensor:
        """Return the tokens of a B x 3 x Z x Z template crop with their positions, B x T x C."""
        return self.patch_embed(image) + self.pos_embed_z

    def embed_search(self, image: Tensor, keep: Tensor | None = None) -> Tensor:
        """Return the tokens of a B x 3 x X x X search crop with their positions, B x S x C.

        `keep` (B x S of 0 and 1) blanks the content of tokens, not their position: masked
        modelling.
        """
        tokens = self.patch_embed(image)
        if keep is not None:
            tokens = tokens * keep.unsqueeze(-1).to(tokens.dtype)
        return tokens + self.pos_embed_x

    def forward(self, template: Tensor, search: Tensor) -> Tensor:
        """Return the normalised tokens of both embedded crops, B x (T + S) x C."""
        tokens = torch.cat([template, search], 1)
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)

    def search_map(self, tokens: Tensor) -> Tensor:
        """Lay the last S of B x N x C tokens out as a B x C x cells x cells map."""
        cells = self.config.search_cells
        last = tokens[:, -self.config.search_tokens:]
        return last.transpose(1, 2).reshape(tokens.shape[0], -1, cells, cells)


def _start(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
