# SPDX-License-Identifier: Apache-2.0
"""One run of the demonstration's nodes, watched until the last frame."""
from __future__ import annotations

from collections.abc import Mapping
import os
from pathlib import Path
import signal
import time
from types import FrameType
from typing import Any

from rgbt_tracker_ros.cli.demo_display import LiveDisplay
from rgbt_tracker_ros.cli.demo_material import Material
from rgbt_tracker_ros.cli.demo_processes import NodeProcesses
from rgbt_tracker_ros.cli.demo_video import FusedOf
from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.ros.processes import ros_environment

_START_S = 90.0
"""Nodes must start and the model must load within so long, also on a busy machine."""

_SILENCE_S = 20.0
"""After the first frame, so long without another one means that something hangs."""

_LOOK_S = 0.1


def play(
    material: Material, output: Path, parameters: Mapping[str, Any], domain_id: int,
) -> tuple[Path, FusedOf]:
    """Play the material to the tracker, both as ROS nodes, and record its answers.

    Parameters
    ----------
    material
        What to play.
    output
        Folder for the logs.
    parameters
        Of the tracker, besides the initial box.
    domain_id
        ROS domain.

    Returns
    -------
    The recorder's table, and where the fused images are.

    Raises
    ------
    ModelError
        If a node fails or hangs; says which, with the end of its log.

    """
    logs = output / 'logs'
    table = logs / 'boxes.csv'
    table.unlink(missing_ok=True)
    environment = ros_environment(domain_id)
    # The monitor's part of DDS lives in this process.
    os.environ.update(environment)
    from rgbt_tracker_ros.ros.monitor import Monitor

    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with NodeProcesses(logs, environment) as nodes, Monitor(domain_id) as monitor, \
                LiveDisplay(material) as display:
            nodes.start('recorder_node', {'output': str(logs.resolve()), 'patience': _START_S})
            nodes.start('tracker_node', {
                **parameters, 'initial_box': [float(value) for value in material.init]})
            nodes.start('player_node', {**material.parameters, 'wait': _START_S})
            _watch(nodes, monitor, display)
    finally:
        signal.signal(signal.SIGTERM, before)
    if not table.is_file():
        raise nodes.failure('recorder_node', 'wrote no table')
    return table, monitor.fused


def _watch(nodes: NodeProcesses, monitor: Any, display: LiveDisplay) -> None:
    """Show what the tracker says until the recorder has it all."""
    frames, heard = 0, time.monotonic()
    while not nodes.ended('recorder_node'):
        glance = monitor.glance
        display.show(glance)
        if glance is not None and glance.frames != frames:
            frames, heard = glance.frames, time.monotonic()
        silence = time.monotonic() - heard
        if monitor.fault:
            raise ModelError(f'tracker_node: {monitor.fault}')
        if nodes.ended('tracker_node'):
            raise nodes.failure('tracker_node', 'ended before the recording did')
        nodes.ended('player_node')
        if silence > (_SILENCE_S if frames else _START_S):
            raise nodes.failure('tracker_node', f'has said nothing for {silence:.0f} s')
        time.sleep(_LOOK_S)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
