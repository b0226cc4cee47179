// SPDX-License-Identifier: GPL-2.0

//! Runs beside another one, without permission, and ended at every one of their steps, by a signal or by an error.

use super::script::{Script, names};
use crate::git::Identity;
use crate::roundtrip::HURRIED;
use crate::snapshot::Snapshot;
use crate::tree::{Access, Hooks, Stop, Tree};
use crate::{Applied, Reverted};
use anyhow::Result;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const PRISTINE: &str = "";
const APPLIED: &str = "apply";
/// Applied, and then much changed in the repository.
const STALE: &str = r#"apply
write repo/rust/kernel/mm/new.rs //! Changed.\n
write repo/rust/kernel/mm/more/file.rs //! More.\n
rm repo/Documentation/fresh
config mod new; => pub mod new;
config "NEW ENTRY" => "OTHER ENTRY""#;
const CHANGE: &str = r"config pub mod new; => pub(crate) mod new;
write repo/rust/kernel/mm/new.rs //! Changed again.\n
write repo/rust/kernel/mm/more/file.rs //! Even more.\n";

fn after(lines: &str) -> Script {
    let mut script = Script::new();
    script.lines(lines);
    script
}

fn apply(script: &Script, hooks: &Hooks) -> Result<Applied> {
    script.overlay()?.apply_with(&script.tree(), hooks)
}

fn revert(script: &Script, hooks: &Hooks) -> Result<Reverted> {
    script.overlay()?.revert_with(&script.tree(), hooks)
}

/// The error is one line with these texts.
#[track_caller]
fn fails<T>(result: Result<T>, texts: &str) {
    let error = result
        .err()
        .map_or("not refused".to_string(), |e| format!("{e:#}"));
    assert_eq!(error.lines().count(), 1, "{error}");
    names(&error, texts).unwrap();
}

#[test]
fn stopped_run_is_completed_or_undone() {
    let before = after(PRISTINE).snapshot();
    for (name, setup, is_revert, stop, then) in [
        ("apply", PRISTINE, false, Stop::Kill, ""),
        ("update", STALE, false, Stop::Kill, ""),
        ("changed update", STALE, false, Stop::Kill, CHANGE),
        ("revert", APPLIED, true, Stop::Kill, ""),
        ("failing apply", PRISTINE, false, Stop::Error, ""),
    ] {
        let mut whole = after(setup);
        whole.lines(then);
        whole.lines("apply");
        let expected = whole.snapshot();
        // Followed by an apply and a revert, or by a revert.
        for completed in [true, false] {
            for step in 1.. {
                let mut script = after(setup);
                let stop_at = Some((step, stop));
                let hooks = Hooks {
                    stop: stop_at,
                    ..HURRIED
                };
                let done = match is_revert {
                    false => apply(&script, &hooks).is_ok(),
                    true => revert(&script, &hooks).is_ok(),
                };
                let same = |script: &Script, expected: &Snapshot| {
                    let same = script.snapshot().same_as(expected);
                    same.unwrap_or_else(|e| panic!("{name}, stopped at step {step}: {e}"));
                };
                if stop == Stop::Error && !done {
                    same(&script, &before);
                }
                script.lines(then);
                if completed {
                    script.lines("apply");
                    same(&script, &expected);
                }
                script.lines("revert");
                same(&script, &before);
                if done {
                    assert!(step > 10, "{name}: {step} steps: nothing was interrupted");
                    break;
                }
            }
        }
    }
}

#[test]
fn an_error_says_what_state_the_tree_is_in() {
    let stop = Some((5, Stop::Error));
    let hooks = Hooks { stop, ..HURRIED };
    let as_before = "tree:  | stopped by a test | is as it was before";
    fails(apply(&after(PRISTINE), &hooks), as_before);
    fails(
        apply(&after(STALE), &hooks),
        "tree:  | half-way | apply again or revert",
    );
    fails(
        revert(&after(APPLIED), &hooks),
        "tree:  | half-way | revert again",
    );
}

/// As a user who may not write there; root may write everywhere, so this thread stops being root.
#[test]
fn a_tree_that_cannot_be_written() {
    let script = Script::new();
    let overlay = script.overlay().unwrap();
    let set_mode = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    for entry in walkdir::WalkDir::new(script.path("")) {
        let entry = entry.unwrap();
        if entry.file_type().is_dir() {
            set_mode(entry.path(), 0o777);
        }
    }
    let dir = script.path("tree/rust/kernel/mm");
    set_mode(&dir, 0o555);
    let before = script.snapshot();
    let attempt = || {
        if rustix::process::geteuid().is_root() {
            let nobody = rustix::process::Uid::from_raw(65534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        }
        overlay.apply(&script.tree())
    };
    let result = std::thread::scope(|scope| scope.spawn(attempt).join().unwrap());
    set_mode(&dir, 0o777);
    fails(
        result,
        "rust/kernel/mm/new | Permission denied | is as it was before",
    );
    script.snapshot().same_as(&before).unwrap();
}

#[test]
fn another_run_on_the_same_tree() {
    let mut script = Script::new();
    let before = script.snapshot();
    let other = fs::File::open(script.tree()).unwrap();
    flock(&other, FlockOperation::LockExclusive).unwrap();
    let text = "tree: another run is working on this tree | wait";
    fails(apply(&script, &HURRIED), text);
    fails(revert(&script, &HURRIED), text);
    fails(script.overlay().unwrap().status(&script.tree()), text);
    script.snapshot().same_as(&before).unwrap();
    flock(&other, FlockOperation::Unlock).unwrap();
    script.lines("apply");
}

#[test]
fn child_does_not_inherit_the_tree_lock() {
    let mut script = Script::new();
    let tree = Tree::open(&script.tree(), Access::Write, Hooks::default()).unwrap();
    let in_a_child = tree.lock.try_clone().unwrap();
    drop(tree);
    script.lines("apply");
    drop(in_a_child);
}

#[test]
fn an_identity_is_configured_and_not_invented() {
    let configured = |name: Option<&str>, email: Option<&str>| {
        Identity::configured(
            "981147906 +0700\n",
            name.map(Into::into),
            email.map(Into::into),
        )
    };
    let who = configured(Some("Some One\n"), Some("one@example.invalid\n")).unwrap();
    assert_eq!(
        (&*who.name, &*who.email, &*who.date),
        ("Some One", "one@example.invalid", "981147906 +0700")
    );
    for (name, email, key) in [
        (None, Some("one@example.invalid"), "user.name"),
        (Some("\n"), Some("one@example.invalid"), "user.name"),
        (Some("Some One"), None, "user.email"),
    ] {
        let error = configured(name, email).unwrap_err().to_string();
        assert!(
            error.contains(&format!("run `git config {key} ...`")),
            "{error}"
        );
    }
}
