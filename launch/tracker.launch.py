# SPDX-License-Identifier: Apache-2.0
"""Start the tracker on two camera topics, with RViz if wanted.

    ros2 launch rgbt_tracker_ros tracker.launch.py \
        rgb_topic:=/camera/color/image_raw thermal_topic:=/thermal/image_raw

`model`, `backend` and `image_transport`, when given, and `autostart` and `use_sim_time` go over
what the parameter file says.
"""
from __future__ import annotations

from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

SHARE = Path(get_package_share_directory('rgbt_tracker_ros'))

# name, default, description, choices
ARGUMENTS = (
    ('namespace', '', 'Namespace of the node, one per tracker.', None),
    ('params_file', str(SHARE / 'config' / 'tracker.yaml'), 'Parameter file.', None),
    ('rgb_topic', 'rgb/image_raw', 'RGB images.', None),
    ('thermal_topic', 'thermal/image_raw', 'Thermal images, 8 or 16 bits.', None),
    ('model', '', 'Model name or folder; empty = as in the parameter file.', None),
    ('backend', '', 'Run time of the network; empty = as in the parameter file.',
     ['', 'auto', 'onnxruntime', 'openvino', 'tensorrt', 'torch']),
    ('image_transport', '', 'raw or compressed; empty = as in the parameter file.',
     ['', 'raw', 'compressed']),
    ('use_sim_time', 'false', 'Take the time from /clock.', ['true', 'false']),
    ('autostart', 'true', 'Configure and activate the node at once.', ['true', 'false']),
    ('rviz', 'false', 'Show the annotated image in RViz.', ['true', 'false']),
    ('log_level', 'info', 'Log level of the node.', ['debug', 'info', 'warn', 'error', 'fatal']),
)

OVERRIDES = {'model': 'model.name', 'backend': 'model.backend',
             'image_transport': 'image_transport'}


def nodes(context: LaunchContext) -> list[Any]:
    """Return the nodes for the arguments that were given."""
    given = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS}
    parameters = {'use_sim_time': given['use_sim_time'] == 'true',
                  'autostart': given['autostart'] == 'true'}
    parameters.update({parameter: given[argument] for argument, parameter in OVERRIDES.items()
                       if given[argument]})
    topics = [(f'{camera}/image_raw{suffix}', f'{given[f"{camera}_topic"]}{suffix}')
              for camera in ('rgb', 'thermal') for suffix in ('', '/compressed')]
    return [
        Node(package='rgbt_tracker_ros', executable='tracker_node', name='rgbt_tracker',
             namespace=given['namespace'], parameters=[given['params_file'], parameters],
             remappings=topics, output='screen',
             arguments=['--ros-args', '--log-level', given['log_level']]),
        Node(package='rviz2', executable='rviz2', namespace=given['namespace'],
             arguments=['-d', str(SHARE / 'config' / 'tracker.rviz')], output='log',
             condition=IfCondition(given['rviz'])),
    ]


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and what they start."""
    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value=default, description=description,
                                choices=choices)
          for name, default, description, choices in ARGUMENTS),
        OpaqueFunction(function=nodes)])
