# SPDX-License-Identifier: Apache-2.0
"""Every setting as a ROS parameter: declared, validated and changed as one."""
from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.registration import thermal_to_rgb
from rgbt_tracker_ros.settings import Settings, Spec


class SettingsParameters:
    """The settings of a node, kept equal to its parameters.

    Those that are read-only can be changed as long as `hold` does not refuse it.

    A wrong value given at start is no reason to die: it is remembered, `checked` raises it (so the
    node refuses to configure and says why), and a later good value mends it.

    Attributes
    ----------
    settings
        The newest valid settings. The object is never changed, only exchanged: other threads read
        it whenever they start on a frame.

    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._held = False
        self._refused: dict[str, str] = {}
        self._problem = ''
        self.settings = Settings()
        for name, value, spec in Settings().items():
            self._declare(name, value, spec)
        try:
            self.settings = _verified(Settings.from_flat(self._values()))
        except InputError as error:
            self._problem = str(error)
        node.add_on_set_parameters_callback(self._on_set)

    def checked(self) -> Settings:
        """Return the settings, or raise InputError when a value given at start was wrong."""
        problems = [*self._refused.values(), *filter(None, [self._problem])]
        if problems:
            raise InputError('; '.join(problems))
        return self.settings

    def hold(self, held: bool) -> None:
        """Refuse changes of what a configured node has taken, or allow them again."""
        self._held = held

    def _declare(self, name: str, value: Any, spec: Spec) -> None:
        if isinstance(value, tuple):
            value = list(value)
        try:
            self._node.declare_parameter(name, value, _descriptor(value, spec))
        except InvalidParameterValueException as error:
            self._refused[name] = str(error)
            self._node.declare_parameter(name, value, _descriptor(value, spec),
                                         ignore_override=True)
        if isinstance(value, list) and not self._node.get_parameter(name).value:
            # rclpy takes an empty list for one of bytes, and an empty YAML list for none at all.
            self._node.set_parameters([Parameter(name, Parameter.Type.DOUBLE_ARRAY, array('d'))])

    def _values(self) -> dict[str, Any]:
        return {name: _meant(self._node.get_parameter(name).value, spec)
                for name, _, spec in Settings().items()}

    def _on_set(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        """Check a change against all other values; take it over only as a whole."""
        known = {name: spec for name, _, spec in Settings().items()}
        changes = {item.name: _meant(item.value, known[item.name])
                   for item in parameters if item.name in known}
        if not changes:
            return SetParametersResult(successful=True)
        try:
            self._check_held(changes, known)
            settings = self._with(changes)
        except InputError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self.settings = settings
        self._problem = ''
        for name in changes:
            self._refused.pop(name, None)
        return SetParametersResult(successful=True)

    def _check_held(self, changes: Mapping[str, Any], known: Mapping[str, Spec]) -> None:
        held = [name for name in changes if self._held and known[name].read_only]
        if held:
            raise InputError(
                f'parameter {held[0]} is taken when the node is configured: deactivate it and '
                'clean it up first, or start it with another value')

    def _with(self, changes: Mapping[str, Any]) -> Settings:
        for name, value in changes.items():
            if value is None:
                raise InputError(f'parameter {name} cannot be removed: give it a value')
        if self._problem:
            return _verified(Settings.from_flat({**self._values(), **changes}))
        return _verified(self.settings.updated(changes))


def _verified(settings: Settings) -> Settings:
    """Return the settings, or raise InputError for nine numbers that are no homography."""
    thermal_to_rgb(settings.registration)
    return settings


def _meant(value: Any, spec: Spec) -> Any:
    """Read `off` as the word again, which YAML (so also `ros2 param set`) makes False.

    rclpy's arrays become lists, which is how a message about them shows them.
    """
    if isinstance(value, array):
        return value.tolist()
    return 'off' if value is False and 'off' in spec.choices else value


def _descriptor(value: Any, spec: Spec) -> ParameterDescriptor:
    """Describe a setting; dynamic typing lets integers pass where a float is meant."""
    unit = f' [{spec.unit}]' if spec.unit else ''
    descriptor = ParameterDescriptor(
        description=f'{spec.doc}{unit}', read_only=spec.once, dynamic_typing=True)
    if spec.choices:
        descriptor.additional_constraints = f'one of {", ".join(spec.choices)}'
    elif spec.length:
        descriptor.additional_constraints = f'{" or ".join(map(str, spec.length))} numbers'
    if spec.low is not None and spec.high is not None:
        if isinstance(value, float):
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(spec.low), to_value=float(spec.high))]
        else:
            descriptor.integer_range = [
                IntegerRange(from_value=int(spec.low), to_value=int(spec.high))]
    return descriptor

