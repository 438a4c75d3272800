# SPDX-License-Identifier: Apache-2.0
"""Engines that were built once, and are built again only when they must be."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
import hashlib
from pathlib import Path

from rgbt_tracker_ros.inference.background import in_background
from rgbt_tracker_ros.inference.bundle import GraphSpec
from rgbt_tracker_ros.inference.engines.build_process import build_in_process
from rgbt_tracker_ros.inference.engines.check import check_engine
from rgbt_tracker_ros.inference.engines.crash_guard import SUSPICIOUS, CrashGuard
from rgbt_tracker_ros.inference.engines.files import sweep
from rgbt_tracker_ros.inference.engines.identity import Identity
from rgbt_tracker_ros.inference.engines.lock import one_builder
from rgbt_tracker_ros.inference.engines.store import MissingError, Store
from rgbt_tracker_ros.inference.engines.timing import keep_timings, read_timings
from rgbt_tracker_ros.inference.engines.tools import (
    BuildRequest,
    BuildResult,
    Engine,
    EngineError,
    EngineHangsError,
    EngineTools,
    Precision,
    Progress,
    Stop,
)
from rgbt_tracker_ros.inference.monitor import Monitor

LOAD_S = 300.0
"""No engine takes so long to load and to run once: what does hangs."""

Build = Callable[[EngineTools, BuildRequest, Progress, Stop], BuildResult]


class EngineCache:
    """Gives engines of graphs: kept ones where they are right, else new ones.

    An engine is kept under a hash of all it depends on, and only once it has run. What is found
    damaged, of another platform, or does not run is built anew with a warning. A cache that
    cannot be written to costs time at each start, nothing else.

    Parameters
    ----------
    folder
        Where engines are kept; made when missing.
    tools
        The run time.
    build
        Calls `tools.build`, in a process of its own unless a test wants otherwise.

    """

    def __init__(self, folder: Path, tools: EngineTools, build: Build = build_in_process) -> None:
        self._store = Store(folder)
        self._tools = tools
        self._build = build

    def engine(self, graph: GraphSpec, precision: Precision,
               monitor: Monitor | None = None) -> Engine:
        """Return an engine that is of this graph and has run once.

        Raises
        ------
        EngineError
            If there can be none; the message says why.
        BuildStoppedError
            When `monitor.stop` said so.

        """
        monitor = monitor or Monitor()
        request = BuildRequest(graph, precision)
        identity = Identity.of(request, self._tools.platform())
        if self._guard(identity).hopeless():
            raise EngineError(f'engine of {identity.name}: processes crash or hang while they '
                              'load it; it is tried again in an hour, or after rgbt-tracker '
                              'engines prune')
        seen = self._store.mark(identity)
        try:
            return self._kept(identity, graph)
        except MissingError as error:
            missing = error
        with self._alone(monitor) as writable:
            if self._store.mark(identity) != seen:      # another process has just built it
                try:
                    return self._kept(identity, graph)
                except MissingError as error:
                    missing = error
            if missing.suspicious:
                monitor.warn(f'engine of {identity.name}: {missing}; it is built anew')
            engine, result = self._made(request, identity, monitor)
            if writable:
                self._keep(identity, result, monitor)
            return engine

    def _kept(self, identity: Identity, graph: GraphSpec) -> Engine:
        """Return the engine that is there, or raise MissingError when none is that can be used."""
        plan = self._store.read(identity)
        crashes = self._guard(identity).count()
        if crashes >= SUSPICIOUS:
            raise MissingError(f'{crashes} processes crashed or hung while they loaded it', True)
        try:
            return self._loaded(plan, graph, identity)
        except EngineHangsError:
            raise       # a new one would hang as well: the GPU is to blame
        except EngineError as error:
            raise MissingError(f'{identity.file_name} cannot be used ({error})', True) from error

    def _made(self, request: BuildRequest, identity: Identity,
              monitor: Monitor) -> tuple[Engine, BuildResult]:
        """Build an engine and try it."""
        def tell(text: str, share: float | None) -> None:
            monitor.progress(f'engine of {identity.name}: {text}', share)

        tell('building', None)
        timings = read_timings(self._store.folder, identity.platform)
        try:
            result = self._build(
                self._tools, replace(request, timing_cache=timings), tell, monitor.stop)
            _check_unchanged(request.graph)
            return self._loaded(result.plan, request.graph, identity), result
        except EngineHangsError:
            raise
        except EngineError as error:
            raise EngineError(f'engine of {identity.name}: {error}') from error

    def _guard(self, identity: Identity) -> CrashGuard:
        return CrashGuard(self._store.folder / identity.file_name)

    def _loaded(self, plan: bytes, graph: GraphSpec, identity: Identity) -> Engine:
        """Load an engine and run it once, as long as that takes no time without end."""
        def give_up(elapsed: float) -> None:
            if elapsed > LOAD_S:
                raise EngineHangsError(
                    f'engine of {identity.name}: the GPU has not loaded and run it for '
                    f'{elapsed:.0f} s: restart the machine')

        with self._guard(identity).noted():
            return in_background(lambda: self._tried(plan, graph), give_up, lambda: True)

    def _tried(self, plan: bytes, graph: GraphSpec) -> Engine:
        engine = None
        try:
            engine = self._tools.load(plan)
            check_engine(engine, graph)
        except BaseException as error:
            if engine is not None:
                engine.close()
            # Each run time has exceptions of its own; Ctrl-C is none of them.
            if isinstance(error, Exception) and not isinstance(error, EngineError):
                raise EngineError(f'{type(error).__name__}: {error}') from error
            raise
        return engine

    def _keep(self, identity: Identity, result: BuildResult, monitor: Monitor) -> None:
        folder = self._store.folder
        sweep(folder)
        try:
            self._store.write(identity, result.plan)
        except OSError as error:
            monitor.warn(f'engine of {identity.name}: {folder} took no file ({_words(error)}), so '
                         'the next start builds it again: make room (rgbt-tracker engines prune), '
                         'or set model.engine_cache')
            return
        if result.timing_cache is not None:
            keep_timings(folder, identity.platform, result.timing_cache)

    @contextmanager
    def _alone(self, monitor: Monitor) -> Iterator[bool]:
        """Let no other process build meanwhile; give whether the folder can be written to."""
        folder = self._store.folder
        with ExitStack() as stack:
            writable = True
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                stack.enter_context(one_builder(
                    folder, lambda text: monitor.progress(text, None), monitor.stop))
            except OSError as error:
                writable = False
                monitor.warn(f'{folder} cannot be written to ({_words(error)}), so each start '
                             'builds its engines: make it writable, or set model.engine_cache')
            yield writable


def _check_unchanged(graph: GraphSpec) -> None:
    """Raise EngineError when the file is not any more what the engine is to be kept as."""
    try:
        digest = hashlib.sha256(graph.file.read_bytes()).hexdigest()
    except OSError as error:
        raise EngineError(f'{graph.file} went away ({_words(error)})') from error
    if digest != graph.sha256:
        raise EngineError(f'{graph.file} changed meanwhile: load the model again')


def _words(error: OSError) -> str:
    return error.strerror or str(error)
