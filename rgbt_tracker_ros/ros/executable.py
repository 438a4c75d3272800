# SPDX-License-Identifier: Apache-2.0
"""How every node of this package starts, spins and ends.

Ctrl-C ends a node with status 0 and without a traceback at any time, also while it imports or
loads a model or builds an engine, and when it comes twice (to the process, and to its group).

Signals only set a flag. Python's own handler raises KeyboardInterrupt in whatever line is running,
and rclpy's makes the context invalid in the middle of whatever uses it.
"""
from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import threading
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM)

_LOOK_S = 0.1
"""How long a signal may go unnoticed while nothing else happens."""

_received: list[int] = []


def told_to_end() -> bool:
    """Return whether a signal has told this process to end."""
    return bool(_received)


def run(module: str, node_class: str) -> int:
    """Run one node until it is told to end, or its future `finished` is done.

    Parameters
    ----------
    module, node_class
        Where the node's class is; imported here, when signals cannot harm any more.

    Returns
    -------
    Exit status: that of `finished`, 0 when ended from outside, 2 when the node cannot start
    because of its arguments.

    """
    status = _run(module, node_class)
    if any(thread.daemon and thread.is_alive() for thread in threading.enumerate()):
        # A network still loads or hangs: the interpreter must not be taken away from under it. The
        # end of the interpreter would have freed the shared memory of the middleware.
        _free_context()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def _run(module: str, node_class: str) -> int:
    for number in _ENDING:
        signal.signal(number, lambda received, _: _received.append(received))
    from rgbt_tracker_ros.pipeline.memory import keep_together

    keep_together()
    import rclpy
    from rclpy.exceptions import ParameterException
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.signals import SignalHandlerOptions

    from rgbt_tracker_ros.errors import InputError

    make_node = getattr(importlib.import_module(module), node_class)
    node = None
    try:
        # All that is imported stays: the garbage collector need not look through it every so
        # often, which takes up to 0.1 s.
        gc.freeze()
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        executor = SingleThreadedExecutor()
        node = make_node()
        executor.add_node(node)
        node.start()
        return _spin(node, executor)
    except (InputError, ParameterException, RuntimeError) as error:
        sys.stderr.write(f'{node_class} cannot run: {error}\n')
        return 2
    finally:
        if node is not None:
            _close(node)
        rclpy.try_shutdown()
        # The interpreter takes our handlers away before it has ended.
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)


def _free_context() -> None:
    import rclpy

    gc.collect()
    rclpy.get_default_context(shutting_down=True).destroy()


def _close(node: Any) -> None:
    try:
        node.close()
    except Exception as error:          # a network that hangs, a disk that is full
        sys.stderr.write(f'{node.get_name()} did not end well: {error}\n')
    node.destroy_node()


def _spin(node: Any, executor: Any) -> int:
    """Call the node's callbacks until a signal comes or the node is finished."""
    import rclpy
    from rclpy.executors import ExternalShutdownException

    while rclpy.ok() and not told_to_end() and not node.finished.done():
        try:
            executor.spin_once(_LOOK_S)
        except ExternalShutdownException:
            break
        except Exception as error:
            # A fault in one callback (rclpy itself raises on some invalid requests) must not end
            # the node.
            if rclpy.ok():
                node.get_logger().error(f'a callback failed: {type(error).__name__}: {error}')
    return int(node.finished.result()) if node.finished.done() else 0
