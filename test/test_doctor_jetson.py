# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker doctor` on a Jetson, made of files and scripts, and on a pretended GPU."""
from __future__ import annotations

from importlib.machinery import ModuleSpec
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pretend_room import Room
import pytest

from rgbt_tracker_ros.benchmark.tegrastats import TegraStats, busiest, parse, watch
from rgbt_tracker_ros.cli.doctor_gpu import examine_backends, examine_gpu
from rgbt_tracker_ros.cli.doctor_jetson import examine_jetson, jetpack, state, throttling
from rgbt_tracker_ros.inference.tensorrt import library

JETPACK_5 = ('RAM 3110/14902MB (lfb 7x4MB) SWAP 0/7451MB (cached 0MB) CPU [5%@1190,off,2%@1190] '
             'EMC_FREQ 1%@2133 GR3D_FREQ 41%@905 VIC_FREQ 729 APE 150 AUX@42.5C CPU@44C '
             'GPU@43.5C thermal@43.1C PMIC@-256C VDD_IN 4210mW/4180mW VDD_CPU_GPU_CV 810mW/790mW')
JETPACK_6 = ('11-20-2026 10:00:00 RAM 5170/7620MB (lfb 3x1MB) CPU [61%@1510,4%@1510] EMC_FREQ '
             '12%@3199 GR3D_FREQ 97%@[624] cpu@61.2C gpu@63.9C tj@63.9C VDD_IN 12900mW/9800mW')
JETPACK_7 = ('11-20-2026 10:00:00 RAM 20111/62817MB (lfb 1x2MB) CPU [3%@2201] EMC_FREQ 3%@3199 '
             'GR3D_FREQ 8%@[1300,1275] NVENC0 off APE 174 cpu@52.1C/52.4C gpu@50.5C/50.5C')
THOR = 'RAM 4/122GB (lfb 1x512kB) EMC_FREQ 2%@1866 GR3D_FREQ @[1001,999,1000] gpu@62.2C'


@pytest.mark.parametrize(('line', 'wanted'), [
    (JETPACK_5, TegraStats(3110, 14902, 41, 905, {
        'aux': 42.5, 'cpu': 44.0, 'gpu': 43.5, 'thermal': 43.1},
        {'VDD_IN': 4210, 'VDD_CPU_GPU_CV': 810})),
    (JETPACK_6, TegraStats(5170, 7620, 97, 624, {'cpu': 61.2, 'gpu': 63.9, 'tj': 63.9},
                           {'VDD_IN': 12900})),
    (JETPACK_7, TegraStats(20111, 62817, 8, 1300, {'cpu': 52.1, 'gpu': 50.5})),
    (THOR, TegraStats(4096, 122 * 1024, None, 1001, {'gpu': 62.2})),
    ('', TegraStats()), ('tegrastats: permission denied', TegraStats())])
def test_lines_of_each_jetpack_are_understood(line, wanted):
    assert parse(line) == wanted
    assert wanted.known == bool(wanted.ram_total)


@given(st.lists(st.sampled_from(
    ['RAM ', '9', '0/', '12MB ', 'GR3D_FREQ ', '%', '@', '[', ',', ']', 'gpu@', '-', '.', 'C ',
     'VDD_IN ', 'mW', '/', ' ', '\u0663', 'k']) | st.text(max_size=5), max_size=40))
def test_no_line_is_an_error_and_what_is_read_is_possible(parts):
    found = parse(''.join(parts))
    assert found.gpu_load is None or 0 <= found.gpu_load <= 100
    assert all(-60 <= value <= 200 for value in found.temperatures.values())
    assert all(value >= 0 for value in found.power.values())
    assert all(item.text for item in state(found))


@given(cut=st.integers(0, len(JETPACK_6)))
def test_a_line_that_is_cut_off_gives_what_is_left(cut):
    found, whole = parse(JETPACK_6[:cut]), parse(JETPACK_6)
    assert found.ram_total in (None, whole.ram_total)
    assert set(found.temperatures.items()) <= set(whole.temperatures.items())


def _program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f'#!/bin/sh\n{script}\n')
    (folder / name).chmod(0o755)


def _jetson(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    programs = folder / 'bin'
    _program(programs, 'tegrastats', f"echo '{JETPACK_6}'\necho '{JETPACK_5}'\nexec sleep 30")
    _program(programs, 'nvpmodel', 'echo "NV Power Mode: 15W"; echo 2')
    monkeypatch.setenv('PATH', str(programs), prepend=':')
    (folder / 'etc').mkdir()
    (folder / 'etc/nv_tegra_release').write_text(
        '# R36 (release), REVISION: 4.3, GCID: 1, BOARD: generic, EABI: aarch64\n')
    return folder


def test_doctor_describes_a_jetson(tmp_path, monkeypatch):
    found = {item.subject: item for item in examine_jetson(_jetson(tmp_path, monkeypatch))}
    assert found['Jetson'].text == 'JetPack 6.2, Jetson Linux 36.4.3'
    assert found['Jetson power mode'].text.startswith('15W')
    assert found['Jetson GPU'].text == 'load 97 %, 624 MHz'
    assert found['Jetson temperature'].text == '64 C (gpu)'
    assert found['Jetson RAM'].text.startswith('5.0 of 7.4 GiB')
    assert found['Jetson power'].text == '12.9 W'
    assert {item.level for item in found.values()} == {'ok'}


def test_elsewhere_there_is_nothing_to_say_and_missing_tools_are_named(tmp_path, monkeypatch):
    assert list(examine_jetson(tmp_path)) == []
    assert watch() == []
    _jetson(tmp_path, monkeypatch)
    monkeypatch.setenv('PATH', str(tmp_path))
    found = {item.subject: item.level for item in examine_jetson(tmp_path)}
    assert found == {'Jetson': 'ok', 'Jetson power mode': 'missing', 'tegrastats': 'missing',
                     'Jetson throttling': 'ok'}
    assert jetpack('# R99 (release), REVISION: 1.2') == 'Jetson Linux 99.1.2, an unknown JetPack'
    assert 'cannot be read' in jetpack('nonsense')


def test_heat_full_memory_and_throttling_are_warnings(tmp_path):
    hot = TegraStats(7000, 7620, 99, 624, {'gpu': 91.0, 'cpu': 60.0})
    levels = {item.subject: item.level for item in state(hot)}
    assert levels == {'Jetson GPU': 'ok', 'Jetson temperature': 'warning',
                      'Jetson RAM': 'warning'}
    for number, (kind, now) in enumerate(
            (('pwm-fan', 3), ('cpufreq-cpu0', 2), ('gpu-throttle-alert', 0))):
        device = tmp_path / f'sys/class/thermal/cooling_device{number}'
        device.mkdir(parents=True)
        (device / 'type').write_text(f'{kind}\n')
        (device / 'cur_state').write_text(f'{now}\n')
    monitor = tmp_path / 'sys/class/hwmon/hwmon3'
    monitor.mkdir(parents=True)
    (monitor / 'oc1_event_cnt').write_text('0\n')
    (monitor / 'oc3_event_cnt').write_text('7\n')
    found = throttling(tmp_path)
    assert found.level == 'warning'
    assert found.text.startswith('cpufreq-cpu0 by heat, oc3: over-current 7 times')


def test_the_busiest_sample_counts():
    samples = [parse(line) for line in (JETPACK_5, '', JETPACK_6, JETPACK_7)]
    assert busiest(samples) == parse(JETPACK_6)
    assert busiest([TegraStats()]) is None


def test_doctor_says_what_a_gpu_is_for(tmp_path, monkeypatch):
    room = Room(tmp_path, monkeypatch)
    room.module.__spec__ = ModuleSpec('tensorrt', None)
    monkeypatch.setattr(library, 'MODULES', ('tensorrt',))
    gpu = {item.subject: item for item in examine_gpu()}
    assert gpu['GPU'].text == 'Orin, compute capability 8.7, driver for CUDA 12.6'
    assert gpu['cuda-python'].text == '8.0 GiB of the GPU are free'
    backends = {item.subject: item.text for item in examine_backends()}
    assert backends['backend tensorrt'] == 'tensorrt 10.3.0'
    # The GPU is pretended, PyTorch is not.
    assert 'cannot use the GPU' in backends['backend torch']
