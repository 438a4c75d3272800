# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker doctor` on a Jetson: JetPack, power mode, load, heat and throttling."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import re
import subprocess

from rgbt_tracker_ros.benchmark.tegrastats import TegraStats, busiest, watch
from rgbt_tracker_ros.cli.finding import Finding

_RELEASE = re.compile(r'# R(\d{1,3}) \(release\), REVISION: (\d{1,3})\.(\d{1,3})', re.ASCII)
_MODE = re.compile(r'NV Power Mode: *(\S.*)')
_JETPACK = {
    (35, 2, 1): '5.1', (35, 3, 1): '5.1.1', (35, 4, 1): '5.1.2', (35, 5, 0): '5.1.3',
    (35, 6, 0): '5.1.4', (35, 6, 1): '5.1.5', (35, 6, 2): '5.1.5', (35, 6, 4): '5.1.6',
    (36, 3, 0): '6.0', (36, 4, 0): '6.1', (36, 4, 2): '6.1', (36, 4, 3): '6.2',
    (36, 4, 4): '6.2.1', (36, 4, 7): '6.2.1', (36, 5, 0): '6.2.2', (38, 2, 0): '7.0',
    (38, 2, 1): '7.0', (38, 2, 2): '7.0', (38, 4, 0): '7.1', (39, 2, 0): '7.2'}
"""By the release of Jetson Linux."""

_HOT_C = 85.0
_FULL = 0.9
_SLOW_COMMAND_S = 5.0


def examine_jetson(root: Path = Path('/')) -> Iterator[Finding]:
    """Yield what there is to say about a Jetson; nothing elsewhere.

    `root` is where /etc and /sys are looked for.
    """
    try:
        release = (root / 'etc/nv_tegra_release').read_text(errors='replace')
    except OSError:
        return
    yield Finding('Jetson', 'ok', jetpack(release))
    yield _power_mode()
    sample = busiest(watch())
    if sample is None:
        yield Finding('tegrastats', 'missing', 'gives nothing that can be read: is it in PATH? '
                      '(a container needs it from the host)')
    else:
        yield from state(sample)
    yield throttling(root)


def jetpack(release: str) -> str:
    """Return JetPack's version, for the content of /etc/nv_tegra_release."""
    found = _RELEASE.search(release)
    if found is None:
        return 'unknown version: /etc/nv_tegra_release cannot be read'
    major, minor, patch = map(int, found.groups())
    number = _JETPACK.get((major, minor, patch))
    linux = f'Jetson Linux {major}.{minor}.{patch}'
    return f'JetPack {number}, {linux}' if number else f'{linux}, an unknown JetPack'


def state(sample: TegraStats) -> Iterator[Finding]:
    """Yield load, heat and memory of a Jetson."""
    if sample.gpu_load is not None or sample.gpu_clock is not None:
        load = 'load unknown' if sample.gpu_load is None else f'load {sample.gpu_load} %'
        clock = '' if sample.gpu_clock is None else f', {sample.gpu_clock} MHz'
        yield Finding('Jetson GPU', 'ok', load + clock)
    if sample.temperatures:
        name, hottest = max(sample.temperatures.items(), key=lambda item: item[1])
        hot = hottest >= _HOT_C
        yield Finding('Jetson temperature', 'warning' if hot else 'ok',
                      f'{hottest:.0f} C ({name})' + (': near the limit where clocks go down: '
                                                     'more cooling' if hot else ''))
    if sample.ram_used is not None and sample.ram_total:
        share = sample.ram_used / sample.ram_total
        yield Finding('Jetson RAM', 'warning' if share > _FULL else 'ok',
                      f'{sample.ram_used / 1024:.1f} of {sample.ram_total / 1024:.1f} GiB used, '
                      'by CPU and GPU together')
    if 'VDD_IN' in sample.power:
        yield Finding('Jetson power', 'ok', f'{sample.power["VDD_IN"] / 1000:.1f} W')


def throttling(root: Path) -> Finding:
    """Return whether clocks are, or were, held down by heat or current."""
    reasons = []
    for device in sorted(root.glob('sys/class/thermal/cooling_device*')):
        kind, now = _text(device / 'type'), _number(device / 'cur_state')
        # Fans are cooling devices too.
        if now and ('throttle' in kind or 'cpufreq' in kind or 'devfreq' in kind):
            reasons.append(f'{kind} by heat')
    for counter in sorted(root.glob('sys/class/hwmon/hwmon*/oc*_event_cnt')):
        if count := _number(counter):
            reasons.append(f'{counter.name.removesuffix("_event_cnt")}: over-current {count} '
                           'times since the start')
    if reasons:
        return Finding('Jetson throttling', 'warning', f'{", ".join(reasons)}: better cooling, a '
                       'stronger supply, or a lower power mode')
    return Finding('Jetson throttling', 'ok', 'none seen')


def _power_mode() -> Finding:
    try:
        said = subprocess.run(['nvpmodel', '-q'], capture_output=True, check=False,
                              timeout=_SLOW_COMMAND_S, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        said = None
    found = _MODE.search(said.stdout.decode(errors='replace')) if said else None
    if found is None:
        return Finding('Jetson power mode', 'missing', 'unknown: try sudo nvpmodel -q')
    mode = found[1].strip()
    return Finding('Jetson power mode', 'ok', f'{mode}; sudo nvpmodel -m changes it, sudo '
                   'jetson_clocks holds its clocks at their highest')


def _text(file: Path) -> str:
    try:
        return file.read_text(errors='replace').strip().lower()
    except OSError:
        return ''


def _number(file: Path) -> int:
    text = _text(file)
    return int(text) if text.isascii() and text.isdigit() else 0
