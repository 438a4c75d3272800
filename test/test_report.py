# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker report`: plots, tables and a page that needs nothing else."""
from __future__ import annotations

import csv
from html.parser import HTMLParser
from itertools import pairwise
import json
from pathlib import Path
import sys
from xml.etree import ElementTree

import cv2
from made_up_results import FRAMES, TRACKS, drifting, truth, write_results, write_tracks
import numpy as np
import pytest

from rgbt_tracker_ros.benchmark.groundtruth import Truth
from rgbt_tracker_ros.benchmark.metrics import FOLDER, convention_of, score_track
from rgbt_tracker_ros.benchmark.report.contest import Contest, hold_contest
from rgbt_tracker_ros.benchmark.report.drawing import style_of
from rgbt_tracker_ros.benchmark.report.page import TEMPLATE, html_page
from rgbt_tracker_ros.benchmark.report.tables import csv_tables
from rgbt_tracker_ros.benchmark.report.writing import report_files
from rgbt_tracker_ros.cli.main import run

PUBLISHED = (Path(__file__).resolve().parents[2] / 'shared' / 'data' / 'results'
             / 'published_raw_results.zip')
ATTRIBUTES = {'a_1': ('LI', 'SV', 'TC'), 'b_1': ('LI', 'SV'), 'c_1': ('SV',)}
CURVES = ('success', 'precision', 'normalized')
ALWAYS = {'report.html', 'report.json', 'trackers.csv', 'sequences.csv',
          *(f'{name}.{suffix}' for name in CURVES for suffix in ('svg', 'png'))}


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append(data.strip())


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    return write_tracks(tmp_path / 'tracks')


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    return {'drifter': write_results(tmp_path / 'results' / 'drifter', 3),
            'perfect': write_results(tmp_path / 'results' / 'perfect', 0)}


def _truths(attributes: dict[str, tuple[str, ...]] = ATTRIBUTES) -> list[Truth]:
    return [Truth(name, {'both': truth(name)}, attributes.get(name, ())) for name in TRACKS]


def _report(tracks: Path, output: Path, *more: str) -> int:
    return run(['report', '--groundtruth', str(tracks), '--output', str(output), *more])


def _results(places: dict[str, Path]) -> list[str]:
    return [part for name, place in places.items() for part in ('--results', f'{name}={place}')]


def _refused(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err
    assert said.startswith('error: ')
    assert said.count('\n') == 1
    return said


def _contest(places: dict[str, Path], **more) -> Contest:
    return hold_contest('made up', places, _truths(), FOLDER, **more)


def test_trackers_are_ranked_on_the_same_sequences(places):
    contest = _contest(places)
    assert [entry.name for entry in contest.entries] == ['perfect', 'drifter']
    assert contest.sequences == TRACKS
    # IoU 1 is not above the threshold 1.
    assert contest.entries[0].mean.sr == pytest.approx(20 / 21)
    expected = np.mean([score_track(drifting(name, 3), truth(name)).sr for name in TRACKS])
    assert contest.entries[1].mean.sr == pytest.approx(expected)
    assert contest.attributes == {'LI': ['a_1', 'b_1'], 'SV': list(TRACKS), 'TC': ['a_1']}


def test_the_command_writes_everything_and_the_figures_are_those_of_score(
        tracks, places, tmp_path, capsys):
    output = tmp_path / 'new' / 'report'
    assert _report(tracks, output, *_results(places), '--fps', 'perfect=90') == 0
    assert {path.name for path in output.iterdir()} == ALWAYS | {'speed.svg', 'speed.png'}
    assert 'perfect' in capsys.readouterr().out
    assert run(['score', '--groundtruth', str(tracks), '--results', str(places['drifter']),
                '--json', str(tmp_path / 'score.json')]) == 0
    scored = json.loads((tmp_path / 'score.json').read_text())
    report = json.loads((output / 'report.json').read_text())
    assert list(report['trackers']) == ['perfect', 'drifter']
    drifter = report['trackers']['drifter']
    assert {key: drifter[key] for key in ('mean', 'tracks', 'curves', 'convention')} == {
        key: scored[key] for key in ('mean', 'tracks', 'curves', 'convention')}
    with (output / 'sequences.csv').open(newline='') as file:
        rows = {(row['sequence'], row['tracker']): row for row in csv.DictReader(file)}
    assert len(rows) == len(TRACKS) * 2
    for name, row in scored['tracks'].items():
        assert float(rows[name, 'drifter']['sr']) == pytest.approx(row['sr'], abs=1e-6)
        assert int(rows[name, 'drifter']['frames']) == FRAMES - 1
    with (output / 'trackers.csv').open(newline='') as file:
        ranking = list(csv.DictReader(file))
    assert [(row['tracker'], row['fps']) for row in ranking] == [
        ('perfect', '90.000'), ('drifter', '')]
    words = Page((output / 'report.html').read_text()).words
    assert f'{100 * scored["mean"]["sr"]:.1f}' in words


@pytest.fixture(scope='module')
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return _files(tmp_path_factory.mktemp('results'))


def _files(folder: Path) -> dict[str, bytes]:
    contest = _contest({'drifter': write_results(folder / 'x', 3),
                        'perfect': write_results(folder / 'y', 0)}, speeds={'perfect': 25.0})
    return report_files(contest, 'Title')


def test_figures_are_pictures_and_the_page_holds_them_all(files):
    figures = [*CURVES, 'attributes', 'radar', 'speed']
    for name in figures:
        assert ElementTree.fromstring(files[f'{name}.svg']).tag.endswith('svg')
        image = cv2.imdecode(np.frombuffer(files[f'{name}.png'], np.uint8), cv2.IMREAD_COLOR)
        assert image.shape[1] == 1120
        # Two trackers in blue (#0072b2) and vermilion (#d55e00), as OpenCV orders channels.
        for color in ((178, 114, 0), (0, 94, 213)):
            drawn = (np.abs(image.astype(int) - color).max(axis=2) < 8).sum()
            assert drawn > 50 or (name == 'speed' and color[0] == 0)
    page = Page(files['report.html'].decode())
    assert [tag[1]['id'] for tag in page.tags if tag[0] == 'figure'] == figures
    assert 'Title' in page.words
    assert {row['attribute'] for row in csv.DictReader(
        files['attributes.csv'].decode().splitlines())} == {'LI', 'SV', 'TC'}


def test_the_page_needs_no_network_and_no_script(files):
    page = Page(files['report.html'].decode())
    names = {tag for tag, _ in page.tags}
    assert not names & {'script', 'link', 'iframe', 'object', 'embed', 'form'}
    assert all((values.get('src') or 'data:').startswith('data:') for _, values in page.tags)
    assert not any('href' in values for _, values in page.tags)
    policy = next(values['content'] for _, values in page.tags
                  if values.get('http-equiv') == 'Content-Security-Policy')
    assert policy.startswith("default-src 'none'")


def test_the_same_results_give_the_same_files_whatever_matplotlib_is_set_to(files, tmp_path):
    import matplotlib as mpl

    with mpl.rc_context({'font.size': 30, 'lines.linewidth': 9}):
        assert _files(tmp_path) == files
        assert mpl.rcParams['font.size'] == 30


EVIL = ('<script>alert(1)</script>', '"><img onerror>', '$\\frac{1}{', '_hidden',
        '{{ 7 * 7 }}', 'line\nend --> ]]> \x00\x1b[31m', 'surrogate \udcff', '跟踪器', '<!--')


@pytest.mark.filterwarnings('error')
def test_names_are_shown_and_never_run(tmp_path):
    place = write_results(tmp_path / 'r', 1)
    truths = [Truth(name, {'both': truth(name)}, ('<b>', '&amp;', '$x')) for name in TRACKS]
    results = [part for name in EVIL for part in ('--results', f'{name}={place}')]
    write_tracks(tmp_path / 'tracks')
    assert _report(tmp_path / 'tracks', tmp_path / 'out', *results, '--title', EVIL[0]) == 0
    contest = hold_contest('x', dict.fromkeys(EVIL[:5], place), truths, FOLDER)
    pages = [(tmp_path / 'out' / 'report.html').read_text(),
             html_page(contest, {}, EVIL[0])]
    for text in pages:
        page = Page(text)
        assert 'script' not in {tag for tag, _ in page.tags}
        assert 'b' not in {tag for tag, _ in page.tags}
        assert not any('onerror' in values for _, values in page.tags)
        assert EVIL[0] in page.words
        assert '{{ 7 * 7 }}' in page.words
        assert all(letter.isprintable() or letter == '\n' for letter in text)
    for path in (tmp_path / 'out').glob('*.svg'):
        ElementTree.fromstring(path.read_bytes())
    assert len(json.loads((tmp_path / 'out' / 'report.json').read_text())['trackers']) == len(EVIL)


def test_one_tracker_without_attributes_and_speed_is_enough(tracks, places, tmp_path):
    output = tmp_path / 'out'
    output.mkdir()
    for stale in ('radar.svg', 'attributes.csv', 'speed.png', 'own.txt'):
        (output / stale).write_text('of an earlier report')
    assert _report(tracks, output, '--results', str(places['drifter'])) == 0
    # What belongs to an earlier report goes, what belongs to the user stays.
    assert {path.name for path in output.iterdir()} == ALWAYS | {'own.txt'}
    assert 'drifter' in Page((output / 'report.html').read_text()).words


def test_many_trackers_look_different(places):
    looks = [style_of(place) for place in range(28)]
    assert len({(style.color, style.line) for style in looks}) == 28
    assert len({(style.color, style.marker) for style in looks}) == 28
    assert all(one.color != next_.color and one.line != next_.line and one.marker != next_.marker
               for one, next_ in pairwise(looks))
    assert style_of(28) != style_of(0)


def test_speed_is_what_evaluate_measured_unless_told(places):
    folder = places['drifter'] / 'times'
    folder.mkdir()
    for name, seconds in zip(TRACKS, (0.01, 0.02, 0.03), strict=True):
        (folder / f'{name}_time.txt').write_text(f'{seconds}\n' * FRAMES)
    assert {entry.name: entry.fps for entry in _contest(places).entries} == {
        'perfect': None, 'drifter': pytest.approx(50)}
    assert _contest(places, speeds={'drifter': 7.0}).entries[1].fps == 7


def test_missing_sequences_are_refused_or_left_out_for_all(tracks, places, tmp_path, capsys):
    (places['drifter'] / 'b_1.txt').unlink()
    assert _report(tracks, tmp_path / 'out', *_results(places)) == 2
    said = _refused(capsys)
    assert 'b_1.txt is missing' in said
    assert '--allow-missing' in said
    assert not (tmp_path / 'out').exists()
    assert _report(tracks, tmp_path / 'out', *_results(places), '--allow-missing') == 0
    captured = capsys.readouterr()
    assert 'left out: drifter: b_1.txt is missing' in captured.err
    assert 'ONLY 2 OF 3' in captured.out.replace('\n', ' ')
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    assert report['sequences'] == ['a_1', 'c_1']
    assert list(report['trackers']['perfect']['tracks']) == ['a_1', 'c_1']
    assert 'Only 2 of 3 sequences' in (tmp_path / 'out' / 'report.html').read_text()


def test_trackers_that_share_no_sequence_are_refused(tracks, places, tmp_path, capsys):
    (places['drifter'] / 'b_1.txt').unlink()
    for name in ('a_1', 'c_1'):
        (places['perfect'] / f'{name}.txt').unlink()
    assert _report(tracks, tmp_path / 'out', *_results(places), '--allow-missing') == 2
    assert 'no sequence for which all trackers have boxes' in _refused(capsys)


def test_a_sequence_in_which_no_frame_counts_is_named(places):
    truths = _truths()
    truths[1] = Truth('b_1', truths[1].boxes, ('LI', 'OV'), np.zeros(FRAMES, bool))
    contest = hold_contest('made up', places, truths, FOLDER)
    assert contest.left_out == {'b_1': 'b_1: no frame of it counts'}
    assert set(contest.attributes) == {'LI', 'SV', 'TC'}
    assert 'nan' not in csv_tables(contest)['sequences']


@pytest.mark.parametrize(('arguments', 'message'), [
    (['--results', 'drifter={drifter}', '--results', 'drifter={perfect}'],
     "there are two trackers 'drifter'"),
    (['--results', '={drifter}'], 'give NAME=DIR'),
    (['--results', 'x='], 'give NAME=DIR'),
    (['--results', 'x={drifter}/no'], 'no such folder or zip archive'),
    (['--results', f'{"x" * 300}={{drifter}}/no'], 'no such folder or zip archive'),
    (['--results', '{drifter}', '--fps', 'perfect=3'], '--fps perfect: no such tracker'),
    (['--results', '{drifter}', '--fps', 'drifter=fast'], 'give NAME=VALUE'),
    (['--results', '{drifter}', '--fps', 'drifter=0'], 'give NAME=VALUE'),
    (['--results', '{drifter}', '--fps', 'drifter=1', '--fps', 'drifter=2'], 'give one each'),
    (['--results', '{drifter}', '--fps', 'drifter=inf'], 'give NAME=VALUE'),
    (['--results', '{drifter}', '--dataset', 'nfs'], '--dataset nfs has no scoring rules'),
    ([], '--results'),
])
def test_wrong_options_are_named(tracks, places, tmp_path, capsys, arguments, message):
    filled = [text.format(**places) for text in arguments]
    assert _report(tracks, tmp_path / 'out', *filled) == 2
    assert message in _refused(capsys)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('content', ['one\n', 'nan\n', '-1\n', '\xff'])
def test_torn_times_are_named(tracks, places, tmp_path, capsys, content):
    (places['drifter'] / 'times').mkdir()
    (places['drifter'] / 'times' / 'a_1_time.txt').write_bytes(content.encode('latin-1'))
    assert _report(tracks, tmp_path / 'out', *_results(places)) == 2
    assert 'a_1_time.txt' in _refused(capsys)


def test_an_empty_folder_of_tracks_is_refused(places, tmp_path, capsys):
    (tmp_path / 'none').mkdir()
    assert _report(tmp_path / 'none', tmp_path / 'out', *_results(places)) == 2
    assert 'groundtruth.txt' in _refused(capsys)


@pytest.mark.parametrize('block', ['file', 'folder in the way', 'below a file'])
def test_output_that_cannot_be_written_is_named(tracks, places, tmp_path, capsys, block):
    output = tmp_path / 'out'
    if block == 'folder in the way':
        (output / 'report.html').mkdir(parents=True)
    else:
        output.write_text('a file')
    if block == 'below a file':
        output /= 'more'
    assert _report(tracks, output, *_results(places)) == 2
    said = _refused(capsys)
    assert 'cannot be' in said
    assert str(output) in said


@pytest.mark.parametrize(('package', 'remedy'), [
    ('jinja2', 'pip install jinja2'), ('matplotlib', 'pip install matplotlib')])
def test_without_a_package_the_remedy_is_said(
        tracks, places, tmp_path, capsys, monkeypatch, package, remedy):
    monkeypatch.setitem(sys.modules, package, None)
    assert _report(tracks, tmp_path / 'out', *_results(places)) == 2
    assert remedy in _refused(capsys)
    assert not (tmp_path / 'out').exists()


def test_the_template_is_installed():
    setup = (Path(__file__).resolve().parents[1] / 'setup.py').read_text()
    assert f"'benchmark/report/{TEMPLATE.name}'" in setup


@pytest.mark.parametrize('dataset', ['gtot', 'rgbt234', 'lasher', 'folder', 'rgbt210', 'vtuav'])
def test_the_page_tells_the_rules(places, dataset):
    contest = hold_contest(dataset, places, _truths(), convention_of(dataset))
    text = html_page(contest, {}, 'x')
    rules = convention_of(dataset)
    assert f'{rules.pixels:g} px' in text
    assert ('both cameras' in text) == rules.best_of_truths
    assert f'<th scope="col">{rules.labels[2]}</th>' in text


@pytest.mark.skipif(not PUBLISHED.is_file(), reason='the published results are not beside this '
                    'checkout (../shared/data/results)')
def test_published_results_stand_side_by_side_with_their_published_figures(tmp_path):
    assert run(['report', '--dataset', 'lasher', '--output', str(tmp_path),
                '--results', f'mfDiMP={PUBLISHED}/LasHeR/mfDiMP',
                '--results', f'{PUBLISHED}/LasHeR/APFNet']) == 0
    words = Page((tmp_path / 'report.html').read_text()).words
    for name, figures in (('APFNet', ['36.2', '50.0', '43.9']),
                          ('mfDiMP', ['34.3', '44.7', '39.5'])):
        place = words.index(name)
        assert words[place + 1:place + 4] == figures
    with (tmp_path / 'attributes.csv').open(newline='') as file:
        assert len({row['attribute'] for row in csv.DictReader(file)}) == 19


def _write_logs(place: Path, pixels: float, score: str = '0.5') -> None:
    """Write what `evaluate` logs of a tracker that drifts so much and always says one score."""
    (place / 'logs').mkdir()
    for name in TRACKS:
        rows = [f'{number},{",".join(map(str, box))},{score},tracking,rgbt,0,1.0'
                for number, box in enumerate(drifting(name, pixels).tolist())]
        (place / 'logs' / f'{name}.csv').write_text(
            '\n'.join(['frame,x,y,w,h,score,state,mode,template_frame,ms', *rows]) + '\n')


def test_scores_that_evaluate_logged_give_a_reliability_diagram(tracks, places, tmp_path):
    _write_logs(places['drifter'], 3)
    assert _report(tracks, tmp_path / 'out', *_results(places)) == 0
    names = {path.name for path in (tmp_path / 'out').iterdir()}
    assert names == ALWAYS | {'reliability.svg', 'reliability.png'}
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())['trackers']
    assert report['perfect']['calibration'] is None
    # Boxes 32 pixels high that drift by 3 from frame 10 on: 14 of the 29 frames have IoU > 0.5
    # (the offset of frame 13 is 9, of frame 14 it is 12).
    figures = report['drifter']['calibration']
    assert figures['frames'] == len(TRACKS) * (FRAMES - 1)
    assert figures['right'] == pytest.approx(13 / 29)
    assert figures['ece'] == pytest.approx(0.5 - 13 / 29)
    with (tmp_path / 'out' / 'trackers.csv').open(newline='') as file:
        assert {row['tracker']: row['ece'] for row in csv.DictReader(file)} == {
            'perfect': '', 'drifter': f'{0.5 - 13 / 29:.6f}'}


@pytest.mark.parametrize('score', ['', 'high', 'nan', '1.5'])
def test_torn_logs_are_named(tracks, places, tmp_path, capsys, score):
    _write_logs(places['drifter'], 3, score)
    assert _report(tracks, tmp_path / 'out', *_results(places)) == 2
    assert 'a_1' in _refused(capsys)


def test_logs_of_another_length_are_named(tracks, places, tmp_path, capsys):
    _write_logs(places['drifter'], 3)
    log = places['drifter'] / 'logs' / 'b_1.csv'
    log.write_text(''.join(log.read_text().splitlines(keepends=True)[:-4]))
    assert _report(tracks, tmp_path / 'out', *_results(places)) == 2
    assert 'b_1.csv has 26 frames' in _refused(capsys)
