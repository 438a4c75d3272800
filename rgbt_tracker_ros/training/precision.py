# SPDX-License-Identifier: Apache-2.0
"""Mixed precision of a training: what a network computes in; weights and losses are float32."""
from __future__ import annotations

from typing import Literal

import torch

Precision = Literal['fp32', 'bf16', 'fp16']

_TYPES = {'bf16': torch.bfloat16, 'fp16': torch.float16}


def mixed(device: torch.device, precision: Precision) -> torch.autocast:
    """Return the context in which a network computes."""
    return torch.autocast(
        device.type, _TYPES.get(precision, torch.bfloat16), enabled=precision in _TYPES)


def gradient_scaler(device: torch.device, precision: Precision) -> torch.amp.GradScaler:
    """Return what keeps small gradients of fp16 from vanishing; it does nothing for the others."""
    return torch.amp.GradScaler(device.type, enabled=precision == 'fp16')
