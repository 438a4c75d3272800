# SPDX-License-Identifier: Apache-2.0
"""One soak test from start to end."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.ros.processes import stop_node
from rgbt_tracker_ros.ros.soak.bench import Bench, NoAnswerError
from rgbt_tracker_ros.ros.soak.faults import ALIKE, FAULTS, VARIANTS
from rgbt_tracker_ros.ros.soak.growth import growth
from rgbt_tracker_ros.ros.soak.history import History
from rgbt_tracker_ros.ros.soak.sampler import Sampler
from rgbt_tracker_ros.ros.soak.schedule import Plan, first_round, plans

RECOVERY_S = 5.0
"""After a fault the node must be back to normal within so long."""

_SETTLE_S = 2.0
_LAST_HEALTH_S = 2.0

Progress = Callable[[History, float, str], None]
"""Called with the history, the seconds since the start and what is going on."""


def soak(environment: Mapping[str, str], folder: Path, *, seconds: float, seed: int, rate: float,
         model: str, progress: Progress) -> History:
    """Run the tracker for some time with one fault after the other.

    The first faults are all there are, each once; the test does not end before they are done.

    Parameters
    ----------
    environment
        See `ros.processes.ros_environment`; this process must already live in it.
    folder
        For logs and the model's copy.
    seconds
        How long.
    seed
        Of faults and scene.
    rate
        Frames per second of each camera.
    model
        Name or folder of the model.
    progress
        Told now and then how it goes.

    Returns
    -------
    What was seen; also after Ctrl-C.

    """
    with Bench(environment, folder, model, rate, seed) as bench, Sampler(bench) as sampler:
        history = bench.judge.history
        history.samples = sampler.samples
        begin, missing = history.begin, set(first_round(VARIANTS, ALIKE, seed))
        try:
            progress(history, 0.0, 'starting')
            bench.await_start()
            bench.until(lambda: bench.judge.good_since(begin), 'first good answer')
            for plan in plans(VARIANTS, ALIKE, seed):
                if not missing and monotonic() - begin > seconds:
                    break
                _health(bench, plan.pause)
                progress(history, monotonic() - begin, plan.name)
                _inject(bench, plan)
                missing.discard((plan.kind, plan.variant))
            _health(bench, _LAST_HEALTH_S)
        except KeyboardInterrupt:
            history.interrupted = True
        bench.cameras.show()
        history.end = monotonic()
        status = stop_node(bench.tracker)
        bench.expect(status == 0, f'the tracker ended with status {status}')
        found = growth(history.samples)
        for complaint in found.complaints() if found else ():
            bench.expect(False, complaint)
    return history


def _health(bench: Bench, duration: float) -> None:
    """Let a stretch of health go by and judge it."""
    bench.judge.begin_stretch()
    bench.cameras.show(healthy=True)
    try:
        bench.rest(duration)
        bench.cameras.show()
        bench.until(lambda: not bench.judge.unanswered, 'answers', _SETTLE_S)
    except NoAnswerError:
        pass                # the judge says it better
    except ModelError as error:
        bench.expect(False, str(error))
    bench.judge.end_stretch(monotonic())


def _inject(bench: Bench, plan: Plan) -> None:
    """Run one fault and wait until the node is back to normal."""
    bench.judge.begin_fault(monotonic(), plan.kind, plan.name)
    event = bench.judge.history.events[-1]
    try:
        FAULTS[plan.kind][0](bench, plan)
    except ModelError as error:
        bench.expect(False, str(error))
    except Exception as error:          # of rclpy or the system: noted, and the test goes on
        bench.expect(False, f'the fault itself failed: {type(error).__name__}: {error}')
    bench.cameras.show()
    bench.judge.end_fault(monotonic())
    try:
        bench.until(lambda: bench.judge.good_since(event.end), 'recovery', RECOVERY_S)
        event.recovery = monotonic() - event.end
    except ModelError as error:
        bench.expect(False, str(error))
        _rescue(bench)


def _rescue(bench: Bench) -> None:
    """Bring the node back by other means, so that the test can go on."""
    try:
        if bench.tracker.poll() is not None:
            bench.revive()
            bench.rest(RECOVERY_S)
        else:
            bench.reset()
        bench.start_target(4 * RECOVERY_S)
    except ModelError as error:
        bench.expect(False, f'could not be brought back: {error}')
