# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker build-engine` and `engines`, over a run time without a GPU."""
from __future__ import annotations

from dataclasses import replace

from engine_tools import PLATFORM, FakeTools, build_here
from mock_model import write_bundle
import pytest

from rgbt_tracker_ros.cli.console import console
from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.inference.engines.cache import EngineCache
from rgbt_tracker_ros.inference.engines.files import cache_folder
from rgbt_tracker_ros.inference.engines.tools import EngineError
from rgbt_tracker_ros.inference.tensorrt import backend, tools


class Machine:
    """A machine with a GPU, of which the parts can be exchanged."""

    def __init__(self, root):
        self.tools = FakeTools(root / 'log')
        self.cache = root / 'cache'
        self.model = write_bundle(root / 'mock')

    def installed(self):
        if self.tools is None:
            raise EngineError('no NVIDIA driver: install it')
        return self.tools

    def load(self, bundle, settings, monitor):
        """Do what the backend does with the cache."""
        cache = EngineCache(cache_folder(settings.engine_cache), self.installed(), build_here)
        for graph in (bundle.template_graph, bundle.search_graph):
            cache.engine(graph, settings.precision, monitor)
        return self

    def close(self):
        pass

    def build(self, *more):
        return run(['build-engine', str(self.model), '--cache', str(self.cache), *more])

    def engines(self, *arguments):
        return run(['engines', *arguments, '--cache', str(self.cache)])

    @property
    def names(self):
        return sorted(path.name.split('-')[0] for path in self.cache.glob('*.engine'))


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.setattr(console(), 'width', 200)
    made = Machine(tmp_path)
    monkeypatch.setattr(tools, 'TensorRtTools', made)
    monkeypatch.setattr(backend, 'TensorRtBackend', made.load)
    return made


def test_engines_are_built_once_then_listed(machine, capsys):
    assert machine.build() == 0
    assert capsys.readouterr().out.count('MB, was built') == 2
    assert machine.build() == 0
    assert capsys.readouterr().out.count('MB, was there') == 2
    assert machine.build('--precision', 'fp16') == 0
    assert machine.tools.builds == 4
    capsys.readouterr()
    assert machine.engines() == 0
    out = capsys.readouterr().out
    assert out.count(' yes ') == 4
    for words in ('mock/search', 'fp16', 'Orin (8.7)', 'fake 10.3.0', '12.6', 'new'):
        assert words in out


def test_only_what_is_of_no_use_here_is_pruned(machine, capsys):
    machine.build()
    machine.tools = replace(machine.tools, here=replace(PLATFORM, driver='12.8'))
    machine.build('--precision', 'fp16')
    found = list(machine.cache.glob('*.engine'))
    newest = max(machine.cache.glob('mock_search*'), key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(b'')
    capsys.readouterr()
    machine.engines('list')
    out = ' '.join(capsys.readouterr().out.split())
    assert 'no: is empty' in out
    assert 'driver 12.6, here is' in out
    assert len(list(machine.cache.glob('*.timings'))) == 2
    assert machine.engines('prune') == 0
    assert capsys.readouterr().out.count('removed /') == len(found) - 1
    assert len(machine.names) == 1
    assert len(list(machine.cache.glob('*.timings'))) == 1


def test_engines_of_an_older_export_are_pruned(machine):
    machine.build()
    write_bundle(machine.model, slots=1)
    machine.build()
    assert machine.names == ['mock_search', 'mock_search', 'mock_template']
    machine.engines('prune')
    assert machine.names == ['mock_search', 'mock_template']


def test_without_a_gpu_engines_are_neither_built_nor_pruned(machine, capsys):
    machine.build()
    machine.tools = None
    assert machine.build('--precision', 'fp16') == 2
    assert machine.engines('prune') == 2
    err = capsys.readouterr().err
    assert err.count('no NVIDIA driver') == 2
    assert 'engines prune --all removes every engine' in err
    assert machine.engines() == 0
    assert 'no: no engine runs here' in capsys.readouterr().out
    (machine.cache / f'.{next(machine.cache.glob("*.engine")).name}.loading').write_text('3')
    assert machine.engines('prune', '--all') == 0
    assert list(machine.cache.iterdir()) == []
    assert machine.engines() == 0
    assert f'no engines in {machine.cache}' in capsys.readouterr().out


def test_engines_that_could_not_be_kept_are_an_error(machine, capsys):
    machine.cache.touch()
    assert machine.build() == 2
    err = capsys.readouterr().err
    assert 'cannot be written to' in err
    assert 'works, but was not kept' in err


@pytest.mark.parametrize(('arguments', 'words'), [
    (['engines', 'clear'], 'give list or prune'),
    (['engines', 'list', '--all'], 'goes with prune'),
    (['engines', '--cache', __file__], '.py is no folder: give that of the engines'),
    (['build-engine', 'unified_nano', '--precision', 'fp8'], "'fp8' is not one of fp32, fp16"),
    (['build-engine', 'no_such_model'], 'not found')])
def test_wrong_usage_names_the_remedy(machine, capsys, arguments, words):
    assert run(arguments) == 2
    assert words in capsys.readouterr().err
