// SPDX-License-Identifier: GPL-2.0

//! Checks that the kernel reports the lock orders that types cannot reject: a boot for each case of a KUnit suite that takes
//! locks in the wrong order, or sleeps in atomic context. The log must have the report, about these two locks, and no other.

use crate::kconfig::{Config, X86_64_DEBUG};
use crate::kunit::{self, Boot};
use crate::report::Outcome;
use crate::splat;
use crate::suite::Run;
use anyhow::Result;
use regex_lite::Regex;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const SUITE: &str = "rust_vma_misorder";

/// The word on the kernel command line without which the suite is skipped.
const WORD: &str = "rust_vma.misorder";

/// The names of the locks in lockdep's reports.
const MMAP: &str = "&mm->mmap_lock";
const VMA: &str = "vm_lock";
const I_MMAP: &str = "&mapping->i_mmap_rwsem";
const ANON_VMA: &str = "&anon_vma->rwsem";
const PTE: &str = "ptlock_ptr(ptdesc)";
const RCU: &str = "rcu_read_lock";
const RECLAIM: &str = "fs_reclaim";
const NOTIFIER: &str = "mmu_notifier_invalidate_range_start";
/// The lock of the state of a notifier.
const MIRROR: &str = "IntervalNotifier::state";
/// A mutex of the suite's, named after the line where it is made.
const MUTEX: &str = "rust/kernel/mm/vma/tests/misorder.rs";

/// A case of the suite, and the report that it has to cause.
struct Case {
    name: &'static str,
    kind: Kind,
    wanted: &'static str,
    held: &'static str,
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case { name: "mmap_under_mmap_read", kind: Kind::Recursive, wanted: MMAP, held: MMAP },
    Case { name: "mmap_under_vma_read", kind: Kind::Circular, wanted: MMAP, held: VMA },
    Case { name: "mmap_under_i_mmap", kind: Kind::Circular, wanted: MMAP, held: I_MMAP },
    Case { name: "vma_write_under_i_mmap", kind: Kind::Circular, wanted: VMA, held: I_MMAP },
    Case { name: "vma_write_under_anon_vma", kind: Kind::Circular, wanted: VMA, held: ANON_VMA },
    Case { name: "i_mmap_under_anon_vma", kind: Kind::Circular, wanted: I_MMAP, held: ANON_VMA },
    Case { name: "vma_write_under_page_table", kind: Kind::Circular, wanted: VMA, held: PTE },
    Case { name: "i_mmap_under_page_table", kind: Kind::Sleep, wanted: I_MMAP, held: PTE },
    Case { name: "anon_vma_under_page_table", kind: Kind::Sleep, wanted: ANON_VMA, held: PTE },
    Case { name: "page_table_under_page_table", kind: Kind::Recursive, wanted: PTE, held: PTE },
    Case { name: "sleep_under_page_table", kind: Kind::Sleep, wanted: MUTEX, held: PTE },
    Case { name: "userslice_under_mmap_read", kind: Kind::Recursive, wanted: MMAP, held: MMAP },
    Case { name: "userslice_under_mmap_write", kind: Kind::Recursive, wanted: MMAP, held: MMAP },
    Case { name: "userslice_under_vma_read", kind: Kind::Circular, wanted: MMAP, held: VMA },
    Case { name: "userslice_under_vma_write", kind: Kind::Recursive, wanted: MMAP, held: MMAP },
    Case { name: "userslice_under_i_mmap", kind: Kind::Circular, wanted: MMAP, held: I_MMAP },
    Case { name: "userslice_under_anon_vma", kind: Kind::Circular, wanted: MMAP, held: ANON_VMA },
    Case { name: "userslice_under_page_table", kind: Kind::Sleep, wanted: MMAP, held: PTE },
    Case { name: "gfp_kernel_under_i_mmap", kind: Kind::Circular, wanted: RECLAIM, held: I_MMAP },
    Case { name: "gfp_kernel_under_anon_vma", kind: Kind::Circular, wanted: RECLAIM, held: ANON_VMA },
    Case { name: "gfp_kernel_under_page_table", kind: Kind::SleepAlone, wanted: RECLAIM, held: PTE },
    Case { name: "insert_page_under_i_mmap", kind: Kind::Circular, wanted: RECLAIM, held: I_MMAP },
    Case { name: "last_mmput_under_mmap_read", kind: Kind::Recursive, wanted: MMAP, held: MMAP },
    Case { name: "last_mmput_under_mmap_write", kind: Kind::Recursive, wanted: MMAP, held: MMAP },
    Case { name: "last_mmput_under_vma_read", kind: Kind::Circular, wanted: MMAP, held: VMA },
    Case { name: "last_mmput_under_vma_write", kind: Kind::Recursive, wanted: MMAP, held: MMAP },
    Case { name: "last_mmput_under_i_mmap", kind: Kind::Circular, wanted: MMAP, held: I_MMAP },
    Case { name: "last_mmput_under_anon_vma", kind: Kind::Circular, wanted: MMAP, held: ANON_VMA },
    Case { name: "last_mmput_under_page_table", kind: Kind::Sleep, wanted: MMAP, held: PTE },
    Case { name: "locked_vm_under_mmap_read", kind: Kind::Recursive, wanted: MMAP, held: MMAP },
    Case { name: "mmap_in_fault", kind: Kind::Recursive, wanted: MMAP, held: MMAP },
    Case { name: "userslice_in_fault", kind: Kind::Recursive, wanted: MMAP, held: MMAP },
    Case { name: "userslice_in_may_split", kind: Kind::Recursive, wanted: MMAP, held: MMAP },
    Case { name: "sleep_in_map_pages", kind: Kind::Sleep, wanted: MUTEX, held: RCU },
    Case { name: "mmap_in_a_speculation", kind: Kind::Sleep, wanted: MMAP, held: RCU },
    Case { name: "mmap_in_a_commit", kind: Kind::Circular, wanted: MMAP, held: MIRROR },
    Case { name: "gfp_kernel_in_a_commit", kind: Kind::Circular, wanted: RECLAIM, held: MIRROR },
    Case { name: "attempt_in_a_commit", kind: Kind::Circular, wanted: NOTIFIER, held: MIRROR },
    Case { name: "notifier_dropped_in_a_commit", kind: Kind::Circular, wanted: NOTIFIER, held: MIRROR },
    Case { name: "notifier_dropped_in_a_callback", kind: Kind::Recursive, wanted: NOTIFIER, held: NOTIFIER },
    Case { name: "sleep_in_try_invalidate", kind: Kind::SleepAlone, wanted: MUTEX, held: MIRROR },
];

/// The kind of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Circular,
    Recursive,
    /// `might_sleep()`, and after it lockdep, about the lock that would sleep.
    Sleep,
    /// `might_sleep()`, about what is no lock.
    SleepAlone,
    WaitContext,
    Other,
}

/// A report in a log, with the locks by name.
#[derive(Debug, PartialEq, Eq)]
struct Report {
    kind: Kind,
    wanted: Option<String>,
    held: Vec<String>,
    line: String,
}

/// Returns true if there is a case of this name.
pub fn has(name: &str) -> bool {
    CASES.iter().any(|case| case.name == name)
}

/// Boots at the same time: a boot is mostly one task.
const PARALLEL: usize = 2;

/// Boots the built kernel once for each case whose name contains `CASE=`, and judges the logs.
pub fn run(run: &Run, _: Config) -> Result<Outcome> {
    let only = run.session.arguments.case.as_deref();
    let cases: Vec<&Case> = CASES
        .iter()
        .filter(|case| only.is_none_or(|part| case.name.contains(part)))
        .collect();
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Outcome::default());
    let work = || -> Result<()> {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = run_case(run, case)?;
            all.lock().expect("no panic").add(outcome);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..PARALLEL).map(|_| scope.spawn(work)).collect();
        let mut ends = workers.into_iter().map(|worker| worker.join());
        ends.try_for_each(|end| end.expect("no panic"))
    })?;
    let mut all = all.into_inner().expect("no panic");
    if cases.is_empty() {
        all.fail(format!("CASE={}: no such case", only.unwrap_or_default()));
    }
    Ok(all)
}

fn run_case(run: &Run, case: &Case) -> Result<Outcome> {
    let filter = format!("{SUITE}.{}", case.name);
    let boot = Boot {
        name: format!("lockdep-test {}", case.name),
        config: X86_64_DEBUG,
        filter: Some(&filter),
        append: WORD,
    };
    // All complaints of the kernel are judged here.
    let (mut outcome, log) = kunit::judged(run, &boot, |_| true)?;
    let wrong = judge(case, &reports(&log));
    outcome.check(wrong.is_none(), || {
        format!("{}: {}", case.name, wrong.unwrap_or_default())
    });
    Ok(outcome)
}

/// The difference between the reports of a case and the expected one.
fn judge(case: &Case, reports: &[Report]) -> Option<String> {
    let kinds: &[Kind] = match case.kind {
        Kind::Sleep => &[Kind::Sleep, Kind::WaitContext],
        Kind::SleepAlone => &[Kind::Sleep],
        ref kind => std::slice::from_ref(kind),
    };
    let as_expected = |(report, kind): (&Report, &Kind)| {
        let held = match kind {
            // These name one; what follows is all that are held.
            Kind::Circular | Kind::Recursive => &report.held[..report.held.len().min(1)],
            _ => &report.held,
        };
        let wanted = match &report.wanted {
            Some(name) => name.starts_with(case.wanted),
            None => *kind == Kind::Sleep,
        };
        report.kind == *kind && wanted && held.iter().any(|name| name == case.held)
    };
    if reports.len() == kinds.len() && reports.iter().zip(kinds).all(as_expected) {
        return None;
    }
    let found: Vec<String> = reports.iter().map(Report::to_string).collect();
    let found = match found.is_empty() {
        true => "no report".to_string(),
        false => found.join("; "),
    };
    let Case { wanted, held, .. } = case;
    Some(format!(
        "{kinds:?} was expected, of {wanted} under {held}, but the kernel's log has {found}"
    ))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = self.wanted.as_deref().unwrap_or("-");
        let (line, held) = (&self.line, self.held.join(", "));
        write!(f, "{line:?} ({wanted} under {held})")
    }
}

/// The reports in a log. What the kernel says in the course of one belongs to it.
fn reports(log: &str) -> Vec<Report> {
    let lock = Regex::new(r"(#\d+: )?[0-9a-f]{16} \((\S+)\)\{").expect("a constant");
    let name = |line: &str| -> Option<String> {
        let name = lock.captures(line)?.get(2)?.as_str();
        // "#2" stands behind a name that several classes have.
        let plain = name.trim_end_matches(|c: char| c.is_ascii_digit());
        Some(plain.strip_suffix('#').unwrap_or(name).to_string())
    };
    let log = whole_lines(log);
    let complaints = splat::find(&log, usize::MAX);
    let complains = |number| complaints.iter().any(|(at, _)| *at == number);
    let mut reports: Vec<Report> = Vec::new();
    let mut before = "";
    for (number, line) in (1..).zip(log.lines()) {
        let kind = kind(line);
        // Both are parts of a report; the second where the task was in a fault.
        let is_part = line.ends_with("Call Trace:") || line.contains("] RIP: ");
        if kind != Kind::Other || complains(number) && !is_part {
            reports.push(Report {
                kind,
                wanted: None,
                held: Vec::new(),
                line: line.to_string(),
            });
        } else if let (Some(report), Some(name)) = (reports.last_mut(), name(line)) {
            if before.contains(" is trying to ") {
                report.wanted = Some(name);
            } else if before.contains("already holding lock:") || line.contains(" #") {
                report.held.push(name);
            }
        }
        before = line;
    }
    reports
}

/// A line that was interrupted is written again, after a line that says so.
fn whole_lines(log: &str) -> String {
    let mut whole: Vec<&str> = Vec::new();
    for line in log.lines().map(str::trim_end) {
        if line.starts_with("** replaying previous printk message") {
            whole.pop();
        } else {
            whole.push(line);
        }
    }
    whole.join("\n")
}

const TITLES: [(&str, Kind); 4] = [
    (
        "WARNING: possible circular locking dependency detected",
        Kind::Circular,
    ),
    (
        "WARNING: possible recursive locking detected",
        Kind::Recursive,
    ),
    (
        "BUG: sleeping function called from invalid context",
        Kind::Sleep,
    ),
    ("[ BUG: Invalid wait context ]", Kind::WaitContext),
];

fn kind(line: &str) -> Kind {
    let title = TITLES.iter().find(|(title, _)| line.contains(title));
    title.map_or(Kind::Other, |(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use compile_fail::{FoundBy, order_table};
    use std::fs;
    use std::path::{Path, PathBuf};

    const CIRCULAR: &str = "\
[    2.448075] WARNING: possible circular locking dependency detected\r
[    2.448075] task/37 is trying to acquire lock:\r
[    2.448075] ffff888001be62f8 (vm_lock){++++}-{0:0}, at: f+0x3d/0xc0\r
[    2.448075] but task is already holding lock:\r
[    2.448075] ffff888001b531c8 (&mapping->i_mmap_rwsem){++++}-{4:4}, at: g+0x1/0x2\r
[    2.448075] -> #1 (&mapping->i_mmap_rwsem){++++}-{4:4}:\r
[    2.448075] locks held by task/37: 2, last CPU#0:\r
[    2.448075]  #0: ffff888001075938 (&mm->mmap_lock){++++}-{4:4}, at: h+0x3f/0x120\r
[    2.452075] Call Trace:\r
";

    const SLEEP: &str = "\
[    2.308067] BUG: sleeping func
** replaying previous printk message **
[    2.308067] BUG: sleeping function called from invalid context at kernel/locking/mutex.c:623
[    2.308067]  #0: ffff88800107c498 (ptlock_ptr(ptdesc)#2){+.+.}-{3:3}, at: f+0x10a/0x1d0
[    2.312067] Call Trace:
[    2.316067] [ BUG: Invalid wait context ]
[    2.316067] task/39 is trying to lock:
[    2.316067] ffff888001d6d060 (rust/kernel/mm/vma/tests/misorder.rs:84){....}-{4:4}, at: g+0x1/0x2
[    2.316067]  #0: ffff88800107c498 (ptlock_ptr(ptdesc)#2){+.+.}-{3:3}, at: f+0x10a/0x1d0
[    2.316067] Call Trace:
";

    fn case(name: &str) -> &'static Case {
        CASES.iter().find(|case| case.name == name).unwrap()
    }

    fn repo() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn the_report_that_is_expected() {
        for (name, log) in [
            ("vma_write_under_i_mmap", CIRCULAR),
            ("sleep_under_page_table", SLEEP),
        ] {
            assert_eq!(judge(case(name), &reports(log)), None);
        }
    }

    #[test]
    fn no_report_or_another() {
        let wrong = |name: &str, log: &str| judge(case(name), &reports(log)).unwrap();
        assert_eq!(
            wrong("mmap_under_i_mmap", "[    1.0] ok 1 mmap_under_i_mmap\n"),
            "[Circular] was expected, of &mm->mmap_lock under &mapping->i_mmap_rwsem, \
             but the kernel's log has no report"
        );
        // Of other locks, of which one happens to be held, too; of another kind; one more, or one less.
        assert!(wrong("mmap_under_i_mmap", CIRCULAR).contains("(vm_lock under &mapping"));
        let about_mmap = CIRCULAR.replacen("&mapping->i_mmap_rwsem", "&mm->other", 1);
        for log in [
            about_mmap.replace("&mm->mmap_lock", "&mapping->i_mmap_rwsem"),
            CIRCULAR.replace("circular locking dependency", "recursive locking"),
            CIRCULAR.repeat(2),
            format!("{CIRCULAR}[    3.0] BUG: KASAN: f\n"),
        ] {
            wrong("vma_write_under_i_mmap", &log);
        }
        wrong("sleep_in_map_pages", SLEEP);
        let half = SLEEP.split("[    2.316067] [").next().unwrap();
        wrong("sleep_under_page_table", half);
    }

    #[test]
    fn withheld_access_has_a_case() {
        let sleeps = |kind| matches!(kind, Kind::Sleep | Kind::SleepAlone);
        for cell in order_table(&repo()).unwrap() {
            let words = format!("{} under {}", cell.wanted, cell.held);
            let name = words.to_lowercase().replace(' ', "_");
            let case = CASES.iter().find(|case| case.name == name);
            let kind = case.map(|case| case.kind);
            match cell.found_by {
                FoundBy::Lockdep => assert!(kind.is_some_and(|k| !sleeps(k)), "{words}"),
                FoundBy::MightSleep => assert!(kind.is_some_and(sleeps), "{words}"),
                FoundBy::Nobody => assert_eq!(kind, None, "{words}"),
                FoundBy::Compiler => (),
            }
        }
    }

    #[test]
    fn every_case_of_the_suite_is_run() {
        let suite = repo().join("rust/kernel/mm/vma/tests/misorder.rs");
        let text = fs::read_to_string(suite).unwrap();
        assert!(text.contains(&format!("#[kunit_tests({SUITE})]")) && text.contains(WORD));
        let tests = text.split("#[test]\n    fn ").skip(1);
        let names: Vec<&str> = tests.filter_map(|test| test.split('(').next()).collect();
        let run: Vec<&str> = CASES.iter().map(|case| case.name).collect();
        assert_eq!(names, run);
    }
}
