#!/usr/bin/env bash
# Installs those of the named Debian packages that are missing, as root or with sudo: cmake/install_packages.sh PACKAGE...
# Touches nothing when all are there; says in one line what to install when it cannot.
set -euo pipefail

missing=()
for package in "$@"; do
  if command -v dpkg-query >/dev/null; then
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  fi
done
if ! command -v dpkg-query >/dev/null; then
  echo "Not a Debian system: what Debian calls $* is taken to be installed." >&2
  exit 0
fi
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
  as_root=(sudo)
  command -v sudo >/dev/null || { echo "Please install as root: apt-get install ${missing[*]}" >&2; exit 1; }
fi
echo "Installing ${missing[*]}"
install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}")
# The package lists of a fresh machine are old or empty: fetch them when the first try fails.
"${install[@]}" >/dev/null 2>&1 || { "${as_root[@]}" apt-get update -q >/dev/null && "${install[@]}" >/dev/null; } ||
  { echo "Could not install them. Please run: apt-get install ${missing[*]}" >&2; exit 1; }
