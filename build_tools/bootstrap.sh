#!/bin/sh
# Makes the virtual environment $2 with the interpreter $1. What the system lacks is installed through apt-get where this
# user may do that; otherwise one line says what to install.
set -eu
python=$1
venv=$2

if ! command -v "$python" >/dev/null || ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "fairlead needs Python 3.11 or newer as '$python'; name another one with: make PYTHON=python3.12" >&2
    exit 1
fi

missing() {
    name=$(basename "$python")
    "$python" -c 'import ensurepip, venv' 2>/dev/null || echo "$name-venv"
    "$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' || echo "$name-dev"
    command -v "${CC:-gcc}" >/dev/null || echo "gcc"
    test -e /usr/include/stdlib.h || echo "libc6-dev"
    command -v pkg-config >/dev/null || echo "pkg-config"
    pkg-config --exists libnghttp2 2>/dev/null || echo "libnghttp2-dev"
}

packages=$(missing | paste -sd ' ' -)
if [ -n "$packages" ]; then
    as_root=unavailable
    if command -v apt-get >/dev/null; then
        if [ "$(id -u)" = 0 ]; then
            as_root=
        elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
            as_root="sudo -n"
        fi
    fi
    if [ "$as_root" = unavailable ]; then
        echo "fairlead cannot be built yet; install first: apt-get install $packages" >&2
        exit 1
    fi
    echo "installing $packages"
    $as_root apt-get update -qq </dev/null
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $packages </dev/null >/dev/null
fi

"$python" -m venv "$venv"
