# SPDX-License-Identifier: Apache-2.0
"""Which fault comes when: first each one once, then any, for ever; the same for the same seed."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

_SECONDS = (1.2, 2.0)
_PAUSE = (0.8, 1.4)


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


def first_round(faults: Mapping[str, tuple[str, ...]]) -> set[tuple[str, str]]:
    """Return every pair of kind and variant.

    Parameters
    ----------
    faults
        Variants of each kind; those without any have an empty tuple.

    """
    return {(kind, variant) for kind, variants in faults.items() for variant in variants or ('',)}


def plans(faults: Mapping[str, tuple[str, ...]], seed: int) -> Iterator[Plan]:
    """Yield faults without end: each kind and variant once in random order, then at random.

    Parameters
    ----------
    faults
        Variants of each kind.
    seed
        The same seed gives the same plans.

    """
    rng = np.random.default_rng(seed)
    pool = sorted(first_round(faults))
    order = [pool[index] for index in rng.permutation(len(pool))]
    while True:
        for kind, variant in order:
            yield Plan(kind, variant, float(rng.uniform(*_PAUSE)), float(rng.uniform(*_SECONDS)),
                       int(rng.integers(2**31)))
        order = [pool[index] for index in rng.integers(0, len(pool), len(pool))]
