# SPDX-License-Identifier: Apache-2.0
"""Compares the definitions that a bag carries with those that its messages are read by."""
from __future__ import annotations

from rosbags.interfaces import Connection, MessageDefinitionFormat
from rosbags.typesys import get_types_from_idl, get_types_from_msg

from rgbt_tracker_ros.bags.types import typestore
from rgbt_tracker_ros.errors import InputError

_LONGEST = 2**16
_IDL_SEPARATOR = '=' * 80 + '\n'


def check_definition(connection: Connection) -> None:
    """Raise InputError unless the messages of a topic have the layout that is known here."""
    name, known = connection.msgtype, typestore().fielddefs
    if name not in known:
        raise InputError(f'{connection.topic} has messages of the unknown type {name}')
    digest = connection.digest
    if digest.startswith('RIHS01_') and digest != typestore().hash_rihs01(name):
        raise InputError(f'{connection.topic}: the type {name} has another hash ({digest}) than '
                         'the one of ROS')
    definition = connection.msgdef
    if len(definition.data) > _LONGEST:
        raise InputError(f'{connection.topic}: the definition of {name} is longer than '
                         f'{_LONGEST} characters')
    if definition.format == MessageDefinitionFormat.MSG:
        types = get_types_from_msg(definition.data, name)
    elif definition.format == MessageDefinitionFormat.IDL:
        # One or several files; each begins with a line `IDL: <type>`.
        types = {}
        for part in definition.data.split(_IDL_SEPARATOR):
            types.update(get_types_from_idl(
                part.partition('\n')[2] if part.startswith('IDL: ') else part))
    else:
        return
    for item, (_, fields) in types.items():
        if item in known and fields != known[item][1]:
            raise InputError(f'{connection.topic}: the bag defines {item} with other fields than '
                             'ROS does')
