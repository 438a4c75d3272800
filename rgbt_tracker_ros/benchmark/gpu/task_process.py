# SPDX-License-Identifier: Apache-2.0
"""Does each task in a process of its own: what crashes, hangs or fills the GPU ends alone."""
from __future__ import annotations

from contextlib import suppress
import json
import os
from pathlib import Path
import signal
import subprocess
from tempfile import TemporaryDirectory
from typing import Any

from rgbt_tracker_ros.benchmark.gpu.tasks import Task
from rgbt_tracker_ros.benchmark.gpu.work import Setting, request
from rgbt_tracker_ros.inference.child_process import end_in_words, start_module


def do_in_process(task: Task, setting: Setting, longest_s: float) -> dict[str, Any]:
    """Do a task in a child process; return its entries of the report.

    `status` is `ok`, `failed` (with its `reason`) or `out of time`.
    """
    with TemporaryDirectory() as folder:
        asked, answer, words = (Path(folder) / name for name in ('asked', 'answer', 'words'))
        asked.write_text(request(task, setting), encoding='utf-8')
        with words.open('w+b') as output:
            process = start_module('rgbt_tracker_ros.benchmark.gpu.work', str(asked), str(answer),
                                   output=output)
            try:
                status = process.wait(timeout=longest_s)
            except subprocess.TimeoutExpired:
                return {'status': 'out of time', 'reason': f'not done after {longest_s:.0f} s'}
            finally:
                # It may have started others, as compilers do.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if answer.is_file():
                result: dict[str, Any] = json.loads(answer.read_text(encoding='utf-8'))
                return result
            return {'status': 'failed', 'reason': f'its process {end_in_words(status, output)}'}
