# SPDX-License-Identifier: Apache-2.0
"""From the samples of `PairDataset` to what the published trackers take, and to their loss."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from rgbt_tracker_ros.networks.inputs import RGB, THERMAL
from rgbt_tracker_ros.training.losses import LossWeights, tracking_loss


def three_channels(thermal: Tensor) -> Tensor:
    """Turn B x 1 x H x W thermal crops, normalised as grey, into B x 3 x H x W as if RGB.

    A missing crop (all zeros) stays all zeros.
    """
    grey = thermal * THERMAL.std[0] + THERMAL.mean[0]
    mean, std = (grey.new_tensor(values).reshape(1, 3, 1, 1) for values in (RGB.mean, RGB.std))
    present = thermal.flatten(1).any(1).reshape(-1, 1, 1, 1)
    return (grey - mean) / std * present


def template_and_search(batch: Sequence[Tensor]) -> list[Tensor]:
    """Return RGB and thermal of template and search crops; the dynamic template is not used."""
    template_rgb, template_thermal, _, _, search_rgb, search_thermal, _ = batch
    return [template_rgb, three_channels(template_thermal), search_rgb,
            three_channels(search_thermal)]


def loss_of_maps(output: Mapping[str, Any], boxes: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the tracker's loss of a network's output, and its parts."""
    return tracking_loss(output['score_map'], output['size_map'], output['offset_map'], boxes,
                         LossWeights())
