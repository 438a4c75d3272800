# SPDX-License-Identifier: Apache-2.0
"""The nodes that the launch files start, made out of the arguments' values."""
from __future__ import annotations

from collections.abc import Mapping
import os
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.image_pair import CAMERAS
from rgbt_tracker_ros.ros.processes import config_file, dds_profile

_PACKAGE = 'rgbt_tracker_ros'
_OVER_THE_FILE = {'model': 'model.name', 'backend': 'model.backend',
                  'image_transport': 'image_transport'}
_OWN_TRANSPORT = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE',
                  'FASTDDS_BUILTIN_TRANSPORTS')
"""Whoever sets one of these has chosen how images travel."""


def tracker(given: Mapping[str, str], **parameters: Any) -> Node:
    """Return the tracker.

    Parameters
    ----------
    given
        Values of a launch file's arguments.
    parameters
        What goes over the parameter file, besides what `given` says.

    """
    parameters.update({parameter: given[argument]
                       for argument, parameter in _OVER_THE_FILE.items() if given.get(argument)})
    return Node(
        package=_PACKAGE, executable='tracker_node', name='rgbt_tracker',
        namespace=given['namespace'], remappings=remappings(given), output='screen',
        parameters=[given['params_file'], typed(parameters)], additional_env=environment(given),
        # For this node alone: rcl and the middleware would drown it in lines of their own.
        ros_arguments=['--log-level', f'{_logger(given["namespace"])}:={given["log_level"]}'])


def player(given: Mapping[str, str], **parameters: Any) -> Node:
    """Return the player of recordings, with these parameters."""
    return Node(
        package=_PACKAGE, executable='player_node', name='player', namespace=given['namespace'],
        parameters=[typed(parameters)], output='screen', additional_env=environment(given))


def rviz(given: Mapping[str, str], use_sim_time: bool = False) -> list[Node]:
    """Return RViz, or nothing when it is not asked for."""
    if given['rviz'] != 'true':
        return []
    require('rviz2', 'rviz = true', 'rviz2')
    return [Node(
        package='rviz2', executable='rviz2', name='rviz', namespace=given['namespace'],
        arguments=['-d', str(config_file('tracker.rviz'))], output='log',
        parameters=[{'use_sim_time': use_sim_time}], additional_env=environment(given))]


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return what a process gets on top of the environment: the DDS profile for big images.

    It is given to our processes alone: `SetEnvironmentVariable` would reach into every launch
    file that includes ours.
    """
    if given['shared_memory'] != 'true' or any(map(os.environ.get, _OWN_TRANSPORT)):
        return {}
    return dds_profile()


def remappings(given: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the remappings of the cameras' topics; none where no topic can be chosen."""
    pairs = []
    for camera in CAMERAS:
        images = given.get(f'{camera}_topic')
        if not images:
            continue
        info = given[f'{camera}_info_topic'] or _beside(images)
        pairs += [(f'{camera}/image_raw', images),
                  (f'{camera}/image_raw/compressed', f'{images}/compressed'),
                  (f'{camera}/camera_info', info)]
    return pairs


def require(package: str, reason: str, *names: str) -> None:
    """Raise InputError when a ROS package is absent, and say how to install it."""
    try:
        get_package_prefix(package)
    except PackageNotFoundError as error:
        distribution = os.environ.get('ROS_DISTRO', '<distribution>')
        wanted = ' '.join(f'ros-{distribution}-{name}' for name in names)
        raise InputError(f'{reason} needs the package {package}, which is not installed: '
                         f'sudo apt install {wanted}') from error


def typed(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Keep text text: launch_ros would read a model named `1` as a number."""
    return {name: ParameterValue(value, value_type=str) if isinstance(value, str) else value
            for name, value in parameters.items()}


def _beside(images: str) -> str:
    """Return the topic of the calibration that a camera driver publishes beside its images."""
    folder, slash, _ = images.rpartition('/')
    return f'{folder}{slash}camera_info'


def _logger(namespace: str) -> str:
    return '.'.join([*filter(None, namespace.split('/')), 'rgbt_tracker'])
