# SPDX-License-Identifier: Apache-2.0
"""How long each stage of tracking takes on this machine."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import os
import platform
import sys
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.inference.processor import cpu_name, usable_cores
from rgbt_tracker_ros.tracking.decoding import decode
from rgbt_tracker_ros.tracking.network_inputs import NetworkInputs
from rgbt_tracker_ros.tracking.tracker import Tracker

WIDTH, HEIGHT, SIDE = 640, 480, 60
STAGES = ('template_crop', 'template', 'search_crop', 'search', 'decode', 'total')

Milliseconds = dict[str, list[float]]


def measure(tracker: Tracker, frames: int,
            step: Callable[[Iterator[int]], Iterator[int]] = iter) -> Milliseconds:
    """Time every stage, and the whole of `track`, over generated 640 x 480 pairs.

    Parameters
    ----------
    tracker
        Its target is replaced.
    frames
        How often each stage runs.
    step
        Wraps the loop over frames, for a progress bar.

    Returns
    -------
    The times of each of STAGES; `total` is `track` with all its stages but without a template
    update.

    """
    inputs = NetworkInputs(tracker.bundle)
    times: Milliseconds = {stage: [] for stage in STAGES}
    first = _pair(0)
    tracker.initialize(first, _box(0))
    for number in step(iter(range(1, frames + 1))):
        pair, box = _pair(number), _box(number)
        with _timed(times['template_crop']):
            crops = inputs.template(pair, box)
        with _timed(times['template']):
            tokens = tracker.backend.template(*crops)
        with _timed(times['search_crop']):
            rgb, thermal, _ = inputs.search(pair, box)
        with _timed(times['search']):
            maps = tracker.backend.search(
                [tokens] * tracker.bundle.template_slots, rgb, thermal)
        with _timed(times['decode']):
            decode(maps, 0.35)
        with _timed(times['total']):
            tracker.track(pair)
    return times


def percentiles(times: Milliseconds) -> dict[str, dict[str, float]]:
    """Return the mean and the 50th, 95th and 99th percentile of each stage, milliseconds."""
    return {stage: {
        'mean': float(np.mean(values)), **{
            f'p{share}': float(np.percentile(values, share)) for share in (50, 95, 99)}}
        for stage, values in times.items() if values}


def machine() -> dict[str, Any]:
    """Return what the figures depend on: hardware and versions."""
    from importlib.metadata import PackageNotFoundError, version

    versions = {'python': platform.python_version()}
    for package in ('numpy', 'opencv-python-headless', 'opencv-contrib-python-headless',
                    'opencv-python', 'onnxruntime', 'openvino', 'rclpy'):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {'cpu': cpu_name(), 'cores': os.cpu_count(), 'usable_cores': usable_cores(),
            'system': f'{platform.system()} {platform.machine()}', 'versions': versions,
            'command': ' '.join(['rgbt-tracker', *sys.argv[1:]])}


@contextmanager
def _timed(into: list[float]) -> Iterator[None]:
    begin = perf_counter()
    yield
    into.append(1000 * (perf_counter() - begin))


def _box(number: int) -> Box:
    return Box(100.0 + number % 300, 200.0, SIDE, SIDE)


def _pair(number: int) -> ImagePair:
    """Return a bright target before a textured ground; it moves from pair to pair."""
    rng = np.random.default_rng(0)
    small = rng.integers(40, 160, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    rgb: NDArray[np.uint8] = np.asarray(cv2.resize(small, (WIDTH, HEIGHT)), np.uint8)
    thermal = np.ascontiguousarray(rgb[..., 1])
    left, top = round(_box(number).x), round(_box(number).y)
    rgb[top:top + SIDE, left:left + SIDE] = (230, 200, 180)
    thermal[top:top + SIDE, left:left + SIDE] = 240
    return ImagePair(rgb, thermal, number / 30)
