# SPDX-License-Identifier: Apache-2.0
"""Settings: names, types, ranges, and changes that are made wholly or not at all."""
from __future__ import annotations

import math
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.settings import Settings

ITEMS = list(Settings().items())
RANGED = [(name, value, spec) for name, value, spec in ITEMS
          if spec.low is not None and spec.high is not None]


def test_every_setting_is_described_and_its_default_accepted() -> None:
    assert len({name for name, _, _ in ITEMS}) == len(ITEMS)
    for name, value, spec in ITEMS:
        assert spec.doc.endswith('.'), name
        if not isinstance(value, (bool, str, tuple)):
            assert spec.low is not None, name
            assert spec.high is not None, name
    assert Settings.from_flat(Settings().flat()) == Settings()


@pytest.mark.parametrize(('name', 'value', 'spec'), RANGED, ids=[item[0] for item in RANGED])
def test_limits_belong_to_the_range_and_more_does_not(name: str, value: Any, spec: Any) -> None:
    kind = type(value)
    step = 1 if kind is int else (spec.high - spec.low) * 1e-3
    for limit, beyond in ((spec.low, spec.low - step), (spec.high, spec.high + step)):
        others = {'thermal.min': {'thermal.max': 1e6}, 'thermal.max': {'thermal.min': -1e6},
                  'target.lost_threshold': {'target.found_threshold': 1.0},
                  'target.found_threshold': {'target.lost_threshold': 0.0}}.get(name, {})
        if limit not in others.values() or name.startswith('target'):
            assert Settings.from_flat({**others, name: kind(limit)}).flat()[name] == limit
        with pytest.raises(InputError, match=f'{name} = .* is out of range'):
            Settings.from_flat({name: kind(beyond)})
    if kind is float:
        for odd in (math.nan, math.inf, -math.inf):
            with pytest.raises(InputError, match='out of range'):
                Settings.from_flat({name: odd})


def test_an_integer_is_taken_for_a_float_and_nothing_else() -> None:
    changed = Settings.from_flat({'sync.slop': 1})
    assert changed.sync.slop == 1.0
    assert type(changed.sync.slop) is float
    for name, value in (('sync.slop', True), ('sync.slop', '0.1'), ('sync.queue', 2.0),
                        ('sync.queue', True), ('target.redetect', 1), ('autostart', 'yes'),
                        ('model.name', 3), ('sync.slop', None)):
        with pytest.raises(InputError, match=f'{name} = .* is of type'):
            Settings.from_flat({name: value})


@pytest.mark.parametrize('name', ['sync.slop', 'sync.queue'])
def test_a_number_too_large_for_a_float_is_out_of_range(name: str) -> None:
    with pytest.raises(InputError, match=f'{name} = .* is out of range'):
        Settings.from_flat({name: 10**400})


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"unknown parameter 'sync\.slopp'.*sync\.slop"):
        Settings.from_flat({'sync.slopp': 0.1})
    for group in ('sync', '', 'sync.'):
        with pytest.raises(InputError, match='unknown parameter'):
            Settings.from_flat({group: 1})


def test_choice_must_be_one_of_those_listed() -> None:
    for name, value, spec in ITEMS:
        if spec.choices:
            assert value in spec.choices
            for choice in spec.choices:
                assert Settings.from_flat({name: choice}).flat()[name] == choice
            with pytest.raises(InputError, match=f'{name} = .* is not one of {spec.choices[0]}'):
                Settings.from_flat({name: 'other'})


@pytest.mark.parametrize('box', [(1, 2, 30, 40), [1, 2, 30, 40], [], (1.5, 2, 3, 4)])
def test_list_becomes_a_tuple_of_floats(box: Any) -> None:
    stored = Settings.from_flat({'initial_box': box}).initial_box
    assert stored == tuple(map(float, box))
    assert all(type(item) is float for item in stored)


@pytest.mark.parametrize('box', [(1, 2, 3), (1, 2, 3, math.nan), 5, None, 'abcd', '1234',
                                 (1, 2, 'x', 4), (1, 2, 3, 10**400)])
def test_bad_list_is_refused(box: Any) -> None:
    with pytest.raises(InputError, match=r'initial_box = .* must be a list of 0 or 4 numbers'):
        Settings.from_flat({'initial_box': box})


@pytest.mark.parametrize(('values', 'message'), [
    ({'thermal.min': 200.0, 'thermal.max': 100.0}, r'thermal\.min = 200 must be under'),
    ({'thermal.min': 100.0, 'thermal.max': 100.0}, r'thermal\.min = 100 must be under'),
    ({'target.lost_threshold': 0.9}, r'target\.lost_threshold = 0\.9 must not be over'),
    ({'target.found_threshold': 0.1}, r'target\.lost_threshold = 0\.5 must not be over'),
])
def test_contradicting_pair_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Settings.from_flat(values)


def test_pair_may_be_moved_together_in_any_order() -> None:
    names = ('target.lost_threshold', 'target.found_threshold')
    for order in (names, names[::-1]):
        values = {'target.lost_threshold': 0.8, 'target.found_threshold': 0.9}
        changed = Settings.from_flat({name: values[name] for name in order})
        assert changed.target.lost_threshold == 0.8
    equal = Settings.from_flat({'target.lost_threshold': 0.5, 'target.found_threshold': 0.5})
    assert equal.target.found_threshold == 0.5


def test_change_is_made_wholly_or_not_at_all() -> None:
    before = Settings()
    with pytest.raises(InputError):
        before.updated({'sync.slop': 0.1, 'sync.queue': 1})
    assert before == Settings()
    after = before.updated({'sync.slop': 0.1, 'template.update': 'off'})
    assert (after.sync.slop, after.template.update) == (0.1, 'off')
    assert after.updated({'sync.slop': before.sync.slop,
                          'template.update': before.template.update}) == before
    assert after.model is before.model


@given(st.dictionaries(
    st.sampled_from([name for name, _, _ in ITEMS] + ['no.such', 'sync']),
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(),
              st.sampled_from(['', 'off', 'exact', 'x']), st.lists(st.floats(), max_size=5)),
    max_size=4))
def test_any_value_is_taken_or_refused_with_a_reason(values: dict[str, Any]) -> None:
    try:
        changed = Settings.from_flat(values)
    except InputError:
        with pytest.raises(InputError, match='|'.join(map(re.escape, values))):
            Settings.from_flat(values)
    else:
        assert Settings.from_flat(changed.flat()) == changed
