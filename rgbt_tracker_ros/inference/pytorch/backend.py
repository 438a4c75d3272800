# SPDX-License-Identifier: Apache-2.0
"""The backend `torch`: a bundle's graphs in PyTorch, on the GPU where PyTorch sees one."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rgbt_tracker_ros.errors import ModelError, one_line
from rgbt_tracker_ros.inference.backend import Array
from rgbt_tracker_ros.inference.bundle import GraphSpec, ModelBundle
from rgbt_tracker_ros.inference.graph_backend import Graph, GraphBackend


class TorchBackend(GraphBackend):
    """PyTorch; it reads the same ONNX graphs as the other backends and needs no other file.

    On a GPU each graph is captured as a CUDA graph, which spares the time to start its kernels
    one by one; template tensors stay there. Convolutions and products are true float32.

    Parameters
    ----------
    bundle
        The checked model bundle.
    threads
        CPU threads, for the whole process; 0 = PyTorch's own choice.
    device
        As in `cpu`, `cuda`; empty = `cuda` where PyTorch sees a GPU.

    Raises
    ------
    ModelError
        If PyTorch or the package onnx is missing, there is no such device, a graph holds an
        operator that is not known, its tensors are not those of model.yaml, or the first run
        fails.

    """

    name = 'torch'

    def __init__(self, bundle: ModelBundle, threads: int = 0, device: str = '') -> None:
        super().__init__(bundle)
        try:
            import torch

            from rgbt_tracker_ros.inference.pytorch.graph import load_module
            from rgbt_tracker_ros.inference.pytorch.replay import Replay
        except ImportError as error:
            raise ModelError(f'backend torch cannot be imported ({one_line(error)}): '
                             'pip install torch onnx') from error
        self._torch = torch
        if threads:
            torch.set_num_threads(threads)
        try:
            self._device = torch.device(
                device or ('cuda' if torch.cuda.is_available() else 'cpu'))
            self._graphs = {
                name: Replay(load_module(spec), list(spec.inputs.values()), self._device)
                for name, spec in self._specs.items()}
        # What PyTorch raises when it lacks a device, kernels for it, or memory.
        except (RuntimeError, AssertionError) as error:
            raise ModelError(f'backend torch cannot use {device or "the GPU"} '
                             f'({one_line(error)}): use backend onnxruntime') from error
        self.warm_up()

    @property
    def _specs(self) -> dict[str, GraphSpec]:
        return {'template': self._bundle.template_graph, 'search': self._bundle.search_graph}

    def _run(self, graph: Graph, names: list[str], feed: Mapping[str, Any]) -> list[Any]:
        spec = self._specs[graph]
        given = [self._torch.as_tensor(feed[name]) for name in spec.inputs]
        for name, tensor in zip(spec.inputs, given, strict=True):
            if tuple(tensor.shape) != spec.inputs[name]:
                raise ModelError(f'model {self._bundle.name} takes {name!r} of shape '
                                 f'{spec.inputs[name]}, got {tuple(tensor.shape)}')
        try:
            outputs = dict(zip(spec.outputs, self._graphs[graph](*given), strict=True))
            # The next run writes over what a CUDA graph gave.
            return [outputs[name].clone() if graph == 'template' else outputs[name]
                    for name in names]
        except (RuntimeError, KeyError) as error:
            raise ModelError(
                f'model {self._bundle.name} failed in PyTorch: {one_line(error)}') from error

    def _array(self, tensor: Any) -> Array:
        return np.asarray(tensor.cpu().numpy())

    def _free(self) -> None:
        self._graphs.clear()
