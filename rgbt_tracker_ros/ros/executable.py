# SPDX-License-Identifier: Apache-2.0
"""How every node of this package starts, spins and ends.

Ctrl-C ends a node with status 0 and without a traceback at any time, also while it imports or
loads a model, and when it comes twice (to the process, and to its group).
"""
from __future__ import annotations

import importlib
import signal
import sys
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM)


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
    ended: list[int] = []
    # Python's own handler raises KeyboardInterrupt in whatever line is running. rclpy chains its
    # handler, which shuts the context down, to this one.
    for number in _ENDING:
        signal.signal(number, lambda received, _: ended.append(received))
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    from rgbt_tracker_ros.errors import InputError

    make_node = getattr(importlib.import_module(module), node_class)
    node = None
    try:
        rclpy.init()
        if ended:
            return 0
        # Made first: rclpy's executor complains when it is made after the context has ended.
        executor = SingleThreadedExecutor()
        node = make_node()
        executor.add_node(node)
        node.start()
        return _spin(node, executor)
    except (InputError, RuntimeError) as error:
        if ended:
            return 0
        sys.stderr.write(f'{node_class} cannot run: {error}\n')
        return 2
    finally:
        if node is not None:
            _close(node)
        rclpy.try_shutdown()
        # The interpreter takes our handlers away before it has ended.
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)


def _close(node: Any) -> None:
    try:
        node.close()
    except Exception as error:          # a network that hangs, a disk that is full
        sys.stderr.write(f'{node.get_name()} did not end well: {error}\n')
    node.destroy_node()


def _spin(node: Any, executor: Any) -> int:
    """Call the node's callbacks until the context ends or the node is finished."""
    import rclpy
    from rclpy.executors import ExternalShutdownException

    while rclpy.ok() and not node.finished.done():
        try:
            executor.spin_until_future_complete(node.finished)
        except ExternalShutdownException:
            break
        except Exception as error:
            # A fault in one callback (rclpy itself raises on some invalid requests) must not end
            # the node.
            if rclpy.ok():
                node.get_logger().error(f'a callback failed: {type(error).__name__}: {error}')
    return int(node.finished.result()) if node.finished.done() else 0
