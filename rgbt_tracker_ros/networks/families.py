# SPDX-License-Identifier: Apache-2.0
"""The networks by their family's name, and files of their weights."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
import pickle
from typing import Any, Literal

import torch
from torch import nn

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.networks import ainet, ckd, patrack, tpf, unified
from rgbt_tracker_ros.networks.checkpoint import KeyMap

FORMAT = 1

UNKNOWN_LICENCE = 'unknown: that of the weights'
"""Of weights that others trained, unless somebody tells."""


@dataclass(frozen=True, slots=True)
class Family:
    """A network's class, the class of its sizes, and how published code names its weights.

    Attributes
    ----------
    one_stream
        How trackers that trunk and head may start from name theirs.

    """

    network: type[nn.Module]
    config: type[Any]
    published: KeyMap | None = None
    one_stream: KeyMap | None = None


FAMILIES = {
    'unified': Family(unified.UnifiedTracker, unified.UnifiedConfig),
    'tpf': Family(tpf.TPF, tpf.TPFConfig, one_stream=tpf.ONE_STREAM),
    'ckd': Family(ckd.CKD, ckd.CKDConfig, ckd.PUBLISHED, ckd.PUBLISHED),
    'ainet': Family(ainet.AINet, ainet.AINetConfig, ainet.PUBLISHED, ainet.PUBLISHED),
    'patrack': Family(
        patrack.PATrack, patrack.PATrackConfig, patrack.PUBLISHED, patrack.PUBLISHED),
}


@dataclass(frozen=True, slots=True)
class StoredNetwork:
    """A network with weights, where these come from, and under which licence."""

    network: nn.Module
    origin: str
    licence: str


def find_family(
    name: str, having: Literal['network', 'published', 'one_stream'] = 'network',
) -> Family:
    """Return the family of that name, of those that have that.

    Raises
    ------
    InputError
        If there is none.

    """
    known = [key for key, family in FAMILIES.items() if getattr(family, having)]
    if name not in known:
        raise InputError(f'family {name!r} is not known here: give {", ".join(known)}')
    return FAMILIES[name]


def make_network(name: str, sizes: Mapping[str, Any]) -> nn.Module:
    """Return a network of a family, with random weights.

    Raises
    ------
    InputError
        If there is no such family.

    """
    family = find_family(name)
    return family.network(family.config(**sizes))


def random_network(name: str, seed: int = 0, **sizes: int) -> nn.Module:
    """Return a network of the family's full or given size; its random weights repeat."""
    torch.manual_seed(seed)
    return make_network(name, sizes).eval()


def save_network(network: Any, origin: str, file: Path, licence: str = UNKNOWN_LICENCE) -> None:
    """Write a network's sizes and weights, where these come from, and their licence."""
    torch.save({
        'format': FORMAT, 'family': network.family, 'origin': origin, 'licence': licence,
        'network_config': asdict(network.config), 'network': network.state_dict()}, file)


def load_network(file: Path) -> StoredNetwork | None:
    """Read what `save_network` wrote; None for any other readable file, as one of a training.

    Raises
    ------
    InputError
        If the file is damaged, or of a version or network that is not known here.

    """
    try:
        content = torch.load(file, map_location='cpu', weights_only=True, mmap=True)
        if 'origin' not in content:
            return None
        if content['format'] != FORMAT:
            raise InputError(f'{file} has format {content["format"]}, this version reads '
                             f'{FORMAT}: import the checkpoint again')
        network = make_network(content['family'], content['network_config'])
        network.load_state_dict(content['network'])
    except InputError:
        raise
    except (pickle.UnpicklingError, OSError, LookupError, AttributeError, TypeError, ValueError,
            RuntimeError, EOFError) as error:
        # What PyTorch says advises to load the file unsafely.
        raise InputError(f'{file} cannot be read as a checkpoint ({type(error).__name__}): give '
                         'what train or import-checkpoint wrote') from error
    return StoredNetwork(
        network.eval(), content['origin'], content.get('licence', UNKNOWN_LICENCE))
