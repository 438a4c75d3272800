# SPDX-License-Identifier: Apache-2.0
"""Driver, cuda-python and TensorRT are missing or do not fit: one line names the remedy."""
from __future__ import annotations

from pathlib import Path
import sys
from types import ModuleType, SimpleNamespace

from mock_model import write_bundle
from pretend_gpu import PretendGpu, driver_library, plug_in
from pretend_tensorrt import install, make_library
import pytest

from rgbt_tracker_ros.inference.bundle import load_bundle
from rgbt_tracker_ros.inference.engines.tools import EngineError, Platform
from rgbt_tracker_ros.inference.tensorrt import driver, library
from rgbt_tracker_ros.inference.tensorrt.backend import TensorRtBackend
from rgbt_tracker_ros.inference.tensorrt.cuda import Cuda
from rgbt_tracker_ros.inference.tensorrt.driver import Gpu, find_gpu
from rgbt_tracker_ros.inference.tensorrt.tools import TensorRtTools
from rgbt_tracker_ros.settings import ModelSettings


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> PretendGpu:
    return plug_in(monkeypatch)


def test_the_driver_says_which_gpu_there_is(
        monkeypatch: pytest.MonkeyPatch, gpu: PretendGpu) -> None:
    assert find_gpu() == Gpu('Orin', '8.7', '12.6')
    install(monkeypatch, make_library(gpu))
    assert TensorRtTools().platform() == Platform('tensorrt', '10.3.0', 'Orin', '8.7', '12.6')


@pytest.mark.parametrize(('init', 'gpus', 'message'), [
    (100, 1, r'cuInit \(CUDA error 100\): there is no GPU, or CUDA_VISIBLE_DEVICES hides it'),
    (34, 1, 'stub of the CUDA toolkit'),
    (803, 1, 'different versions: restart the machine'),
    (4711, 1, r'cuInit \(CUDA error 4711\): does nvidia-smi'),
    (0, 0, 'there is no GPU'),
])
def test_a_driver_that_does_not_work_is_an_error_with_a_remedy(
        monkeypatch: pytest.MonkeyPatch, init: int, gpus: int, message: str) -> None:
    monkeypatch.setattr(driver, 'LIBRARY', driver_library(init, gpus))
    with pytest.raises(EngineError, match=message):
        find_gpu()


def test_nothing_of_tensorrt_is_imported_without_a_driver(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With its libraries but no driver, the second call into TensorRT would end the process."""
    monkeypatch.setattr(driver, 'LIBRARY', 'libcuda_that_is_nowhere.so')
    monkeypatch.setattr(library, 'import_module', lambda name: pytest.fail(f'imported {name}'))
    bundle = load_bundle(write_bundle(tmp_path / 'm'))
    for module in library.MODULES:
        tools = TensorRtTools(module)
        for attempt in (tools.platform, tools.builds_fp16, lambda tools=tools: tools.load(b''),
                        lambda tools=tools: TensorRtBackend(
                            bundle, ModelSettings(engine_cache=str(tmp_path)), tools=tools)):
            with pytest.raises(EngineError, match='no NVIDIA driver'):
                attempt()


def test_a_missing_tensorrt_names_both_ways_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, 'find_spec', lambda name: None)
    with pytest.raises(EngineError, match=r'sudo apt install tensorrt python3-libnvinfer .*'
                                          'pip install tensorrt'):
        TensorRtTools.installed()


def test_tensorrt_is_preferred_to_tensorrt_rtx(monkeypatch: pytest.MonkeyPatch) -> None:
    for present in (library.MODULES, (library.RTX,)):
        monkeypatch.setattr(library, 'find_spec',
                            lambda name, present=present: name in present or None)
        assert TensorRtTools.installed().module == present[0]


def test_libraries_that_cannot_be_loaded_are_an_error(
        monkeypatch: pytest.MonkeyPatch, gpu: PretendGpu) -> None:
    def fail(name: str) -> None:
        raise OSError('libnvinfer.so.10: cannot open shared object file')

    monkeypatch.setattr(library, 'import_module', fail)
    with pytest.raises(EngineError, match=r'libnvinfer\.so\.10: cannot open .*apt install'):
        TensorRtTools().platform()


def test_tensorrt_without_named_tensors_is_too_old(
        monkeypatch: pytest.MonkeyPatch, gpu: PretendGpu) -> None:
    old = ModuleType('tensorrt')
    old.__version__, old.ICudaEngine = '8.4.1', SimpleNamespace()
    monkeypatch.setitem(sys.modules, 'tensorrt', old)
    with pytest.raises(EngineError, match=r'TensorRT 8\.4\.1 is too old: 8\.5'):
        TensorRtTools().platform()


def test_the_older_name_of_cuda_python_is_found(
        monkeypatch: pytest.MonkeyPatch, gpu: PretendGpu) -> None:
    monkeypatch.setitem(sys.modules, 'cuda.cudart', gpu.module())
    monkeypatch.setitem(sys.modules, 'cuda.bindings.runtime', None)
    assert Cuda().allocate(8) in gpu.memory


def test_a_missing_cuda_python_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('cuda.bindings.runtime', 'cuda.cudart'):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EngineError, match='pip install cuda-python'):
        Cuda()


def test_what_cuda_python_raises_is_an_error(
        monkeypatch: pytest.MonkeyPatch, gpu: PretendGpu) -> None:
    def fail(size: int) -> None:
        raise RuntimeError('Failed to dlopen libcuda.so.1')

    monkeypatch.setattr(sys.modules['cuda.bindings.runtime'], 'cudaMalloc', fail)
    with pytest.raises(EngineError, match=r'cudaMalloc failed: Failed to dlopen libcuda\.so\.1'):
        Cuda().allocate(8)
