# SPDX-License-Identifier: Apache-2.0
"""From a module to the raw ONNX graph of what it does with given tensors."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
import ctypes
from pathlib import Path
import warnings

import torch
from torch import Tensor, nn

_MMAP_THRESHOLD = -3
"""`M_MMAP_THRESHOLD` of malloc.h."""

_LARGE, _MOST = 1 << 17, 1 << 25
"""Bytes: where glibc's threshold begins, and the most that it grows to by itself."""


def traced(
    module: nn.Module, inputs: Mapping[str, Tensor], outputs: list[str], file: Path, opset: int,
) -> None:
    """Write the graph of a module; `inputs` also says how large they are."""
    # With gradients, tracing would keep what each step of each scan needs for them.
    with torch.no_grad(), _freed_at_once(), warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(
            module, tuple(inputs.values()), str(file), input_names=list(inputs),
            output_names=outputs, opset_version=opset, do_constant_folding=True, dynamo=False)


@contextmanager
def _freed_at_once() -> Iterator[None]:
    """Let glibc give the memory of tensors back as soon as they are freed; other systems as is.

    A trace allocates small records between the tensors, and glibc does not use a hole among them
    again for an aligned tensor of the same size: a scan of AINet would leave gigabytes of holes.
    """
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is None:
        yield
        return
    mallopt(_MMAP_THRESHOLD, _LARGE)
    try:
        yield
    finally:
        mallopt(_MMAP_THRESHOLD, _MOST)
