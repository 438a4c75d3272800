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

_OPTIONAL = (*(f'{name}.{suffix}' for name in FIGURES for suffix in ('svg', 'png')),
             'attributes.csv')


def report_files(contest: Contest, title: str) -> dict[str, bytes]:
    """Return the page, the figures as SVG and PNG, and the tables as CSV, by file name.

    Parameters
    ----------
    contest
        What was measured.
    title
        Heading of the page.

    Raises
    ------
    InputError
        If matplotlib or Jinja is not installed.

    """
    figures = draw_figures(contest)
    return {
        PAGE: html_page(contest, figures, title).encode(),
        **{f'{name}.{suffix}': content for name, files in figures.items()
           for suffix, content in files.items()},
        **{f'{name}.csv': text.encode() for name, text in csv_tables(contest).items()}}


def write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write the files of a report, each whole or not at all.

    What an earlier report left that this one lacks (a radar, without attributes) is deleted.

    Parameters
    ----------
    folder
        Made when missing.
    contents
        By file name.

    Raises
    ------
    InputError
        If the folder cannot be made or written to.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'--output {folder} cannot be made ({error.strerror}): give a folder '
                         'that is writable') from error
    for name, content in contents.items():
        with replacing(folder / name) as part:
            try:
                part.write_bytes(content)
            except OSError as error:
                raise InputError(f'{folder / name} cannot be written ({error.strerror}): free '
                                 'some room') from error
    for name in _OPTIONAL:
        if name not in contents:
            (folder / name).unlink(missing_ok=True)
