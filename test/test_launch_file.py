# SPDX-License-Identifier: Apache-2.0
"""The launch file, run over stand-ins for `launch`: arguments, parameters and remappings."""
from __future__ import annotations

from pathlib import Path
import runpy
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

FILE = Path(__file__).resolve().parents[1] / 'launch' / 'tracker.launch.py'


class Recorded(SimpleNamespace):
    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(positional=positional, **named)


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what the file declares, and a function that gives its nodes for arguments."""
    given: dict[str, str] = {}

    class Configuration:
        def __init__(self, name: str) -> None:
            self.name = name

        def perform(self, context: Any) -> str:
            return given[self.name]

    parts = {
        'launch': {'LaunchContext': object, 'LaunchDescription': list},
        'launch.actions': {'DeclareLaunchArgument': Recorded, 'OpaqueFunction': Recorded},
        'launch.conditions': {'IfCondition': Recorded},
        'launch.substitutions': {'LaunchConfiguration': Configuration},
        'launch_ros': {}, 'launch_ros.actions': {'Node': Recorded},
        'ament_index_python': {},
        'ament_index_python.packages': {
            'get_package_share_directory': lambda name: str(FILE.parents[1])}}
    for name, content in parts.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    *declared, function = runpy.run_path(str(FILE))['generate_launch_description']()
    arguments = {item.positional[0]: item for item in declared}

    def nodes(**values: str) -> list[Any]:
        given.update({name: item.default_value for name, item in arguments.items()})
        given.update(values)
        return list(function.function(None))

    return arguments, nodes


def test_the_arguments_are_those_of_the_documentation(launched):
    arguments, _ = launched
    assert list(arguments) == [
        'namespace', 'params_file', 'rgb_topic', 'thermal_topic', 'model', 'backend',
        'image_transport', 'use_sim_time', 'autostart', 'rviz', 'log_level']
    assert all(item.description for item in arguments.values())
    assert all(item.default_value in item.choices for item in arguments.values() if item.choices)


def test_defaults_leave_the_parameter_file_as_it_is(launched):
    _, nodes = launched
    tracker, rviz = nodes()
    file, over = tracker.parameters
    assert Path(file).is_file()
    assert over == {'use_sim_time': False, 'autostart': True}
    assert Path(rviz.arguments[1]).is_file()


def test_arguments_reach_the_node(launched):
    _, nodes = launched
    tracker, _ = nodes(model='small', rgb_topic='/front/image', image_transport='compressed',
                       namespace='front', log_level='debug', autostart='false')
    assert tracker.parameters[1] == {
        'use_sim_time': False, 'autostart': False, 'model.name': 'small',
        'image_transport': 'compressed'}
    assert ('rgb/image_raw', '/front/image') in tracker.remappings
    assert ('rgb/image_raw/compressed', '/front/image/compressed') in tracker.remappings
    assert tracker.namespace == 'front'
    assert tracker.arguments[-1] == 'debug'
