#!/bin/sh
# Installs the Debian packages it is given. The Makefile calls it for a command that the machine lacks.
set -eu
if ! command -v apt-get >/dev/null; then
    echo "this machine lacks what Debian calls $*; install it and try again" >&2
    exit 1
fi
as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "$@"
