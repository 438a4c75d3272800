# SPDX-License-Identifier: Apache-2.0
"""Published raw results score as published, and as in the package that the field uses."""
from __future__ import annotations

from pathlib import Path

import pytest

from rgbt_tracker_ros.benchmark.benchmark_scores import score_benchmark
from rgbt_tracker_ros.benchmark.groundtruth import load_package_truth
from rgbt_tracker_ros.benchmark.metrics import convention_of
from rgbt_tracker_ros.benchmark.results import open_results

PUBLISHED = (Path(__file__).resolve().parents[2] / 'shared' / 'data' / 'results'
             / 'published_raw_results.zip')

with_published_results = pytest.mark.skipif(
    not PUBLISHED.is_file(),
    reason='the published results are not beside this checkout (../shared/data/results)')


@pytest.mark.slow
@with_published_results
@pytest.mark.parametrize(('dataset', 'folder', 'figures'), [
    ('lasher', 'LasHeR/APFNet', (50.0, 43.9, 36.2)),
    ('lasher', 'LasHeR/mfDiMP', (44.7, 39.5, 34.3)),
    ('rgbt234', 'RGBT234/JMMAC', (79.0, None, 57.3)),
    ('gtot', 'GTOT/JMMAC', (90.2, None, 73.2))])
@pytest.mark.parametrize('as_rgbt', [False, True])
def test_published_figures(dataset, folder, figures, as_rgbt):
    convention = convention_of(dataset)
    convention = convention.as_rgbt() if as_rgbt else convention
    scored = score_benchmark(open_results(PUBLISHED / folder), load_package_truth(dataset),
                             convention)
    mean = scored.mean().scores(convention)
    for value, figure in zip((mean.pr, mean.npr, mean.sr), figures, strict=True):
        if figure is not None:
            assert 100 * value == pytest.approx(figure, abs=0.1)
