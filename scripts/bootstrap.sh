#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# As much shell as it takes to have cargo and a linker: finds or installs them, builds scripts/tool and hands over to
# it. All arguments are the tool's.

set -eu

MINIMUM=1.85
repo=$(cd "$(dirname "$0")/.." && pwd)

fail() {
	echo "error: $*" >&2
	exit 1
}

# Whether $1 is a version not below $2.
at_least() {
	[ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# The first cargo that runs and is new enough; one of rustup without a toolchain is there and does not run.
find_cargo() {
	directories=$PATH:${CARGO_HOME:-${HOME:-}/.cargo}/bin
	IFS=:
	for directory in $directories; do
		[ -x "$directory/cargo" ] || continue
		version=$("$directory/cargo" --version 2>/dev/null | cut -d ' ' -f 2)
		if [ -n "$version" ] && at_least "$version" $MINIMUM; then
			echo "$directory/cargo"
			break
		fi
	done
	unset IFS
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		fail "as root, run: $*"
	fi
}

# The newest cargo the distribution has, if it is new enough: package names differ between its releases.
cargo_package() {
	for package in cargo-web cargo; do
		version=$(apt-cache policy "$package" 2>/dev/null | sed -n 's/^ *Candidate: \([0-9][^+~-]*\).*/\1/p')
		if [ -n "$version" ] && at_least "$version" $MINIMUM; then
			echo "$version $package"
		fi
	done | sort -V | tail -n 1 | cut -d ' ' -f 2
}

install() {
	command -v apt-get >/dev/null ||
		fail "missing and there is no apt: $1: install cargo $MINIMUM or newer and a C compiler, then run again"
	mkdir -p "$repo/build/logs"
	log=$repo/build/logs/bootstrap.log
	echo "  cargo                  installing ($1)" >&2
	as_root apt-get -q update >"$log" 2>&1 || true
	packages="gcc libc6-dev ca-certificates"
	if [ -z "$cargo" ]; then
		package=$(cargo_package)
		[ -n "$package" ] || {
			tail -n 5 "$log" >&2
			fail "the distribution offers no cargo of at least $MINIMUM (or there is no network): install one and run again"
		}
		packages="$packages $package"
	fi
	# shellcheck disable=SC2086 # a list of words
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends $packages >>"$log" 2>&1 || {
		tail -n 20 "$log" >&2
		fail "apt could not install $packages: see build/logs/bootstrap.log"
	}
}

cargo=$(find_cargo)
missing=
[ -n "$cargo" ] || missing="cargo $MINIMUM or newer"
command -v cc >/dev/null || missing="${missing:+$missing, }cc"
if [ -n "$missing" ]; then
	install "$missing"
	cargo=$(find_cargo)
	[ -n "$cargo" ] || fail "cargo is still missing after its package was installed: see build/logs/bootstrap.log"
fi

# What is for the kernel's build must not reach this one.
unset RUSTC RUSTFLAGS RUSTC_WRAPPER CARGO_BUILD_TARGET MAKEFLAGS MFLAGS MAKELEVEL
CARGO_TARGET_DIR=$repo/build/target
export CARGO_TARGET_DIR

build() {
	(cd "$repo/scripts" && "$cargo" build --release --locked --package vma-tool "$@")
}

tool=$CARGO_TARGET_DIR/release/vma-tool
mkdir -p "$repo/build/logs"
[ -x "$tool" ] || echo "  host tool              compiling" >&2
if ! build --quiet >"$repo/build/logs/tool.log" 2>&1; then
	tail -n 20 "$repo/build/logs/tool.log" >&2
	fail "the host tool does not build (without network its crates cannot be fetched): see build/logs/tool.log"
fi
exec "$tool" --repo "$repo" --cargo "$cargo" "$@"
