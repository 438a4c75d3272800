# SPDX-License-Identifier: Apache-2.0
"""Message classes without ROS, for reading and writing bags.

Only the definitions that rosbags and this package bring are ever used. Those that a bag carries
are compared with them, but never compiled: rosbags would run code made out of them.
"""
from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib.resources import files
from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

_NUMPY_NAMES = {'bool': 'bool_', 'byte': 'uint8', 'char': 'uint8', 'octet': 'uint8'}


@cache
def typestore() -> Typestore:
    """Return the definitions: the common interfaces, the same in all distributions, and ours."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    types = {}
    for file in (files('rgbt_tracker_ros.bags') / 'vision_msgs' / 'msg').iterdir():
        name = file.name.removesuffix('.msg')
        types.update(get_types_from_msg(
            file.read_text(encoding='utf-8'), f'vision_msgs/msg/{name}'))
    store.register(types)
    return store


class MessageTypes:
    """Message classes as attributes; like those of rclpy they fill in defaults.

    Parameters
    ----------
    package
        Name of the package, such as `vision_msgs`.

    """

    def __init__(self, package: str) -> None:
        self._package = package

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return what makes a message of this name."""
        full = f'{self._package}/msg/{name}'
        if name.startswith('_') or full not in typestore().types:
            raise AttributeError(name)
        return partial(_make, full)


def _make(name: str, /, **given: Any) -> Any:
    fields = {field: _default(kind) for field, kind in typestore().fielddefs[name][1]}
    # rclpy takes a byte as bytes, rosbags as a number.
    given = {field: value[0] if isinstance(value, bytes) else value
             for field, value in given.items()}
    return typestore().types[name](**fields | given)


def _default(kind: Any) -> Any:
    """Return the default value of a field, whose kind is as rosbags describes it."""
    node, detail = kind
    if node == Nodetype.NAME:
        return _make(detail)
    if node == Nodetype.BASE:
        return '' if detail[0] == 'string' else np.dtype(_numpy_name(detail[0])).type(0).item()
    (item_node, item_detail), count = detail
    if node == Nodetype.SEQUENCE:
        count = 0
    if item_node == Nodetype.BASE and item_detail[0] != 'string':
        return np.zeros(count, _numpy_name(item_detail[0]))
    return [_default((item_node, item_detail)) for _ in range(count)]


def _numpy_name(base: str) -> str:
    return _NUMPY_NAMES.get(base, base)
