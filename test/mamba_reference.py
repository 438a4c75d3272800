# SPDX-License-Identifier: Apache-2.0
"""The reference functions of mamba-ssm, without the GPU code that importing it would need."""
from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
import sys
from types import ModuleType


def reference_functions(monkeypatch):
    """Return mamba-ssm's `selective_scan_ref` and `ssd_minimal_discrete`."""
    root = Path(find_spec('mamba_ssm').origin).parent
    # Packages that do not run their __init__, which loads everything; and empty kernels.
    for name in ('mamba_ssm', 'mamba_ssm.ops', 'mamba_ssm.modules', 'mamba_ssm.utils'):
        package = ModuleType(name)
        package.__path__ = [str(root.joinpath(*name.split('.')[1:]))]
        monkeypatch.setitem(sys.modules, name, package)
    for name, functions in (
            ('selective_scan_cuda', ()), ('mamba_ssm.ops.triton', ()),
            ('mamba_ssm.ops.triton.layer_norm', ('_layer_norm_fwd',)),
            ('mamba_ssm.ops.triton.ssd_combined', ('mamba_chunk_scan_combined',))):
        module = ModuleType(name)
        for function in functions:
            setattr(module, function, None)
        monkeypatch.setitem(sys.modules, name, module)
    found = []
    for name, function in (('mamba_ssm.ops.selective_scan_interface', 'selective_scan_ref'),
                           ('mamba_ssm.modules.ssd_minimal', 'ssd_minimal_discrete')):
        monkeypatch.delitem(sys.modules, name, raising=False)
        found.append(getattr(import_module(name), function))
        monkeypatch.delitem(sys.modules, name)
    return found
