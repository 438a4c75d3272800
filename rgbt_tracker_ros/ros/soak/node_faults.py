# SPDX-License-Identifier: Apache-2.0
"""Wrong requests, parameters and transitions, and a network that fails."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
import math
import shutil
import signal
from time import monotonic
from typing import Any

from lifecycle_msgs.srv import ChangeState, GetState
import numpy as np
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.ros.soak.bench import (
    ACTIVATE,
    CLEANUP,
    CONFIGURE,
    DEACTIVATE,
    Bench,
    NoAnswerError,
)
from rgbt_tracker_ros.ros.soak.ears import TRACKER
from rgbt_tracker_ros.ros.soak.faulty_backend import FAULTS as BACKEND_FAULTS
from rgbt_tracker_ros.ros.soak.faulty_backend import HANG_S
from rgbt_tracker_ros.ros.soak.schedule import Plan
from rgbt_tracker_ros.ros.soak.tracker import FAULT
from rgbt_tracker_ros.settings import Settings

_BAD_BOXES: Mapping[str, Box] = {
    'zero': Box(100, 100, 0, 0), 'negative': Box(100, 100, -20, -40),
    'NaN': Box(math.nan, 100, 20, 40), 'infinite': Box(100, 100, math.inf, 40),
    'outside': Box(5000, 5000, 50, 50), 'far negative': Box(-900, -900, 50, 50)}
_BURST = 1000
_REQUESTS = 30
_AT_ONCE = 8
_INVALID_S = 1.0

# Requests ----------------------------------------------------------------------------------------


def bad_boxes(bench: Bench, plan: Plan) -> None:
    """Ask for boxes that cannot be; each must be refused, and the target kept."""
    frame = bench.cameras.newest
    assert frame is not None
    asked = [(name, box, frame.stamps[0], 0.0) for name, box in _BAD_BOXES.items()]
    asked.append(('rotated', frame.box, frame.stamps[0], 0.5))
    asked.append(('old', frame.box, frame.stamps[0] - 3600 * 10**9, 0.0))
    for index in np.random.default_rng(plan.seed).permutation(len(asked)):
        name, box, stamp, theta = asked[index]
        reply = bench.ask(box, stamp, theta)
        bench.expect(not reply.accepted, f'a box was accepted that is {name}')


def reset(bench: Bench, plan: Plan) -> None:
    """Drop the target and start anew."""
    bench.reset()
    bench.until(lambda: bench.judge.history.modes[-1][1] == 'idle', 'idle state')
    bench.start_target()


def pause(bench: Bench, plan: Plan) -> None:
    """Switch off and on; the target is kept."""
    bench.enable(False)
    bench.rest(plan.seconds / 2)
    bench.enable(True)


def service_burst(bench: Bench, plan: Plan) -> None:
    """Call a service a thousand times as fast as it goes."""
    client = bench.client(GetState, 'get_state')
    left = _BURST
    running: list[Any] = []
    end = monotonic() + 30.0
    while (left or running) and monotonic() < end:
        running = [future for future in running if not future.done()]
        while left and len(running) < _AT_ONCE:
            running.append(client.call_async(GetState.Request()))
            left -= 1
        bench.rest(0.001)
    bench.expect(not left and not running, f'{left + len(running)} of {_BURST} calls unanswered')
    for future in running:
        client.remove_pending_request(future)


def request_burst(bench: Bench, plan: Plan) -> None:
    """Ask for the target again and again without waiting for answers."""
    for _ in range(_REQUESTS):
        bench.request_target()
    bench.rest(plan.seconds / 2)


def onlookers(bench: Bench, plan: Plan) -> None:
    """Look at the pictures, and subscribe with a QoS that cannot be served."""
    seen: list[Image] = []
    impossible = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    subscriptions = [
        bench.node.create_subscription(Image, f'{TRACKER}/{name}', seen.append, 5)
        for name in ('annotated_image', 'fused_image')]
    subscriptions.append(bench.node.create_subscription(
        Detection2DArray, f'{TRACKER}/detections', lambda message: None, impossible))
    try:
        with suppress(NoAnswerError):
            bench.until(lambda: len(seen) > 5, 'pictures', 5.0)
        bench.rest(plan.seconds / 2)
        bench.expect(len(seen) > 5, f'{len(seen)} annotated and fused images in 5 s')
    finally:
        for subscription in subscriptions:
            bench.node.destroy_subscription(subscription)


def stopped(bench: Bench, plan: Plan) -> None:
    """Stop the process for a while, as a machine does that swaps."""
    bench.tracker.send_signal(signal.SIGSTOP)
    try:
        bench.rest(plan.seconds / 2)
    finally:
        bench.tracker.send_signal(signal.SIGCONT)


# Parameters --------------------------------------------------------------------------------------


def refused_parameters(bench: Bench, plan: Plan) -> None:
    """Set parameters to what they cannot be: type, range, pairs, words, read-only."""
    for values in (
            {'thermal.smoothing': 'much'}, {'template.interval': 2.5}, {'target.redetect': 3},
            {'sync.slop': -1.0}, {'template.memory': 10**6}, {'target.window': math.nan},
            {'template.update': 'perhaps'}, {'registration.homography': [1.0, 2.0]},
            {'registration.homography': [0.0] * 9},
            {'target.lost_threshold': 0.9, 'target.found_threshold': 0.1},
            {'thermal.min': 5000.0, 'thermal.max': 100.0},
            {'sync.slop': 0.03, 'health.frozen': -5}, {'model.threads': 4}):
        taken, reason = bench.set_parameters(values)
        bench.expect(not taken, f'parameters were accepted: {values}')
        bench.expect(taken or any(name in reason for name in values),
                     f'{values} was refused without its name: {reason!r}')


def rapid_changes(bench: Bench, plan: Plan) -> None:
    """Change parameters as fast as it goes, then take the usual values again."""
    rng = np.random.default_rng(plan.seed)
    usual = Settings().flat()
    end = monotonic() + plan.seconds
    changed: set[str] = set()
    while monotonic() < end:
        values = {
            'target.window': float(rng.uniform(0.3, 0.7)),
            'target.smoothing': float(rng.uniform(0.1, 0.5)),
            'template.interval': int(rng.integers(5, 30)),
            'template.memory': int(rng.integers(1, 10)),
            'template.update': str(rng.choice(['off', 'interval', 'nearest_reliable'])),
            'thermal.normalization': str(rng.choice(['percentile', 'minmax'])),
            'thermal.smoothing': float(rng.uniform(0.5, 0.95)),
            'sync.slop': float(rng.uniform(0.01, 0.05)),
            'sync.timeout': float(rng.uniform(0.1, 0.5)),
            'health.recover': int(rng.integers(1, 6))}
        changed |= values.keys()
        taken, reason = bench.set_parameters(values)
        bench.expect(taken, f'valid parameters were refused: {reason}')
    taken, reason = bench.set_parameters({name: usual[name] for name in changed})
    bench.expect(taken, f'the usual parameters were refused: {reason}')


# Lifecycle ---------------------------------------------------------------------------------------


def invalid_transitions(bench: Bench, plan: Plan) -> None:
    """Ask for transitions that this state does not have, or that do not exist."""
    for transition in (CONFIGURE, ACTIVATE, CLEANUP, 10, 99, 255):
        request = ChangeState.Request()
        request.transition.id = transition
        with suppress(NoAnswerError):       # rclpy may raise instead of answering
            response = bench.call(ChangeState, 'change_state', request, _INVALID_S)
            bench.expect(not response.success, f'transition {transition} was done while active')


def deactivated(bench: Bench, plan: Plan) -> None:
    """Deactivate and activate."""
    _step(bench, DEACTIVATE)
    bench.rest(plan.seconds / 4)
    _step(bench, ACTIVATE)
    bench.start_target()


def cleaned_up(bench: Bench, plan: Plan) -> None:
    """Go back to the unconfigured state, and up again."""
    _step(bench, DEACTIVATE)
    _step(bench, CLEANUP)
    _step(bench, CONFIGURE)
    _step(bench, ACTIVATE)
    bench.start_target()


def bad_model(bench: Bench, plan: Plan) -> None:
    """Load a model that is missing, torn or another's; then it is mended."""
    _step(bench, DEACTIVATE)
    _step(bench, CLEANUP)
    kept = bench.folder / 'model.kept'
    shutil.copytree(bench.model, kept, dirs_exist_ok=True)
    graph = bench.model / 'search.onnx'
    try:
        if plan.variant == 'missing':
            shutil.rmtree(bench.model)
        elif plan.variant == 'torn':
            graph.write_bytes(graph.read_bytes()[:1000])
        else:
            shutil.copy(bench.model / 'template.onnx', graph)
        bench.expect(not bench.change_state(CONFIGURE), 'a bad model was loaded')
    finally:
        shutil.copytree(kept, bench.model, dirs_exist_ok=True)
        shutil.rmtree(kept)
    _step(bench, CONFIGURE)
    _step(bench, ACTIVATE)
    bench.start_target()


def _step(bench: Bench, transition: int) -> None:
    bench.expect(bench.change_state(transition), f'transition {transition} failed')


# Network -----------------------------------------------------------------------------------------


def bad_backend(bench: Bench, plan: Plan) -> None:
    """Let the network fail; the target must not be lost by it for good."""
    _set_fault(bench, plan.variant)
    bench.rest(1.5 * HANG_S if plan.variant == 'hang' else plan.seconds / 2)
    _set_fault(bench, '')


def reset_in_hang(bench: Bench, plan: Plan) -> None:
    """Deactivate while the network hangs."""
    _set_fault(bench, 'hang')
    bench.rest(0.3)
    _step(bench, DEACTIVATE)
    _set_fault(bench, '')
    _step(bench, ACTIVATE)
    bench.start_target()


def _set_fault(bench: Bench, fault: str) -> None:
    taken, reason = bench.set_parameters({FAULT: fault})
    bench.expect(taken, f'{FAULT} was refused: {reason}')


Run = Callable[[Bench, Plan], Any]

FAULTS: dict[str, tuple[Run, tuple[str, ...]]] = {
    'bad boxes': (bad_boxes, ()),
    'reset and start': (reset, ()),
    'pause and resume': (pause, ()),
    'burst of service calls': (service_burst, ()),
    'burst of boxes': (request_burst, ()),
    'onlookers': (onlookers, ()),
    'process stopped': (stopped, ()),
    'wrong parameters': (refused_parameters, ()),
    'rapid parameter changes': (rapid_changes, ()),
    'invalid transitions': (invalid_transitions, ()),
    'deactivate and activate': (deactivated, ()),
    'clean up and configure': (cleaned_up, ()),
    'bad model': (bad_model, ('missing', 'torn', 'foreign')),
    'bad network': (bad_backend, BACKEND_FAULTS),
    'deactivate in a hang': (reset_in_hang, ()),
}
"""What happens, and its variants."""
