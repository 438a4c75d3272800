# SPDX-License-Identifier: Apache-2.0
"""Settings out of a ROS parameter file, read without ROS."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.settings import Settings

_NODE = 'rgbt_tracker'
_KEY = 'ros__parameters'
_ANY_NODE = ('**', '*')
_FOREIGN = ('use_sim_time', 'qos_overrides', 'start_type_description_service')
"""Parameters that every node has."""

_LARGEST = 2**20


def read_parameter_file(path: Path) -> Settings:
    """Return the settings of the node `rgbt_tracker`, in any namespace, or of all nodes (`/**`).

    Raises
    ------
    InputError
        If the file cannot be read, has nothing for the node, or has a value that is not accepted.

    """
    try:
        nodes = sorted(_nodes(_read(path), ()), key=_exactness)
        given = [_flat(parameters, '') for node, parameters in nodes
                 if node[-1:] and node[-1] in (_NODE, *_ANY_NODE)]
        if not given:
            raise InputError(f'it has no {_KEY} for {_NODE}: give one like config/tracker.yaml')
        return Settings.from_flat({
            name: value for values in given for name, value in values.items()
            if name.partition('.')[0] not in _FOREIGN})
    except (InputError, RecursionError) as error:
        raise InputError(f'--params {path}: {error}') from error


def _read(path: Path) -> Any:
    import yaml

    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f'the file is larger than {_LARGEST} bytes: give one of parameters')
        return yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(f'cannot be read ({error}): give a YAML file of parameters') from error


def _nodes(tree: Any, name: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the name of each node, in parts, and its parameters."""
    if not isinstance(tree, dict):
        return
    for key, value in tree.items():
        if key == _KEY:
            yield name, value
        else:
            yield from _nodes(value, (*name, *str(key).strip('/').split('/')))


def _exactness(item: tuple[tuple[str, ...], Any]) -> bool:
    """Sort what holds for all nodes to the front, so that the node's own values win."""
    return item[0][-1:] == (_NODE,)


def _flat(tree: Any, prefix: str) -> dict[str, Any]:
    if not isinstance(tree, dict):
        return {}
    values: dict[str, Any] = {}
    for key, value in tree.items():
        name = f'{prefix}{key}'
        values.update(_flat(value, f'{name}.') if isinstance(value, dict) else {name: value})
    return values
