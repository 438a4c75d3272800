# SPDX-License-Identifier: Apache-2.0
"""What all parts of a recipe have in common, and what is said of a wrong one."""
from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

_LONGEST = 60
_WITHOUT_VALUE = ('value_error', 'union_tag_not_found', 'union_tag_invalid')
"""Complaints about a whole section, or which have the value in them."""


class Strict(BaseModel):
    """A part of a recipe: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra='forbid', frozen=True)

    @model_validator(mode='before')
    @classmethod
    def _known_keys(cls, content: Any) -> Any:
        """Name the remedy for an unknown key, which pydantic's own refusal does not."""
        for key in content if isinstance(content, dict) else ():
            if key not in cls.model_fields:
                near = get_close_matches(str(key), cls.model_fields, 1)
                raise ValueError(f'{key!r} is not known here: give {near[0]}' if near else
                                 f'{key!r} is not known here: give {", ".join(cls.model_fields)}')
        return content


def complaint(error: ValidationError) -> str:
    """Return the first complaint in one line: where, what should be there, and what was found."""
    first = error.errors()[0]
    where = '.'.join(map(str, first['loc']))
    said = str(first.get('ctx', {}).get('error', first['msg']))
    if first['type'] == 'unexpected_keyword_argument':
        said = 'not known here: correct its name, or leave it out'
    elif first['type'] == 'missing':
        said = 'missing: give it'
    elif first['type'] not in _WITHOUT_VALUE:
        found = repr(first['input'])
        said += f', found {found if len(found) <= _LONGEST else f"{found[:_LONGEST]}..."}'
    return f'{where}: {said}' if where else said
