# SPDX-License-Identifier: Apache-2.0
"""What all parts of a recipe have in common."""
from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A part of a recipe: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra='forbid', frozen=True)
