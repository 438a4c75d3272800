# SPDX-License-Identifier: Apache-2.0
"""Play a bag to the tracker, on the bag's own time.

    ros2 launch rgbt_tracker_ros bag.launch.py bag:=night_run \
        rgb_topic:=/camera/color/image_raw thermal_topic:=/thermal/image_raw init:=320,200,40,90

The bag starts when the tracker is ready for it. Without `loop` everything ends by itself when the
bag is over. `rgbt-tracker bag` tracks a bag without ROS, frame by frame.
"""
from __future__ import annotations

from typing import Any

from launch import LaunchContext, LaunchDescription
from launch.actions import OpaqueFunction

from rgbt_tracker_ros.launching.arguments import BAG, box, declarations, values
from rgbt_tracker_ros.launching.nodes import rviz, tracker
from rgbt_tracker_ros.launching.recordings import bag_play, image_topics
from rgbt_tracker_ros.launching.session import ending, once_subscribed


def start(context: LaunchContext) -> list[Any]:
    """Return the tracker, and the bag that follows it."""
    given = values(context, BAG)
    bag = bag_play(given)
    init = box(given['init'])
    node = tracker(given, use_sim_time=True, **({'initial_box': init} if init else {}))
    return [*ending(bag, node, given['namespace']), node, *rviz(given, use_sim_time=True),
            *once_subscribed(image_topics(given), [bag])]


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and what they start."""
    return LaunchDescription([*declarations(BAG), OpaqueFunction(function=start)])
