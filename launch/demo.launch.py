# SPDX-License-Identifier: Apache-2.0
"""Play a recording to the tracker: the generated demonstration, or one of your own.

    ros2 launch rgbt_tracker_ros demo.launch.py rviz:=true loop:=true
    ros2 launch rgbt_tracker_ros demo.launch.py rgb:=rgb.mp4 thermal:=thermal.mp4 \
        init:=184,174,95,324

Without `loop` everything ends by itself when the recording is over.
"""
from __future__ import annotations

from pathlib import Path
from typing import Any

from launch import LaunchContext, LaunchDescription
from launch.actions import OpaqueFunction

from rgbt_tracker_ros.launching.arguments import DEMO, box, declarations, values
from rgbt_tracker_ros.launching.nodes import player, rviz, tracker
from rgbt_tracker_ros.launching.recordings import clip_of, generation
from rgbt_tracker_ros.launching.session import after, ending


def start(context: LaunchContext) -> list[Any]:
    """Return the nodes, or what generates their clip first."""
    given = values(context, DEMO)
    folder = clip_of(given)
    if folder is None:
        recording = {name: str(Path(given[name]).expanduser()) for name in ('rgb', 'thermal')}
        return play(given, recording, given['init'])
    if folder.exists():
        return play_clip(given, folder)
    generator, notice = generation(folder, given['seed'])
    return [notice, after(generator, 'the generator', lambda: play_clip(given, folder)), generator]


def play_clip(given: dict[str, str], folder: Path) -> list[Any]:
    """Return the nodes that play and track a clip."""
    return play(given, {'clip': str(folder)}, given['init'] or (folder / 'init.txt').read_text())


def play(given: dict[str, str], recording: dict[str, str], init: str) -> list[Any]:
    """Return the nodes that play and track a recording."""
    node = tracker(given, initial_box=box(init))
    source = player(given, **recording, loop=given['loop'] == 'true', wait=600.0)
    return [*ending(source, node, given['namespace']), node, source, *rviz(given)]


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and what they start."""
    return LaunchDescription([*declarations(DEMO), OpaqueFunction(function=start)])
