# SPDX-License-Identifier: Apache-2.0
"""Weights under the names of published code: read safely, renamed, and every key accounted for."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
import math
from pathlib import Path
import pickle
import re

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rgbt_tracker_ros.errors import InputError

_CONTAINERS = ('net', 'model', 'state_dict')
"""Where training code keeps the network's weights beside its optimiser and settings."""

_STAND_IN_PREFIX = 'lib.train.'
"""Module of the trainer's own classes (settings, running means) in OSTrack's descendants."""

_COUNTERS = 'num_batches_tracked'
_POSITIONS = ('pos_embed_z', 'pos_embed_x')

_CROP_MARK = 'temporal_'
"""Before the name of a position table: DropTrack's vector that tells the crops apart."""


@dataclass(frozen=True, slots=True)
class KeyMap:
    """How a published network names its weights.

    Attributes
    ----------
    renamed
        Pairs of a regular expression and its replacement; each that matches the beginning of a
        published name is applied, in this order.
    unused
        Regular expressions of published names that have no effect on the network's output.

    """

    renamed: tuple[tuple[str, str], ...] = ()
    unused: tuple[str, ...] = ()

    def ours(self, name: str) -> str:
        """Return our name of a published one."""
        for pattern, replacement in self.renamed:
            match = re.match(pattern, name)
            if match:
                name = match.expand(replacement) + name[match.end():]
        return name

    def is_unused(self, name: str) -> bool:
        """Tell whether a published name is known to have no effect."""
        return name.endswith(_COUNTERS) or any(
            re.fullmatch(pattern, name) for pattern in self.unused)


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What became of every key.

    Attributes
    ----------
    loaded
        How many tensors were taken over.
    missing
        Tensors of the network (our names) for which the file has none.
    unexpected
        Names of the file that the network does not know.
    unused
        Names of the file that are known to have no effect on the output.
    resized
        Position tables (our names) that were interpolated to the network's size.
    added
        Names of the file whose tensors were added to position tables.

    """

    loaded: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    unused: tuple[str, ...]
    resized: tuple[str, ...]
    added: tuple[str, ...]


def load_published(network: nn.Module, state: Mapping[str, Tensor], keys: KeyMap) -> KeyReport:
    """Load weights under published names into a network of ours, as far as there are any.

    DropTrack adds one more vector to each crop's tokens; here it goes into the position table.

    Raises
    ------
    InputError
        If a tensor has another shape than the network's, or is not finite; the network is then
        unchanged.

    """
    own = {name: tensor for name, tensor in network.state_dict().items()
           if not name.endswith(_COUNTERS)}
    found: dict[str, Tensor] = {}
    unexpected, unused, resized = [], [], []
    state, added = _with_crop_marks(state)
    for published, tensor in state.items():
        name = keys.ours(published)
        if keys.is_unused(published):
            unused.append(published)
        elif name not in own:
            unexpected.append(published)
        else:
            wanted = own[name].shape
            if tensor.shape != wanted and name.endswith(_POSITIONS):
                tensor = _resized(published, tensor, wanted)
                resized.append(name)
            _check(published, tensor, wanted)
            found[name] = tensor
    network.load_state_dict(found, strict=False)
    missing = tuple(name for name in own if name not in found)
    return KeyReport(len(found), missing, tuple(unexpected), tuple(unused), tuple(resized),
                     tuple(added))


def read_state(file: Path) -> dict[str, Tensor]:
    """Read the weights of a PyTorch checkpoint; nothing that the file holds is run.

    Official checkpoints of the OSTrack family hold objects of their trainer beside the weights.
    In their place come empty objects; any other class makes the file be refused.

    Raises
    ------
    InputError
        If there is no such file, it is not a checkpoint, needs classes that are not allowed, or
        holds no weights; the message says which.

    """
    if not file.is_file():
        trouble = 'it is a folder' if file.is_dir() else 'no such file'
        raise InputError(f'{file}: {trouble}: give the file of a checkpoint')
    needed = _needed_classes(file)
    foreign = [name for name in needed if not name.startswith(_STAND_IN_PREFIX)]
    if foreign:
        raise InputError(
            f'{file} is refused: reading it would need {_listed(foreign)}, which could run code '
            'of the file; save only its state_dict, by a program that you trust')
    stand_ins: list[Callable[..., object] | tuple[Callable[..., object], str]] = [
        (type('StandIn', (), {}), name) for name in needed]
    try:
        with torch.serialization.safe_globals(stand_ins):
            content = torch.load(file, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, OSError, LookupError, AttributeError, TypeError, ValueError,
            RuntimeError, EOFError) as error:
        # What PyTorch says advises to load the file unsafely.
        raise InputError(f'{file} cannot be read as a checkpoint ({type(error).__name__}): give '
                         'one that torch.save wrote') from error
    return _weights(file, content)


def _needed_classes(file: Path) -> list[str]:
    """Return the classes and functions that a checkpoint names beyond PyTorch's harmless ones."""
    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(file))
    except (pickle.UnpicklingError, OSError, LookupError, AttributeError, TypeError, ValueError,
            RuntimeError, EOFError) as error:
        raise InputError(f'{file} is not a checkpoint in PyTorch\'s zip format '
                         f'({type(error).__name__}): give one that torch.save wrote') from error


def _weights(file: Path, content: object) -> dict[str, Tensor]:
    for name in _CONTAINERS:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
            break
    if isinstance(content, Mapping) and content and all(
            isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()):
        return dict(content)
    raise InputError(f'{file} holds no weights: give a state_dict, or a checkpoint with one under '
                     f'{_listed(_CONTAINERS)}')


def _check(name: str, tensor: Tensor, wanted: torch.Size) -> None:
    if tensor.shape != wanted:
        raise InputError(f'{name} has shape {list(tensor.shape)}, the network wants '
                         f'{list(wanted)}: the weights are of another network or size')
    if not torch.isfinite(tensor).all():
        raise InputError(f'{name} holds NaN or infinity: the weights are damaged')


def _with_crop_marks(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Add 1 x 1 x C crop marks to their position tables; return what is left, and their names."""
    joined, added = dict(state), []
    for table, positions in state.items():
        last = table.rpartition('.')[2]
        mark = table.removesuffix(last) + _CROP_MARK + last
        if last in _POSITIONS and mark in state:
            _check(mark, state[mark], torch.Size((1, 1, *positions.shape[2:])))
            joined[table] = positions + joined.pop(mark)
            added.append(mark)
    return joined, added


def _resized(name: str, table: Tensor, wanted: torch.Size) -> Tensor:
    """Interpolate a square table of positions, 1 x N x C, to another number of tokens."""
    cells = math.isqrt(table.shape[1]) if table.ndim == 3 else 0
    side = math.isqrt(wanted[1])
    if table.ndim != 3 or cells ** 2 != table.shape[1] or table.shape[2] != wanted[2]:
        _check(name, table, wanted)
    grid = table.float().transpose(1, 2).reshape(1, -1, cells, cells)
    grid = F.interpolate(grid, size=(side, side), mode='bilinear', align_corners=False)
    return grid.flatten(2).transpose(1, 2)


def _listed(names: Iterable[str]) -> str:
    return ', '.join(names)
