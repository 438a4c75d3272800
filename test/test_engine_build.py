# SPDX-License-Identifier: Apache-2.0
"""Engines are built in processes of their own, which may crash, hang, be killed or meet."""
from __future__ import annotations

import os
from pathlib import Path
import signal
import subprocess
import sys
from time import monotonic, sleep, time

from engine_tools import FakeTools, Heard, build_here, write_graph
import pytest

from rgbt_tracker_ros.inference.engines import build_process, lock
from rgbt_tracker_ros.inference.engines import cache as engine_cache
from rgbt_tracker_ros.inference.engines.build_process import build_in_process
from rgbt_tracker_ros.inference.engines.cache import EngineCache
from rgbt_tracker_ros.inference.engines.tools import (
    BuildRequest,
    BuildStoppedError,
    EngineError,
    EngineHangsError,
)

PATIENCE = 30.0

START = '''
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from engine_tools import FakeTools, Heard, write_graph
from rgbt_tracker_ros.inference.engines.cache import EngineCache

root = Path(sys.argv[2])
heard = Heard()
tools = FakeTools(root / 'log', seconds=float(sys.argv[3]), fault=sys.argv[4])
engine = EngineCache(root / 'cache', tools).engine(
    write_graph(root / 'model'), 'fp32', heard.monitor)
print(engine.content['onnx'][:8], 'waited' if 'waiting' in str(heard.told) else '', heard.warnings)
'''


def start(root, seconds, fault=''):
    """Start a process that wants an engine, in a group of its own as in a terminal."""
    return subprocess.Popen(
        [sys.executable, '-c', START, str(Path(__file__).parent), str(root), str(seconds), fault],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def until(ready):
    end = monotonic() + PATIENCE
    while not (value := ready()):
        assert monotonic() < end
        sleep(0.05)
    return value


def builder(root):
    """Return the process that builds, once it does."""
    return int(until(lambda: (root / 'log').exists() and (root / 'log').read_text()).split()[0])


def runs(process):
    try:
        status = Path(f'/proc/{process}/stat').read_text()
    except OSError:
        return False
    return status.rpartition(')')[2].split()[0] != 'Z'


def test_of_two_processes_one_builds_and_both_get_the_engine(tmp_path):
    processes = [start(tmp_path, 1.0) for _ in range(2)]
    results = [process.communicate(timeout=PATIENCE) for process in processes]
    assert [error for _, error in results] == ['', '']
    assert FakeTools(tmp_path / 'log').builds == 1
    words = sorted(output.split() for output, _ in results)
    assert [part[1:] for part in words] == [['[]'], ['waited', '[]']]
    assert sorted(path.suffix for path in (tmp_path / 'cache').iterdir()) == [
        '.engine', '.timings']


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGKILL])
def test_a_process_that_ends_takes_its_builder_along_and_leaves_no_engine(tmp_path, number):
    process = start(tmp_path, 60.0)
    child = builder(tmp_path)
    # Where memory runs out, the kernel ends the builder first.
    assert Path(f'/proc/{child}/oom_score_adj').read_text() == '1000\n'
    process.send_signal(number)
    process.communicate(timeout=PATIENCE)
    until(lambda: not runs(child))
    left = {path.name for path in (tmp_path / 'cache').iterdir()}
    assert left == (set() if number == signal.SIGINT else {'.lock'})
    # The lock of the dead is free.
    process = start(tmp_path, 0.0)
    assert process.communicate(timeout=PATIENCE)[1] == ''


def test_an_engine_that_crashes_who_loads_it_does_not_do_so_for_ever(tmp_path):
    process = start(tmp_path, 0.0, 'load crashes')
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    cache, tools = tmp_path / 'cache', FakeTools(tmp_path / 'log')
    (note,) = cache.glob('.*.loading')
    assert (note.read_text(), tools.builds) == ('1', 1)

    def load():
        heard = Heard()
        EngineCache(cache, tools, build_here).engine(
            write_graph(tmp_path / 'model'), 'fp32', heard.monitor)
        return heard.warnings

    assert load() == []
    assert not note.exists()
    note.write_text('2')
    assert load() == ['engine of model/search: 2 processes crashed or hung while they loaded it; '
                      'it is built anew']
    # An hour later it is tried again; also by a clock that began in the past.
    for seconds in (1e9, time() + 1e9):
        note.write_text('3')
        with pytest.raises(EngineError, match='tried again in an hour, or after rgbt-tracker eng'):
            load()
        os.utime(note, (seconds, seconds))
        assert len(load()) == 1
    # Another one that is at it just now is no reason to doubt.
    note.write_text('3')
    with note.open() as file:
        assert lock.try_lock(file.fileno())
        assert load() == []
    assert (tools.builds, note.exists()) == (5, True)


def test_an_engine_that_hangs_is_given_up_and_the_next_start_tries_again(tmp_path, monkeypatch):
    cache = EngineCache(tmp_path, FakeTools(tmp_path / 'log'), build_here)
    tools = FakeTools(tmp_path / 'log', fault='load hangs')
    graph = write_graph(tmp_path / 'model')
    cache.engine(graph, 'fp32')
    monkeypatch.setattr(engine_cache, 'LOAD_S', -1.0)
    for count in '12':
        with pytest.raises(EngineHangsError, match='model/search: the GPU has not loaded'):
            EngineCache(tmp_path, tools, build_here).engine(graph, 'fp32')
        (note,) = tmp_path.glob('.*.loading')
        assert (note.read_text(), tools.builds) == (count, 1)
    monkeypatch.setattr(engine_cache, 'LOAD_S', PATIENCE)
    cache.engine(graph, 'fp32')
    assert (tools.builds, list(tmp_path.glob('.*'))) == (2, [])


@pytest.mark.parametrize(('fault', 'words'), [
    ('SIGSEGV', 'the builder was ended by SIGSEGV: cudaMalloc: out of memory'),
    ('SIGKILL', r'the builder was ended by SIGKILL \(too little memory\?\): cudaMalloc'),
    ('build raises', 'no implementation of node Scan_7'),
    ('build has a bug', "KeyError: 'Scan_7'"),
])
def test_what_ends_a_builder_is_said(tmp_path, fault, words):
    request = BuildRequest(write_graph(tmp_path / 'model'), 'fp32')
    heard = Heard()
    with pytest.raises(EngineError, match=words):
        build_in_process(FakeTools(tmp_path / 'log', fault=fault), request, heard.monitor.progress,
                         heard.monitor.stop)
    assert heard.told == [('half', 0.5)]


def test_no_place_for_temporary_files_costs_only_the_last_words(tmp_path, monkeypatch):
    monkeypatch.setattr(build_process, 'TemporaryFile', (tmp_path / 'no' / 'place').open)
    request = BuildRequest(write_graph(tmp_path / 'model'), 'fp32')
    tools = FakeTools(tmp_path / 'log', fault='SIGABRT')
    with pytest.raises(EngineError, match=r'by SIGABRT$'):
        build_in_process(tools, request, lambda *words: None, lambda: False)


def test_a_builder_that_hangs_is_given_up_and_one_that_is_not_wanted_is_ended(tmp_path):
    tools = FakeTools(tmp_path / 'log', seconds=60.0)
    request = BuildRequest(write_graph(tmp_path / 'model'), 'fp32')
    told = []
    with pytest.raises(BuildStoppedError):
        build_in_process(tools, request, lambda *words: told.append(words), lambda: bool(told))
    with pytest.raises(EngineError, match='took too long: it hangs'):
        build_in_process(tools, request, lambda *words: None, lambda: False, longest=0.3)
    for line in tools.log.read_text().splitlines():
        assert not runs(int(line.split()[0]))
