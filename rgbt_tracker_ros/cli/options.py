# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share."""
from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.settings import Settings

if TYPE_CHECKING:
    from rgbt_tracker_ros.imaging.box import Box

_MODEL = typer.Option(
    '--model', metavar='NAME|DIR', help='Shipped model, or the folder of a model bundle.')
_BACKEND = typer.Option(
    '--backend', metavar='auto|onnxruntime|openvino|tensorrt|torch',
    help='Run time of the network.')

Model = Annotated[str, _MODEL]
Backend = Annotated[str, _BACKEND]
GivenModel = Annotated[str | None, _MODEL]
GivenBackend = Annotated[str | None, _BACKEND]
Params = Annotated[Path | None, typer.Option(
    '--params', metavar='FILE.yaml', help='Parameter file of the node, as config/tracker.yaml.')]
Set = Annotated[list[str] | None, typer.Option(
    '--set', metavar='NAME=VALUE',
    help='Any setting, as in --set template.update=off; may be repeated.')]

_NODE_PACKAGES = ('rclpy', 'sensor_msgs', 'diagnostic_msgs', 'std_srvs', 'vision_msgs')


def make_settings(assignments: Sequence[str] | None, model: str, backend: str) -> Settings:
    """Return the default settings with those of `--set`, `--model` and `--backend`.

    Raises
    ------
    InputError
        If an assignment is not NAME=VALUE or the settings do not accept it.

    """
    return read_settings(None, model, backend, assignments)


def read_settings(params: Path | None, model: str | None, backend: str | None,
                  assignments: Sequence[str] | None) -> Settings:
    """Return the defaults, over them a parameter file, `--model`, `--backend` and `--set`.

    Raises
    ------
    InputError
        If the file cannot be read, or a value is not accepted.

    """
    from rgbt_tracker_ros.cli.parameter_file import read_parameter_file

    settings = Settings() if params is None else read_parameter_file(params)
    given = {'model.name': model, 'model.backend': backend}
    return settings.updated({
        **{name: value for name, value in given.items() if value is not None},
        **parse_assignments(assignments)})


def parse_assignments(assignments: Sequence[str] | None) -> dict[str, object]:
    """Return the values of `--set` by their names.

    Raises
    ------
    InputError
        If an assignment is not NAME=VALUE.

    """
    import yaml

    values: dict[str, object] = {}
    for assignment in assignments or ():
        name, equals, text = assignment.partition('=')
        if not equals:
            raise InputError(f'--set {assignment}: give NAME=VALUE')
        try:
            values[name.strip()] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InputError(f'--set {assignment}: the value cannot be read') from error
        # YAML 1.1 reads `off` as a truth value, but template.update=off is a word.
        if isinstance(values[name.strip()], bool) and text.strip().lower() not in (
                'true', 'false'):
            values[name.strip()] = text.strip()
        # ... and 1e4 as a word, but thermal.max=1e4 is a number.
        if isinstance(values[name.strip()], str):
            with suppress(ValueError):
                values[name.strip()] = float(text)
    return values


def names(text: str | None) -> tuple[str, ...]:
    """Return the names of `--sequences`; none without the option.

    Raises
    ------
    InputError
        If it is given and empty.

    """
    found = tuple(part.strip() for part in (text or '').split(',') if part.strip())
    if text is not None and not found:
        raise InputError(f'--sequences {text}: give names, or leave it out for all')
    return found


def init_box(text: str) -> Box:
    """Return the box of `--init`.

    Raises
    ------
    InputError
        If it is none.

    """
    from rgbt_tracker_ros.imaging.box import Box

    try:
        return Box.parse(text)
    except InputError as error:
        raise InputError(f'--init: {error}') from error


def require_ros(command: str) -> None:
    """Raise InputError unless everything is installed that the nodes import."""
    missing = [name for name in _NODE_PACKAGES if find_spec(name) is None]
    if missing:
        raise InputError(f'{command} needs {", ".join(missing)}: source a ROS 2 installation, or '
                         'run make demo in the repository, which installs them')


def changed(settings: Settings) -> dict[str, object]:
    """Return the settings that are not at their default, without model and backend."""
    defaults = Settings().flat()
    return {name: value for name, value in settings.flat().items()
            if value != defaults[name] and name not in ('model.name', 'model.backend')}
