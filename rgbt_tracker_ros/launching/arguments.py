# SPDX-License-Identifier: Apache-2.0
"""Arguments of the launch files: names, defaults, meaning, and what a value must be."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
import re
from typing import Any

from launch import LaunchContext
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
import yaml

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.ros.processes import config_file
from rgbt_tracker_ros.settings import Settings

_CHOICES = {name: spec.choices for name, _, spec in Settings().items()}
_SWITCH = ('true', 'false')
_TOKEN = r'[A-Za-z_][A-Za-z0-9_]*'
_NAMESPACE = re.compile(rf'/?({_TOKEN}(/{_TOKEN})*)?')
_TOPIC = re.compile(rf'/?{_TOKEN}(/{_TOKEN})*')


@dataclass(frozen=True)
class Argument:
    """One argument of a launch file.

    Attributes
    ----------
    name
        As it is given: `name:=value`.
    default
        Taken when it is not given; None = it must be given.
    doc
        What it means.
    choices
        All values there are; empty = any.

    """

    name: str
    default: str | None
    doc: str
    choices: tuple[str, ...] = ()

    def declared(self) -> DeclareLaunchArgument:
        """Return the action that declares it."""
        return DeclareLaunchArgument(
            self.name, default_value=self.default, description=self.doc,
            choices=list(self.choices) or None)


_NODE = (
    Argument('namespace', '', 'Namespace of the nodes; one for each tracker.'),
    Argument('params_file', str(config_file('tracker.yaml')), 'Parameter file of the tracker.'),
)
_TOPICS = (
    Argument('rgb_topic', 'rgb/image_raw', 'RGB images.'),
    Argument('thermal_topic', 'thermal/image_raw', 'Thermal images, 8 or 16 bits.'),
    Argument('rgb_info_topic', '', 'Calibration of the RGB camera; empty = camera_info beside '
             'the images.'),
    Argument('thermal_info_topic', '', 'Calibration of the thermal camera; likewise.'),
)
_NETWORK = (
    Argument('model', '', 'Model name or folder; empty = as in the parameter file.'),
    Argument('backend', '', 'Run time of the network; empty = as in the parameter file.',
             ('', *_CHOICES['model.backend'])),
)
_TRANSPORT = (
    Argument('image_transport', '', 'raw or compressed; empty = as in the parameter file.',
             ('', *_CHOICES['image_transport'])),
)
_AROUND = (
    Argument('log_level', 'info', 'Log level of the tracker.',
             ('debug', 'info', 'warn', 'error', 'fatal')),
    Argument('shared_memory', 'true', 'Start the nodes with the DDS profile for big images, '
             'config/dds_shared_memory.xml, unless the environment names another.', _SWITCH),
)
_RVIZ = Argument('rviz', 'false', 'Show the annotated and the fused image in RViz.', _SWITCH)
_INIT = Argument('init', '', 'Target in the first RGB image, x,y,w,h in pixels; a bag without it '
                 'waits for ~/init_box.')

TRACKER = (
    *_NODE, *_TOPICS, *_NETWORK, *_TRANSPORT,
    Argument('use_sim_time', 'false', 'Take the time from /clock.', _SWITCH),
    Argument('autostart', 'true', 'Configure and activate the node at once.', _SWITCH),
    _RVIZ, *_AROUND)
"""Arguments of tracker.launch.py."""

DEMO = (
    Argument('clip', '', 'Folder of a generated clip; empty = rgb and thermal, or the '
             'demonstration, which is generated once and kept.'),
    Argument('rgb', '', 'RGB recording of your own: video, folder of images or glob.'),
    Argument('thermal', '', 'Thermal recording of the same scene.'),
    _INIT,
    Argument('seed', '7', 'Another seed, another generated world and noise.'),
    Argument('loop', 'false', 'Play again and again, not once.', _SWITCH),
    *_NODE, *_NETWORK, _RVIZ, *_AROUND)
"""Arguments of demo.launch.py."""

BAG = (
    Argument('bag', None, 'Recording to play: a bag folder, or its .mcap or .db3 file.'),
    Argument('rate', '1.0', 'Speed, times that of the recording.'),
    Argument('loop', 'false', 'Play again and again, not once.', _SWITCH),
    _INIT, *_NODE, *_TOPICS, *_NETWORK, *_TRANSPORT, _RVIZ, *_AROUND)
"""Arguments of bag.launch.py."""


def declarations(arguments: Iterable[Argument]) -> list[DeclareLaunchArgument]:
    """Return the actions that declare the arguments."""
    return [argument.declared() for argument in arguments]


def values(context: LaunchContext, arguments: Iterable[Argument]) -> dict[str, str]:
    """Return the value of each argument, checked.

    Raises
    ------
    InputError
        If one cannot be used; says which, its value and what would do.

    """
    given = {argument.name: str(LaunchConfiguration(argument.name).perform(context))
             for argument in arguments}
    _check_names(given)
    given['params_file'] = str(parameter_file(given['params_file']))
    return given


def box(text: str) -> list[float]:
    """Return the argument `init` as the parameter `initial_box`; an empty one stays empty."""
    try:
        return list(map(float, Box.parse(text))) if text else []
    except InputError as error:
        raise InputError(f'init: {error}') from error


def positive(name: str, text: str) -> float:
    """Return a number over 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.0 < number < float('inf'):
        raise InputError(f'{name} = {text!r} is no number over 0: give for example 1.0')
    return number


def whole(name: str, text: str) -> int:
    """Return a whole number from 0."""
    if not (text.isascii() and text.isdigit()):
        raise InputError(f'{name} = {text!r} is no whole number from 0: give for example 7')
    return int(text)


def parameter_file(text: str) -> Path:
    """Return a parameter file that exists and has the form that ROS reads."""
    path = Path(text).expanduser()
    remedy = f'give a YAML file such as {config_file("tracker.yaml")}'
    if not path.is_file():
        raise InputError(f'params_file = {text!r} is no file: {remedy}')
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(f'params_file = {text!r} cannot be read ({error}): {remedy}') from error
    if not _holds_parameters(content):
        raise InputError(f'params_file = {text!r} holds no ros__parameters: {remedy}')
    return path


def _holds_parameters(content: Any) -> bool:
    return isinstance(content, Mapping) and (
        'ros__parameters' in content or any(map(_holds_parameters, content.values())))


def _check_names(given: Mapping[str, str]) -> None:
    if not _NAMESPACE.fullmatch(given['namespace']):
        raise InputError(
            f'namespace = {given["namespace"]!r} is no ROS namespace: give words of letters, '
            'digits and _ with / between them, for example front/left')
    for name, value in given.items():
        if not name.endswith('_topic') or (not value and name.endswith('_info_topic')):
            continue
        if not _TOPIC.fullmatch(value):
            raise InputError(f'{name} = {value!r} is no ROS topic: give for example '
                             '/camera/image_raw')
        if value.endswith('/compressed'):
            raise InputError(
                f'{name} = {value!r}: give {value.removesuffix("/compressed")!r} and '
                'image_transport:=compressed')
