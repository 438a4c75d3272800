# SPDX-License-Identifier: Apache-2.0
"""Box files of a tracker over a benchmark: in a folder, a zip archive, or a folder in an archive.

Tool kits name them `<prefix><sequence>.txt`. An archive is read in place, nothing of it is
unpacked.
"""
from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
import zipfile
import zlib

from rgbt_tracker_ros.errors import InputError

LARGEST_FILE = 32 * 1024 * 1024
LISTED = 5


@dataclass(frozen=True, slots=True, eq=False)
class ResultFiles:
    """Box files by name.

    Attributes
    ----------
    place
        Folder or archive, for messages.
    stems
        File names without `.txt`, sorted.
    read
        Gives the bytes of one.

    """

    place: str
    stems: tuple[str, ...]
    read: Callable[[str], bytes]

    def text(self, stem: str) -> str:
        """Return what the file holds.

        Raises
        ------
        InputError
            If it cannot be read, is no text or is far too large.

        """
        try:
            return self.read(stem).decode('utf-8')
        except UnicodeDecodeError as error:
            raise InputError(f'{self.name(stem)} is no text: give a file of x,y,w,h') from error
        except OSError as error:
            raise InputError(f'{self.name(stem)} cannot be read ({error.strerror})') from error
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError,
                ) as error:
            raise InputError(f'{self.name(stem)} cannot be unpacked ({error}): '
                             'get the archive again') from error

    def name(self, stem: str) -> str:
        """Return the file's name with its place."""
        return f'{self.place}/{stem}.txt'


def open_results(path: Path) -> ResultFiles:
    """Find box files.

    Parameters
    ----------
    path
        A folder, a zip archive, or `archive.zip/folder/in/it`. Where there are none but in one
        folder below, the highest one, that one is taken.

    Raises
    ------
    InputError
        If there is nothing, several folders could be meant, or an archive is broken or unsafe.

    """
    archive = next((part for part in (path, *path.parents) if part.is_file()), None)
    if archive is not None:
        return _archived(archive, path.relative_to(archive).as_posix())
    if not path.is_dir():
        raise InputError(f'--results {path}: no such folder or zip archive')
    folder = _chosen(path, {file.parent.relative_to(path).as_posix() for file in (
        *path.glob('*.txt'), *path.glob('*/*.txt'), *path.glob('*/*/*.txt'))})
    files = {file.stem: file for file in sorted((path / folder).glob('*.txt'))}
    return ResultFiles(str(path / folder), tuple(files), lambda stem: _read(files[stem]))


def match_prefix(files: ResultFiles, sequences: Collection[str], prefix: str | None = None) -> str:
    """Return what stands before the sequence in the names of the files.

    Parameters
    ----------
    files
        The box files.
    sequences
        Names of the benchmark's sequences.
    prefix
        What the user says it is; None: the one with which most files are found.

    Raises
    ------
    InputError
        If no file fits, or several prefixes fit alike.

    """
    known = set(sequences)
    fits: dict[str, int] = {}
    for stem in files.stems:
        for cut in range(len(stem) + 1):
            if stem[cut:] in known:
                fits[stem[:cut]] = fits.get(stem[:cut], 0) + 1
    best = sorted(candidate for candidate, count in fits.items() if count == max(fits.values()))
    if prefix is not None and prefix in fits:
        return prefix
    if prefix is not None or not best:
        hint = f'; {best[0]!r} fits {fits[best[0]]} of them' if best else ''
        raise InputError(
            f'--results {files.place}: no file {prefix or ""}<sequence>.txt of this dataset in it '
            f'(there are {some([f"{stem}.txt" for stem in files.stems])}): '
            f'check --dataset and --prefix{hint}')
    if len(best) > 1:
        raise InputError(f'--results {files.place}: the prefixes {some(best, repr)} fit '
                         f'{fits[best[0]]} files each: give one as --prefix')
    return best[0]


def unknown_files(files: ResultFiles, sequences: Collection[str], prefix: str) -> list[str]:
    """Return the names, without `.txt`, of the files that belong to no sequence."""
    wanted = {prefix + sequence for sequence in sequences}
    return [stem for stem in files.stems if stem not in wanted]


def missing_files(files: ResultFiles, sequences: Sequence[str], prefix: str) -> dict[str, str]:
    """Return what to say about each sequence whose file is missing, by sequence."""
    there = set(files.stems)
    spare = unknown_files(files, sequences, prefix)
    said = {}
    for sequence in sequences:
        if prefix + sequence not in there:
            close = get_close_matches(prefix + sequence, spare, 1)
            said[sequence] = f'{prefix}{sequence}.txt is missing' + (
                f' (is it {close[0]}.txt?)' if close else '')
    return said


def _archived(archive: Path, inside: str) -> ResultFiles:
    try:
        file = zipfile.ZipFile(archive)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f'--results {archive}: is no folder and no zip archive that can be read '
                         f'({error})') from error
    members = {}
    for info in file.infolist():
        name = PurePosixPath(info.filename.replace('\\', '/'))
        if name.is_absolute() or '..' in name.parts or ':' in str(name).partition('/')[0]:
            raise InputError(f'--results {archive}: {info.filename!r} would lie outside of the '
                             'folder it is unpacked to: do not trust this archive')
        if name.suffix == '.txt' and name.parts[0] != '__MACOSX' and name.is_relative_to(inside):
            if str(name) in members:
                raise InputError(f'--results {archive}: {name} is in it twice')
            members[str(name)] = info
    place = archive if inside == '.' else archive / inside
    folder = _chosen(place, {PurePosixPath(name).relative_to(inside).parent.as_posix()
                             for name in members})
    chosen = {PurePosixPath(name).stem: info for name, info in sorted(members.items())
              if PurePosixPath(name).parent == PurePosixPath(inside) / folder}

    def read(stem: str) -> bytes:
        with file.open(chosen[stem]) as stream:
            return _bounded(stream.read(LARGEST_FILE + 1), str(place / folder / f'{stem}.txt'))

    return ResultFiles(str(place / folder), tuple(chosen), read)


def _chosen(place: Path, folders: Collection[str]) -> str:
    if not folders:
        raise InputError(f'--results {place}: no *.txt in it: give the folder of the box files')
    # Box files lie above what else a tool writes, such as times.
    depths = {folder: len(PurePosixPath(folder).parts) for folder in folders}
    highest = sorted(folder for folder in folders if depths[folder] == min(depths.values()))
    if len(highest) > 1:
        raise InputError(f'--results {place}: several folders of box files in it: give one, '
                         f'{some(highest, lambda folder: str(place / folder))}')
    return highest[0]


def _read(path: Path) -> bytes:
    if path.is_fifo():  # which would be waited for without end
        raise InputError(f'{path} is a pipe: give a file of x,y,w,h')
    with path.open('rb') as file:
        return _bounded(file.read(LARGEST_FILE + 1), str(path))


def _bounded(content: bytes, name: str) -> bytes:
    if len(content) > LARGEST_FILE:
        raise InputError(f'{name} is larger than {LARGEST_FILE // 1024 ** 2} MiB: it is no file '
                         'of boxes')
    return content


def some(names: Sequence[str], shown: Callable[[str], str] = str, between: str = ', ') -> str:
    """Return the first of the names, and how many more there are."""
    rest = f'{between}and {len(names) - LISTED} more' if len(names) > LISTED else ''
    return between.join(shown(name) for name in names[:LISTED]) + rest
