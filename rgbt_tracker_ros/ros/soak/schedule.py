# SPDX-License-Identifier: Apache-2.0
"""Which fault comes when: first each one once, then any, for ever; the same for the same seed."""
from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

_SECONDS = (1.0, 1.6)
_PAUSE = (0.6, 1.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """One fault to come.

    Attributes
    ----------
    kind
        Name of the fault.
    variant
        Which of its variants, for example the camera it befalls; empty when it has none.
    pause
        Seconds of health before it.
    seconds
        How long it lasts; faults that are one action do not care.
    seed
        Of whatever else is left to chance in it.

    """

    kind: str
    variant: str
    pause: float
    seconds: float
    seed: int

    @property
    def name(self) -> str:
        """Return kind and variant in words."""
        return f'{self.kind}, {self.variant}' if self.variant else self.kind


def first_round(faults: Mapping[str, tuple[str, ...]], alike: Collection[str],
                seed: int) -> list[tuple[str, str]]:
    """Return the kinds and variants that a test begins with, in random order.

    Parameters
    ----------
    faults
        Variants of each kind; those without any have an empty tuple.
    alike
        Kinds of which one variant will do.
    seed
        Of order and choice.

    """
    rng = np.random.default_rng(seed)
    chosen = []
    for kind, variants in sorted(faults.items()):
        some = variants or ('',)
        chosen += [(kind, variant) for variant in
                   ([some[rng.integers(len(some))]] if kind in alike else some)]
    return [chosen[index] for index in rng.permutation(len(chosen))]


def plans(faults: Mapping[str, tuple[str, ...]], alike: Collection[str],
          seed: int) -> Iterator[Plan]:
    """Yield faults without end: the first round, then any kind and any of its variants.

    Parameters
    ----------
    faults, alike, seed
        As in `first_round`.

    """
    rng = np.random.default_rng((seed, 1))
    kinds = sorted(faults)
    order = first_round(faults, alike, seed)
    while True:
        for kind, variant in order:
            yield Plan(kind, variant, float(rng.uniform(*_PAUSE)), float(rng.uniform(*_SECONDS)),
                       int(rng.integers(2**31)))
        order = []
        for kind in (kinds[index] for index in rng.integers(0, len(kinds), len(kinds))):
            variants = faults[kind] or ('',)
            order.append((kind, variants[rng.integers(len(variants))]))
