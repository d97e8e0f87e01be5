#!/bin/sh
# Makes .venv with uv in it. In: PYTHON, if set, names the interpreter; out: .venv, or one line that
# says what is missing. Called by the Makefile.
set -eu

uv='uv>=0.13,<0.14'
new_enough='import sys; sys.exit(sys.version_info < (3, 11))'

python=
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$candidate" -c "$new_enough" 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    found=$("${PYTHON:-python3}" --version 2>/dev/null || echo "no ${PYTHON:-python3}")
    echo "Uptake needs Python 3.11 or later, here is $found: install one, or name one you have with PYTHON=/path/to/python3.11" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "$python cannot make a virtual environment, ensurepip is missing; on Debian and Ubuntu: sudo apt install python$version-venv" >&2
    exit 1
fi

echo "Installing into .venv, with $("$python" --version) ..." >&2
# A .venv whose interpreter went away or is too old is made anew.
if [ -e .venv ] && ! .venv/bin/python -c "$new_enough" 2>/dev/null; then
    "$python" -m venv --clear .venv
else
    "$python" -m venv .venv
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: "$uv"
