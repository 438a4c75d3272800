# SPDX-License-Identifier: Apache-2.0
"""Reads `tegrastats`, which tells on a Jetson how busy, hot and full it is.

Its lines differ between JetPack 5, 6 and 7, and between modules: what is not there, or not
understood, is None or left out, never an error.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
import re
import shutil
import subprocess

_UNITS = {'k': 1 / 1024, 'M': 1.0, 'G': 1024.0}
_RAM = re.compile(r'\bRAM (\d{1,9})/(\d{1,9})([kMG])B', re.ASCII)
# Load and clock; on JetPack 7 clocks of several clusters, on a Thor without the load.
_GPU = re.compile(r'\bGR3D_FREQ (?:(\d{1,3})%)?(?:@\[?(\d{1,6}(?:,\d{1,6})*)\]?)?', re.ASCII)
_TEMPERATURE = re.compile(r'\b(\w{1,40})@(-?\d{1,4}(?:\.\d{1,6})?)C', re.ASCII)
_POWER = re.compile(r'\b([A-Z]\w{1,40}) (\d{1,9})mW/\d{1,9}mW', re.ASCII)
_POSSIBLE_C = (-60.0, 200.0)
"""A sensor that is switched off reports -256."""


@dataclass(frozen=True, slots=True)
class TegraStats:
    """One line.

    Attributes
    ----------
    ram_used, ram_total
        MiB, of CPU and GPU together.
    gpu_load
        Percent.
    gpu_clock
        MHz; the fastest cluster's.
    temperatures
        Degrees Celsius by sensor, as in `gpu`; names in lower case.
    power
        Milliwatts by rail, as in `VDD_IN`.

    """

    ram_used: float | None = None
    ram_total: float | None = None
    gpu_load: int | None = None
    gpu_clock: int | None = None
    temperatures: Mapping[str, float] = field(default_factory=dict)
    power: Mapping[str, int] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Tell whether anything was understood."""
        return self != TegraStats()


def parse(line: str) -> TegraStats:
    """Return what a line says, whatever the line."""
    ram = _RAM.search(line)
    used = total = None
    if ram:
        unit = _UNITS[ram[3]]
        used, total = int(ram[1]) * unit, int(ram[2]) * unit
    gpu = _GPU.search(line)
    load = int(gpu[1]) if gpu and gpu[1] and int(gpu[1]) <= 100 else None
    clock = max(map(int, gpu[2].split(','))) if gpu and gpu[2] else None
    low, high = _POSSIBLE_C
    temperatures = {name.lower(): float(value) for name, value in _TEMPERATURE.findall(line)
                    if low <= float(value) <= high}
    return TegraStats(used, total, load, clock, temperatures,
                      {name: int(value) for name, value in _POWER.findall(line)})


def busiest(samples: Iterable[TegraStats]) -> TegraStats | None:
    """Return the sample with the highest GPU load, the last one of those; None where none says."""
    known = [sample for sample in samples if sample.known]
    return max(reversed(known), key=lambda sample: sample.gpu_load or 0, default=None)


def watch(seconds: float = 1.5) -> list[TegraStats]:
    """Return what `tegrastats` says within some seconds; nothing where there is none."""
    program = shutil.which('tegrastats')
    if program is None:
        return []
    try:
        process = subprocess.Popen(
            [program, '--interval', '500'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL)
    except OSError:
        return []
    # It goes on until it is ended.
    with process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
    return [parse(line) for line in output.decode(errors='replace').splitlines()]
