# SPDX-License-Identifier: Apache-2.0
"""The package's own exceptions: each message names what is wrong, its value and the remedy."""
from __future__ import annotations


class InputError(ValueError):
    """A user's input cannot be used (file, box, parameter, message)."""


class ModelError(RuntimeError):
    """A model bundle or its backend cannot be used."""


def one_line(error: Exception) -> str:
    """Return an exception's text on one line of at most 300 characters."""
    return ' '.join(str(error).split())[:300]
