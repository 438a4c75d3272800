# SPDX-License-Identifier: Apache-2.0
"""Where model bundles are found."""
from __future__ import annotations

from pathlib import Path
import re
import sys

from rgbt_tracker_ros.errors import ModelError

PACKAGE = 'rgbt_tracker_ros'
DESCRIPTION = 'model.yaml'
# A name can never leave the models' folders: no separator, no leading dot.
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9_.-]*')


def shared_folders(kind: str) -> list[Path]:
    """Return the folders `kind` (`models`, `config`) that come with the package, the first wins.

    In order: the source tree this code runs from, the share folder of a sourced ROS workspace,
    and the share folder of this Python's installation.
    """
    shares = [Path(__file__).resolve().parents[2], _ament_share(),
              Path(sys.prefix) / 'share' / PACKAGE]
    return [share / kind for share in shares if share is not None and (share / kind).is_dir()]


def shipped_models() -> dict[str, Path]:
    """Return the folders of all shipped models by name."""
    found: dict[str, Path] = {}
    for root in shared_folders('models'):
        for description in sorted(root.glob(f'*/{DESCRIPTION}')):
            found.setdefault(description.parent.name, description.parent)
    return found


def resolve(name: str | Path) -> Path:
    """Return the folder of a model: a folder that holds model.yaml, else a shipped model's name.

    Raises
    ------
    ModelError
        If there is none; the message lists the models there are.

    """
    try:
        folder = Path(name).expanduser()
        if str(name) and (folder / DESCRIPTION).is_file():
            return folder.resolve()
        is_folder = folder.is_dir()
    # A home of nobody, a name that is too long, or a folder that may not be read.
    except (RuntimeError, OSError) as error:
        raise ModelError(f'model {str(name)!r} cannot be looked up ({error}): give a shipped '
                         'model or the folder of a model bundle') from error
    shipped = shipped_models()
    if _NAME.fullmatch(str(name)) and str(name) in shipped:
        return shipped[str(name)]
    reason = f'the folder has no {DESCRIPTION}' if is_folder else 'no such name or folder'
    listed = ', '.join(shipped) or 'none'
    raise ModelError(
        f'model {str(name)!r} not found ({reason}): give the folder of a model bundle or one of '
        f'the shipped models: {listed}')


def _ament_share() -> Path | None:
    try:
        from ament_index_python.packages import get_package_share_directory
    except ImportError:
        return None
    # PackageNotFoundError is a KeyError; without a sourced workspace it is an EnvironmentError.
    try:
        return Path(get_package_share_directory(PACKAGE))
    except (KeyError, OSError):
        return None
