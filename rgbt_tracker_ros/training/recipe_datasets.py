# SPDX-License-Identifier: Apache-2.0
"""The part of a recipe that names datasets which the user has."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from rgbt_tracker_ros.benchmark.datasets.registry import splits_of
from rgbt_tracker_ros.training.strict import Strict

_FORM = 'give NAME:DIR or NAME/SPLIT:DIR, as lasher:/data/LasHeR'


class DatasetRecipe(Strict):
    """One dataset; in a recipe also as text, `lasher:DIR` or `vtuav/train:DIR`.

    Attributes
    ----------
    split
        Part of the dataset; None: the one for training, or all of it.
    allow_missing
        Do without sequences that are missing or damaged.

    """

    name: Literal['lasher', 'vtuav', 'gtot', 'rgbt210', 'rgbt234', 'folder']
    root: Path
    split: str | None = None
    allow_missing: bool = False

    @model_validator(mode='before')
    @classmethod
    def _of_text(cls, content: Any) -> Any:
        if not isinstance(content, str):
            return content
        name, colon, root = content.partition(':')
        if not colon or not root:
            raise ValueError(f'{content!r} names no dataset: {_FORM}')
        name, _, split = name.partition('/')
        return {'name': name, 'root': root, 'split': split or None}

    @model_validator(mode='after')
    def _split_of_the_dataset(self) -> DatasetRecipe:
        splits = splits_of(self.name)
        if self.split is not None and self.split not in splits:
            remedy = f'give {", ".join(splits)}' if splits[0] else 'leave it out'
            raise ValueError(f'{self.name} has no split {self.split!r}: {remedy}')
        return self

    def __str__(self) -> str:
        """Return it as it is named."""
        return f'{self.name}{f"/{self.split}" if self.split else ""}:{self.root}'
