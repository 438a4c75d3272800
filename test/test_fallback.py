# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime stands in for a run time that fails: when it is loaded, or in the middle."""
from __future__ import annotations

from functools import partial

from engine_tools import Heard
from mock_model import write_bundle
import numpy as np
import pytest
from scenes import SIDE, images

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.inference import factory, onnxruntime_backend
from rgbt_tracker_ros.inference.backend import Choice
from rgbt_tracker_ros.inference.bundle import load_bundle
from rgbt_tracker_ros.inference.engines.tools import BuildStoppedError, EngineError
from rgbt_tracker_ros.inference.fallback import with_fallback
from rgbt_tracker_ros.inference.onnxruntime_backend import OnnxRuntimeBackend
from rgbt_tracker_ros.inference.tensorrt import library
from rgbt_tracker_ros.settings import ModelSettings
from rgbt_tracker_ros.tracking.result import State
from rgbt_tracker_ros.tracking.tracker import Tracker


class Gpu(OnnxRuntimeBackend):
    """A backend of which the tensors are good for nothing but itself, and that may fail."""

    name = 'tensorrt'

    def __init__(self, bundle):
        self.fault = None
        self.closed = 0
        super().__init__(bundle, 1)

    def template(self, rgb, thermal):
        self.fail()
        return {name: [tensor] for name, tensor in super().template(rgb, thermal).items()}

    def search(self, templates, rgb, thermal, *, fused=False):
        self.fail()
        maps = super().search([{name: tensor[0] for name, tensor in template.items()}
                               for template in templates], rgb, thermal, fused=fused)
        if self.fault == 'NaN':
            maps.score[:] = np.nan
        return maps

    def fail(self):
        if isinstance(self.fault, Exception):
            raise self.fault

    def close(self):
        self.closed += 1
        self.fail()
        super().close()


@pytest.fixture
def bundle(tmp_path):
    return load_bundle(write_bundle(tmp_path / 'mock'))


def guarded(bundle, heard, make=Gpu):
    return with_fallback('tensorrt', partial(make, bundle),
                         partial(OnnxRuntimeBackend, bundle, 1), heard.monitor)


def pair(frame):
    return ImagePair(*images(60 + 2 * frame, number=frame))


@pytest.mark.parametrize(('error', 'words'), [
    (EngineError('no driver'), 'no driver'), (OSError('libnvinfer.so.8'), 'OSError: libnvinfer')])
def test_a_run_time_that_cannot_be_loaded_is_replaced_loudly(bundle, error, words):
    def broken(_):
        raise error

    heard = Heard()
    backend = guarded(bundle, heard, broken)
    assert backend.name == 'onnxruntime'
    assert backend.choice.degraded
    assert backend.choice.reason.startswith(f'asked tensorrt, runs onnxruntime: {words}')
    assert heard.warnings == [backend.choice.reason]


def test_a_build_that_is_not_wanted_any_more_is_no_reason_to_load_another(bundle):
    def stopped(_):
        raise BuildStoppedError

    with pytest.raises(BuildStoppedError):
        guarded(bundle, Heard(), stopped)


@pytest.mark.parametrize('fault', [
    EngineError('an illegal memory access was encountered'), RuntimeError('bug'), 'NaN'], ids=str)
def test_a_run_time_that_fails_while_tracking_is_replaced_and_the_target_kept(bundle, fault):
    heard = Heard()
    gpu = Gpu(bundle)
    backend = guarded(bundle, heard, lambda _: gpu)
    tracker = Tracker(bundle, backend)
    tracker.initialize(pair(0), Box(60, 100, SIDE, SIDE))
    for frame in range(1, 21):
        if frame == 18:
            assert (backend.name, backend.choice) == ('tensorrt', Choice())
            gpu.fault = fault
        result = tracker.track(pair(frame))
        assert (result.state, result.note) == (State.TRACKING, '')
    assert abs(result.box.x - 100) < 3
    assert backend.name == 'onnxruntime'
    assert heard.warnings == [backend.choice.reason]
    assert backend.choice.degraded
    tracker.close()
    assert gpu.closed == 1


def test_images_that_no_run_time_can_take_do_not_replace_it(bundle):
    heard = Heard()
    backend = guarded(bundle, heard)
    side = bundle.template.size
    crops = (np.full((1, 3, side, side), np.nan, np.float32),
             np.zeros((1, 1, side, side), np.float32))
    for _ in range(2):
        with pytest.raises(ModelError, match='NaN'):
            backend.template(*crops)
    assert (backend.name, heard.warnings) == ('tensorrt', [])
    backend.close()


def test_without_another_run_time_the_reason_of_the_first_is_said(bundle):
    gpu = Gpu(bundle)

    def missing():
        raise ModelError('pip install onnxruntime')

    backend = with_fallback('tensorrt', lambda: gpu, missing, Heard().monitor)
    gpu.fault = EngineError('no memory')
    shapes = bundle.template_graph.inputs.values()
    with pytest.raises(EngineError, match='no memory'):
        backend.template(*(np.zeros(shape, np.float32) for shape in shapes))


def test_tensorrt_that_is_not_there_is_replaced_by_onnxruntime_on_the_cpu(bundle, monkeypatch):
    monkeypatch.setattr(library, 'MODULES', ())
    monkeypatch.setattr(onnxruntime_backend, 'has_gpu', lambda: True)
    heard = Heard()
    backend = factory.load_backend(bundle, ModelSettings(backend='tensorrt'), heard.monitor)
    assert (backend.name, backend.device) == ('onnxruntime', 'cpu')
    (words,) = heard.warnings
    assert words.startswith('asked tensorrt, runs onnxruntime: TensorRT is not installed: ')
    backend.close()
