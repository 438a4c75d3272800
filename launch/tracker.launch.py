# SPDX-License-Identifier: Apache-2.0
"""Start the tracker on two camera topics, with RViz if wanted.

    ros2 launch rgbt_tracker_ros tracker.launch.py \
        rgb_topic:=/camera/color/image_raw thermal_topic:=/thermal/image_raw

`model`, `backend` and `image_transport`, when given, and `autostart` and `use_sim_time` go over
what the parameter file says.
"""
from __future__ import annotations

from typing import Any

from launch import LaunchContext, LaunchDescription
from launch.actions import OpaqueFunction

from rgbt_tracker_ros.launching.arguments import TRACKER, declarations, values
from rgbt_tracker_ros.launching.nodes import rviz, tracker


def start(context: LaunchContext) -> list[Any]:
    """Return the nodes for the arguments that were given."""
    given = values(context, TRACKER)
    sim_time = given['use_sim_time'] == 'true'
    return [tracker(given, use_sim_time=sim_time, autostart=given['autostart'] == 'true'),
            *rviz(given, sim_time)]


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and what they start."""
    return LaunchDescription([*declarations(TRACKER), OpaqueFunction(function=start)])
