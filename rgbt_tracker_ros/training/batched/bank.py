# SPDX-License-Identifier: Apache-2.0
"""All images of a recipe's training data, uncompressed on the device that trains.

A bank is built once, in `data.workers` processes, and kept in a file of `data.cache`; other
trainings on the same data read it in seconds.
"""
from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
import fcntl
import hashlib
import multiprocessing
import os
from pathlib import Path
import tempfile
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rgbt_tracker_ros import imaging, synthetic
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.training import (
    bridging,
    composite,
    generated,
    image_sets,
    images,
    sources,
    thermal_source,
    thermal_tracks,
)
from rgbt_tracker_ros.training.batched import packing, tables
from rgbt_tracker_ros.training.batched.packing import Part, packed, parts_of
from rgbt_tracker_ros.training.batched.tables import DTYPES, Tables, joined, size
from rgbt_tracker_ros.training.bridging import NanoTeacher
from rgbt_tracker_ros.training.checkpoint import BROKEN
from rgbt_tracker_ros.training.recipe import DataRecipe, Recipe

_MODULES = (bridging, composite, generated, image_sets, images, packing, sources, tables,
            thermal_source, thermal_tracks)
_LISTED = ('train/**/*', 'train_rgb/**/*', 'dev/tracks_thermal/*/flags.csv')


@dataclass(frozen=True, slots=True)
class Bank:
    """Images and what they show.

    Attributes
    ----------
    pixels
        Of all images one after the other, uint8, on the device.
    tables
        As `tables.DTYPES` says, on the host.

    """

    pixels: Tensor
    tables: Tables


def build_bank(recipe: Recipe, device: torch.device | str) -> Bank:
    """Read a recipe's bank from `data.cache`, or build it (and keep it there).

    Raises
    ------
    InputError
        If the recipe has samples that no bank can hold, or an image or the kept bank is damaged.

    """
    data = recipe.data
    if data.datasets and data.recordings:
        raise InputError('data.datasets are too large for the memory of a GPU: set data.batched '
                         'to false, or leave them out')
    if data.cache is None:
        return _on(_built(data, recipe.seed), device)
    file = data.cache / f'bank_{_digest(data, recipe.seed)[:16]}.pt'
    with _alone(file.with_suffix('.lock')):
        if not file.is_file():
            _save(_built(data, recipe.seed), file)
        return _on(_load(file), device)


def _on(bank: Bank, device: torch.device | str) -> Bank:
    return Bank(bank.pixels.to(device), bank.tables)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other training builds the same bank."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open('w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _built(data: DataRecipe, seed: int) -> Bank:
    parts = parts_of(data, seed)
    if not parts:
        raise InputError('the recipe gives no source of samples a share: set one over 0')
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / str(number) for number in range(len(parts))]
        found = _all_packed(parts, files, data.workers)
        pixels = np.empty(sum(map(size, found)), np.uint8)
        start = 0
        for file, part in zip(files, found, strict=True):
            end = start + size(part)
            with file.open('rb') as stream:
                stream.readinto(pixels[start:end].data)
            file.unlink()
            start = end
    return Bank(torch.from_numpy(pixels), joined(found))


def _all_packed(parts: list[Part], files: list[Path], workers: int) -> list[Tables]:
    if workers < 2:
        return [packed(part, file) for part, file in zip(parts, files, strict=True)]
    # Forked processes would share the locks of this one's threads, and its GPU.
    fresh = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(workers, fresh) as pool:
        return list(pool.map(packed, parts, files))


def _save(bank: Bank, file: Path) -> None:
    content = {'pixels': bank.pixels, **{
        name: torch.frombuffer(bytearray(rows.tobytes()), dtype=torch.uint8)
        if rows.size else torch.empty(0, dtype=torch.uint8)
        for name, rows in bank.tables.items()}}
    partial = file.with_suffix('.partial')
    torch.save(content, partial)
    os.replace(partial, file)


def _load(file: Path) -> Bank:
    try:
        content: dict[str, Any] = torch.load(
            file, map_location='cpu', weights_only=True, mmap=True)
        bank = Bank(content['pixels'], {
            name: np.frombuffer(content[name].numpy().tobytes(), dtype)
            for name, dtype in DTYPES.items()})
        if size(bank.tables) != len(bank.pixels):
            raise ValueError('pixels are missing')
    except BROKEN as error:
        raise InputError(f'{file} is damaged ({type(error).__name__}): delete it, it will be '
                         'built anew') from error
    return bank


def _digest(data: DataRecipe, seed: int) -> str:
    """Return what tells banks apart that were built from other data or in another way."""
    digest = hashlib.sha256()
    code = [Path(str(module.__file__)) for module in _MODULES]
    for package in (synthetic, imaging):
        code += sorted(Path(str(package.__file__)).parent.glob('*.py'))
    for file in code:
        digest.update(file.read_bytes())
    for pattern in _LISTED:
        for file in sorted(data.root.glob(pattern)):
            if file.is_file():
                digest.update(f'{file.relative_to(data.root)} {file.stat().st_size}\n'.encode())
    teacher = data.teacher and data.thermal_videos and NanoTeacher(data.teacher).digest
    clips = data.generated and (data.generated_clips, seed)
    digest.update(f'{sorted(data.shares)} {teacher} {clips} {data.held_out}'.encode())
    return digest.hexdigest()
