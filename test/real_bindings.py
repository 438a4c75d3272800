# SPDX-License-Identifier: Apache-2.0
"""What the real Python bindings of TensorRT and CUDA offer, asked in processes of their own.

TensorRT's bindings load without TensorRT when libraries with its few exported functions stand in
for it: classes, methods and enumerations are all there, but nothing can be called.
"""
from __future__ import annotations

from functools import cache
import json
import os
from pathlib import Path
import re
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(sys.prefix) / 'bindings'

_FUNCTIONS = (
    'createInferBuilder_INTERNAL', 'createInferRuntime_INTERNAL', 'createInferRefitter_INTERNAL',
    'createNvOnnxParser_INTERNAL', 'createNvOnnxParserRefitter_INTERNAL', 'getPluginRegistry',
    'getBuilderPluginRegistry', 'getInferLibVersion', 'getNvOnnxParserVersion',
    'initLibNvInferPlugins',
    # Of the parsers for Caffe and UFF, which TensorRT 8 still has.
    '_ZN14nvcaffeparser117createCaffeParserEv', '_ZN14nvcaffeparser123shutdownProtobufLibraryEv',
    '_ZN11nvuffparser15createUffParserEv', '_ZN11nvuffparser23shutdownProtobufLibraryEv',
    '_ZN11nvuffparser8FieldMapC1EPKcPKvNS_9FieldTypeEi')
_LIBRARIES = ('nvinfer', 'nvonnxparser', 'nvinfer_plugin', 'nvparsers')
_ASK = '''
import importlib, json, sys
module = importlib.import_module(sys.argv[1])
for name in sys.argv[2:]:
    # Our own classes on the real ones.
    from rgbt_tracker_ros.inference.tensorrt.library import ErrorLog
    from rgbt_tracker_ros.inference.tensorrt.progress import monitor
    ErrorLog(module).logger.log(module.ILogger.ERROR, 'failed')
    watching = monitor(module, print, bool)
    assert watching is None or watching.step_complete.__name__
members = {
    name: {member: getattr(getattr(kind, member), '__doc__', None) or ''
           for member in dir(kind) if not member.startswith('_')}
    for name, kind in vars(module).items() if isinstance(kind, type)}
functions = {name: (getattr(module, name).__doc__ or '').split(chr(10))[0]
             for name in dir(module) if not name.startswith('_')}
print(json.dumps([getattr(module, '__version__', ''), members, functions]))
'''


class Real(NamedTuple):
    """A module as it is.

    Attributes
    ----------
    version
        As it says.
    classes
        Its classes, each with its members and what these say of themselves.
    functions
        Everything on its top level, likewise.

    """

    version: str
    classes: dict[str, dict[str, str]]
    functions: dict[str, str]

    def takes(self, kind: str, method: str, names: list[str]) -> bool:
        """Tell whether some form of a method takes these parameters, and needs no others."""
        text = re.sub(r'<[^<>]*>|\[[^][]*\]', '', self.classes[kind][method])
        for form in re.findall(rf'\b{method}\((self: .*)\) ->', text):
            parameters = [part.strip() for part in form.split(',')]
            known = [part.partition(':')[0] for part in parameters[:len(names)]]
            if known == names and all('=' in part for part in parameters[len(names):]):
                return True
        return False


def wanted(package: str) -> list[str]:
    """Return the folders of a package's versions that requirements/bindings.txt wants here."""
    lines = (ROOT / 'requirements' / 'bindings.txt').read_text().splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith('#')]
    return [f'{item.name}-{str(item.specifier).removeprefix("==")}' for item in requirements
            if item.name.startswith(package) and (not item.marker or item.marker.evaluate())]


_stubs = TemporaryDirectory()


@cache
def _stub_folder(major: str) -> str:
    """Compile empty libraries of a major version; return their folder."""
    folder = Path(_stubs.name) / major
    folder.mkdir()
    code = '\n'.join(f'void *{name}(void) {{ return 0; }}' for name in _FUNCTIONS)
    built = folder / 'stub.so'
    subprocess.run(['cc', '-shared', '-fPIC', '-x', 'c', '-', '-o', built], input=code, text=True,
                   check=True)
    for name in _LIBRARIES:
        (folder / f'lib{name}.so.{major}').symlink_to(built)
    return str(folder)


@cache
def tensorrt(folder: str) -> Real:
    """Return what one version's bindings offer; `tensorrt_rtx` is the whole real module."""
    if folder == 'tensorrt_rtx':
        return _ask(folder, {}, 'ours')
    major = folder.rpartition('-')[2].partition('.')[0]
    return _ask('tensorrt_bindings', {'LD_LIBRARY_PATH': _stub_folder(major),
                                      'PYTHONPATH': f'{FOLDER / folder}:{ROOT}'}, 'ours')


def cuda(folder: str, module: str) -> Real:
    """Return what one version of cuda-python offers."""
    return _ask(module, {'PYTHONPATH': str(FOLDER / folder)})


def _ask(module: str, environment: dict[str, str], *arguments: str) -> Real:
    done = subprocess.run([sys.executable, '-c', _ASK, module, *arguments], text=True,
                          capture_output=True, env=os.environ | environment, check=False)
    assert done.returncode == 0, f'{done.stderr[-1000:]}\nIs {FOLDER} complete? make setup-test'
    content: Any = json.loads(done.stdout.splitlines()[-1])
    return Real(*content)
