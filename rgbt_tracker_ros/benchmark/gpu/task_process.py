# SPDX-License-Identifier: Apache-2.0
"""Does each task in a process of its own: what crashes, hangs or fills the GPU ends alone."""
from __future__ import annotations

from contextlib import suppress
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import Any

from rgbt_tracker_ros.benchmark.gpu.tasks import Task
from rgbt_tracker_ros.benchmark.gpu.work import Setting, request

_LAST_WORDS = 400


def do_in_process(task: Task, setting: Setting, longest_s: float) -> dict[str, Any]:
    """Do a task in a child process; return its entries of the report.

    `status` is `ok`, `failed` (with its `reason`) or `out of time`.
    """
    with TemporaryDirectory() as folder:
        asked, answer, words = (Path(folder) / name for name in ('asked', 'answer', 'words'))
        asked.write_text(request(task, setting), encoding='utf-8')
        with words.open('wb') as output:
            process = _start(asked, answer, output.fileno())
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
        last = ' '.join(words.read_text(errors='replace').split())[-_LAST_WORDS:]
        how = f'was ended by {signal.Signals(-status).name}' if status < 0 else \
            f'ended with status {status}'
        return {'status': 'failed', 'reason': f'its process {how}: {last}'}


def _start(asked: Path, answer: Path, output: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, '-m', 'rgbt_tracker_ros.benchmark.gpu.work', str(asked), str(answer)],
        stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        cwd=os.sep, env={**os.environ,
                         'PYTHONPATH': os.pathsep.join(map(os.path.abspath, sys.path))})
