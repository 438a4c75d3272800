# SPDX-License-Identifier: Apache-2.0
"""The engine cache over a run time without a GPU: it never gives a wrong engine, nor none."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from engine_tools import PLATFORM, FakeTools, Heard, build_here, write_graph
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from rgbt_tracker_ros.inference.engines.cache import EngineCache
from rgbt_tracker_ros.inference.engines.identity import Identity
from rgbt_tracker_ros.inference.engines.tools import BuildRequest

PLATFORMS = [PLATFORM, replace(PLATFORM, driver='12.8'), replace(PLATFORM, version='10.13.0'),
             replace(PLATFORM, gpu='Thor', capability='11.0')]
WHICH = st.integers(0, 20)
PLACE = st.integers(0, 1200)


class Robot(RuleBasedStateMachine):
    """Whatever happens to the files, a start gives the right engine, and builds only if needed."""

    @initialize()
    def begin(self):
        self.place = TemporaryDirectory()
        self.root = Path(self.place.name)
        self.cache = self.root / 'cache'
        self.tools = FakeTools(self.root / 'log')
        self.graph = write_graph(self.root / 'model')
        self.precision = 'fp32'
        self.intact = {}
        # Nobody pulls the plug here, and a disk that is waited for takes most of the time.
        self.patch = mock.patch('os.fsync')
        self.patch.start()
        self.start()

    def teardown(self):
        if hasattr(self, 'place'):
            self.patch.stop()
            self.place.cleanup()

    def files(self):
        return sorted(self.cache.glob('*.engine'))

    def start(self):
        request = BuildRequest(self.graph, self.precision)
        path = self.cache / Identity.of(request, self.tools.here).file_name
        good = path.exists() and path.read_bytes() == self.intact.get(path)
        before, heard = self.tools.builds, Heard()
        content = EngineCache(self.cache, self.tools, build_here).engine(
            self.graph, self.precision, heard.monitor).content
        assert (content['onnx'], content['precision']) == (self.graph.sha256, self.precision)
        assert (content['driver'], content['gpu']) == (
            self.tools.here.driver, self.tools.here.gpu)
        assert self.tools.builds == before + (not good)
        assert not (good and heard.warnings)
        assert not list(self.cache.glob('.*'))
        self.intact[path] = path.read_bytes()

    @rule(platform=st.sampled_from(PLATFORMS))
    def upgrade(self, platform):
        self.tools = replace(self.tools, here=platform)
        self.start()

    @rule(content=st.sampled_from([b'weights', b'other weights']))
    def export_again(self, content):
        self.graph = write_graph(self.root / 'model', content)
        self.start()

    @rule(precision=st.sampled_from(['fp32', 'fp16']))
    def set_precision(self, precision):
        self.precision = precision
        self.start()

    @rule(which=WHICH, at=PLACE, mask=st.integers(1, 255))
    def flip_bits(self, which, at, mask):
        def flip(data):
            data[at % len(data)] ^= mask
        self.damage(which, flip)

    @rule(which=WHICH, size=PLACE)
    def cut_off(self, which, size):
        self.damage(which, lambda data: data.__delitem__(slice(size % len(data), None)))

    @rule(which=WHICH, more=st.binary(min_size=1))
    def append(self, which, more):
        self.damage(which, lambda data: data.extend(more))

    @rule(which=WHICH, content=st.binary())
    def overwrite(self, which, content):
        self.damage(which, lambda data: data.__setitem__(slice(None), content))

    @rule(which=WHICH, other=WHICH)
    def mistake_for(self, which, other):
        files = self.files()
        if files:
            content = files[other % len(files)].read_bytes()
            self.damage(which, lambda data: data.__setitem__(slice(None), content))

    @rule(size=st.integers(0, 200))
    def damage_timings(self, size):
        for path in self.cache.glob('*.timings'):
            path.write_bytes(path.read_bytes()[:size])
        self.start()

    def damage(self, which, change):
        files = self.files()
        if files:
            path = files[which % len(files)]
            data = bytearray(path.read_bytes()) or bytearray(1)
            change(data)
            path.write_bytes(data)
        self.start()


TestRobot = Robot.TestCase
TestRobot.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
