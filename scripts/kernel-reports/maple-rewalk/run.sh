#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs rewalk.c on the maple tree of an unmodified kernel tree, in user space.
# Usage: run.sh KERNEL-TREE. Needs make, a C compiler and liburcu-dev. The tree
# is not written to. Exits with 1 if a step fails.

set -eu

if [ $# -ne 1 ] || [ ! -f "$1/lib/maple_tree.c" ]; then
	echo "usage: $0 KERNEL-TREE (with lib/maple_tree.c)" >&2
	exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

(cd "$tree" && tar -cf - tools/testing/shared tools/testing/radix-tree \
	tools/include tools/lib tools/arch tools/scripts lib include) | tar -xf - -C "$work"
mkdir "$work/tools/testing/maple-rewalk"
cp "$here/Makefile" "$here/rewalk.c" "$work/tools/testing/maple-rewalk"
if ! make -C "$work/tools/testing/maple-rewalk" >"$work/log" 2>&1; then
	tail -n 20 "$work/log" >&2
	echo "error: the harness in tools/testing does not build; is liburcu-dev installed?" >&2
	exit 2
fi

failed=0
for left in empty single; do
	for step in next find prev; do
		if "$work/tools/testing/maple-rewalk/rewalk" $left $step >"$work/out" 2>&1; then
			echo "ok      tree left $left, mas_$step()"
		else
			failed=1
			echo "FAILED  tree left $left, mas_$step(): $(grep -m1 -E 'ERROR|runtime error' "$work/out" | sed 's/^.*\(runtime error\|ERROR\)/\1/')"
			sed -n 's/^ *#\([0-4]\) 0x[0-9a-f]* in \([a-z_]*\).*/          #\1 \2/p' "$work/out" | head -5
		fi
	done
done
exit $failed
