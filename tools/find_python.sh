#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Print the first Python from 3.10 on that can make virtual environments: $PYTHON, python3, or a
# numbered one. Else print one line that says what to install, and fail.

ok='import sys; sys.exit(sys.version_info < (3, 10))'
venv='import ensurepip, venv'
found=''
for python in ${PYTHON:-python3 python3.12 python3.11 python3.10 python3.13 python3.14}; do
    "$python" -c "$ok" 2>/dev/null || continue
    found=$python
    "$python" -c "$venv" 2>/dev/null || continue
    command -v "$python"
    exit 0
done
if [ -n "$found" ]; then
    version=$("$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "$found cannot make virtual environments: sudo apt install python$version-venv" >&2
else
    echo "no Python from 3.10 on was found (tried: ${PYTHON:-python3}):" \
        'sudo apt install python3 python3-venv, or set PYTHON=/path/to/python' >&2
fi
exit 1
