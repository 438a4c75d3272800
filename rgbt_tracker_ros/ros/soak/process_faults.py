# SPDX-License-Identifier: Apache-2.0
"""What needs a tracker of its own: neighbours, simulated time, compressed images, early Ctrl-C."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
import signal
import subprocess
from time import monotonic, sleep, time_ns
from typing import Any

import cv2
import numpy as np
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage
from vision_msgs.msg import Detection2DArray

from rgbt_tracker_ros.imaging.image_pair import CAMERAS
from rgbt_tracker_ros.ros.messages import stamp_message
from rgbt_tracker_ros.ros.processes import stop_node
from rgbt_tracker_ros.ros.soak.bench import Bench
from rgbt_tracker_ros.ros.soak.scene import pixels
from rgbt_tracker_ros.ros.soak.schedule import Plan

_START_S = 30.0
_ANSWERS = 10
_SIGTERM_BIT = 1 << (signal.SIGTERM - 1)
_BOMB = b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x08\2\0\0\0\0\0\0\0' + b'IEND'


class _Neighbour:
    """Another tracker in a namespace, and what it answers."""

    def __init__(self, bench: Bench, space: str, parameters: Mapping[str, Any],
                 same_cameras: bool) -> None:
        self._bench = bench
        self._log = f'{space}.log'
        self.detections: list[Detection2DArray] = []
        self._subscription = bench.node.create_subscription(
            Detection2DArray, f'/{space}/rgbt_tracker/detections', self.detections.append, 100)
        topics = {f'{camera}/image_raw': f'/{camera}/image_raw' for camera in CAMERAS}
        self.process = bench.start_process(
            'tracker_node', self._log,
            {'model.name': bench.model, 'model.threads': 1, **parameters},
            {'__ns': f'/{space}', **(topics if same_cameras else {})})

    def await_answers(self, what: str, patience: float = _START_S) -> None:
        """Wait for some more answers."""
        before = len(self.detections)
        self._bench.until(lambda: len(self.detections) >= before + _ANSWERS, what, patience)

    def close(self) -> None:
        """End it; it must end well."""
        status = stop_node(self.process)
        self._bench.node.destroy_subscription(self._subscription)
        self._bench.expect(status == 0, f'{self._log}: ended with status {status}')


@contextmanager
def _neighbour(bench: Bench, space: str, parameters: Mapping[str, Any], *,
               same_cameras: bool = True) -> Iterator[_Neighbour]:
    neighbour = _Neighbour(bench, space, parameters, same_cameras)
    try:
        yield neighbour
    finally:
        neighbour.close()


def second_tracker(bench: Bench, plan: Plan) -> None:
    """Run a second tracker beside the first, on the same cameras."""
    with _neighbour(bench, 'other', {}) as other:
        other.await_answers('answer of the second tracker')


def simulated_time(bench: Bench, plan: Plan) -> None:
    """Let simulated time run, stand still and jump back."""
    clock = bench.node.create_publisher(Clock, '/clock', 10)

    def run(begin: float, seconds: float) -> None:
        start = monotonic()
        while (passed := monotonic() - start) < seconds:
            clock.publish(Clock(clock=stamp_message(begin + passed)))
            bench.rest(0.02)

    try:
        with _neighbour(bench, 'simulated', {'use_sim_time': True}) as other:
            end = monotonic() + _START_S
            while not other.detections and monotonic() < end:
                run(100.0, 0.5)
            other.await_answers('answer under simulated time')
            bench.rest(plan.seconds / 2)
            other.await_answers('answer while simulated time stands still', 5.0)
            run(50.0, plan.seconds / 2)
            other.await_answers('answer after simulated time went back', 5.0)
    finally:
        bench.node.destroy_publisher(clock)


def compressed_images(bench: Bench, plan: Plan) -> None:
    """Send compressed images: good, torn, empty, senseless, a bomb; and good ones again."""
    rng = np.random.default_rng(plan.seed)
    publishers = {camera: bench.node.create_publisher(
        CompressedImage, f'/compressed/{camera}/image_raw/compressed', 10) for camera in CAMERAS}
    good = {camera: bytes(cv2.imencode(
        '.png' if camera == 'thermal' else '.jpg', pixels(bench.cameras.image(camera)))[1])
        for camera in CAMERAS}
    spoilt: list[Callable[[bytes], bytes]] = [
        lambda data: data[:len(data) // 2], lambda data: b'', lambda data: rng.bytes(2000),
        lambda data: _BOMB, lambda data: data[:200] + rng.bytes(200) + data[400:]]

    def send(spoil: Callable[[bytes], bytes] | None) -> None:
        stamp = stamp_message(time_ns() / 1e9)
        for camera, publisher in publishers.items():
            message = CompressedImage(format='png' if camera == 'thermal' else 'jpeg')
            message.header.stamp = stamp
            message.data.frombytes(spoil(good[camera]) if spoil else good[camera])
            publisher.publish(message)
        bench.rest(0.05)

    try:
        with _neighbour(bench, 'compressed', {'image_transport': 'compressed'},
                        same_cameras=False) as other:
            for healthy in (True, False, True):
                wanted, end = len(other.detections) + _ANSWERS, monotonic() + _START_S
                while healthy and len(other.detections) < wanted and monotonic() < end:
                    send(None)
                bench.expect(not healthy or len(other.detections) >= wanted,
                             'compressed: no answer to good images')
                for spoil in [] if healthy else spoilt:
                    send(spoil)
            bench.expect(other.process.poll() is None, 'compressed: the tracker died')
    finally:
        for publisher in publishers.values():
            bench.node.destroy_publisher(publisher)


def early_interrupt(bench: Bench, plan: Plan) -> None:
    """Interrupt a tracker while it starts or loads its model; it must end well."""
    log = bench.folder / 'interrupted.log'
    said = log.stat().st_size if log.is_file() else 0
    process = bench.start_process(
        'tracker_node', log.name, {'model.name': bench.model, 'model.threads': 1},
        {'__ns': '/interrupted'})
    try:
        bench.until(lambda: _listens(process), 'handler of signals', _START_S)
        bench.rest(float(np.random.default_rng(plan.seed).uniform(0.0, 2.5)))
    finally:
        status = stop_node(process)
    bench.expect(status == 0, f'interrupted while starting: ended with status {status}')
    words = log.read_bytes()[said:].decode(errors='replace')
    bench.expect('Traceback' not in words, 'interrupted while starting: it left a traceback')


def _listens(process: subprocess.Popen[str]) -> bool:
    """Tell whether a process has a handler for SIGTERM, the first thing our nodes set up."""
    status = Path(f'/proc/{process.pid}/status')
    if not status.is_file():            # no Linux: a second later it has one
        sleep(1.0)
        return True
    lines = status.read_text(encoding='utf-8').splitlines()
    caught = next(line for line in lines if line.startswith('SigCgt'))
    return bool(int(caught.split()[1], 16) & _SIGTERM_BIT)


FAULTS: dict[str, tuple[Callable[[Bench, Plan], None], tuple[str, ...]]] = {
    'second tracker': (second_tracker, ()),
    'simulated time': (simulated_time, ()),
    'compressed images': (compressed_images, ()),
    'early interrupt': (early_interrupt, ()),
}
"""What happens, and its variants."""
