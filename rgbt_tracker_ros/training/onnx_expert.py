# SPDX-License-Identifier: Apache-2.0
"""A fused-image source that is the user's own ONNX fusion model."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from rgbt_tracker_ros.errors import InputError, ModelError
from rgbt_tracker_ros.inference.graph_file import check_self_contained
from rgbt_tracker_ros.training.experts import luma, recoloured

_CHANNELS = (1, 3)


class OnnxExpert:
    """Runs a fusion model with two image inputs, N x (1 or 3) x H x W, on the CPU.

    One channel means brightness (RGB) or temperature (thermal). An output of one channel is taken
    as brightness and gets RGB's colours. Where the model has a fixed size, images are resized.

    Parameters
    ----------
    file
        The ONNX file; RGB is its first input.
    thermal_first
        Thermal is its first input.
    byte_range
        The model works with 0..255 in place of 0..1.

    Raises
    ------
    InputError
        If the file is no such model.

    """

    def __init__(
        self, file: Path, *, thermal_first: bool = False, byte_range: bool = False,
    ) -> None:
        import onnxruntime

        self.name = file.stem
        self._file, self._scale = file, 255.0 if byte_range else 1.0
        try:
            content = file.read_bytes()
            check_self_contained(content)
            self._session: Any = onnxruntime.InferenceSession(
                content, providers=['CPUExecutionProvider'])
        except OSError as error:
            raise InputError(f'expert {file}: {error.strerror}: give an ONNX file') from error
        except ModelError as error:
            raise InputError(f'expert {file}: it {error}') from error
        # ONNX Runtime's exceptions share no base class but Exception.
        except Exception as error:
            reason = ' '.join(str(error).split())[:200]
            raise InputError(f'expert {file} cannot be loaded: {reason}') from error
        inputs = self._session.get_inputs()
        if len(inputs) != 2 or any(
                len(item.shape) != 4 or item.shape[1] not in _CHANNELS for item in inputs):
            found = ', '.join(f'{item.name} {item.shape}' for item in inputs)
            raise InputError(f'expert {file} has the inputs {found}: a fusion model takes two '
                             'images, N x 1 x H x W or N x 3 x H x W')
        self._rgb, self._thermal = reversed(inputs) if thermal_first else inputs

    def __call__(self, rgb: Tensor, thermal: Tensor) -> Tensor:
        """Fuse, sample by sample; see `Expert`."""
        grey = luma(rgb)
        feeds = [self._fitted(self._rgb, rgb, grey), self._fitted(
            self._thermal, thermal.expand(-1, 3, -1, -1), thermal)]
        fused = torch.cat([self._fused(*(feed[index:index + 1] for feed in feeds))
                           for index in range(len(rgb))]).to(rgb.device, rgb.dtype)
        if fused.shape[-2:] != rgb.shape[-2:]:
            fused = F.interpolate(fused, rgb.shape[-2:], mode='bilinear', align_corners=False)
        return recoloured(rgb, grey, fused) if fused.shape[1] == 1 else fused.clamp(0.0, 1.0)

    def _fitted(self, wanted: Any, colour: Tensor, grey: Tensor) -> Tensor:
        image = grey if wanted.shape[1] == 1 else colour
        size = [given if not isinstance(side, int) else side
                for side, given in zip(wanted.shape[2:], image.shape[2:], strict=True)]
        if size != list(image.shape[2:]):
            image = F.interpolate(image, size, mode='bilinear', align_corners=False)
        return image.float().cpu() * self._scale

    def _fused(self, rgb: Tensor, thermal: Tensor) -> Tensor:
        try:
            image = np.asarray(self._session.run(None, {
                self._rgb.name: rgb.numpy(), self._thermal.name: thermal.numpy()})[0])
        # ONNX Runtime's exceptions share no base class but Exception.
        except Exception as error:
            reason = ' '.join(str(error).split())[:200]
            raise InputError(f'expert {self._file} failed: {reason}') from error
        if image.ndim != 4 or image.shape[1] not in _CHANNELS or not np.isfinite(image).all():
            raise InputError(f'expert {self._file} gave {list(image.shape)}, or NaN: an image '
                             'N x 1 x H x W or N x 3 x H x W is expected')
        return torch.from_numpy(image.astype(np.float32)) / self._scale
