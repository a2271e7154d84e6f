#!/usr/bin/env bash
# Everything that must hold, in a clean virtual environment: style, types, architecture, tests.
# Usage: bash tests/check.sh [arguments for pytest]
set -euo pipefail
cd "$(dirname "$0")/.."

environment=$(mktemp -d)/venv
trap 'rm -rf "$(dirname "$environment")"' EXIT
python3 -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check \
    --constraint tests/constraints.txt --editable ".[fast,hindcast,sweep,build,test,cuda13]"
export PATH="$environment/bin:$PATH"

ruff check .
ruff format --check .
mypy
lint-imports
# Tests start hundreds of processes, each of which would compile every module again where bytecode is not kept.
unset PYTHONDONTWRITEBYTECODE
python -m pytest -n "$(nproc)" --dist worksteal "$@"
