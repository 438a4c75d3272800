# SPDX-License-Identifier: Apache-2.0
"""What goes wrong around engines is said, and costs no more than it must."""
from __future__ import annotations

from dataclasses import replace
import errno
import os

from engine_tools import PLATFORM, TIMINGS, FakeTools, Heard, build_here, write_graph
import pytest

from rgbt_tracker_ros.inference.engines import files, lock
from rgbt_tracker_ros.inference.engines.cache import EngineCache
from rgbt_tracker_ros.inference.engines.files import cache_folder
from rgbt_tracker_ros.inference.engines.tools import BuildStoppedError, EngineError


class Place:
    """A cache and a graph in a folder."""

    def __init__(self, root):
        self.root = root
        self.folder = root / 'cache'
        self.tools = FakeTools(root / 'log')
        self.graph = write_graph(root / 'model')

    def start(self, *, precision='fp32', heard=None, **tools):
        self.heard = heard or Heard()
        cache = EngineCache(self.folder, replace(self.tools, **tools), build_here)
        return cache.engine(self.graph, precision, self.heard.monitor)

    @property
    def files(self):
        return sorted(self.folder.glob('*.engine'))


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


# Kept engines ------------------------------------------------------------------------------------


def test_an_engine_is_built_once_and_the_first_time_is_no_warning(place):
    for _ in range(3):
        place.start()
        assert place.heard.warnings == []
    assert place.tools.builds == 1
    (path,) = place.files
    assert path.name.startswith('model_search-')
    assert path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(('change', 'words'), [
    ({'driver': '12.8'}, 'driver was 12.6, is 12.8'),
    ({'version': '10.13.0'}, 'run time was 10.3.0, is 10.13.0'),
    ({'gpu': 'Thor', 'capability': '11.0'},
     'GPU was Orin, is Thor, compute capability was 8.7, is 11.0'),
], ids=['driver', 'version', 'gpu'])
def test_an_upgrade_builds_anew_and_says_what_changed(place, change, words):
    place.start()
    place.start(here=replace(PLATFORM, **change))
    assert place.heard.warnings == [f'engine of model/search: {words}; it is built anew']
    place.start()
    assert (place.heard.warnings, place.tools.builds) == ([], 2)


def test_a_model_that_was_exported_again_gets_a_new_engine(place):
    place.start()
    place.graph = write_graph(place.root / 'model', b'better weights')
    assert place.start().content['onnx'] == place.graph.sha256
    assert place.heard.warnings == ['engine of model/search: the model changed; it is built anew']


@pytest.mark.parametrize(('content', 'words'), [
    (b'', 'is empty'), (b'a plan of trtexec', 'is no engine of this package'),
    (b'rgbt-tracker engine 1 ', 'is damaged or cut off')], ids=['empty', 'foreign', 'cut'])
def test_a_file_that_is_no_engine_is_replaced(place, content, words):
    place.start()
    (path,) = place.files
    path.write_bytes(content)
    place.start()
    assert place.heard.warnings == [f'engine of model/search: {path} {words}; it is built anew']
    place.start()
    assert (place.heard.warnings, place.tools.builds) == ([], 2)


@pytest.mark.parametrize(('fault', 'words'), [
    ('other tensors', "tensor 'score_map' of the engine is missing, that of the graph is an "
                      'output of float32 [1, 1, 2, 2]'),
    ('half outputs', "tensor 'score_map' of the engine is an output of float16 [1, 1, 2, 2], "),
    ('NaN', "gave NaN or infinity in 'score_map'"),
    ('run raises', 'RuntimeError: an illegal memory access was encountered'),
])
def test_an_engine_that_does_not_work_is_never_kept(place, fault, words):
    with pytest.raises(EngineError, match='engine of model/search') as error:
        place.start(fault=fault)
    assert words in str(error.value)
    assert list(place.folder.iterdir()) == []


def test_a_kept_engine_that_the_run_time_refuses_is_built_anew_then_given_up(place):
    place.start()
    (path,) = place.files
    before = path.read_bytes()
    with pytest.raises(EngineError, match='version mismatch'):
        place.start(fault='load refuses')
    assert place.heard.warnings == [f'engine of model/search: {path.name} cannot be used '
                                    '(serialization version mismatch); it is built anew']
    assert path.read_bytes() == before


@pytest.mark.parametrize('note', [b'', b'3 4711', b'x', b'\xff\xfe', b'-9', b'9' * 5000])
def test_a_damaged_note_of_crashes_is_no_obstacle(place, note):
    place.start()
    path = place.folder / f'.{place.files[0].name}.loading'
    path.write_bytes(note)
    place.start()
    assert (place.tools.builds, path.exists()) == (1, False)


# Builds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(('fault', 'words'), [
    ('build raises', 'no implementation of node Scan_7'), ('load refuses', 'version mismatch')])
def test_without_an_engine_the_reason_is_an_error_and_no_file_is_left(place, fault, words):
    with pytest.raises(EngineError, match=f'engine of model/search: .*{words}'):
        place.start(fault=fault)
    assert list(place.folder.iterdir()) == []


def test_progress_names_the_graph(place):
    place.start()
    assert place.heard.told == [('engine of model/search: building', None),
                                ('engine of model/search: half', 0.5)]


def test_a_model_that_changes_while_its_engine_is_built_is_not_mixed_up(place):
    file = place.graph.file
    heard = Heard()
    heard.monitor = replace(heard.monitor, progress=lambda text, share: file.write_bytes(b'new'))
    with pytest.raises(EngineError, match='changed meanwhile: load the model again'):
        place.start(heard=heard)
    heard.monitor = replace(
        heard.monitor, progress=lambda text, share: file.unlink(missing_ok=True))
    with pytest.raises(EngineError, match='went away'):
        place.start(heard=heard)
    assert list(place.folder.iterdir()) == []


def test_timings_help_the_next_build_of_this_platform_only(place):
    place.start()
    place.start(precision='fp16')
    place.start(here=replace(PLATFORM, driver='12.8'))
    known = [line.split(' ')[1] for line in place.tools.log.read_text().splitlines()]
    assert known == ['None', repr(TIMINGS), 'None']


# Disks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize('blocked', ['.', 'deeper/still'])
def test_a_cache_that_cannot_be_made_costs_a_build_each_start_and_is_said(place, blocked):
    (place.root / 'file').touch()
    place.folder = place.root / 'file' / blocked
    for builds in (1, 2):
        place.start()
        (words,) = place.heard.warnings
        assert 'each start builds its engines: make it writable, or set' in words
        assert place.tools.builds == builds


def fails(number):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))
    return fail


def test_a_read_only_cache_serves_what_it_holds(place, monkeypatch):
    place.start()
    monkeypatch.setattr(lock.os, 'open', fails(errno.EROFS))
    place.start()
    assert place.heard.warnings == []
    place.start(precision='fp16')
    (words,) = place.heard.warnings
    assert 'cannot be written to (Read-only file system)' in words
    assert (place.tools.builds, len(place.files)) == (2, 1)


def test_a_full_disk_leaves_no_torn_file_and_keeps_the_old_one(place, monkeypatch):
    place.start()
    (path,) = place.files
    path.write_bytes(b'old')
    monkeypatch.setattr(files.os, 'fsync', fails(errno.ENOSPC))
    assert place.start() is not None
    assert place.heard.warnings[1:] == [
        f'engine of model/search: {place.folder} took no file (No space left on device), so the '
        'next start builds it again: make room (rgbt-tracker engines prune), or set '
        'model.engine_cache']
    assert path.read_bytes() == b'old'
    assert [item.suffix for item in place.folder.iterdir() if item != path] == ['.timings']


def test_what_a_killed_writer_left_is_swept_away(place):
    place.folder.mkdir()
    part = place.folder / '.model_search-0123.engine.part4711'
    part.write_bytes(b'half')
    place.start()
    assert not part.exists()


def test_a_file_system_without_locks_is_no_obstacle(place, monkeypatch):
    import fcntl

    monkeypatch.setattr(fcntl, 'flock', fails(errno.ENOLCK))
    place.start()
    assert (place.heard.warnings, len(place.files)) == ([], 1)


def test_waiting_for_another_builder_can_be_stopped(place):
    place.folder.mkdir()
    heard = Heard(stop=lambda: bool(heard.told))
    with lock.one_builder(place.folder, print, lambda: False), \
            pytest.raises(BuildStoppedError):
        place.start(heard=heard)
    assert heard.told[0][0] == f'waiting for process {os.getpid()}, which builds an engine'
    assert list(place.folder.iterdir()) == []


# Folders -----------------------------------------------------------------------------------------


def test_the_default_folder_follows_the_xdg_rules(monkeypatch, tmp_path):
    monkeypatch.setenv('HOME', str(tmp_path))
    for base, where in (('', '.cache'), ('relative', '.cache'), (str(tmp_path / 'x'), 'x')):
        monkeypatch.setenv('XDG_CACHE_HOME', base)
        assert cache_folder() == tmp_path / where / 'rgbt_tracker_ros' / 'engines'
    assert cache_folder('~/engines') == tmp_path / 'engines'


def test_a_home_of_nobody_is_an_error_with_a_remedy():
    with pytest.raises(EngineError, match='give model'):
        cache_folder('~no_such_user_0/engines')
