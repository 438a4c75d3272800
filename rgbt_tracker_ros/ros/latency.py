# SPDX-License-Identifier: Apache-2.0
"""Measures the whole node as a user sees it: from an image's stamp to the box's arrival."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

from rgbt_tracker_ros.benchmark.latency import percentiles
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.inference.model_path import resolve
from rgbt_tracker_ros.ros.processes import ros_environment, start_node, stop_node

_FRAMES = 30
_WARM_UP_S = 1.0
_SIDE = 48


def measure(model: str = 'unified_nano', backend: str = 'auto', *, seconds: float = 10.0,
            rate: float = 30.0, size: tuple[int, int] = (640, 480),
            settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Run player and tracker as processes and listen as a third one.

    Both cameras send images of one size at one rate, with equal stamps: RGB as rgb8 and thermal
    as mono16. The first second is left out.

    Parameters
    ----------
    model, backend
        As the parameters `model.name` and `model.backend`.
    seconds
        How long to measure.
    rate
        Frames per second of each camera.
    size
        (width, height) of the images, pixels.
    settings
        More parameters of the tracker node.

    Returns
    -------
    `latency_ms`, `backend_ms`, `overhead_ms` (latency minus backend), each with mean, p50, p95
    and p99; `pairs_per_s`; `frames_sent`, `frames_tracked`, `frames_dropped`; and what was asked
    for.

    Raises
    ------
    ModelError
        If there is no such model.
    InputError
        If the nodes do not run; with their last words.

    """
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    from rgbt_tracker_ros.ros.recorder import RecorderNode

    resolve(model)
    box = [size[0] / 2 - _SIDE / 2, size[1] / 2 - _SIDE / 2, float(_SIDE), float(_SIDE)]
    environment = ros_environment()
    with TemporaryDirectory() as name, _environment(environment):
        folder = Path(name)
        _write_frames(folder, size)
        context = rclpy.Context()
        rclpy.init(context=context, args=[])
        recorder = RecorderNode(context)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(recorder)
        nodes = []
        # Into a file: a pipe that nobody reads would stop a node that has much to say.
        with (folder / 'log').open('w+') as log:
            try:
                nodes.append(start_node('tracker_node', {
                    'model.name': model, 'model.backend': backend, 'initial_box': box,
                    **(settings or {})}, environment, stderr=log))
                nodes.append(start_node('player_node', {
                    'rgb': folder / 'rgb', 'thermal': folder / 'thermal', 'rgb_rate': rate,
                    'thermal_rate': rate, 'loop': True, 'duration': seconds + _WARM_UP_S,
                }, environment, stderr=log))
                executor.spin_until_future_complete(recorder.finished)
            finally:
                for node in reversed(nodes):
                    stop_node(node)
                executor.shutdown()
                recorder.destroy_node()
                rclpy.shutdown(context=context)
        words = (folder / 'log').read_text()
    if not recorder.rows:
        raise InputError(f'the nodes gave no frame; they said: {words.strip()[-500:]}')
    return {'model': model, 'backend': backend, 'rate': rate, 'size': list(size),
            **_summary(recorder.rows, rate, seconds)}


def _summary(rows: list[dict[str, str]], rate: float, seconds: float) -> dict[str, Any]:
    first = float(rows[0]['stamp']) + _WARM_UP_S
    kept = [row for row in rows if float(row['stamp']) >= first and row['latency_ms']]
    if len(kept) < 2:
        raise InputError(f'the nodes gave {len(kept)} frames in {seconds:g} s: measure for longer')
    latency = [float(row['latency_ms']) for row in kept]
    backend = [float(row['backend_ms'] or 0) for row in kept]
    span = float(kept[-1]['stamp']) - float(kept[0]['stamp'])
    return {
        'seconds': seconds, 'frames_sent': round(span * rate) + 1, 'frames_tracked': len(kept),
        'frames_dropped': int(kept[-1]['dropped_frames']) - int(kept[0]['dropped_frames']),
        'pairs_per_s': (len(kept) - 1) / span,
        **percentiles({
            'latency_ms': latency, 'backend_ms': backend,
            'overhead_ms': [whole - part for whole, part in zip(latency, backend, strict=True)]})}


def _write_frames(folder: Path, size: tuple[int, int]) -> None:
    """Write a second of a bright, warm target that swings, in formats that cost no decoding."""
    random = np.random.default_rng(0)
    width, height = size
    rgb = random.integers(20, 70, (height, width, 3), np.uint8)
    thermal = random.integers(7000, 7100, (height, width)).astype(np.uint16)
    for kind in ('rgb', 'thermal'):
        (folder / kind).mkdir()
    for number in range(_FRAMES):
        x = round(width / 2 - _SIDE / 2 + 40 * np.sin(2 * np.pi * number / _FRAMES))
        y = round(height / 2 - _SIDE / 2)
        spot = np.s_[y:y + _SIDE, x:x + _SIDE]
        for kind, suffix, image, level in (('rgb', 'bmp', rgb, 230), ('thermal', 'pgm', thermal,
                                                                      7900)):
            shown = image.copy()
            shown[spot] = level
            cv2.imwrite(str(folder / kind / f'{number:03d}.{suffix}'), shown)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Let this process's own ROS node live in the same network as the others."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
