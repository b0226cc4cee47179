#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Everything that this machine must have. As `bootstrap.sh ARGUMENTS`, called by make: installs cargo and a C compiler if
# there are none, builds scripts/tool and starts it with the arguments. As `bootstrap.sh --setup STEP...`, called by the tool,
# which sets VMA_BUILD, VMA_CACHE, VMA_CARGO, VMA_SERIES and VMA_RUSTC: installs packages, fetches the kernel source
# and builds bindgen. Each step does nothing if its work is done, and puts its result in place by a rename. Results are
# lines name=value on stdout; error=TEXT is the last one of a step that failed.

# A word of the lists below is a pattern for no file name.
set -euf

MIN_RUST=1.85.0
MIN_LLVM=17
MIN_BINDGEN=0.71.1
NEW_BINDGEN=0.72.1
# The crates of bindgen whose speed counts: to optimise all takes twice as long as it gains in a dozen kernels.
OPTIMISED="aho-corasick bindgen itertools proc-macro2 quote regex regex-automata regex-syntax rustc-hash"
SUITE=trixie-backports
: "${VMA_SOURCE_MIB:=1900}" "${VMA_KERNEL_MIB:=1000}"

# Requirements, and their packages: a command, a file below /usr/local, /usr or /, or a module of Python. With a dash it is
# installed along with others, but not required.
: "${VMA_NEEDS:=
	make=make git=git gcc=gcc include/stdlib.h=libc6-dev flex=flex bison=bison bc=bc perl=perl python3=python3
	python:docutils=python3-docutils spin=spin gawk=gawk cpio=cpio rsync=rsync sbin/depmod=kmod tar=tar xz=xz-utils
	include/libelf.h=libelf-dev include/elfutils/libdw.h=libdw-dev include/openssl/opensslv.h=libssl-dev
	qemu-system-x86_64=qemu-system-x86 share/qemu/qboot.rom=qemu-system-data,seabios
	-etc/ssl/certs/ca-certificates.crt=ca-certificates -ccache=ccache -busybox=busybox-static
	-share/keyrings/debian-archive-keyring.gpg=debian-archive-keyring}"
: "${VMA_KEYRING:=/usr/share/keyrings/debian-archive-keyring.gpg}"
PAGE_NEEDS="
	python:matplotlib=python3-matplotlib chromium-headless-shell=chromium-headless-shell
	share/fonts/truetype/dejavu/DejaVuSansMono.ttf=fonts-dejavu-core"

# The memory model of the kernel needs a herd7 that is newer than that of a stable release. It comes with the libraries that
# it was built for.
MIN_HERD=7.58
HERD_SUITE=sid
HERD_PACKAGES="herdtools7 libc6 libgmp10"
: "${VMA_HERD_NEEDS:=bin/time=time}"

SELFTESTS_NEEDS="bash-static=bash-static busybox=busybox-static include/sys/capability.h=libcap-dev stress-ng=stress-ng"

repo=$(cd "$(dirname "$0")/.." && pwd)
build=${VMA_BUILD:-$repo/build}

fail() {
	[ -n "${setup:-}" ] || echo "error: $*" >&2
	[ -z "${setup:-}" ] || echo "error=$*" >&3
	exit 1
}

# Checks that version $1 is not below $2.
at_least() {
	[ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

has() {
	command -v "$1" >/dev/null
}

have_apt() {
	has apt-get && has apt-cache
}

# Shows the end of a log.
show() {
	tail -n 20 "$1" >&2
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

# Fails unless packages can be installed; sudo may ask for a password.
may_install() {
	[ "$(id -u)" != 0 ] || return 0
	has sudo || fail "packages are missing and there is no sudo: as root, run: apt-get install $*"
	sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v >&2; } ||
		fail "packages are missing and sudo refuses: as root, run: apt-get install $*"
}

install() {
	may_install "$@"
	log=$build/logs/packages.log
	echo "  packages               installing $*" >&2
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 -o Acquire::Retries=2 \
		install -y --no-install-recommends "$@" >>"$log" 2>&1 || {
		show "$log"
		fail "apt could not install $*: see build/logs/packages.log"
	}
}

# Old lists may do: if not, the installation says what is wrong.
update() {
	as_root apt-get -q update >"$build/logs/packages.log" 2>&1 || true
}

# The version of a package that would be installed.
candidate() {
	apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: \([0-9]*:\)\{0,1\}\([0-9.]*[0-9]\).*/\2/p'
}

# The newest of some packages that is at least version $1.
newest() {
	minimum=$1
	shift
	for package; do
		version=$(candidate "$package")
		[ -z "$version" ] || ! at_least "$version" "$minimum" || echo "$version $package"
	done | sort -V | tail -n 1 | cut -d ' ' -f 2
}

present() {
	case $1 in
	python:*)
		python=/usr/bin/python3
		[ -x $python ] || python=python3
		$python -B -c "import ${1#python:}" 2>/dev/null ;;
	*/*) [ -e "/usr/local/$1" ] || [ -e "/usr/$1" ] || [ -e "/$1" ] ;;
	*) has "$1" ;;
	esac
}

# Sets missing and packages from a list of needs.
check() {
	missing=
	packages=
	for need in $1; do
		thing=${need%=*}
		thing=${thing#-}
		present "$thing" && continue
		[ "$need" != "${need#-}" ] || missing="${missing:+$missing, }${thing#python:}"
		packages="$packages $(echo "${need##*=}" | tr , ' ')"
	done
}

# Sets rustc, rust_version and rust_llvm; or why, if a rustc cannot build the kernel.
inspect() {
	why="$1 does not run: pass RUSTC= one that does"
	about=$("$1" -vV 2>/dev/null) || return 1
	rust_version=$(echo "$about" | sed -n 's/^release: \([0-9.]*\).*/\1/p')
	rust_llvm=$(echo "$about" | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
	why="$1 does not say its version as rustc does: pass RUSTC= a rustc"
	[ -n "$rust_version" ] && [ -n "$rust_llvm" ] || return 1
	why="$1 is $rust_version and the kernel needs $MIN_RUST: pass RUSTC= a newer one"
	at_least "$rust_version" $MIN_RUST || return 1
	why="$1 has no library source: install the rust-src of $rust_version (rust-web-src or rust-src with apt,"
	why="$why \`rustup component add rust-src\` with rustup) or pass RUSTC= one that has it"
	[ -e "$("$1" --print sysroot)/lib/rustlib/src/rust/library/core/src/lib.rs" ] || return 1
	rustc=$1
}

# The caller's rustc, else the distribution's, else that of PATH.
find_rust() {
	if [ -n "${VMA_RUSTC:-}" ]; then
		inspect "$VMA_RUSTC"
		return
	fi
	first=
	for file in /usr/bin/rustc "$(command -v rustc || true)"; do
		[ -x "$file" ] || continue
		! inspect "$file" || return 0
		first=${first:-$why}
	done
	why=${first:-no rustc was found}
	return 1
}

# Checks that an LLVM, given by the suffix of its programs, is complete.
complete() {
	for tool in clang ld.lld llvm-ar llvm-nm llvm-objcopy llvm-strip llvm-link; do
		has "$tool$1" || return 1
	done
}

# Sets llvm, its suffix, and llvm_major: those of version $1 if they are complete, else of the newest that is.
find_llvm() {
	llvm_major=
	plain=0
	! complete "" || plain=$(clang --version | sed -n 's/.*version \([0-9]*\)\..*/\1/p' | head -n 1)
	for major in $1 $(seq 60 -1 $MIN_LLVM); do
		[ "$major" -ge $MIN_LLVM ] || continue
		if complete "-$major"; then
			llvm=-$major llvm_major=$major
			return 0
		elif [ "$plain" = "$major" ]; then
			llvm='' llvm_major=$major
			return 0
		fi
	done
	return 1
}

# The LLVM to install: that of rustc if it is offered, else the newest if there is none.
llvm_packages() {
	[ "$llvm_major" != "${rust_llvm:-}" ] && have_apt || return 0
	offers=${rust_llvm:-0}
	[ -n "$llvm_major" ] || offers="$offers $(seq 30 -1 $MIN_LLVM)"
	for v in $offers; do
		[ "$v" -ge $MIN_LLVM ] && [ -n "$(candidate "clang-$v")" ] || continue
		echo "clang-$v lld-$v llvm-$v libclang-$v-dev"
		return
	done
}

step_packages() {
	find_rust || [ -z "${VMA_RUSTC:-}" ] || fail "$why"
	check "$VMA_NEEDS"
	rust_missing=
	[ -n "${rustc:-}" ] || rust_missing="rustc $MIN_RUST with rust-src, rustfmt and clippy ($why)"
	for tool in rustfmt clippy-driver; do
		[ -n "${VMA_RUSTC:-}" ] || [ -x "$(dirname "${rustc:-/}")/$tool" ] || rust_incomplete=1
	done
	find_llvm "${rust_llvm:-0}" || true
	if ! have_apt; then
		[ -z "$rust_missing" ] || missing="${missing:+$missing, }$rust_missing"
		[ -n "$llvm_major" ] || missing="${missing:+$missing, }clang, lld, llvm and libclang $MIN_LLVM or newer"
		[ -z "$missing" ] || fail "there is no apt here, so install these by hand: $missing"
	elif [ -n "$missing$rust_missing${rust_incomplete:-}" ] || [ -z "$llvm_major" ]; then
		# shellcheck disable=SC2086 # lists of words
		may_install $packages
		update
		if [ -n "$rust_missing${rust_incomplete:-}" ]; then
			case $(newest $MIN_RUST rustc-web rustc) in
			rustc-web) packages="$packages rustc-web rust-web-src rustfmt-web rust-web-clippy" ;;
			rustc) packages="$packages rustc rust-src rustfmt rust-clippy" ;;
			*) fail "the distribution has no rustc of at least $MIN_RUST with its library source: pass RUSTC= one that has" ;;
			esac
		fi
		# shellcheck disable=SC2086
		install $packages $(llvm_packages)
		check "$VMA_NEEDS"
		[ -z "$missing" ] || fail "$missing: still missing after its package was installed"
	fi
	find_rust || fail "$why"
	find_llvm "$rust_llvm" || true
	more=$(llvm_packages)
	# Without the LLVM of rustc the kernel can be built, but not with inline helpers.
	# shellcheck disable=SC2086
	[ -z "$more" ] || (install $more) || [ -n "$llvm_major" ] || exit 1
	find_llvm "$rust_llvm" ||
		fail "clang, ld.lld, llvm-ar and libclang of one version are missing: install LLVM $rust_llvm (that of rustc), or another of at least $MIN_LLVM"
	printf '%s\n' "rustc=$rustc" "rust_version=$rust_version" "rust_llvm=$rust_llvm" "llvm=$llvm" "llvm_major=$llvm_major" >&3
}

# Installs the packages of a list of needs.
ensure() {
	check "$1"
	[ -n "$missing" ] || return 0
	have_apt || fail "there is no apt here, so install these by hand: $missing"
	# shellcheck disable=SC2086
	may_install $packages
	update
	# shellcheck disable=SC2086
	install $packages
	check "$1"
	[ -z "$missing" ] || fail "$missing: still missing after its package was installed"
}

step_page() {
	ensure "$PAGE_NEEDS"
}

step_gdb() {
	ensure gdb=gdb
}

step_arm() {
	ensure "qemu-system-aarch64=qemu-system-arm qemu-system-arm=qemu-system-arm"
}

step_cross_arm64() {
	ensure "aarch64-linux-gnu-gcc=gcc-aarch64-linux-gnu aarch64-linux-gnu/include/stdlib.h=libc6-dev-arm64-cross"
}

step_riscv() {
	package=qemu-system-misc
	[ -z "$(candidate qemu-system-riscv)" ] || package=qemu-system-riscv
	ensure "qemu-system-riscv64=$package share/qemu/opensbi-riscv64-generic-fw_dynamic.bin=qemu-system-data"
}

step_selftests() {
	ensure "$SELFTESTS_NEEDS"
}

# Fails unless the file system of a directory, or of its nearest parent that exists, has $2 MiB for $3.
room() {
	dir=$1
	while [ ! -e "$dir" ]; do dir=$(dirname "$dir"); done
	free=$(($(df -Pk "$dir" | sed -n '$s/^[^ ]* *[0-9]* *[0-9]* *\([0-9]*\) .*/\1/p') / 1024))
	[ "$free" -ge "$2" ] ||
		fail "$1: $3 needs $2 MiB and $free MiB are free: make room there, or move it (VMA_CACHE= for the cache)"
}

step_room() {
	room "$build" "$VMA_KERNEL_MIB" "a kernel build"
}

# The version in a tree's top Makefile.
tree_version() {
	[ -e "$1/Makefile" ] || return 0
	for name in VERSION PATCHLEVEL SUBLEVEL; do
		head -n 20 "$1/Makefile" | sed -n "s/^$name *= *\([0-9][0-9]*\) *$/\1/p"
	done | sed -n '1h; 2,3H; ${ x; s/\n/./g; /\..*\./p; }'
}

# The cached tree of the most preferred series, the newest of them.
cached() {
	[ -d "$VMA_CACHE/source" ] || return 0
	for series in $VMA_SERIES; do
		tree=$(find "$VMA_CACHE/source" -mindepth 1 -maxdepth 1 | while read -r dir; do
			version=$(tree_version "$dir")
			case $version in "$series".*) echo "$version $dir" ;; esac
		done | sort -V | tail -n 1 | cut -d ' ' -f 2-)
		[ -z "$tree" ] || { echo "$tree"; return; }
	done
}

# apt with the sources of a suite, and with lists and a cache of its own, so that the system's set-up stays as it is.
own_apt() {
	program=$1
	shift
	"$program" -o Dir::Etc::sourcelist="$VMA_CACHE/apt/$suite.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::lists="$VMA_CACHE/apt/$suite" -o Dir::Cache="$VMA_CACHE/apt/cache" \
		-o APT::Update::Error-Mode=any -o APT::Sandbox::User= -o APT::Get::AllowUnauthenticated=false \
		-o Acquire::AllowInsecureRepositories=false -o Acquire::Languages=none -o Acquire::Retries=2 \
		-o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 "$@"
}

# The archive from which the host gets its packages: the one whose release file says that it is Debian's, and not that of
# security updates. Where no list was fetched yet, the addresses that would be fetched have to do.
archive() {
	# shellcheck disable=SC2016 # apt's own variables
	found=$(apt-get indextargets --format '$(REPO_URI)|$(ORIGIN)|$(LABEL)' 2>/dev/null |
		sed -n 's/|Debian|Debian$//p' | head -n 1)
	[ -n "$found" ] || found=$(apt-get update --print-uris 2>/dev/null |
		sed -n "s,^'\([^']*/\)dists/\([^/']*\)/.*,\1 \2,p" | grep -v security | cut -d ' ' -f 1 | head -n 1)
	[ -n "$found" ] || fail "the host's apt sources name no Debian archive: add one, or $otherwise"
	echo "$found"
}

# Why the lists could not be fetched, by the log.
why_no_update() {
	if grep -qE "NO_PUBKEY|is not signed|EXPKEYSIG|BADSIG|signatures (couldn't be verified|were invalid)" "$1"; then
		echo "the archive's signature does not check: update debian-archive-keyring, or $otherwise"
	elif grep -qE "(does not have|no longer has) a Release file|404" "$1"; then
		echo "the host's archive does not have the suite $suite: $otherwise"
	else
		echo "no network: the archive cannot be reached: connect and run again, or $otherwise"
	fi
}

# Fetches the lists of a suite, and sets log. The second argument is what is wanted of it, the third what else would do.
ask() {
	suite=$1
	otherwise=$3
	have_apt && has dpkg-deb || fail "without apt $2 cannot be fetched: $otherwise"
	room "$VMA_CACHE" 256 "fetching $2"
	[ -e "$VMA_KEYRING" ] || fail "$VMA_KEYRING: the archive's keys are missing: install debian-archive-keyring"
	uri=$(archive) || exit 1
	mkdir -p "$VMA_CACHE/apt/$suite/partial" "$VMA_CACHE/apt/cache/archives/partial"
	echo "deb [signed-by=$VMA_KEYRING] $uri $suite main" >"$VMA_CACHE/apt/$suite.list"
	log=$build/logs/$suite.log
	echo "  $suite, for $2: asking the archive" >&2
	own_apt apt-get update >"$log" 2>&1 || {
		show "$log"
		fail "$(why_no_update "$log")"
	}
}

# Fetches packages of the suite into directory $1, checked by apt.
download() {
	directory=$1
	shift
	(cd "$directory" && own_apt apt-get download "$@") >>"$log" 2>&1 || {
		show "$log"
		fail "$*: could not be fetched: check the network and run again"
	}
}

# Fetches the source package, and unpacks it into the cache.
fetch() {
	ask "$SUITE" "the kernel source" "give a kernel tree with KDIR="
	offered=$(own_apt apt-cache pkgnames linux-source- | sed 's/^linux-source-//' | sort)
	package=
	for series in $VMA_SERIES; do
		! echo "$offered" | grep -qxF "$series" || { package=linux-source-$series; break; }
	done
	[ -n "$package" ] ||
		fail "the archive has no kernel source of series $VMA_SERIES (it has:" $offered"): give a kernel tree with KDIR="
	[ "$package" = "linux-source-${VMA_SERIES%% *}" ] ||
		echo "  the archive has no ${VMA_SERIES%% *}: using $package" >&2
	version=$(own_apt apt-cache show --no-all-versions "$package" | sed -n 's/^Version: //p')
	room "$VMA_CACHE" $((VMA_SOURCE_MIB + 400)) "the kernel source"
	work=$VMA_CACHE/unpack.tmp
	rm -rf "$work"
	mkdir -p "$work/deb" "$work/tree" "$VMA_CACHE/source"
	echo "  kernel source          fetching $package $version" >&2
	download "$work" "$package=$version"
	echo "  kernel source          unpacking" >&2
	(set +f && dpkg-deb -x "$work"/*.deb "$work/deb" && rm "$work"/*.deb &&
		tar -xJf "$work"/deb/usr/src/*.tar.xz -C "$work/tree" && mv "$work"/tree/* "$work/linux") >>"$log" 2>&1 || {
		show "$log"
		fail "the source could not be unpacked: is the disk full? See build/logs/$suite.log"
	}
	[ -n "$(tree_version "$work/linux")" ] ||
		fail "$package: the package holds no kernel tree: give one with KDIR="
	mv "$work/linux" "$VMA_CACHE/source/${package}_$version"
	rm -rf "$work"
}

# Waits for another run that does the same work.
lock() {
	mkdir -p "$VMA_CACHE"
	exec 9>>"$VMA_CACHE/$1"
	flock -n 9 || { echo "  waiting for another run" >&2; flock 9; }
}

step_pristine() {
	pristine=$(cached)
	if [ -z "$pristine" ]; then
		! has flock || lock .lock-source
		pristine=$(cached)
		[ -n "$pristine" ] || fetch
		pristine=$(cached)
	fi
	echo "pristine=$pristine" >&3
}

# The newest series of the archive, if it is newer than the preferred one.
step_next() {
	ask "$SUITE" "newer kernels" "give a kernel tree with KDIR="
	newest=$(own_apt apt-cache pkgnames linux-source- | sed -n 's/^linux-source-\([0-9.]*\)$/\1/p' | sort -V | tail -n 1)
	[ -n "$newest" ] && [ "$newest" != "${VMA_SERIES%% *}" ] && at_least "$newest" "${VMA_SERIES%% *}" || return 0
	VMA_SERIES=$newest
	step_pristine
}

# The tree that is worked on: a copy of the source.
step_source() {
	[ -z "$(tree_version "$build/linux")" ] || return 0
	step_pristine
	room "$build" "$VMA_SOURCE_MIB" "a working tree"
	echo "  kernel source          copying to build/linux" >&2
	rm -rf "$build/linux.tmp"
	cp -a --reflink=auto "$pristine" "$build/linux.tmp" || fail "the source could not be copied to build/linux.tmp"
	mv "$build/linux.tmp" "$build/linux"
}

find_bindgen() {
	for file in "$(command -v bindgen || true)" "$VMA_CACHE/tools/bin/bindgen"; do
		[ -x "$file" ] || continue
		version=$("$file" --version 2>/dev/null | sed -n 's/^bindgen v\{0,1\}//p')
		[ -z "$version" ] || ! at_least "$version" $MIN_BINDGEN || { echo "$file"; return; }
	done
}

step_bindgen() {
	file=$(find_bindgen)
	if [ -z "$file" ]; then
		! has flock || lock .lock-tools
		file=$(find_bindgen)
	fi
	if [ -z "$file" ]; then
		echo "  bindgen                compiling $NEW_BINDGEN" >&2
		profile="--config profile.release.opt-level=0"
		for crate in $OPTIMISED; do
			profile="$profile --config profile.release.package.$crate.opt-level=1"
		done
		# shellcheck disable=SC2086 # a list of words
		CARGO_TARGET_DIR=$VMA_CACHE/tools/target "$VMA_CARGO" install --locked --version $NEW_BINDGEN \
			--root "$VMA_CACHE/tools" bindgen-cli $profile >"$build/logs/bindgen.log" 2>&1 || {
			show "$build/logs/bindgen.log"
			fail "bindgen $NEW_BINDGEN could not be built: connect to the network (or install bindgen $MIN_BINDGEN or newer) and run again; log: build/logs/bindgen.log"
		}
		rm -rf "$VMA_CACHE/tools/target"
		file=$(find_bindgen)
		[ -n "$file" ] || fail "$VMA_CACHE/tools/bin/bindgen: just built, and it does not run: remove it and run again"
	fi
	echo "bindgen=$file" >&3
}

find_herd() {
	for file in "$(command -v herd7 || true)" "$VMA_CACHE/tools/herd/bin/herd7"; do
		[ -x "$file" ] || continue
		version=$("$file" -version 2>/dev/null | sed -n 's/^\([0-9][0-9.]*\).*/\1/p')
		[ -z "$version" ] || ! at_least "$version" $MIN_HERD || { echo "$file"; return; }
	done
}

# herd7, that of the host or an unpacked one.
step_herd() {
	ensure "$VMA_HERD_NEEDS"
	file=$(find_herd)
	if [ -z "$file" ]; then
		! has flock || lock .lock-tools
		file=$(find_herd)
	fi
	if [ -z "$file" ]; then
		room "$VMA_CACHE" 600 herd7
		ask "$HERD_SUITE" herd7 "install herd7 $MIN_HERD or newer"
		work=$VMA_CACHE/herd.tmp
		rm -rf "$work"
		mkdir -p "$work/deb" "$work/all" "$work/herd/bin" "$work/herd/lib" "$VMA_CACHE/tools"
		# shellcheck disable=SC2086 # a list of words
		download "$work/deb" $HERD_PACKAGES
		(set +f && for deb in "$work"/deb/*; do dpkg-deb -x "$deb" "$work/all" || exit 1; done &&
			cp "$work/all/usr/bin/herd7" "$work/herd/lib" && cp -r "$work/all/usr/share/herdtools7/herd" "$work/herd/model" &&
			find "$work/all/usr" \( -name 'ld-linux*.so*' -o -name 'lib[cm].so.*' -o -name 'libgmp.so.*' \) \
				-exec cp -L {} "$work/herd/lib" \;) >>"$log" 2>&1 || {
			show "$log"
			fail "herd7 could not be unpacked: is the disk full? See build/logs/$suite.log"
		}
		cat >"$work/herd/bin/herd7" <<-'END'
			#!/bin/sh
			here=$(dirname "$0")/..
			exec "$here"/lib/ld-linux* --library-path "$here/lib" "$here/lib/herd7" -set-libdir "$here/model" "$@"
		END
		chmod +x "$work/herd/bin/herd7"
		rm -rf "$VMA_CACHE/tools/herd"
		mv "$work/herd" "$VMA_CACHE/tools/herd"
		rm -rf "$work"
		file=$(find_herd)
		[ -n "$file" ] || fail "$VMA_CACHE/tools/herd/bin/herd7: just unpacked, and it does not run: install herd7 $MIN_HERD or newer"
	fi
	echo "herd=$file" >&3
}

mkdir -p "$build/logs"
if [ "${1:-}" = --setup ]; then
	shift
	setup=1
	exec 3>&1 1>&2
	for step; do "step_$step"; done
	exit
fi

# The first cargo that runs and is new enough; one of rustup without a toolchain is there and does not run.
find_cargo() {
	directories=$PATH:${CARGO_HOME:-${HOME:-}/.cargo}/bin
	IFS=:
	for directory in $directories; do
		[ -x "$directory/cargo" ] || continue
		version=$("$directory/cargo" --version 2>/dev/null | cut -d ' ' -f 2)
		if [ -n "$version" ] && at_least "$version" $MIN_RUST; then
			echo "$directory/cargo"
			break
		fi
	done
	unset IFS
}

cargo=$(find_cargo)
missing=
[ -n "$cargo" ] || missing="cargo $MIN_RUST or newer"
has cc || missing="${missing:+$missing, }cc"
if [ -n "$missing" ]; then
	have_apt || fail "missing and there is no apt: $missing: install cargo $MIN_RUST or newer and a C compiler, then run again"
	may_install cargo gcc
	update
	package=
	if [ -z "$cargo" ]; then
		package=$(newest $MIN_RUST cargo-web cargo)
		[ -n "$package" ] || {
			show "$build/logs/packages.log"
			fail "the distribution offers no cargo of at least $MIN_RUST (or there is no network): install one and run again"
		}
	fi
	# shellcheck disable=SC2086 # one word or none
	install gcc libc6-dev ca-certificates $package
	cargo=$(find_cargo)
	[ -n "$cargo" ] || fail "cargo is still missing after its package was installed: see build/logs/packages.log"
fi

# Variables for the kernel's build must not reach this one.
unset RUSTC RUSTFLAGS RUSTC_WRAPPER CARGO_BUILD_TARGET MAKEFLAGS MFLAGS MAKELEVEL
CARGO_TARGET_DIR=$repo/build/target
export CARGO_TARGET_DIR

tool=$CARGO_TARGET_DIR/release/vma-tool
[ -x "$tool" ] || echo "  host tool              compiling" >&2
(cd "$repo/scripts" && "$cargo" build --release --locked --package vma-tool --quiet) >"$build/logs/tool.log" 2>&1 || {
	show "$build/logs/tool.log"
	fail "the host tool does not build (without network its crates cannot be fetched): see build/logs/tool.log"
}
exec "$tool" --repo "$repo" --cargo "$cargo" "$@"
