# SPDX-License-Identifier: Apache-2.0
"""From the samples of `PairDataset` to what the published trackers take."""
from __future__ import annotations

from torch import Tensor

from rgbt_tracker_ros.networks.inputs import RGB, THERMAL


def three_channels(thermal: Tensor) -> Tensor:
    """Turn B x 1 x H x W thermal crops, normalised as grey, into B x 3 x H x W as if RGB.

    A missing crop (all zeros) stays all zeros.
    """
    grey = thermal * THERMAL.std[0] + THERMAL.mean[0]
    mean, std = (grey.new_tensor(values).reshape(1, 3, 1, 1) for values in (RGB.mean, RGB.std))
    present = thermal.flatten(1).any(1).reshape(-1, 1, 1, 1)
    return (grey - mean) / std * present
