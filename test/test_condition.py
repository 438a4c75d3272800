# SPDX-License-Identifier: Apache-2.0
"""The condition of a tracker in words: each fault has its level and its remedy."""
from __future__ import annotations

import pytest

from rgbt_tracker_ros.imaging.health import CameraState, Health
from rgbt_tracker_ros.inference.backend import Choice
from rgbt_tracker_ros.pipeline.condition import (
    CameraView,
    NetworkView,
    SyncView,
    backend_part,
    camera_part,
    clock_in_words,
    memory_part,
    node_part,
    sync_part,
)
from rgbt_tracker_ros.pipeline.memory import Memory, memory
from rgbt_tracker_ros.pipeline.report import Level, Part

OK, WARN, ERROR = Level.OK, Level.WARN, Level.ERROR
GOOD = Health(CameraState.OK, 'rgb: ok')
FROZEN = Health(CameraState.FROZEN, 'rgb: 3 identical images')


def view(**changes):
    values = {'topic': '/rgb/image_raw', 'rate': 30.0, 'age': 0.02, 'health': GOOD, **changes}
    return CameraView(**values)


@pytest.mark.parametrize(('camera', 'level', 'words'), [
    (None, OK, 'rgb: not subscribed'),
    (view(), OK, 'rgb: 30.0 images/s'),
    (view(age=None, health=None), OK, 'rgb: 30.0 images/s'),
    (view(silence='rgb: no image on /rgb/image_raw'), WARN, 'no image on /rgb/image_raw'),
    (view(health=FROZEN), WARN, 'health.frozen'),
    (view(age=60.0), WARN, "60 s behind the node's clock"),
    (view(age=-3.0), WARN, "3 s ahead of the node's clock"),
], ids=str)
def test_a_camera(camera, level, words):
    part = camera_part('rgb', camera)
    assert (part.name, part.level) == ('rgb camera', level)
    assert words in part.message


def test_every_state_of_a_camera_but_the_good_ones_has_a_remedy():
    for state in set(CameraState) - {CameraState.OK, CameraState.MISSING}:
        reason = f'rgb: {state.value}'
        part = camera_part('rgb', view(health=Health(state, reason)))
        assert part.message.startswith(f'{reason}: ')


def test_a_camera_is_named_by_its_topic_with_its_numbers():
    part = camera_part('rgb', view())
    assert part.hardware == '/rgb/image_raw'
    assert part.texts() == {'topic': '/rgb/image_raw', 'rate_hz': '30', 'age_s': '0.02',
                            'health': 'ok'}


@pytest.mark.parametrize(('sync', 'level', 'words'), [
    (None, OK, 'nothing to put in pairs'),
    (SyncView({}, 0.04, pairs=150, expected=150), OK, '150 pairs'),
    (SyncView({}, 0.04, pairs=45, expected=45.6), OK, '45 pairs'),
    (SyncView({}, 0.04, pairs=0, expected=4), OK, '0 pairs'),
    (SyncView({}, 0.04, pairs=10, expected=150), WARN, 'sync.slop = 0.04 s: raise it'),
    (SyncView({'stamps': 'thermal is late'}, 0.04, 150, 150), WARN, 'thermal is late'),
], ids=str)
def test_the_synchroniser(sync, level, words):
    part = sync_part(sync)
    assert part.level == level
    assert words in part.message


@pytest.mark.parametrize(('network', 'task', 'level', 'words'), [
    (NetworkView(''), '', OK, 'no model is loaded'),
    (NetworkView(''), 'building for 7 s', WARN, 'building for 7 s'),
    (NetworkView('trt'), '', OK, 'trt: no frame was tracked yet'),
    (NetworkView('trt', 9.4, 12.1, 150), '', OK, 'trt: 9.4 ms, 95 % under 12.1 ms'),
    (NetworkView('trt', 9.4, 12.1, 150, replaced=4), '', OK, 'trt: 9.4 ms'),
    (NetworkView('trt', 50, 60, 75, replaced=75), '', WARN, '75 frames were left out: use a sma'),
    (NetworkView('trt', 9.4, 12.1, 150, 0, 3, 'NaN'), '', WARN, '3 frames failed: NaN'),
    (NetworkView('trt', 9.4, 12.1, 3, 0, 3, 'NaN'), '', ERROR, '3 frames failed: NaN'),
    (NetworkView('trt', 9.4, 12.1, 150, busy=8.0), '', ERROR, 'not answered for 8 s: clean up'),
    (NetworkView('ort', 50, 60, 75, choice=Choice('asked trt, runs ort: no driver', True)), '',
     WARN, 'asked trt, runs ort: no driver; ort: 50.0 ms'),
    (NetworkView('ort', 50, 60, 75, choice=Choice('the fastest here')), '', OK, 'ort: 50.0 ms'),
], ids=str)
def test_the_network(network, task, level, words):
    part = backend_part(network, task)
    assert part.level == level
    assert words in part.message


@pytest.mark.parametrize(('now', 'level', 'words'), [
    (Memory(300), OK, '300 MB'), (Memory(300, 4000, 8000), OK, '300 MB'),
    (Memory(300, 200, 8000), WARN, 'end other programs'),
], ids=str)
def test_the_memory(now, level, words):
    part = memory_part(now)
    assert part.level == level
    assert words in part.message
    assert part.texts()['rss_mb'] == '300'


def test_the_memory_of_this_process_is_read(tmp_path):
    now = memory()
    assert 10 < now.used < 100_000
    assert now.free is None or 0 < now.free < now.total
    assert memory(tmp_path).used > 10
    assert memory(tmp_path).free is None


@pytest.mark.parametrize(('fault', 'task', 'clock', 'troubles', 'level', 'message'), [
    ('', '', '', [], OK, 'active'),
    ('cannot activate: no', '', '', [], ERROR, 'active: cannot activate: no'),
    ('', 'building for 3 s', '', [], WARN, 'active: building for 3 s'),
    ('', 'building for 3 s', '', ['building for 3 s'], WARN, 'active: building for 3 s'),
    ('', '', 'no time', ['rgb: silent'], WARN, 'active; no time; rgb: silent'),
    ('cannot', '', '', ['rgb: silent'], ERROR, 'active: cannot; rgb: silent'),
])
def test_the_node_as_a_whole_says_what_is_wrong_with_its_parts(
        fault, task, clock, troubles, level, message):
    others = [Part('good', OK, 'fine', {}), *(Part('bad', WARN, item, {}) for item in troubles)]
    part = node_part('active', fault, task, clock, others, {'model': 'mock'})
    assert (part.level, part.message) == (level, message)
    assert part.texts() == {'state': 'active', 'model': 'mock'}


@pytest.mark.parametrize(('simulated', 'now', 'wrong'), [
    (False, 0.0, False), (True, 12.0, False), (True, 0.0, True)])
def test_simulated_time_that_never_came_is_said(simulated, now, wrong):
    assert ('/clock' in clock_in_words(simulated, now)) == wrong
