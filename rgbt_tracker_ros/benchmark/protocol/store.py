# SPDX-License-Identifier: Apache-2.0
"""Results on disk, sequence by sequence: an evaluation goes on where it was stopped.

A folder per tracker, as the tool kits want it: `<sequence>.txt` (x,y,w,h per line) and, in the
place of GOT-10k's tool kit, `times/<sequence>_time.txt` (seconds per line). Ours are
`logs/<sequence>.csv` (score, state, cameras) and `evaluation.json`: what the results depend on, so
that no two trackers get mixed.
"""
from __future__ import annotations

import json
from pathlib import Path
import shutil
from typing import Any

import numpy as np

from rgbt_tracker_ros.benchmark.box_files import read_boxes
from rgbt_tracker_ros.benchmark.datasets.sequence import Sequence
from rgbt_tracker_ros.benchmark.files import replacing
from rgbt_tracker_ros.benchmark.protocol.one_pass import SequenceRun
from rgbt_tracker_ros.benchmark.track_log import box_line
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.tracking.result import State

RECORD = 'evaluation.json'
LOGS, TIMES = 'logs', 'times'
FORMAT = 1


class ResultStore:
    """The result folder of one tracker.

    Parameters
    ----------
    folder
        Made when missing.
    record
        What results depend on.
    overwrite
        Delete an earlier evaluation, whatever it was of.

    Raises
    ------
    InputError
        If the folder cannot be written to, or holds results of something else; the message says
        what differs.

    """

    def __init__(self, folder: Path, record: dict[str, Any], overwrite: bool = False) -> None:
        self.folder = folder
        self.notes: list[str] = []
        record = json.loads(json.dumps({'format': FORMAT, **record}))
        try:
            for name in (LOGS, TIMES):
                (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f'--output: {folder} cannot be made ({error.strerror}): give a '
                             'folder that is writable') from error
        if overwrite and (folder / RECORD).is_file():
            _clear(folder)
        self._check(record)
        _write(folder / RECORD, json.dumps(record, indent=2) + '\n')

    def load(self, sequence: Sequence) -> SequenceRun | None:
        """Return a finished sequence; None when it is not, with a note if its files are torn."""
        box_file = self.folder / f'{sequence.name}.txt'
        if not box_file.is_file():
            return None
        try:
            boxes = read_boxes(box_file)
            times = self.folder / TIMES / f'{sequence.name}_time.txt'
            seconds = np.array(times.read_text().split(), np.float64)
            log = (self.folder / LOGS / f'{sequence.name}.csv').read_text()
            rows = [line.split(',') for line in log.splitlines()[1:]]
            scores = np.array([float(row[5]) for row in rows])
            lost = sum(row[6] == State.LOST.value for row in rows)
        except (InputError, OSError, ValueError, IndexError):
            boxes = np.zeros((0, 4))
            seconds = scores = np.zeros(0)
            lost, log = 0, ''
        whole = len(boxes) == len(seconds) == len(scores) == len(sequence)
        if not whole or not np.isfinite(boxes).all():
            self.notes.append(f'{sequence.name}: its files are torn or of another length: it is '
                              'tracked again')
            return None
        return SequenceRun(sequence.name, boxes, seconds, scores, lost, log)

    def save(self, run: SequenceRun) -> None:
        """Write a sequence; its box file comes last, so that it is there only with the others."""
        _write(self.folder / LOGS / f'{run.name}.csv', run.log)
        _write(self.folder / TIMES / f'{run.name}_time.txt',
               ''.join(f'{value:.6f}\n' for value in run.seconds))
        _write(self.folder / f'{run.name}.txt',
               ''.join(box_line(Box(*box)) for box in run.boxes.tolist()))

    def _check(self, record: dict[str, Any]) -> None:
        path = self.folder / RECORD
        if not path.is_file():
            if any(self.folder.glob('*.txt')):
                raise InputError(f'--output: {self.folder} holds box files that evaluate did not '
                                 'write: give another --output or --name')
            return
        try:
            found = json.loads(path.read_text(encoding='utf-8'))
        except (OSError, ValueError):
            found = {}
        if found != record:
            differences = _differences(found, record) or [f'{RECORD} is damaged']
            raise InputError(f'--output: {self.folder} holds results of another evaluation '
                             f'({"; ".join(differences[:4])}): give another --output or --name, '
                             'or replace them by --overwrite')


def _differences(found: Any, record: dict[str, Any]) -> list[str]:
    if not isinstance(found, dict):
        return []
    old, new = ({**item, **item.get('settings', {}), 'settings': None}
                for item in (found, record))
    return [f'{name}: {_short(old.get(name))} there, {_short(new.get(name))} now'
            for name in new if old.get(name) != new[name]]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 else text[:12] + '...'


def _clear(folder: Path) -> None:
    for name in (LOGS, TIMES):
        shutil.rmtree(folder / name)
        (folder / name).mkdir()
    for path in (*folder.glob('*.txt'), folder / RECORD):
        path.unlink()


def _write(path: Path, text: str) -> None:
    with replacing(path) as part:
        try:
            part.write_text(text, encoding='utf-8')
        except OSError as error:
            raise InputError(f'{path} cannot be written ({error.strerror}): free some room; '
                             'finished sequences are kept') from error
