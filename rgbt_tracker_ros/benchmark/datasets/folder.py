# SPDX-License-Identifier: Apache-2.0
"""Own recordings: folders of a pair and a box file, or tracks beside their videos.

- Pairs: `<sequence>/` with `rgb` and `thermal`, each a folder of images or a video (`rgb.mp4`), or
  one of them, and `groundtruth.txt` (x,y,w,h per frame, nan when absent); `--root` is the folder
  of sequences, or one sequence. `flags.csv` may tell which frames are `occluded` or `absent`.
  It may also tell what happens (`event`: names joined by `+`, or `clear`).
  A generated clip is such a folder: its `rgb_stamps.txt` and `thermal_stamps.txt` pair the frames,
  and RGB frames without a partner are left out.
- Tracks: `<video>_<k>/groundtruth.txt` in `--root`, and folders of the videos given as `--rgb` and
  `--thermal`, or `videos/rgb/` and `videos/thermal/` beside it; see `benchmark.tracks`.
"""
from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.datasets.box_file import read_annotation
from rgbt_tracker_ros.benchmark.datasets.selection import Expected, Request, select
from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset, Sequence, has_area
from rgbt_tracker_ros.benchmark.sources import (
    IMAGE_SUFFIXES,
    FrameSource,
    ImageFiles,
    Kind,
    natural_order,
    open_source,
)
from rgbt_tracker_ros.benchmark.tracks import load_track, read_events, read_flags
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box

SLOP = 0.04
"""Largest time difference inside a pair, s."""

_TRUTH = 'groundtruth.txt'
_KINDS: tuple[Kind, ...] = ('rgb', 'thermal')


def load(request: Request) -> Dataset:
    """Read pairs or tracks; see `load_dataset`."""
    root = request.root
    for kind, given in (('rgb', request.rgb), ('thermal', request.thermal)):
        if given is not None and not given.is_dir():
            raise InputError(f'--{kind} {given}: no such folder: give the folder of the videos')
    if request.rgb is None and request.thermal is None:
        pairs = [folder for folder in (root, *sorted(root.glob('*/')))
                 if (folder / _TRUTH).is_file() and any(_recording(folder, kind)
                                                        for kind in _KINDS)]
        if pairs:
            found = {folder.resolve().name: [folder] for folder in pairs}
            return select(request, found,
                          Expected(f'<sequence>/rgb, thermal and {_TRUTH}'),
                          lambda folder, name, notes: read_pair(folder, name))
    files = sorted(root.glob(f'*/{_TRUTH}'))
    if not files:
        raise InputError(f'no */{_TRUTH} in {root}: give a folder of tracks, or of pairs of '
                         'recordings')
    rgb, thermal = request.rgb, request.thermal
    if rgb is None and thermal is None:
        rgb, thermal = (_beside(root, kind) for kind in _KINDS)
    return select(request, {file.parent.name: [file.parent] for file in files},
                  Expected(f'<video>_<number>/{_TRUTH} beside the videos'),
                  partial(_read_track, rgb, thermal))


def _read_track(rgb: Path | None, thermal: Path | None, folder: Path, name: str,
                notes: list[str]) -> Sequence:
    track = load_track(folder, rgb, thermal)
    sources = [None if path is None else open_source(path, kind)
               for kind, path in zip(_KINDS, (track.rgb, track.thermal), strict=True)]
    return _sequence(name, sources, track.truth, track.use, track.start)


def read_pair(folder: Path, name: str) -> Sequence:
    """Read one sequence of the first kind under a name.

    Raises
    ------
    InputError
        If its files are damaged or do not fit together.

    """
    truth = read_annotation(folder / _TRUTH)
    use = has_area(truth)
    start = 0
    events: tuple[str, ...] = ()
    if (folder / 'flags.csv').is_file():
        start, hidden = read_flags(folder / 'flags.csv', len(truth))
        use &= ~hidden
        events = read_events(folder / 'flags.csv')
    recordings = [_recording(folder, kind) for kind in _KINDS]
    stamps = [_stamps(folder / f'{kind}_stamps.txt') for kind in _KINDS]
    if stamps[0] is not None and stamps[1] is not None and all(
            recording is not None and recording.is_dir() for recording in recordings):
        return _paired(name, recordings, stamps, truth, use, events)
    sources = [None if path is None else open_source(path, kind)
               for kind, path in zip(_KINDS, recordings, strict=True)]
    return _sequence(name, sources, truth, use, start, events)


def _paired(name: str, folders: list[Path | None], stamps: list[NDArray[np.float64] | None],
            truth: NDArray[np.float64], use: NDArray[np.bool_], events: tuple[str, ...],
            ) -> Sequence:
    """Return the frames of two cameras of different rates that belong together."""
    assert stamps[0] is not None
    assert stamps[1] is not None
    if len(stamps[0]) != len(truth):
        raise InputError(f'rgb_stamps.txt has {len(stamps[0])} lines, {_TRUTH} has {len(truth)}')
    # The nearest RGB frame of each thermal one.
    rgb = np.abs(stamps[0][:, None] - stamps[1]).argmin(axis=0)
    near = np.abs(stamps[0][rgb] - stamps[1]) <= SLOP
    chosen, first = np.unique(rgb[near], return_index=True)
    numbers = (chosen, np.flatnonzero(near)[first])
    if not len(chosen):
        raise InputError(f'no RGB and thermal stamps are within {SLOP:g} s of one another')
    sources: list[FrameSource | None] = []
    for kind, folder, wanted in zip(_KINDS, folders, numbers, strict=True):
        assert folder is not None
        files = natural_order([item for item in folder.iterdir()
                               if item.suffix.lower() in IMAGE_SUFFIXES])
        if len(files) <= wanted[-1]:
            raise InputError(f'{folder.name}/ has {len(files)} images, its stamps are '
                             f'{wanted[-1] + 1}')
        sources.append(ImageFiles(str(folder), kind, [files[number] for number in wanted]))
    happening = tuple(events[number] for number in chosen) if events else ()
    return _sequence(name, sources, truth[chosen], use[chosen], 0, happening)


def _sequence(name: str, sources: list[FrameSource | None], truth: NDArray[np.float64],
              use: NDArray[np.bool_], start: int, events: tuple[str, ...] = ()) -> Sequence:
    if all(source is None for source in sources):
        raise InputError(f'no recording of it: give --rgb, --thermal or both, or put {name}.* '
                         'in videos/rgb/ and videos/thermal/ beside --root')
    for source in sources:
        if source is not None and source.count and source.count < start + len(truth):
            raise InputError(f'{source.text} has {source.count} frames, {_TRUTH} reaches to '
                             f'frame {start + len(truth) - 1}')
    if not has_area(truth[:1])[0]:
        raise InputError(f'the first line of {_TRUTH} has no box')
    fps = next((source.rate for source in sources if source is not None and source.rate), None)
    return Sequence(name, sources[0], sources[1], {'both': truth}, Box(*truth[0].tolist()), (),
                    use, start, fps, events)


def _recording(folder: Path, kind: Kind) -> Path | None:
    places = [folder / kind, *sorted(folder.glob(f'{kind}.*'))]
    return next((place for place in places if place.exists()), None)


def _beside(root: Path, kind: Kind) -> Path | None:
    folder = root.resolve().parent / 'videos' / kind
    return folder if folder.is_dir() else None


def _stamps(path: Path) -> NDArray[np.float64] | None:
    if not path.is_file():
        return None
    try:
        return np.array(path.read_text(encoding='utf-8').split(), np.float64)
    except ValueError as error:
        raise InputError(f'{path.name}: seconds, one per line, are needed') from error
