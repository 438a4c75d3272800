# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for `launch` and `launch_ros`, which record what a launch file makes of them."""
from __future__ import annotations

from pathlib import Path
import runpy
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[1] / 'launch'


class Recorded(SimpleNamespace):
    """An action with what it was given."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(positional=positional, **named)


def action(name: str) -> type[Recorded]:
    return type(name, (Recorded,), {})


def typed_value(value: Any, value_type: type) -> Any:
    assert isinstance(value, value_type)
    return value


def launching_modules() -> list[str]:
    """Return the loaded modules that import `launch`."""
    return [name for name in sys.modules if name.startswith('rgbt_tracker_ros.launching')]


class StandIn:
    """A launch file over stand-ins.

    Attributes
    ----------
    installed
        ROS packages that are found.

    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
        self.installed = {'rviz2', 'ros2bag'}
        self._given: dict[str, str] = {}
        for name, content in self._parts().items():
            module = ModuleType(name)
            vars(module).update(content)
            monkeypatch.setitem(sys.modules, name, module)
        for name in launching_modules():
            monkeypatch.delitem(sys.modules, name)
        *declared, self._function = runpy.run_path(str(FOLDER / file))[
            'generate_launch_description']()
        self.arguments = {item.positional[0]: item for item in declared}
        for name in launching_modules():
            # So that these modules, tied to the stand-ins, are gone after the test.
            monkeypatch.setitem(sys.modules, name, sys.modules.pop(name))

    def start(self, **values: str) -> list[Any]:
        """Return what the file starts for these arguments."""
        self._given.update({name: item.default_value for name, item in self.arguments.items()})
        self._given.update(values)
        return list(self._function.function(None))

    def _parts(self) -> dict[str, dict[str, Any]]:
        given, installed = self._given, self.installed

        class Configuration:
            def __init__(self, name: str) -> None:
                self.name = name

            def perform(self, context: Any) -> str:
                return given[self.name]

        class PackageNotFoundError(KeyError):
            pass

        def prefix(package: str) -> str:
            if package not in installed:
                raise PackageNotFoundError(package)
            return '/opt/ros'

        actions = ('DeclareLaunchArgument', 'OpaqueFunction', 'OpaqueCoroutine', 'ExecuteProcess',
                   'LogInfo', 'RegisterEventHandler', 'Shutdown', 'TimerAction')
        return {
            'launch': {'LaunchContext': object, 'LaunchDescription': list},
            'launch.actions': {name: action(name) for name in actions},
            'launch.event_handlers': {
                name: action(name) for name in ('OnProcessExit', 'OnExecutionComplete')},
            'launch.substitutions': {'LaunchConfiguration': Configuration},
            'launch_ros': {}, 'launch_ros.actions': {'Node': action('Node')},
            'launch_ros.parameter_descriptions': {'ParameterValue': typed_value},
            'launch_ros.ros_adapters': {'get_ros_node': None},
            'ament_index_python': {},
            'ament_index_python.packages': {
                'PackageNotFoundError': PackageNotFoundError, 'get_package_prefix': prefix,
                'get_package_share_directory': prefix}}


def kinds(actions: list[Any]) -> list[str]:
    """Return the names of the actions' types."""
    return [type(item).__name__ for item in actions]
