# SPDX-License-Identifier: Apache-2.0
"""What is compared with the reference, as named on the command line and loaded."""
from __future__ import annotations

from dataclasses import dataclass, replace

from rgbt_tracker_ros.benchmark.drift.measure import Candidate
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.inference.bundle import GraphSpec, ModelBundle, load_bundle
from rgbt_tracker_ros.inference.choice import REFERENCE
from rgbt_tracker_ros.inference.factory import RUNTIMES, gpu_name, load_backend
from rgbt_tracker_ros.inference.monitor import Monitor
from rgbt_tracker_ros.settings import ModelSettings

PRECISIONS = ('fp32', 'fp16')


@dataclass(frozen=True, slots=True)
class Named:
    """One candidate as named: BACKEND[:PRECISION][@MODEL], for example `openvino:fp16`."""

    backend: str
    precision: str
    model: str

    def __str__(self) -> str:
        """Return it as it is named."""
        precision = '' if self.precision == PRECISIONS[0] else f':{self.precision}'
        return f'{self.backend}{precision}{self.model and f"@{self.model}"}'


def parse(text: str) -> Named:
    """Return the candidate that a text names.

    Raises
    ------
    InputError
        If it names none.

    """
    runs, _, model = text.partition('@')
    backend, _, precision = runs.partition(':')
    precision = precision or PRECISIONS[0]
    if backend not in RUNTIMES or precision not in PRECISIONS:
        raise InputError(f'--with {text}: give BACKEND[:PRECISION][@MODEL], a backend of '
                         f'{", ".join(RUNTIMES)} and a precision of {", ".join(PRECISIONS)}')
    return Named(backend, precision, model)


def usual() -> list[Named]:
    """Return what is worth a comparison with ONNX Runtime on this machine."""
    names = [name for name in ('openvino', 'tensorrt') if RUNTIMES[name].installed
             and (name != 'tensorrt' or gpu_name())]
    return [Named(name, precision, '') for name in names for precision in PRECISIONS]


def load(named: Named, model: ModelSettings, shape_of: ModelBundle | None = None,
         monitor: Monitor | None = None) -> Candidate:
    """Load a candidate.

    Parameters
    ----------
    named
        What to load; without a model of its own it is that of the settings.
    model
        The other settings.
    shape_of
        A bundle whose tensors it must have.
    monitor
        Told what is done.

    Raises
    ------
    ModelError
        If it cannot be loaded.
    InputError
        If its tensors are others, or another backend would stand in.

    """
    settings = replace(model, backend=named.backend, precision=named.precision)
    bundle = load_bundle(named.model or model.name)
    if shape_of is not None and _tensors(bundle) != _tensors(shape_of):
        raise InputError(f'--with {named}: {bundle.name} has other tensors than {shape_of.name}: '
                         'give a bundle of the same network')
    backend = load_backend(bundle, settings, monitor)
    if backend.choice.degraded:
        backend.close()
        raise InputError(f'--with {named}: {backend.choice.reason}: leave it out')
    return Candidate(str(named), bundle, backend)


def reference(model: ModelSettings) -> Candidate:
    """Load the reference: the settings' model on ONNX Runtime, in single precision."""
    return load(Named(REFERENCE, PRECISIONS[0], ''), model)


def _tensors(bundle: ModelBundle) -> list[object]:
    def of(graph: GraphSpec) -> tuple[object, object]:
        return dict(graph.inputs), dict(graph.outputs)

    return [of(bundle.template_graph), of(bundle.search_graph), bundle.template_slots]
