# SPDX-License-Identifier: Apache-2.0
"""Settings as ROS parameters: declared with their ranges, changed as one or not at all."""
from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest
import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.ros.parameters import SettingsParameters
from rgbt_tracker_ros.settings import Settings

pytestmark = pytest.mark.ros
CONFIG = Path(__file__).resolve().parents[1] / 'config'


@pytest.fixture(scope='module')
def context() -> Iterator[Any]:
    context = rclpy.Context()
    rclpy.init(context=context, args=[], domain_id=101)
    yield context
    rclpy.shutdown(context=context)


@pytest.fixture
def make(context: Any) -> Iterator[Any]:
    nodes: list[Node] = []

    def make(*arguments: str) -> tuple[Node, SettingsParameters]:
        nodes.append(Node('settings', context=context, start_parameter_services=False,
                          cli_args=['--ros-args', *arguments], use_global_arguments=False))
        return nodes[-1], SettingsParameters(nodes[-1])

    yield make
    for node in nodes:
        node.destroy_node()


def change(node: Node, **values: Any) -> Any:
    return node.set_parameters_atomically(
        [Parameter(name.replace('__', '.'), value=value) for name, value in values.items()])


def test_every_setting_is_declared_with_default_range_and_description(make):
    node, parameters = make()
    assert parameters.checked() == Settings()
    for name, default, spec in Settings().items():
        value = node.get_parameter(name).value
        assert (tuple(value) if isinstance(default, tuple) else value) == default
        described = node.describe_parameter(name)
        assert described.description.startswith(spec.doc)
        assert described.read_only == spec.once
        assert all(choice in described.additional_constraints for choice in spec.choices)
        limits = [*described.floating_point_range, *described.integer_range]
        assert [(item.from_value, item.to_value) for item in limits] == (
            [] if spec.low is None else [(spec.low, spec.high)])


def test_the_shipped_file_changes_nothing(make):
    _, parameters = make('--params-file', str(CONFIG / 'tracker.yaml'))
    assert parameters.checked() == Settings()


def test_a_file_with_integers_lists_and_off_is_understood(make, tmp_path):
    file = tmp_path / 'my.yaml'
    file.write_text('/**:\n  ros__parameters:\n    sync: {slop: 1}\n    template: {update: off}\n'
                    '    initial_box: [1, 2, 30, 40]\n    registration: {homography: []}\n')
    _, parameters = make('--params-file', str(file))
    settings = parameters.checked()
    assert settings.sync.slop == 1.0
    assert settings.template.update == 'off'
    assert settings.initial_box == (1.0, 2.0, 30.0, 40.0)
    assert settings.registration.homography == ()


def test_integers_on_the_command_line_are_taken_where_decimals_are_meant(make):
    _, parameters = make('-p', 'sync.slop:=1', '-p', 'thermal.max:=9000',
                         '-p', 'initial_box:=[1, 2, 30, 40]')
    settings = parameters.checked()
    assert (settings.sync.slop, settings.thermal.max) == (1.0, 9000.0)
    assert settings.initial_box == (1.0, 2.0, 30.0, 40.0)


@pytest.mark.parametrize(('values', 'setting', 'wanted'), [
    ({'sync__slop': 0.1}, 'sync.slop', 0.1),
    ({'sync__slop': 1}, 'sync.slop', 1.0),
    ({'template__update': 'off'}, 'template.update', 'off'),
    ({'template__update': False}, 'template.update', 'off'),
    ({'initial_box': [1, 2, 3, 4]}, 'initial_box', (1.0, 2.0, 3.0, 4.0)),
    ({'initial_box': []}, 'initial_box', ()),
    ({'thermal__min': 70000, 'thermal__max': 80000.0}, 'thermal.min', 70000.0),
], ids=str)
def test_a_change_takes_effect(make, values, setting, wanted):
    node, parameters = make()
    assert change(node, **values).successful
    assert parameters.settings.flat()[setting] == wanted


@pytest.mark.parametrize(('values', 'words'), [
    ({'sync__slop': 9.0}, ['sync.slop', '0.0', '2.0', '9.0']),
    ({'sync__slop': 9}, ['sync.slop = 9', '0 to 2 s']),
    ({'sync__slop': 'far'}, ["sync.slop = 'far'", 'float is needed']),
    ({'target__window': float('nan')}, ['target.window', 'nan']),
    ({'template__update': 'always'}, ["'always'", 'off, interval, nearest_reliable']),
    ({'target__redetect': 1}, ['target.redetect = 1', 'bool is needed']),
    # As a service brings them:
    ({'initial_box': array('d', [1.0, 2.0])}, ['initial_box = [1.0, 2.0]', '0 or 4 numbers']),
    ({'initial_box': ['a', 'b', 'c', 'd']}, ['initial_box', '0 or 4 numbers']),
    ({'registration__homography': [0.0] * 9}, ['registration.homography']),
    ({'thermal__min': 70000.0}, ['thermal.min = 70000', 'thermal.max = 65535', 'set both']),
    ({'model__name': 'other'}, ['model.name', 'clean it up first']),
    ({'model__threads': 2, 'sync__slop': 0.2}, ['model.threads', 'clean it up first']),
    ({'autostart': False}, ['read-only', 'autostart']),
    ({'template__interval': None}, ['template.interval cannot be removed']),
    ({'sync__slop': 0.2, 'target__window': 7.0}, ['target.window']),
], ids=str)
def test_a_wrong_change_is_refused_as_a_whole_with_the_reason(make, values, words):
    node, parameters = make()
    parameters.hold(True)
    result = change(node, **values)
    assert not result.successful
    assert all(word in result.reason for word in words), result.reason
    assert parameters.settings == Settings()
    assert node.get_parameter('sync.slop').value == Settings().sync.slop


def test_what_a_configured_node_has_taken_can_be_changed_before_and_after(make):
    node, parameters = make()
    assert change(node, model__name='first', sync__policy='exact').successful
    parameters.hold(True)
    assert not change(node, model__name='second').successful
    parameters.hold(False)
    assert change(node, model__name='second').successful
    assert parameters.settings.model.name == 'second'
    assert parameters.settings.sync.policy == 'exact'


@pytest.mark.parametrize(('argument', 'mend'), [
    ('sync.slop:=9.0', {'sync__slop': 0.1}), ('target.window:=wide', {'target__window': 0.1}),
    ('thermal.min:=70000', {'thermal__max': 80000.0}),
    ('initial_box:=[1, 2]', {'initial_box': [1, 2, 3, 4]})])
def test_a_wrong_value_at_start_is_remembered_until_it_is_mended(make, argument, mend):
    node, parameters = make('-p', argument)
    with pytest.raises(InputError, match=argument.partition(':=')[0]):
        parameters.checked()
    assert change(node, **mend).successful
    for name, value in mend.items():
        wanted = tuple(value) if isinstance(value, list) else value
        assert parameters.checked().flat()[name.replace('__', '.')] == wanted


NUMBERS = [(name, spec) for name, _, spec in Settings().items()
           if spec.low is not None and not spec.read_only]


@pytest.fixture(scope='module')
def long_lived(context: Any) -> Iterator[tuple[Node, SettingsParameters]]:
    node = Node('settings', context=context, start_parameter_services=False,
                use_global_arguments=False)
    yield node, SettingsParameters(node)
    node.destroy_node()


@given(st.sampled_from(NUMBERS), st.floats() | st.integers(-10**9, 10**9))
def test_settings_and_parameters_never_disagree(long_lived, number, value):
    node, parameters = long_lived
    name, spec = number
    result = node.set_parameters([Parameter(name, value=value)])[0]
    assert parameters.settings.flat()[name] == node.get_parameter(name).value
    if result.successful:
        assert spec.low <= value <= spec.high
