# SPDX-License-Identifier: Apache-2.0
"""The part of a recipe that names datasets which the user has."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

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
            raise ValueError(f'{content!r}: {_FORM}')
        name, _, split = name.partition('/')
        return {'name': name, 'root': root, 'split': split or None}
