# SPDX-License-Identifier: Apache-2.0
"""Calls a PyTorch module again and again with tensors of the same shapes."""
from __future__ import annotations

from collections.abc import Callable, Sequence
import logging
from typing import Any

import torch
from torch import Tensor

_ALIKE = 1e-3
"""A captured graph may take other kernels; what it computes is the same."""

_TRIALS = 3
"""Runs before a capture: libraries choose their kernels and take their memory in these."""


class Replay:
    """A module on its device; on a GPU it is recorded as a CUDA graph.

    What a call returns is written over by the next one.

    Parameters
    ----------
    module
        Takes tensors, returns a tuple of tensors.
    shapes
        Of its inputs, all float32.
    device
        Where it runs.

    """

    def __init__(self, module: torch.nn.Module, shapes: Sequence[Sequence[int]],
                 device: torch.device) -> None:
        self.module = module.to(device).eval()
        self._inputs = [torch.zeros(tuple(shape), device=device) for shape in shapes]
        self._run: Callable[[], Sequence[Tensor]] = self._eager
        if device.type == 'cuda':
            try:
                self._run = self._compared(captured(self._eager))
            except RuntimeError as error:
                logging.getLogger('rgbt_tracker_ros').warning(
                    'no CUDA graph (%s): kernels are started one by one',
                    ' '.join(str(error).split())[:200])

    def __call__(self, *tensors: Tensor) -> Sequence[Tensor]:
        """Run on tensors from the CPU or the GPU."""
        with torch.inference_mode():
            for into, tensor in zip(self._inputs, tensors, strict=True):
                into.copy_(tensor)
            return self._run()

    def _compared(self, replay: Callable[[], Sequence[Tensor]]) -> Callable[[], Sequence[Tensor]]:
        """Return what repeats the module, or raise RuntimeError if it gives other numbers."""
        for given in self._inputs:
            given.normal_()
        wanted = [output.clone() for output in self._eager()]
        found = replay()
        if not all(torch.allclose(ours, theirs, _ALIKE, _ALIKE, equal_nan=True)
                   for ours, theirs in zip(found, wanted, strict=True)):
            raise RuntimeError('it gives other numbers')
        return replay

    def _eager(self) -> Sequence[Tensor]:
        with torch.inference_mode(), true_float32():
            outputs: Sequence[Tensor] = self.module(*self._inputs)
            return outputs


def true_float32() -> Any:
    """Return a context in which convolutions on a GPU do not round to TF32, as is the default."""
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)


def captured(run: Callable[[], Sequence[Tensor]]) -> Callable[[], Sequence[Tensor]]:
    """Record what `run` does on the GPU, and return what repeats it.

    Raises
    ------
    RuntimeError
        If it does something that cannot be recorded.

    """
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(_TRIALS):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = run()

    def replay() -> Sequence[Tensor]:
        graph.replay()
        return outputs

    return replay
