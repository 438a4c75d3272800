# SPDX-License-Identifier: Apache-2.0
"""Measures the node beside one that does nothing, in turns, so that noise hits both alike."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
import re
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from rgbt_tracker_ros.benchmark.latency import percentiles
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.inference.model_path import resolve
from rgbt_tracker_ros.ros.overhead.listener import Heard
from rgbt_tracker_ros.ros.overhead.material import target_box, write_frames
from rgbt_tracker_ros.ros.overhead.session import Played, listen
from rgbt_tracker_ros.ros.overhead.summary import median_overhead, summarize

NODES = {'plain': 'overhead.plain_node', 'idle': 'overhead.idle_node', 'network': 'tracker_node'}
"""What is measured: a node that does nothing, ours on an idle network, and ours."""

_SERVICES = 2
_ENCODING = 'bgr8'


def measure(model: str = 'unified_nano', backend: str = 'auto', *, seconds: float = 8.0,
            rounds: int = 3, rate: float = 30.0, rgb_size: tuple[int, int] = (640, 480),
            thermal_size: tuple[int, int] = (640, 512),
            settings: Mapping[str, Any] | None = None,
            step: Callable[[Iterator[str]], Iterator[str]] = iter) -> dict[str, Any]:
    """Play to each node in turn, listen as a third process, and do so again.

    Both cameras send with equal stamps: RGB as bgr8, thermal as mono16. The first second of each
    turn is left out. At last the parameter services are called while the node tracks.

    Parameters
    ----------
    model, backend
        As the parameters `model.name` and `model.backend`.
    seconds
        How long each node is measured in each round.
    rounds
        How often each node has its turn.
    rate
        Frames per second of each camera.
    rgb_size, thermal_size
        (width, height) of the images, pixels.
    settings
        More parameters of the tracker node.
    step
        Wraps the loop over the turns, for a progress bar; there are `turns(rounds)` of them.

    Returns
    -------
    For each of NODES its figures, see `summary.summarize`; `plain_made_of`; `overhead_ratio`: p50
    of idle over plain, of all and by round; `parameter_answers_ms` by service; what was asked for.

    Raises
    ------
    ModelError
        If there is no such model.
    InputError
        If the nodes do not run; with their last words.

    """
    resolve(model)
    ours = {'model.name': model, 'model.backend': backend, 'initial_box': target_box(rgb_size),
            **(settings or {})}
    heard: dict[str, list[Heard]] = {name: [] for name in NODES}
    made_of = ''
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_frames(folder, rgb_size, thermal_size)
        played = Played(folder, rate, _ENCODING, seconds)
        for turn in step(_turns(rounds)):
            if turn == 'parameters':
                answers = _answers(ours, played)
                continue
            found, words = _listen(NODES[turn], {} if turn == 'plain' else ours, played)
            heard[turn].append(found)
            if turn == 'plain':
                made_of = ''.join(re.findall('made of (.*)', words)[:1])
    ratios = [median_overhead(idle) / median_overhead(plain)
              for idle, plain in zip(heard['idle'], heard['plain'], strict=True)]
    return {
        'model': model, 'backend': backend, 'rate': rate, 'rgb': [*rgb_size, _ENCODING],
        'thermal': [*thermal_size, 'mono16'], 'rounds': rounds, 'seconds': seconds,
        'plain_made_of': made_of,
        **{name: summarize(found, rate) for name, found in heard.items()},
        'overhead_ratio': {'p50': median(ratios), 'by_round': ratios},
        'parameter_answers_ms': {
            service: {**row, 'calls': len(answers.answers_ms[service]),
                      'max': max(answers.answers_ms[service])}
            for service, row in percentiles(answers.answers_ms).items()}}


def turns(rounds: int) -> int:
    """Return how many turns there are."""
    return len(list(_turns(rounds)))


def _answers(ours: dict[str, Any], played: Played) -> Heard:
    heard, _ = _listen(NODES['network'], ours, played, call_parameters=True)
    if len(heard.answers_ms) < _SERVICES:
        # On a busy machine services are sometimes found only when the images are over.
        heard, _ = _listen(NODES['network'], ours, played, call_parameters=True)
    return heard


def _listen(*arguments: Any, **options: Any) -> tuple[Heard, str]:
    try:
        return listen(*arguments, **options)
    except InputError:
        # On a busy machine processes sometimes do not find each other; once is no proof.
        return listen(*arguments, **options)


def _turns(rounds: int) -> Iterator[str]:
    for _ in range(rounds):
        yield from NODES
    yield 'parameters'
