#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Creates a driver below samples/rust/vma: a copy of the sample "first" under another name, which the kernels x86_64 and
# x86_64-debug build in.

set -eu
LC_ALL=C
export LC_ALL

cd "$(dirname "$0")/.."
samples=samples/rust/vma
name=${1-}

fail() {
	echo "error: $*" >&2
	exit 1
}

case $name in
'') fail "NAME= is missing: make new-driver NAME=foo" ;;
[!a-z]* | *[!a-z0-9_]* | *__* | *_)
	fail "NAME=$name: take lower-case letters, digits and single underscores between them, a letter first" ;;
esac
[ ${#name} -le 32 ] || fail "NAME=$name: take at most 32 characters"
[ ! -e "$samples/$name" ] || fail "NAME=$name: $samples/$name exists"

option=$(echo "$name" | tr '[:lower:]' '[:upper:]')
device=$(echo "$name" | tr _ -)
type=$(echo "$name" | sed 's/\(^\|_\)\(.\)/\U\2/g')

mkdir "$samples/$name"
for file in Kconfig Makefile abi.rs rust_vma_first.rs; do
	sed -e "s/VMA_FIRST/VMA_$option/g; s/vma_first/vma_$name/g; s/vma-first/vma-$device/g; s/FirstModule/${type}Module/g" \
		"$samples/first/$file" >"$samples/$name/$(echo "$file" | sed "s/first/$name/")"
done
echo "source \"$samples/$name/Kconfig\"" >>$samples/Kconfig
echo "obj-\$(CONFIG_SAMPLE_RUST_VMA_$option) += $name/" >>$samples/Makefile
sed -i "s|^\t\"$samples/first/\*\",\$|&\n\t\"$samples/$name/*\",|" scripts/series.toml
for fragment in samples samples-modules; do
	echo "CONFIG_SAMPLE_RUST_VMA_$option=y" >>scripts/configs/$fragment
done

cat <<END
$samples/$name/rust_vma_$name.rs is /dev/rust-vma-$device. Next:
  make kunit CONFIG=x86_64 FILTER='rust_vma_$name*'
  make shell
END
