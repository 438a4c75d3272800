# SPDX-License-Identifier: Apache-2.0
"""A generated clip as a folder of files: written whole or not at all, and read again.

`rgb/000000.jpg ...`, `thermal/000000.png ...` (16 bit), `rgb_stamps.txt` and `thermal_stamps.txt`
(seconds, one per line), `groundtruth.txt` (x,y,w,h per RGB frame; nan when absent), `init.txt`
(the first box), `flags.csv` (per RGB frame) and `meta.json` (seed, spec and events).
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
import csv
from dataclasses import asdict, dataclass
import hashlib
import json
from pathlib import Path
import shutil
import tempfile
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.image_file import read_image
from rgbt_tracker_ros.synthetic.clip import Clip, Truth
from rgbt_tracker_ros.synthetic.spec import ClipSpec
from rgbt_tracker_ros.synthetic.textures import Image, as_image

Progress = Callable[[int, int], None]
"""Called with the number of images done and their total."""

_JPEG_QUALITY = 92
_FLAGS = ('frame', 'stamp', 'occluded', 'absent', 'event', 'visibility')


@dataclass(frozen=True, slots=True)
class ClipFolder:
    """A clip on disk.

    Attributes
    ----------
    rgb_files, thermal_files
        Paths of the images, in order.
    rgb_stamps, thermal_stamps
        Seconds.
    groundtruth
        N x 4 boxes (x, y, w, h) per RGB frame; nan where the target is absent.
    occluded, absent
        Flags per RGB frame.
    events
        Names of the events per RGB frame, joined by `+`, or `clear`.
    visibility
        Share of the target that can be seen, per RGB frame.
    init
        Box of the target in the first RGB frame.
    meta
        Content of `meta.json`.

    """

    folder: Path
    rgb_files: tuple[Path, ...]
    thermal_files: tuple[Path, ...]
    rgb_stamps: NDArray[np.float64]
    thermal_stamps: NDArray[np.float64]
    groundtruth: NDArray[np.float64]
    occluded: NDArray[np.bool_]
    absent: NDArray[np.bool_]
    events: tuple[str, ...]
    visibility: NDArray[np.float64]
    init: Box
    meta: dict[str, Any]

    def rgb(self, index: int) -> Image:
        """Return RGB image `index`, H x W x 3 uint8 in R, G, B order."""
        image = as_image(_loaded(self.rgb_files[index], cv2.IMREAD_COLOR))
        return as_image(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))

    def thermal(self, index: int) -> NDArray[np.uint16]:
        """Return thermal image `index`, H x W uint16 counts."""
        return np.asarray(_loaded(self.thermal_files[index], cv2.IMREAD_UNCHANGED), np.uint16)


def write_clip(
    folder: Path, spec: ClipSpec, seed: int, progress: Progress | None = None, *,
    overwrite: bool = False,
) -> Path:
    """Generate a clip into a new folder.

    Everything is written beside it first and moved into place at the end, so that a folder of
    this name always holds a whole clip.

    Raises
    ------
    InputError
        If the folder exists (and `overwrite` is not set) or cannot be written.

    """
    folder = Path(folder)
    if folder.exists() and not overwrite:
        raise InputError(f'output folder {folder} exists already: name another one, or '
                         'give --overwrite')
    if folder.exists() and not (folder / 'meta.json').is_file():
        raise InputError(
            f'output folder {folder} holds no generated clip and is not overwritten: name another')
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f'.{folder.name}.', dir=folder.parent))
    except OSError as error:
        raise InputError(f'output folder {folder} cannot be written: {error}') from error
    try:
        _write(work / 'new', Clip(spec, seed), progress)
        if folder.exists():
            folder.rename(work / 'old')
        (work / 'new').rename(folder)
    except OSError as error:
        raise InputError(f'output folder {folder} cannot be written: {error}') from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def forget_older(folder: Path) -> None:
    """Remove from a cache what older versions made in place of this clip; see `clip_folder`."""
    for old in folder.parent.glob(f'{folder.name.partition("-")[0]}-*'):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)


def clip_folder(cache: Path, spec: ClipSpec, seed: int) -> Path:
    """Return where a cache keeps a clip, made or not.

    The name depends on the seed, the script and the generator's code, so that a clip made by an
    older version is not taken for this one's.
    """
    digest = hashlib.sha256(json.dumps(asdict(spec), sort_keys=True).encode())
    for file in sorted(Path(__file__).parent.glob('*.py')):
        digest.update(file.read_bytes())
    return cache / f'seed{seed}-{digest.hexdigest()[:10]}'


def read_clip(folder: Path) -> ClipFolder:
    """Read what `write_clip` wrote; images are loaded when asked for.

    Raises
    ------
    InputError
        If files are missing or do not fit together.

    """
    folder = Path(folder)
    try:
        meta = json.loads((folder / 'meta.json').read_text())
        boxes = np.loadtxt(folder / 'groundtruth.txt', delimiter=',', ndmin=2)
        init = Box.parse((folder / 'init.txt').read_text())
        with (folder / 'flags.csv').open(newline='') as lines:
            rows = list(csv.DictReader(lines))
        clip = ClipFolder(
            folder=folder, init=init, meta=meta, groundtruth=boxes,
            rgb_files=tuple(sorted((folder / 'rgb').glob('*.jpg'))),
            thermal_files=tuple(sorted((folder / 'thermal').glob('*.png'))),
            rgb_stamps=np.loadtxt(folder / 'rgb_stamps.txt', ndmin=1),
            thermal_stamps=np.loadtxt(folder / 'thermal_stamps.txt', ndmin=1),
            occluded=_flags(rows, 'occluded'), absent=_flags(rows, 'absent'),
            events=tuple(row['event'] for row in rows),
            visibility=np.array([float(row['visibility']) for row in rows]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f'{folder} is no generated clip: {error}: generate it again') from error
    counts = {len(clip.rgb_files), len(clip.rgb_stamps), len(clip.groundtruth), len(rows)}
    if len(counts) > 1 or len(clip.thermal_files) != len(clip.thermal_stamps):
        raise InputError(
            f'{folder}: numbers of images, stamps and boxes differ: generate it again')
    return clip


def _write(work: Path, clip: Clip, progress: Progress | None) -> None:
    total = len(clip.rgb_stamps) + len(clip.thermal_stamps)
    report = progress or (lambda done, total: None)
    for camera in ('rgb', 'thermal'):
        (work / camera).mkdir(parents=True)
    truths: list[Truth] = []
    for index in range(len(clip.rgb_stamps)):
        image, truth = clip.rgb(index)
        truths.append(truth)
        _save(work / 'rgb' / f'{index:06d}.jpg', cv2.cvtColor(image, cv2.COLOR_RGB2BGR),
              (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
        report(index + 1, total)
    for index in range(len(clip.thermal_stamps)):
        path = work / 'thermal' / f'{index:06d}.png'
        source = clip.shown(index)
        if source < index:
            shutil.copyfile(work / 'thermal' / f'{source:06d}.png', path)
        else:
            _save(path, clip.thermal(index), (cv2.IMWRITE_PNG_COMPRESSION, 1))
        report(len(truths) + index + 1, total)
    np.savetxt(work / 'rgb_stamps.txt', clip.rgb_stamps, '%.6f')
    np.savetxt(work / 'thermal_stamps.txt', clip.thermal_stamps, '%.6f')
    _write_truth(work, clip, truths)
    meta = {'seed': clip.seed, 'spec': asdict(clip.spec),
            'events': [asdict(event) for event in clip.spec.events]}
    (work / 'meta.json').write_text(json.dumps(meta, indent=1) + '\n')


def _write_truth(work: Path, clip: Clip, truths: Sequence[Truth]) -> None:
    if truths[0].absent or truths[0].occluded:
        raise InputError('the target cannot be seen in the first image: choose another seed')
    boxes = np.array([truth.box or (np.nan,) * 4 for truth in truths], np.float64)
    np.savetxt(work / 'groundtruth.txt', boxes, '%.2f', delimiter=',')
    np.savetxt(work / 'init.txt', boxes[:1], '%.2f', delimiter=',')
    with (work / 'flags.csv').open('w', newline='') as lines:
        table = csv.writer(lines)
        table.writerow(_FLAGS)
        for index, (stamp, truth) in enumerate(zip(clip.rgb_stamps, truths, strict=True)):
            table.writerow((index, f'{stamp:.6f}', int(truth.occluded), int(truth.absent),
                            truth.event, f'{truth.visibility[0]:.3f}'))


def _save(path: Path, image: Any, options: tuple[int, int]) -> None:
    done, data = cv2.imencode(path.suffix, image, options)
    if not done:
        raise OSError(f'{path.name} cannot be encoded')
    path.write_bytes(data.tobytes())


def _loaded(path: Path, flag: int) -> Any:
    try:
        return read_image(path, flag)
    except InputError as error:
        raise InputError(f'image {path} {error}: generate the clip again') from error


def _flags(rows: Sequence[dict[str, str]], name: str) -> NDArray[np.bool_]:
    return np.array([bool(int(row[name])) for row in rows])
