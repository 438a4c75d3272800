# SPDX-License-Identifier: Apache-2.0
"""The batches of a recipe, drawn from the bank; `dataset.PairDataset` draws single samples."""
from __future__ import annotations

import numpy as np

from rgbt_tracker_ros.training.batched.bank import Bank
from rgbt_tracker_ros.training.batched.choosing import Chooser
from rgbt_tracker_ros.training.batched.composites import composite_samples
from rgbt_tracker_ros.training.batched.crops import SampleBatch, stacked
from rgbt_tracker_ros.training.batched.cutting import Floats
from rgbt_tracker_ros.training.batched.moments import moment_samples
from rgbt_tracker_ros.training.dataset import no_targets
from rgbt_tracker_ros.training.recipe import DataRecipe, Recipe

_BY_TARGETS = ('thermal_videos', 'generated')
"""Sources whose targets are all drawn as often; in the others, sets are."""
_VIDEOS = ('thermal_videos', 'rgb_videos', 'generated')


class BatchedSource:
    """Draws the crops of batches; they are a function of recipe, step and rows alone."""

    def __init__(self, recipe: Recipe, bank: Bank) -> None:
        """Take what `build_bank` made for this recipe.

        Raises
        ------
        InputError
            If a source that has a share holds no target.

        """
        self._bank, self._data = bank, recipe.data
        self._seed, self._sizes = recipe.seed, recipe.network.crop_sizes
        pools = bank.tables['pools']
        gaps = np.where(np.isin(pools['source'], _VIDEOS), recipe.data.max_gap, 0)
        self._chooser = Chooser(bank.tables, gaps, recipe.data.meetings)
        shares = np.append(_pool_shares(recipe.data, bank), recipe.data.composites)
        if recipe.data.composites and not len(bank.tables['cut_outs']):
            raise no_targets(recipe.data.root)
        self._shares = shares / shares.sum()

    def draw(self, step: int, rows: range, *, hard: bool) -> SampleBatch:
        """Return rows of a step's batch: composites come last.

        Hard ones often show, or are cut around, rivals of the target.
        """
        bank, data, pools = self._bank, self._data, len(self._bank.tables['pools'])
        rng = np.random.default_rng([self._seed, step, rows.start])
        chosen = np.sort(rng.choice(pools + 1, len(rows), p=self._shares))
        chosen, composites = chosen[chosen < pools], int((chosen == pools).sum())
        parts = []
        if len(chosen):
            parts.append(moment_samples(
                bank, self._chooser, chosen, rng, self._sizes, data.crossings, hard=hard))
        if composites:
            parts.append(composite_samples(bank, composites, rng, self._sizes, hard=hard))
        return stacked(parts)


def _pool_shares(data: DataRecipe, bank: Bank) -> Floats:
    """Return how often each pool's targets are drawn."""
    pools = bank.tables['pools']
    shares = np.zeros(len(pools))
    for source, share in data.shares.items():
        own = pools['source'] == source
        if source == 'composites' or not own.any():
            continue
        count = pools['count'][own]
        if source in _BY_TARGETS:
            shares[own] = share * count / max(count.sum(), 1)
        else:
            shares[own] = share / len(count)
        if not (count.any() if source in _BY_TARGETS else count.all()):
            raise no_targets(data.root)
    return shares
