# SPDX-License-Identifier: Apache-2.0
"""docs/status.md explains what is said; that nothing is left out a test of the node shows."""
from __future__ import annotations

from status_document import DIAGNOSTICS, PATH, STATUS, documented

from rgbt_tracker_ros.imaging.health import CameraState

ROOMS = PATH.parents[1] / 'rgbt_tracker_ros'


def test_each_part_has_keys() -> None:
    assert {STATUS, DIAGNOSTICS} == {topic for topic, _ in documented()}
    assert [part for part, keys in documented().items() if not keys] == []


def test_no_key_is_explained_that_nobody_says() -> None:
    code = '\n'.join(path.read_text(encoding='utf-8') for room in ('pipeline', 'ros', 'imaging')
                     for path in (ROOMS / room).glob('*.py'))
    keys = set().union(*documented().values())
    # A key is a text, a keyword, or the field of a class.
    assert [key for key in sorted(keys) if not any(
        form in code for form in (f"'{key}'", f'{key}=', f'\n    {key}: '))] == []


def test_every_state_of_a_camera_is_explained() -> None:
    text = PATH.read_text(encoding='utf-8')
    assert [state for state in CameraState if f'\n| `{state.value}` | ' not in text] == []
