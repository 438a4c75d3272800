# SPDX-License-Identifier: Apache-2.0
"""Fast kernels for Mamba-1 of the packages mamba-ssm and causal-conv1d, where they are installed.

Where mamba-ssm is missing, our own of `scan_triton` do. All run on NVIDIA GPUs only, and know
gradients: for training. Graphs never contain them, since they are left out while a network is
traced.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import import_module
import logging
import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from rgbt_tracker_ros.networks import scans

WIDEST_KERNEL = 4
"""Widest convolution of causal-conv1d; the narrowest is 2."""

_plain = ContextVar('plain', default=False)


def s6_kernel(x: Tensor) -> Callable[..., Tensor] | None:
    """Return a scan with the parameters of `scans.s6` (but no steps); None where there is none."""
    if not _applies(x) or x.dtype != torch.float32:
        return None
    kernel = mamba_scan()
    if kernel is None:
        own = triton_scan()
        kernel = own if own is not None and _is_right(own, x.device) else None
    return kernel


def triton_scan() -> Callable[..., Tensor] | None:
    """Return our own kernel; None where Triton is missing."""
    return _find('rgbt_tracker_ros.networks.scan_triton', 's6_triton')


@cache
def _is_right(kernel: Callable[..., Tensor], device: torch.device) -> bool:
    """Try a kernel on a GPU: whether it runs there, and gives values and gradients as it should.

    Triton compiles for the GPU at hand, of which nobody may have tried this one.
    """
    shapes = (1, 40, 20), (1, 40, 20), (20, 4), (1, 40, 4), (1, 40, 4)
    inputs = [torch.linspace(0.1, 1.0, math.prod(shape), device=device).reshape(shape)
              .requires_grad_() for shape in shapes]
    reference: Callable[..., Tensor] = scans.s6
    try:
        with torch.enable_grad():
            wanted, found = (
                (output, *torch.autograd.grad(output.square().sum(), inputs))
                for output in (reference(*inputs), kernel(*inputs)))
        torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-3)
    # Compilers have exceptions of their own.
    except Exception as error:
        logging.getLogger('rgbt_tracker_ros').warning(
            'the Triton kernel of the scans is not used, so training is slower: %s',
            ' '.join(str(error).split())[:300])
        return False
    return True


def mamba_scan() -> Callable[..., Tensor] | None:
    """Return the kernel of mamba-ssm; None where that is missing."""
    function = _find('mamba_ssm.ops.selective_scan_interface', 'selective_scan_fn')
    if function is None:
        return None

    def scan(x: Tensor, dt: Tensor, decay: Tensor, b: Tensor, c: Tensor) -> Tensor:
        # The kernel wants B x D x L values and D x N rates for the whole batch. Where each
        # sequence has its own, sequences become groups of channels, each with its own B and C.
        shape = x.transpose(1, 2).shape
        values, sizes, writes, reads = (
            part.transpose(1, 2).contiguous() for part in (x, dt, b, c))
        if decay.dim() == 3:
            values, sizes = values.flatten(0, 1)[None], sizes.flatten(0, 1)[None]
            writes, reads = writes[None], reads[None]
        rates = -decay.reshape(-1, decay.shape[-1]).contiguous()
        output: Tensor = function(values, sizes, rates, writes, reads)
        return output.reshape(shape).transpose(1, 2)

    return scan


def causal_convolution(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return silu(convolution) of B x C x L values, each output without a look at later ones.

    Parameters
    ----------
    x
        Values, B x C x L.
    weight, bias
        Of a depthwise convolution: C x 1 x K and C.

    """
    width = weight.shape[-1]
    function = _find('causal_conv1d', 'causal_conv1d_fn')
    if function is not None and _applies(x) and 2 <= width <= WIDEST_KERNEL:
        mixed: Tensor = function(x.contiguous(), weight.squeeze(1), bias, activation='silu')
        return mixed
    # Padded on both sides; without the last outputs none has seen a later token.
    padded = F.conv1d(x, weight, bias, padding=width - 1, groups=weight.shape[0])
    return F.silu(padded[:, :, :int(x.shape[2])])


@contextmanager
def plain_operators() -> Iterator[None]:
    """Leave the kernels out, to see what they save."""
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


def _applies(x: Tensor) -> bool:
    traced = torch.onnx.is_in_onnx_export() or torch.compiler.is_compiling()
    return x.is_cuda and not traced and not _plain.get()


@cache
def _find(module: str, name: str) -> Callable[..., Any] | None:
    """Return a package's function; None where it, or the GPU code that it needs, is missing."""
    try:
        found: Callable[..., Any] = getattr(import_module(module), name)
    except (ImportError, AttributeError, OSError, RuntimeError):
        return None
    return found
