# SPDX-License-Identifier: Apache-2.0
"""The files of a report: the page, and all that is on it by itself."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rgbt_tracker_ros.benchmark.files import replacing
from rgbt_tracker_ros.benchmark.report.contest import Contest
from rgbt_tracker_ros.benchmark.report.figures import FIGURES, draw_figures
from rgbt_tracker_ros.benchmark.report.page import html_page
from rgbt_tracker_ros.benchmark.report.tables import csv_tables
from rgbt_tracker_ros.errors import InputError

PAGE = 'report.html'
_TABLES = ('trackers', 'sequences', 'attributes')


def write_contest(contest: Contest, folder: Path, title: str) -> list[Path]:
    """Write `report.html`, the figures as SVG and PNG, and the tables as CSV.

    Everything is made before the first file is written; what an earlier report left that this one
    does not have (a radar without attributes, for example) is deleted.

    Parameters
    ----------
    contest
        What was measured.
    folder
        Made when missing.
    title
        Heading of the page.

    Returns
    -------
    The files, the page first.

    Raises
    ------
    InputError
        If the folder cannot be written to, or matplotlib or Jinja is not installed.

    """
    make_folder(folder)
    figures = draw_figures(contest)
    contents: dict[str, bytes] = {PAGE: html_page(contest, figures, title).encode()}
    contents |= {f'{name}.{suffix}': content for name, files in figures.items()
                 for suffix, content in files.items()}
    contents |= {f'{name}.csv': text.encode() for name, text in csv_tables(contest).items()}
    write_files(folder, contents)
    for name in (*(f'{name}.{suffix}' for name in FIGURES for suffix in ('svg', 'png')),
                 *(f'{name}.csv' for name in _TABLES)):
        if name not in contents:
            (folder / name).unlink(missing_ok=True)
    return [folder / name for name in contents]


def make_folder(folder: Path) -> None:
    """Make a folder for results.

    Raises
    ------
    InputError
        If that is not possible.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'--output {folder} cannot be made ({error.strerror}): give a folder '
                         'that is writable') from error


def write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a folder, each whole or not at all."""
    for name, content in contents.items():
        with replacing(folder / name) as part:
            try:
                part.write_bytes(content)
            except OSError as error:
                raise InputError(f'{folder / name} cannot be written ({error.strerror}): free '
                                 'some room') from error
