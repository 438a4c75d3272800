# SPDX-License-Identifier: Apache-2.0
"""The report as one HTML page that needs nothing else: no network, no script, no other file."""
from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rgbt_tracker_ros.benchmark.metrics import Scores
from rgbt_tracker_ros.benchmark.report.contest import Contest, Entry, printable
from rgbt_tracker_ros.errors import InputError

TEMPLATE = Path(__file__).with_name('page.html')

_TITLES = {
    'success': 'Success', 'precision': 'Precision', 'normalized': 'Normalised precision',
    'attributes': 'Success by attribute', 'radar': 'Success by attribute, as a radar',
    'speed': 'Speed and accuracy', 'reliability': 'Reliability of the score'}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: a name, a remark, and a figure for each column."""

    name: str
    remark: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure as it is shown; `best` of its row or column, and how dark it is, 0 .. 1."""

    text: str
    best: bool = False
    shade: float = 0.0


def html_page(contest: Contest, figures: Mapping[str, Mapping[str, bytes]], title: str) -> str:
    """Return the page.

    Parameters
    ----------
    contest
        What was measured.
    figures
        As `draw_figures` returns them.
    title
        Its heading.

    Raises
    ------
    InputError
        If Jinja is not installed.

    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise InputError('a report needs Jinja: pip install jinja2') from error
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    total = len(contest.sequences) + len(contest.left_out)
    return environment.get_template(TEMPLATE.name).render(
        title=printable(title), contest=contest, rules=rules_in_words(contest), total=total,
        trackers=_ranking(contest), attributes=_attributes(contest), sequences=_sequences(contest),
        left_out=[printable(fault) for fault in contest.left_out.values()],
        notes=[printable(note) for note in contest.notes],
        figures=[(name, _TITLES[name], _uri(files['svg'])) for name, files in figures.items()])


def rules_in_words(contest: Contest) -> str:
    """Return how the scores of a benchmark are computed."""
    rules = contest.convention
    precise, normal, success = rules.labels
    at = 'the mean over thresholds 0 to 0.5' if rules.npr_at is None else f'at {rules.npr_at:g}'
    words = [
        f'{success}: area under the success curve.',
        f'{precise}: share of frames with a centre error '
        f'{"below" if rules.below else "of at most"} {rules.pixels:g} px.',
        f'{normal}: the same with errors in sides of the true box, {at}.',
        {'left out': 'The first frame does not count.',
         'given': 'In the first frame the given box counts.',
         'counted': 'The first frame counts like any other.'}[rules.first_frame],
        f'All {"frames" if rules.pooled else "sequences"} weigh the same.']
    if rules.zero_is_absent:
        words.append('A frame in which the target is absent is no success, but precise.')
    if rules.best_of_truths:
        words.append('Each frame is compared with the ground truth of both cameras, and the '
                     'better one counts.')
    return ' '.join(words)


def _ranking(contest: Contest) -> list[Row]:
    columns = [(entry.mean.sr, entry.mean.pr, entry.mean.npr) for entry in contest.entries]
    best = [max(column) for column in zip(*columns, strict=True)]
    return [Row(entry.name, '', (
        *(Cell(_percent(value), value == highest)
          for value, highest in zip(values, best, strict=True)),
        Cell(entry.speed)))
        for entry, values in zip(contest.entries, columns, strict=True)]


def _attributes(contest: Contest) -> list[Row]:
    return [_row(name, f'{len(having)}', [entry.over(having) for entry in contest.entries])
            for name, having in sorted(contest.attributes.items())]


def _sequences(contest: Contest) -> list[Row]:
    def scores(entry: Entry, name: str) -> Scores:
        return entry.scores.curves[name].scores(contest.convention)

    return [_row(name, f'{contest.entries[0].scores.curves[name].frames}',
                 [scores(entry, name) for entry in contest.entries])
            for name in contest.sequences]


def _row(name: str, remark: str, scores: list[Scores]) -> Row:
    best = max(item.sr for item in scores)
    return Row(printable(name), remark, tuple(
        Cell(_percent(item.sr), item.sr == best and len(scores) > 1, round(item.sr, 2))
        for item in scores))


def _percent(value: float) -> str:
    return f'{100 * value:.1f}'


def _uri(svg: bytes) -> str:
    return f'data:image/svg+xml;base64,{b64encode(svg).decode("ascii")}'
