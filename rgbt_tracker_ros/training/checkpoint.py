# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of this package's training, and what a new training starts from."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
import pickle
from typing import Any

import torch
from torch import Tensor, nn

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.networks.checkpoint import KeyMap, load_published, read_state

_PREFIX = 'module.'
BROKEN = (pickle.UnpicklingError, OSError, LookupError, AttributeError, TypeError, ValueError,
           RuntimeError, EOFError)
"""What a damaged or foreign file raises when it is read or its weights are loaded."""


@contextmanager
def checkpoint_errors(file: Path) -> Iterator[None]:
    """Turn what a damaged or foreign file raises into an InputError."""
    try:
        yield
    except InputError:
        raise
    except BROKEN as error:
        # What PyTorch says advises to load the file unsafely.
        raise InputError(f'{file} is not a checkpoint that this version wrote '
                         f'({type(error).__name__}): give checkpoint.pt of a training') from error


def averaged_state(state: dict[str, Any]) -> dict[str, Tensor]:
    """Return the weights of a checkpoint's content, averaged ones where there are any."""
    if 'average' not in state:
        return state['network']
    return {key.removeprefix(_PREFIX): value for key, value in state['average'].items()
            if key.startswith(_PREFIX)}


def load_start(network: nn.Module, file: Path, keys: KeyMap, optional: tuple[str, ...]) -> None:
    """Let a network start from a checkpoint, ours or a published one.

    Parameters
    ----------
    network
        The network; its attribute `family` must be that of a checkpoint of ours.
    file
        The checkpoint.
    keys
        How published networks name the weights.
    optional
        Beginnings of the names that a published checkpoint may lack.

    Raises
    ------
    InputError
        If the file cannot be read, is of another network, or lacks weights.

    """
    if load_own(network, file):
        return
    report = load_published(network, read_state(file), keys)
    missing = [name for name in report.missing if not name.startswith(optional)]
    if missing:
        raise InputError(f'{file} lacks {len(missing)} weights, {missing[0]} among them: start '
                         'from a whole tracker')


def load_own(network: nn.Module, file: Path) -> bool:
    """Load the weights that `train` or `import-checkpoint` wrote; tell whether the file is such.

    Raises
    ------
    InputError
        If the file is of another network.

    """
    try:
        content = torch.load(file, map_location='cpu', weights_only=True)
    except BROKEN:
        return False
    if not isinstance(content, dict) or 'network_config' not in content:
        return False
    family = content.get('family', 'unified')
    if family != network.family:
        raise InputError(f'{file} is of network family {family}, not {network.family}: '
                         'start from another checkpoint')
    with checkpoint_errors(file):
        network.load_state_dict(averaged_state(content))
    return True
