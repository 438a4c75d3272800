# SPDX-License-Identifier: Apache-2.0
"""ONNX operators as PyTorch functions, for graphs whose shapes are known beforehand.

Tensors come as positional arguments in ONNX's order, attributes by their names. What says how
(shapes, axes, pads ...) comes as lists of numbers, see STATIC. Only what exports of trackers hold
is here; anything else is refused by its name when a graph is read.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
import math
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor
from torch.nn import functional as F

Numbers = Sequence[int]

STATIC: dict[str, tuple[int, ...]] = {
    'ConstantOfShape': (0,), 'CumSum': (1,), 'Expand': (1,), 'Pad': (1, 2, 3), 'ReduceSum': (1,),
    'ReduceMean': (1,), 'ReduceMax': (1,), 'ReduceL2': (1,), 'Reshape': (1,), 'Resize': (1, 2, 3),
    'Slice': (1, 2, 3, 4), 'Split': (1,), 'Squeeze': (1,), 'Tile': (1,), 'TopK': (1,),
    'Trilu': (1,), 'Unsqueeze': (1,)}
"""By operator, the inputs that are lists of numbers in place of tensors."""


def _torch_type(kind: int) -> torch.dtype:
    """Return the type for one of onnx.TensorProto's."""
    array = np.zeros(1, onnx.helper.tensor_dtype_to_np_dtype(kind))
    return torch.from_numpy(array).dtype


def _cast(x: Tensor, *, to: int, saturate: int = 1) -> Tensor:
    return x.to(_torch_type(to))


def _clip(x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    return torch.clamp(x, low, high)


def _div(a: Tensor, b: Tensor) -> Tensor:
    return a / b if a.is_floating_point() else torch.div(a, b, rounding_mode='trunc')


def _expand(x: Tensor, shape: Numbers) -> Tensor:
    # 1 keeps what is there, as in NumPy's broadcasting.
    have = (1,) * (len(shape) - x.dim()) + tuple(x.shape)
    wanted = (1,) * (len(have) - len(shape)) + tuple(shape)
    return x.expand([max(pair) for pair in zip(have, wanted, strict=True)])


def _filled(shape: Numbers, *, value: Tensor | None = None) -> Tensor:
    value = torch.zeros(1) if value is None else value
    return value.reshape(()).expand(tuple(shape)).clone()


def _same(*, kernel: Numbers, strides: Numbers | None, pads: Numbers | None,
          dilations: Numbers | None, auto_pad: bytes = b'NOTSET') -> tuple[Any, ...]:
    """Return stride, padding (both sides alike) and dilation of a window, and what to pad before.

    PyTorch pads both sides alike; the rest of uneven pads is what to put around the input first.
    """
    if auto_pad != b'NOTSET':
        raise NotImplementedError(f'auto_pad {auto_pad.decode()}')
    axes = len(kernel)
    pads = list(pads or [0] * 2 * axes)
    begin, end = pads[:axes], pads[axes:]
    stride, dilation = tuple(strides or [1] * axes), tuple(dilations or [1] * axes)
    if begin == end:
        return stride, tuple(begin), dilation, None
    around = [size for pair in zip(reversed(begin), reversed(end), strict=True) for size in pair]
    return stride, (0,) * axes, dilation, around


def _conv(x: Tensor, weight: Tensor, bias: Tensor | None = None, *,
          kernel_shape: Numbers | None = None, strides: Numbers | None = None,
          pads: Numbers | None = None, dilations: Numbers | None = None, group: int = 1,
          auto_pad: bytes = b'NOTSET') -> Tensor:
    stride, padding, dilation, around = _same(
        kernel=weight.shape[2:], strides=strides, pads=pads, dilations=dilations,
        auto_pad=auto_pad)
    if around:
        x = F.pad(x, around)
    convolve = (F.conv1d, F.conv2d, F.conv3d)[weight.dim() - 3]
    return convolve(x, weight, bias, stride, padding, dilation, group)


def _max_pool(x: Tensor, *, kernel_shape: Numbers, strides: Numbers | None = None,
              pads: Numbers | None = None, dilations: Numbers | None = None, ceil_mode: int = 0,
              auto_pad: bytes = b'NOTSET') -> Tensor:
    stride, padding, dilation, around = _same(
        kernel=kernel_shape, strides=strides, pads=pads, dilations=dilations, auto_pad=auto_pad)
    if around:
        x, padding = F.pad(x, around, value=-math.inf), 0
    return F.max_pool2d(x, tuple(kernel_shape), stride, padding, dilation, bool(ceil_mode))


def _average_pool(x: Tensor, *, kernel_shape: Numbers, strides: Numbers | None = None,
                  pads: Numbers | None = None, ceil_mode: int = 0, count_include_pad: int = 0,
                  auto_pad: bytes = b'NOTSET') -> Tensor:
    stride, padding, _, around = _same(
        kernel=kernel_shape, strides=strides, pads=pads, dilations=None, auto_pad=auto_pad)
    if around:
        if not count_include_pad:
            raise NotImplementedError('AveragePool with uneven pads that do not count')
        x = F.pad(x, around)
    return F.avg_pool2d(x, tuple(kernel_shape), stride, padding, bool(ceil_mode),
                        bool(count_include_pad))


def _depth_to_space(x: Tensor, *, blocksize: int, mode: bytes = b'DCR') -> Tensor:
    if mode == b'CRD':
        return F.pixel_shuffle(x, blocksize)
    batch, channels, height, width = x.shape
    cut = x.reshape(batch, blocksize, blocksize, channels // blocksize ** 2, height, width)
    return cut.permute(0, 3, 4, 1, 5, 2).reshape(
        batch, channels // blocksize ** 2, height * blocksize, width * blocksize)


def _gather(x: Tensor, indices: Tensor, *, axis: int = 0) -> Tensor:
    indices = torch.where(indices < 0, indices + x.shape[axis], indices)
    axis %= x.dim()
    taken = x.index_select(axis, indices.reshape(-1))
    return taken.reshape(x.shape[:axis] + indices.shape + x.shape[axis + 1:])


def _gemm(a: Tensor, b: Tensor, c: Tensor | None = None, *, alpha: float = 1.0,
          beta: float = 1.0, transA: int = 0, transB: int = 0) -> Tensor:  # noqa: N803
    product = alpha * ((a.T if transA else a) @ (b.T if transB else b))
    return product if c is None else product + beta * c


def _layer_norm(x: Tensor, scale: Tensor, bias: Tensor | None = None, *, axis: int = -1,
                epsilon: float = 1e-5, stash_type: int = 1) -> Tensor:
    shape = x.shape[axis:]
    return F.layer_norm(x, shape, scale.expand(shape), bias, epsilon)


def _pad(x: Tensor, pads: Numbers, value: Sequence[float] | None = None,
         axes: Numbers | None = None, *, mode: bytes = b'constant') -> Tensor:
    axes = range(x.dim()) if axes is None else axes
    around = [0] * 2 * x.dim()
    for index, axis in enumerate(axes):
        last = x.dim() - 1 - axis % x.dim()
        around[2 * last:2 * last + 2] = pads[index], pads[index + len(axes)]
    if mode == b'constant':
        return F.pad(x, around, value=value[0] if value else 0.0)
    while around and around[-2:] == [0, 0]:
        del around[-2:]
    return F.pad(x, around, mode={b'reflect': 'reflect', b'edge': 'replicate'}[mode])


def _reduced(reduction: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a reduction whose axes are an attribute (before opset 18) or an input."""
    def function(x: Tensor, given: Numbers | None = None, *, axes: Numbers | None = None,
                 keepdims: int = 1, noop_with_empty_axes: int = 0) -> Tensor:
        chosen = axes if given is None else given
        if not chosen and noop_with_empty_axes:
            return x
        return reduction(x, tuple(chosen or range(x.dim())), bool(keepdims))
    return function


def _reshape(x: Tensor, shape: Numbers, *, allowzero: int = 0) -> Tensor:
    if allowzero:
        return x.reshape(tuple(shape))
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(shape)])


def _resize(x: Tensor, roi: Any = None, scales: Sequence[float] | None = None,
            sizes: Numbers | None = None, *, mode: bytes = b'nearest',
            coordinate_transformation_mode: bytes = b'half_pixel',
            nearest_mode: bytes = b'round_prefer_floor', **_: Any) -> Tensor:
    if not sizes:
        assert scales
        sizes = [math.floor(size * scale) for size, scale in zip(x.shape, scales, strict=True)]
    way = (mode, coordinate_transformation_mode)
    if way == (b'nearest', b'asymmetric') and nearest_mode == b'floor':
        return F.interpolate(x, tuple(sizes[2:]), mode='nearest')
    smooth = {b'linear': 'bilinear', b'cubic': 'bicubic'}.get(mode)
    if smooth and way[1] in (b'half_pixel', b'pytorch_half_pixel', b'align_corners'):
        return F.interpolate(x, tuple(sizes[2:]), mode=smooth,
                             align_corners=way[1] == b'align_corners')
    raise NotImplementedError(f'Resize {mode.decode()} {way[1].decode()}')


def _slice(x: Tensor, starts: Numbers, ends: Numbers, axes: Numbers | None = None,
           steps: Numbers | None = None) -> Tensor:
    for index, axis in enumerate(range(len(starts)) if axes is None else axes):
        step, size = steps[index] if steps else 1, x.shape[axis]
        begin, end = (place + size if place < 0 else place
                      for place in (starts[index], ends[index]))
        # As ONNX limits them, which for negative steps is not as Python does.
        low, high = (0, size) if step > 0 else (-1, size - 1)
        chosen = range(min(max(begin, 0), high), min(max(end, low), high), step)
        if not chosen:
            x = x.narrow(axis, 0, 0)
            continue
        # PyTorch slices forwards only.
        forwards = chosen if step > 0 else chosen[::-1]
        x = x[(slice(None),) * (axis % x.dim()) + (
            slice(forwards.start, forwards.stop, forwards.step),)]
        if step < 0:
            x = x.flip(axis)
    return x


def _split(x: Tensor, sizes: Numbers | None = None, *, axis: int = 0,
           num_outputs: int | None = None) -> tuple[Tensor, ...]:
    if sizes is None:
        assert num_outputs
        return torch.split(x, -(-x.shape[axis] // num_outputs), axis)
    return torch.split(x, list(sizes), axis)


def _squeeze(x: Tensor, axes: Numbers | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(tuple(axes))


def _top_k(x: Tensor, count: Numbers, *, axis: int = -1, largest: int = 1,
           sorted: int = 1) -> tuple[Tensor, Tensor]:
    values, indices = torch.topk(x, count[0], axis, bool(largest), bool(sorted))
    return values, indices


def _unsqueeze(x: Tensor, axes: Numbers) -> Tensor:
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def _scale_of(x: Tensor, scale: Tensor, axis: int) -> Tensor:
    if scale.dim() == 0 or scale.numel() == 1:
        return scale.reshape(())
    return scale.reshape([-1 if index == axis % x.dim() else 1 for index in range(x.dim())])


def _quantize(x: Tensor, scale: Tensor, zero: Tensor | None = None, *, axis: int = 1,
              **_: Any) -> Tensor:
    kind = torch.uint8 if zero is None else zero.dtype
    shift = 0.0 if zero is None else _scale_of(x, zero, axis).to(x.dtype)
    limits = torch.iinfo(kind)
    return ((x / _scale_of(x, scale, axis)).round() + shift).clamp(limits.min, limits.max).to(kind)


def _dequantize(x: Tensor, scale: Tensor, zero: Tensor | None = None, *, axis: int = 1,
                **_: Any) -> Tensor:
    shift = 0.0 if zero is None else _scale_of(x, zero, axis).to(scale.dtype)
    return (x.to(scale.dtype) - shift) * _scale_of(x, scale, axis)


def _all(pairwise: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """Return a function of any number of tensors."""
    return lambda *tensors: reduce(pairwise, tensors)


OPS: dict[str, Callable[..., Any]] = {
    'Abs': torch.abs, 'Add': torch.add, 'And': torch.logical_and, 'AveragePool': _average_pool,
    'Cast': _cast, 'Clip': _clip, 'Concat': lambda *parts, axis: torch.cat(parts, axis),
    'ConstantOfShape': _filled, 'Conv': _conv,
    'CumSum': lambda x, axis: torch.cumsum(x, axis[0]), 'DepthToSpace': _depth_to_space,
    'DequantizeLinear': _dequantize, 'Div': _div, 'Equal': torch.eq,
    'Erf': torch.erf, 'Exp': torch.exp, 'Expand': _expand,
    'Flatten': lambda x, axis=1: x.reshape(math.prod(x.shape[:axis]), -1), 'Floor': torch.floor,
    'Gather': _gather, 'GatherElements': lambda x, index, axis=0: torch.gather(x, axis, index),
    'Gemm': _gemm, 'GlobalAveragePool': lambda x: x.mean((2, 3), keepdim=True),
    'Greater': torch.gt, 'GreaterOrEqual': torch.ge, 'Identity': lambda x: x,
    'InstanceNormalization': lambda x, scale, bias, epsilon=1e-5: F.instance_norm(
        x, weight=scale, bias=bias, eps=epsilon),
    'LayerNormalization': _layer_norm, 'Less': torch.lt, 'LessOrEqual': torch.le,
    'Log': torch.log, 'MatMul': torch.matmul, 'Max': _all(torch.maximum), 'MaxPool': _max_pool,
    'Mean': lambda *tensors: _all(torch.add)(*tensors) / len(tensors),
    'Min': _all(torch.minimum), 'Mul': torch.mul, 'Neg': torch.neg, 'Not': torch.logical_not,
    'Or': torch.logical_or, 'Pad': _pad, 'Pow': torch.pow, 'QuantizeLinear': _quantize,
    'Reciprocal': torch.reciprocal,
    'ReduceL2': _reduced(lambda x, axes, keep: torch.linalg.vector_norm(x, 2, axes, keep)),
    'ReduceMax': _reduced(torch.amax), 'ReduceMean': _reduced(torch.mean),
    'ReduceSum': _reduced(torch.sum), 'Relu': torch.relu, 'Reshape': _reshape,
    'Resize': _resize,
    'ScatterElements': lambda x, index, updates, axis=0: torch.scatter(x, axis, index, updates),
    'Shape': lambda x: torch.tensor(x.shape), 'Sigmoid': torch.sigmoid, 'Slice': _slice,
    'Softmax': lambda x, axis=-1: torch.softmax(x, axis), 'Softplus': F.softplus,
    'Split': _split, 'Sqrt': torch.sqrt, 'Squeeze': _squeeze, 'Sub': torch.sub,
    'Tanh': torch.tanh, 'Tile': lambda x, times: x.tile(tuple(times)), 'TopK': _top_k,
    'Transpose': lambda x, perm: x.permute(tuple(perm)),
    'Trilu': lambda x, k=(0,), upper=1: (torch.triu if upper else torch.tril)(x, k[0]),
    'Unsqueeze': _unsqueeze, 'Where': torch.where,
}
