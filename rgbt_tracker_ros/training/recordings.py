# SPDX-License-Identifier: Apache-2.0
"""Training targets of datasets that the user has, as LasHeR; images are read when needed."""
from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Listed
from functools import lru_cache, partial
from typing import Any

import cv2
import numpy as np

from rgbt_tracker_ros.benchmark.datasets.image_folder import ImageFolder
from rgbt_tracker_ros.benchmark.datasets.registry import load_dataset, splits_of
from rgbt_tracker_ros.benchmark.datasets.sequence import Sequence, has_area
from rgbt_tracker_ros.benchmark.sources import FrameSource
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.thermal import ThermalNormalizer
from rgbt_tracker_ros.settings import ThermalSettings
from rgbt_tracker_ros.training.images import Image
from rgbt_tracker_ros.training.recipe_datasets import DatasetRecipe
from rgbt_tracker_ros.training.views import View

_TRAIN = 'train'


class RecordedTarget(Listed[Callable[[], View]]):
    """The moments of a sequence in which the target has a box.

    Attributes
    ----------
    every
        Frames from one moment to the next, usually 1: VTUAV annotates every tenth.

    """

    def __init__(self, sequence: Sequence) -> None:
        self._sequence = sequence
        self._frames = np.flatnonzero(has_area(sequence.main_truth))
        self.every = int(np.median(np.diff(self._frames))) if len(self._frames) > 1 else 1

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: Any) -> Any:
        """Return what makes the view of a moment."""
        return partial(_view, self._sequence, int(self._frames[index]))


def recorded_targets(recipe: DatasetRecipe) -> list[RecordedTarget]:
    """Return the targets of a dataset.

    Raises
    ------
    InputError
        If the dataset is not there, or incomplete; the message says what is missing.

    """
    split = recipe.split
    if split is None and _TRAIN in splits_of(recipe.name):
        split = _TRAIN
    try:
        data = load_dataset(recipe.name, recipe.root, split, recipe.allow_missing)
    except InputError as error:
        raise InputError(f'training data {recipe}: {error}') from error
    targets = [RecordedTarget(sequence) for sequence in data.sequences]
    if not any(map(len, targets)):
        raise InputError(f'training data {recipe}: no sequence has a box: give another folder')
    return targets


def _view(sequence: Sequence, number: int) -> View:
    index = sequence.start + number
    rgb = None if sequence.rgb is None else _frame(sequence.rgb, index)
    thermal = None
    if sequence.thermal is not None:
        thermal = ThermalNormalizer(ThermalSettings())(_frame(sequence.thermal, index))
        if rgb is not None and thermal.shape != rgb.shape[:2]:
            thermal = np.asarray(cv2.resize(thermal, rgb.shape[1::-1]), np.uint8)
    return View(rgb, thermal, Box(*sequence.main_truth[number].tolist()))


def _frame(source: FrameSource, index: int) -> Image:
    listed = _listed(source) if isinstance(source, ImageFolder) else source
    frame = next(listed.frames(index), None)
    if frame is None:
        raise InputError(f'{source.text} has no frame {index}, which is annotated')
    return frame


@lru_cache(maxsize=64)
def _listed(folder: ImageFolder) -> FrameSource:
    """Keep the lists of some folders, from each of which a sample takes several frames."""
    return folder.listed()
