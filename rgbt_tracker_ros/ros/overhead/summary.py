# SPDX-License-Identifier: Apache-2.0
"""From what was heard of a node, round by round, to its figures."""
from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from rgbt_tracker_ros.benchmark.latency import percentiles
from rgbt_tracker_ros.ros.overhead.listener import Heard

INSIDE = ('receive_ms', 'sync_ms', 'wait_ms', 'convert_ms', 'prepare_ms', 'follow_ms',
          'publish_ms')
"""Laps of `~/status` that follow each other, from the stamp until the detections are handed over.

receive: until the callback that completes the pair; sync: until the pair is in the mailbox; wait:
until the worker takes it; convert: messages to arrays; prepare: health of the cameras, thermal
normalisation; follow: crop, network, decoding; publish: message made and handed to DDS.
"""

_WITHIN = ('normalize_ms', 'crop_ms', 'backend_ms')
"""Parts of prepare and of follow."""

TRANSPORT_OUT = 'transport_out_ms'
"""What is left of the latency: the way of the detections to the listener."""


def summarize(rounds: Sequence[Heard], rate: float) -> dict[str, Any]:
    """Return the figures of one node over all its rounds.

    Parameters
    ----------
    rounds
        What was heard in each.
    rate
        Frames per second that were sent.

    Returns
    -------
    `latency_ms`, `overhead_ms` (latency minus backend) with mean, p50, p95 and p99; where the
    node tells them, `split_ms` of the latency's parts; `frames_sent`, `frames`, `dropped` (by the
    node's mailbox; None when it has none), `pairs_per_s`, `cpu_percent` of a core, `memory_mib`.

    """
    latency: list[float] = []
    overhead: list[float] = []
    split: dict[str, list[float]] = {}
    for heard in rounds:
        for stamp, whole in heard.latency_ms.items():
            laps = _laps(heard.status.get(stamp, {}), whole)
            latency.append(whole)
            overhead.append(whole - laps.get('backend_ms', 0.0))
            for name, value in laps.items():
                split.setdefault(name, []).append(value)
    spans = [max(heard.latency_ms) - min(heard.latency_ms) for heard in rounds]
    loads = [heard.loads[-1].share_since(heard.loads[0]) for heard in rounds
             if len(heard.loads) > 1]
    memory = [heard.loads[-1].memory_mib for heard in rounds if heard.loads]
    return {
        **percentiles({'latency_ms': latency, 'overhead_ms': overhead}),
        'split_ms': percentiles(split),
        'frames_sent': sum(round(span * rate) + 1 for span in spans), 'frames': len(latency),
        'dropped': _dropped(rounds),
        'pairs_per_s': (len(latency) - len(rounds)) / max(sum(spans), 1e-9),
        'cpu_percent': sum(loads) / len(loads) if loads else None,
        'memory_mib': max(memory, default=None)}


def median_overhead(heard: Heard) -> float:
    """Return the median of the latency minus the backend's time in one round, milliseconds."""
    return median(whole - float(heard.status.get(stamp, {}).get('backend_ms', 0))
                  for stamp, whole in heard.latency_ms.items())


def _laps(status: dict[str, str], latency: float) -> dict[str, float]:
    laps = {name: float(status[name]) for name in (*INSIDE, *_WITHIN) if name in status}
    if all(name in laps for name in INSIDE):
        laps[TRANSPORT_OUT] = latency - sum(laps[name] for name in INSIDE)
    return laps


def _dropped(rounds: Sequence[Heard]) -> int | None:
    counts = [[int(status['dropped_frames']) for status in heard.status.values()
               if 'dropped_frames' in status] for heard in rounds]
    known = [count for count in counts if count]
    return sum(max(count) - min(count) for count in known) if known else None
