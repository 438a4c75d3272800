# SPDX-License-Identifier: Apache-2.0
"""One sequence of a dataset, and a dataset: what all readers give and all protocols take."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.sources import FrameSource
from rgbt_tracker_ros.imaging.box import Box

Boxes = NDArray[np.float64]
CAMERAS = ('rgb', 'thermal', 'both')
"""Keys of a ground truth; `both` is one that was made for both cameras."""


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """One target in recordings of two cameras.

    Attributes
    ----------
    name
        As in the dataset's own lists; result files are called after it.
    rgb, thermal
        The recordings, read frame by frame when asked; None without that camera. In RGB-D and
        RGB-event datasets the other camera stands in the place of the thermal one.
    truth
        N x 4 boxes x, y, w, h under `rgb`, `thermal` or `both`, exactly as annotated: nan where
        the file has no box, sides of 0 where the dataset marks absence in this way.
    init
        The box to start from, in frame `start`.
    attributes
        Names of the challenges the dataset sees in it.
    use
        N booleans, one for each frame to track: False where the dataset does not score (a frame
        without annotation, or one that is flagged as occluded).
    start
        Number of the first frame in the recordings.
    fps
        Frames per second, None when the dataset does not tell.
    events
        What happens in each frame, names joined by `+`, or `clear`; empty when nobody tells.

    """

    name: str
    rgb: FrameSource | None
    thermal: FrameSource | None
    truth: Mapping[str, Boxes]
    init: Box
    attributes: tuple[str, ...]
    use: NDArray[np.bool_]
    start: int = 0
    fps: float | None = None
    events: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of frames to track."""
        return len(self.use)

    @property
    def main_truth(self) -> Boxes:
        """Return the ground truth in the RGB image's frame; the thermal one when it is alone."""
        return next(self.truth[camera] for camera in ('both', 'rgb', 'thermal')
                    if camera in self.truth)

    @property
    def absent(self) -> NDArray[np.bool_]:
        """Return where no ground truth has a box with an area."""
        return np.asarray(~np.any([has_area(boxes) for boxes in self.truth.values()], axis=0))


@dataclass(frozen=True, slots=True)
class Dataset:
    """Sequences to evaluate.

    Attributes
    ----------
    name
        As on the command line.
    sequences
        In the order of the dataset's list, else of their names.
    notes
        What a reader of the results must know: what was left out, and why.
    split
        The part of the dataset, empty when it has only one.
    left_out
        Why a sequence that should be there is not, by its name.

    """

    name: str
    sequences: tuple[Sequence, ...]
    notes: tuple[str, ...] = ()
    split: str = ''
    left_out: Mapping[str, str] = field(default_factory=dict)


def has_area(boxes: Boxes) -> NDArray[np.bool_]:
    """Return which of N x 4 boxes are finite and have an area."""
    return np.asarray(np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1))
