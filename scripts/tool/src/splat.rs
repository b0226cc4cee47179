// SPDX-License-Identifier: GPL-2.0

//! Patterns of kernel warnings. There is no list of exceptions here: who runs something that causes warnings on purpose
//! names them.

use regex_lite::Regex;
use std::sync::LazyLock;

/// Matched against a line without its time stamp and level. Anchored where the kernel always begins a line so, because
/// names of tests and of functions may contain the same words.
const PATTERNS: &[&str] = &[
    r"^-+\[ cut here \]-+",
    r"^WARNING: ",
    r"^BUG: ",
    r"^\[ BUG: ",
    r"^kernel BUG at ",
    r"^watchdog: BUG: ",
    r"^Kernel panic - not syncing",
    r"^KASAN: ",
    r"^UBSAN: ",
    r"^KFENCE: ",
    r"^Oops: ",
    r"^Oops\b.*#\d",
    r"^general protection fault",
    r"^Internal error: ",
    r"^unable to handle (kernel|page)",
    r"^INFO: task .* blocked for more than ",
    r"^INFO: (possible|trying to|inconsistent|rcu_)",
    r"^INFO: lockdep is turned off",
    r"^rcu: INFO: .* detected (stalls|expedited stalls)",
    r"^rcu: .* self-detected stall",
    r"^DEBUG_LOCKS_WARN_ON\(",
    r"^refcount_t: ",
    r"^Call Trace:",
    r"^Modules linked in:",
    r"^RIP: ",
    r"^rust_kernel: panicked at ",
    r"^kmemleak: \d+ new suspected memory leaks",
    r"^kmemleak: (Adding|Cannot|Failed|Found|Memory pool|Not|Object|Partially|Scan area|Setting) ",
    r"^list_(add|del) corruption",
    r"^stack segment: ",
    r"^Bad page state in process",
    r"^page dumped because: ",
    r"^vma \S+ start \S+ end ",
    r"possible recursive locking detected",
    r"possible circular locking dependency",
    r"inconsistent lock state",
    r"suspicious RCU usage",
    r"bad unlock balance detected",
    r"held lock freed",
    r"still has locks held",
    r"lock held when returning to user space",
    r"turning off the locking correctness validator",
    r"sleeping function called from invalid context",
    r"scheduling while atomic",
];

/// The first lines in which the kernel complains, with their numbers, at most `limit`.
pub fn find(log: &str, limit: usize) -> Vec<(usize, String)> {
    let hits = log.lines().enumerate().filter(|(_, line)| complains(line));
    hits.take(limit)
        .map(|(at, line)| (at + 1, line.trim_end().to_string()))
        .collect()
}

fn complains(line: &str) -> bool {
    static COMPILED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        PATTERNS
            .iter()
            .map(|p| Regex::new(p).expect("checked by a test"))
            .collect()
    });
    static PREFIX: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(<\d+>)?(\[ *\d+\.\d+\])?(\[ *[TC]\d+\])? ?").expect("checked by a test")
    });
    let text = &line[PREFIX.find(line).map_or(0, |m| m.end())..];
    COMPILED.iter().any(|pattern| pattern.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaint_is_found_after_any_prefix() {
        for line in [
            "[    1.234567] WARNING: CPU: 1 PID: 9 at some/file.c:12 some_function+0x1/0x2",
            "[    1.234567][   T12] BUG: sleeping function called from invalid context at x.c:3",
            "<4>[   12.000001] refcount_t: underflow; use-after-free.",
            "BUG: KASAN: slab-out-of-bounds in f",
            "[    1.500000] BUG: KASAN: slab-use-after-free in _RNvC8rust_vma4read+0x1/0x2",
            "[    1.500000] KASAN: null-ptr-deref in range [0x0000000000000008-0x000000000000000f]",
            "[   60.000000] kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
            "[   60.000000] kmemleak: Cannot insert 0xffff888 into the object search tree (overlaps existing)",
            "BUG: KCSAN: data-race in f / g",
            "[    2.000000] UBSAN: array-index-out-of-bounds in x.c:1:2",
            "[    2.000000] ------------[ cut here ]------------",
            "[  130.000000] INFO: task reader:12 blocked for more than 120 seconds.",
            "[   30.000000] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
            "[   30.000000] rcu: INFO: rcu_preempt self-detected stall on CPU",
            "[    1.000000] Oops: Oops: 0000 [#1] SMP",
            "[    1.000000] WARNING: possible recursive locking detected",
            "[    1.000000] [ BUG: Invalid wait context ]",
            "[    1.000000] Call Trace:",
            "[    1.000000] rust_kernel: panicked at rust/x.rs:1:2:",
            "[    1.000000] Kernel panic - not syncing: no init",
        ] {
            assert_eq!(find(line, 9).len(), 1, "{line}");
        }
    }

    #[test]
    fn ordinary_lines_are_not_complaints() {
        for line in [
            "[    0.000000] Linux version 7.3.4 (x@y) (clang 22)",
            "[    0.100000] x86/fpu: Supporting XSAVE feature 0x001: 'x87 floating point registers'",
            "[    0.200000] rcu: Hierarchical RCU implementation.",
            "[    0.200000] rcu: \tRCU debug extended QS entry/exit.",
            "[    0.200000] Lock dependency validator: Copyright (c) 2006",
            "[    0.200000]  RCU lockdep checking is enabled.",
            "[    0.300000] kasan: KernelAddressSanitizer initialized (generic)",
            "[    3.000000] kmemleak: Kernel memory leak detector initialized (mem pool available: 14768)",
            "[    3.000000] kmemleak: Kernel memory leak detector disabled",
            "[    3.000000] kmemleak: Automatic memory scanning thread started",
            "    # Subtest: rust_vma_refcnt",
            "    ok 3 warns_and_bug_in_a_name",
            "    # a_test: EXPECTATION FAILED at rust/x.rs:3",
            "[    1.000000] tsc: Marking TSC unstable due to clocksource watchdog",
            "[    1.000000] rust_misc: BUG: in the middle of a driver's line is not the kernel's",
            "12 VMAs agree with /proc/self/maps, 0 differ",
        ] {
            assert_eq!(find(line, 9), [], "{line}");
        }
    }

    #[test]
    fn lines_are_numbered_and_limited() {
        let log = "fine\n[ 1.0] BUG: a\nfine\n[ 1.1] BUG: b\n[ 1.2] BUG: c\n";
        assert_eq!(
            find(log, 2),
            [
                (2, "[ 1.0] BUG: a".to_string()),
                (4, "[ 1.1] BUG: b".to_string())
            ]
        );
    }
}
