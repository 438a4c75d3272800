# SPDX-License-Identifier: Apache-2.0
"""What a pretended TensorRT has: the attributes that a surface names, and no others.

With the surface of a real module (see `real_bindings`), code that runs here calls nothing that the
real one lacks.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from functools import wraps
from types import ModuleType
from typing import Any

from pretend_gpu import PretendGpu

Surface = Mapping[str, frozenset[str]]
"""Names of the public attributes of each class; of a class that is not in it, all there are."""

ENUMS = ('NetworkDefinitionCreationFlag', 'BuilderFlag', 'MemoryPoolType', 'TensorIOMode',
         'TensorLocation', 'DataType', 'LayerType')

TENSORRT_10: Surface = {name: frozenset(names.split()) for name, names in {
    'NetworkDefinitionCreationFlag': 'EXPLICIT_BATCH STRONGLY_TYPED',
    'BuilderFlag': 'FP16 PREFER_PRECISION_CONSTRAINTS',
    'MemoryPoolType': 'WORKSPACE', 'TensorIOMode': 'INPUT OUTPUT',
    'TensorLocation': 'DEVICE HOST', 'DataType': 'FLOAT HALF INT32',
    'LayerType': 'ELEMENTWISE MATRIX_MULTIPLY SHUFFLE REDUCE'}.items()}
"""Enumerations as in TensorRT 10."""


class Shaped:
    """Refuses to be given attributes its class does not have, as classes of C++ do."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith('_') and not hasattr(type(self), name):
            raise AttributeError(f'{type(self).__name__} has no {name!r}')
        super().__setattr__(name, value)


class Library:
    """A module of TensorRT in the making.

    Attributes
    ----------
    module
        The module; `networks` in it holds what was built, with the configuration.
    enums
        Its enumerations by name.
    kinds
        All classes that were shaped, by name, also those that are not in the module.

    """

    def __init__(self, gpu: PretendGpu, surface: Surface, version: str) -> None:
        self.gpu = gpu
        self.version = version
        self.kinds: dict[str, type] = {}
        self._surface = surface
        self.module: Any = ModuleType('tensorrt')
        self.module.__version__ = version
        self.module.networks = []
        self.enums: dict[str, Any] = {
            name: IntEnum(name, sorted(surface[name]), start=0) for name in ENUMS}
        for name, enum in self.enums.items():
            setattr(self.module, name, enum)

    def shaped(self, kind: type) -> type:
        """Take from a class what the real one does not have."""
        self.kinds[kind.__name__] = kind
        names = self._surface.get(kind.__name__)
        for name in [name for name in vars(kind) if names is not None]:
            if not name.startswith('_') and name not in names:
                delattr(kind, name)
        return kind

    def offered(self, kind: type) -> type:
        """Put a class into the module, where the real one has it."""
        if self._surface.get(kind.__name__, True):
            setattr(self.module, kind.__name__, self.shaped(kind))
        return kind

    def fallible(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Let a method return None when it is its turn to fail."""
        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            return function(*arguments, **named) if self.gpu.works(function.__name__) else None
        return call
