# SPDX-License-Identifier: Apache-2.0
"""The command `rgbt-tracker`: finds its sub-commands and turns errors into exit statuses."""
from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
import signal
import sys
from typing import Any, get_args, get_type_hints

import typer

from rgbt_tracker_ros.errors import InputError, ModelError

# One file each in this folder, with a function of the same name (there a - is a _); files that a
# slim installation leaves out are not offered.
COMMANDS = ('track', 'bag', 'evaluate', 'score', 'report', 'compare', 'benchmark', 'demo',
            'doctor', 'generate', 'align', 'train', 'import-checkpoint', 'export', 'calibrate',
            'inspect', 'build-engine', 'engines', 'compare-backends', 'quantize', 'soak',
            'gpu-check')

BAD_INPUT = 2
INTERRUPTED = 130

LONGEST_PATH = 200

# Typer re-exports only leaves of the tree of usage errors, and newer ones carry their own click.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def make_app() -> typer.Typer:
    """Make the application out of the commands that are present."""
    app = typer.Typer(
        name='rgbt-tracker', add_completion=False, pretty_exceptions_enable=False)
    # Without a callback Typer would make an only command the whole application.
    app.callback()(_no_options)
    for name in COMMANDS:
        function = name.replace('-', '_')
        module = f'rgbt_tracker_ros.cli.{function}'
        if find_spec(module) is not None:
            app.command(name)(getattr(import_module(module), function))
    return app


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 done, 2 bad input, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app = make_app()
        _refuse_empty_paths(app, given)
        status = typer.main.get_command(app).main(
            args=given or ['--help'], prog_name='rgbt-tracker', standalone_mode=False)
    except (InputError, ModelError) as error:
        return _fail(str(error))
    except _UsageError as error:
        return _fail(f'{_message(error)} (see rgbt-tracker --help)')
    except OSError as error:
        # Of no file, as when a pipe is closed, it says nothing about the arguments.
        if error.filename is None:
            raise
        return _fail(_unusable(error, given))
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED  # which newer Typers return by themselves
    if status == INTERRUPTED:
        typer.echo('interrupted', err=True)
    return status if isinstance(status, int) else 0


def main() -> None:
    """Enter from the shell; SIGTERM ends a command as Ctrl-C does, with no half-written file."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run())


def _no_options() -> None:
    """Track one target in RGB and thermal recordings; score, time and train trackers."""


def _refuse_empty_paths(app: typer.Typer, given: Sequence[str]) -> None:
    """Raise InputError for an empty path: it would be the working folder."""
    options, argument = _kinds(app, given[0] if given else '')
    for before, value in pairwise([*given, ' ']):
        name, equals, joined = before.partition('=')
        takes_next = name.startswith('--') and not equals and options.get(name) is not bool
        if options.get(name) is Path and not (joined if equals else value):
            raise InputError(f'{name} is empty: give a path, or leave it out')
        if argument and not takes_next and not value:
            raise InputError(f'{argument} is empty: give a path')


def _kinds(app: typer.Typer, command: str) -> tuple[dict[str, Any], str]:
    """Return the types of a command's options, and the name of its argument if that is a path."""
    function = next((each.callback for each in app.registered_commands if each.name == command),
                    None)
    options: dict[str, Any] = {}
    argument = ''
    for name, hint in get_type_hints(function, include_extras=True).items() if function else ():
        kind, *rest = get_args(hint) or (hint,)
        if not rest or not isinstance(rest[0], typer.models.ParameterInfo):
            continue
        kind = Path if Path in get_args(kind) else kind
        if not isinstance(rest[0], typer.models.ArgumentInfo):
            # In Annotated, Typer takes what stands in the place of the default for a name.
            named = [text for text in (rest[0].default, *(rest[0].param_decls or ()))
                     if isinstance(text, str)]
            options |= dict.fromkeys(named or [f'--{name.replace("_", "-")}'], kind)
        elif kind is Path:
            argument = rest[0].metavar or name.upper()
    return options, argument


def _message(error: Exception) -> str:
    formatted = getattr(error, 'format_message', None)
    message = str(formatted() if formatted else error).replace('Value error, ', '')
    # Newer Typers have pydantic judge values, whose message is often of the limit only.
    details = getattr(error.__cause__, 'errors', None)
    value = repr(details()[0]['input']) if details else ''
    return message if value in message else f'{message}, found {value}'


def _unusable(error: OSError, given: Sequence[str]) -> str:
    """Return what to say of a path too long or not allowed, and which option has it."""
    path = str(error.filename)
    option = next((f'{before} ' for before, value in pairwise(given) if before.startswith('--')
                   and value and path.startswith(value.rpartition('=')[2] or value)), '')
    shown = path if len(path) <= LONGEST_PATH else f'{path[:LONGEST_PATH]}...'
    return f'{option}{shown} cannot be used ({error.strerror}): give another path'


def _fail(message: str) -> int:
    typer.echo(f'error: {" ".join(message.split())}', err=True)
    return BAD_INPUT


if __name__ == '__main__':
    main()
