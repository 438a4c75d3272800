# SPDX-License-Identifier: Apache-2.0
"""How every node of this package starts, spins and ends.

Ctrl-C ends a node with status 0 and without a traceback at any time, also while it imports or
loads a model, and when it comes twice (to the process, and to its group).
"""
from __future__ import annotations

import importlib
import signal
import sys

_ENDING = (signal.SIGINT, signal.SIGTERM)


def run(module: str, node_class: str) -> int:
    """Run one node until it is told to end, or its future `finished` is done.

    Parameters
    ----------
    module, node_class
        Where the node's class is; imported here, while signals wait.

    Returns
    -------
    Exit status: 0, or 2 when the node cannot start because of its arguments.

    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    import rclpy
    from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

    from rgbt_tracker_ros.errors import InputError

    make_node = getattr(importlib.import_module(module), node_class)
    node = None
    try:
        rclpy.init()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        node = make_node()
        node.start()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        while rclpy.ok() and not node.finished.done():
            try:
                executor.spin_until_future_complete(node.finished)
            except Exception as error:
                # A fault in one callback (rclpy itself raises on some invalid requests) must not
                # end the node.
                if not rclpy.ok() or isinstance(error, ExternalShutdownException):
                    break
                node.get_logger().error(f'a callback failed: {type(error).__name__}: {error}')
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except (InputError, RuntimeError) as error:
        if node is None or rclpy.ok():
            sys.stderr.write(f'{node_class} cannot run: {error}\n')
            return 2
    finally:
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
        if node is not None:
            node.close()
            node.destroy_node()
        rclpy.try_shutdown()
    return 0
