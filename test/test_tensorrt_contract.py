# SPDX-License-Identifier: Apache-2.0
"""What we call exists in the real bindings of each TensorRT and of cuda-python.

No list says what we call: our code runs on a pretended TensorRT that has just the attributes and
parameters of the real one, and on a pretended CUDA whose functions are looked up in the real one.
"""
from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mock_model import SEARCH, TEMPLATE
from pretend_gpu import FUNCTIONS, PretendGpu
from pretend_room import Room, crops
from pretend_shape import ENUMS, Surface
from pretend_tensorrt import make_library
import pytest
from real_bindings import Real, cuda, tensorrt, wanted

VERSIONS = [*wanted('tensorrt'), *(['tensorrt_rtx'] if find_spec('tensorrt_rtx') else [])]


@pytest.fixture(scope='module', params=VERSIONS)
def real(request: pytest.FixtureRequest) -> Iterator[Real]:
    return tensorrt(request.param)


def surface(real: Real) -> Surface:
    """Return the real classes' attributes, without those of all enumerations."""
    kinds = {name: frozenset(members) - {'name', 'value', 'itemsize'} if name in ENUMS
             else frozenset(members) for name, members in real.classes.items()}
    return {'IProgressMonitor': frozenset(), **kinds}


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_a_backend_calls_only_what_there_is(
        real: Real, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(tmp_path, monkeypatch, surface(real), real.version)
    backend = room.backend(precision=precision)
    template = backend.template(*crops(TEMPLATE, 1))
    backend.search([template] * 2, *crops(SEARCH, 1), fused=True).checked()
    backend.close()
    assert backend.captured is True
    # TensorRT 11 takes the precision from the model, and the mock model is fp32.
    told = precision == 'fp16' and 'FP16' not in real.classes['BuilderFlag']
    assert len(room.warnings) == told
    assert room.gpu.violations == []
    assert room.gpu.live == 0


def test_the_pretended_methods_take_what_the_real_ones_take(real: Real) -> None:
    library = make_library(PretendGpu(), surface(real), real.version)
    compared = 0
    for kind, ours in library.kinds.items():
        for name, member in vars(ours).items():
            if not name.startswith('_') and inspect.isfunction(member):
                parameters = list(inspect.signature(member).parameters)
                assert real.takes(kind, name, parameters), f'{kind}.{name}{parameters}'
                compared += 1
    assert compared > 20


def test_a_class_that_the_real_one_lacks_is_missed(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison itself: without one method, the backend cannot be made."""
    found: Any = tensorrt(VERSIONS[-2])
    members = dict(surface(found))
    members['IExecutionContext'] -= {'execute_async_v3'}
    room = Room(tmp_path, monkeypatch, members, found.version)
    with pytest.raises(RuntimeError, match="no attribute 'execute_async_v3'"):
        room.backend()


@pytest.mark.parametrize('folder', wanted('cuda'))
def test_cuda_python_has_each_function_and_constant(folder: str) -> None:
    gpu = PretendGpu()
    ours = {name: item for name, item in vars(gpu.module()).items() if name.startswith('cuda')}
    for module in ('cuda.bindings.runtime', *(['cuda.cudart'] if '-11.' in folder else [])):
        real = cuda(folder, module)
        for name, item in ours.items():
            assert name in real.functions
            if isinstance(item, SimpleNamespace):
                assert vars(item).keys() <= real.classes[name].keys()
        for name in FUNCTIONS:
            inside = real.functions[name].partition('(')[2].partition(')')[0]
            parameters = len([part for part in inside.split(',') if part.strip()])
            assert len(inspect.signature(gpu.method(name)).parameters) == parameters, name
