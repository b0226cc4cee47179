// SPDX-License-Identifier: GPL-2.0

//! Runs beside another one, without permission, and ended at every one of their steps, by a signal or by an error.

use super::{HURRIED, World, assert_names, message};
use crate::git::Identity;
use crate::tree::{Access, Hooks, Stop, Tree};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

fn pristine() -> World {
    World::new()
}

fn applied() -> World {
    let world = World::new();
    world.apply();
    world
}

/// Applied, and then much changed in the repository.
fn stale() -> World {
    let world = applied();
    world.repo_file("rust/kernel/mm/new.rs", "//! Changed.\n");
    world.repo_file("rust/kernel/mm/more/file.rs", "//! More.\n");
    fs::remove_dir_all(world.repo().join("Documentation/fresh")).unwrap();
    world.edit_config("mod new;", "pub mod new;");
    world.edit_config("\"NEW ENTRY\"", "\"OTHER ENTRY\"");
    world
}

fn change_again(world: &World) {
    world.edit_config("pub mod new;", "pub(crate) mod new;");
    world.repo_file("rust/kernel/mm/new.rs", "//! Changed again.\n");
    world.repo_file("rust/kernel/mm/more/file.rs", "//! Even more.\n");
}

fn apply(world: &World, hooks: &Hooks) -> bool {
    world.overlay().apply_with(&world.tree(), hooks).is_ok()
}

fn revert(world: &World, hooks: &Hooks) -> bool {
    world.overlay().revert_with(&world.tree(), hooks).is_ok()
}

type Setup = fn() -> World;
type Run = fn(&World, &Hooks) -> bool;
type Change = fn(&World);

#[test]
fn a_run_that_is_stopped_at_any_step_is_completed_or_undone_by_the_next() {
    let nothing: Change = |_| ();
    let cases: [(&str, Setup, Run, Stop, Change); 5] = [
        ("apply", pristine, apply, Stop::Kill, nothing),
        ("update", stale, apply, Stop::Kill, nothing),
        ("changed update", stale, apply, Stop::Kill, change_again),
        ("revert", applied, revert, Stop::Kill, nothing),
        ("failing apply", pristine, apply, Stop::Error, nothing),
    ];
    let before = pristine().snapshot();
    for (name, setup, run, stop, then) in cases {
        let world = setup();
        then(&world);
        world.apply();
        let expected = world.snapshot();
        // Followed by an apply and a revert, or by a revert.
        for completed in [true, false] {
            for step in 1.. {
                let world = setup();
                let stop_at = Some((step, stop));
                let hooks = Hooks {
                    stop: stop_at,
                    ..HURRIED
                };
                let done = run(&world, &hooks);
                let same = |expected: &crate::snapshot::Snapshot| {
                    let same = world.snapshot().same_as(expected);
                    same.unwrap_or_else(|e| panic!("{name}, stopped at step {step}: {e}"));
                };
                if stop == Stop::Error && !done {
                    same(&before);
                }
                then(&world);
                if completed {
                    world.apply();
                    same(&expected);
                }
                world.revert();
                same(&before);
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
    let fails = |world: &World| message(world.overlay().apply_with(&world.tree(), &hooks));
    let named = ["tree: ", "stopped by a test", "is as it was before"];
    assert_names(&fails(&pristine()), &named);
    assert_names(
        &fails(&stale()),
        &["tree: ", "half-way", "apply again or revert"],
    );
    let world = applied();
    let error = message(world.overlay().revert_with(&world.tree(), &hooks));
    assert_names(&error, &["tree: ", "half-way", "revert again"]);
}

/// As a user who may not write there; root may write everywhere, so this thread stops being root.
#[test]
fn a_tree_that_cannot_be_written() {
    let world = World::new();
    let overlay = world.overlay();
    let set_mode = |path: &std::path::Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    for entry in walkdir::WalkDir::new(world.dir.path()) {
        let entry = entry.unwrap();
        if entry.file_type().is_dir() {
            set_mode(entry.path(), 0o777);
        }
    }
    let dir = world.tree().join("rust/kernel/mm");
    set_mode(&dir, 0o555);
    let before = world.snapshot();
    let attempt = || {
        if rustix::process::geteuid().is_root() {
            let nobody = rustix::process::Uid::from_raw(65534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        }
        message(overlay.apply(&world.tree()))
    };
    let error = std::thread::scope(|scope| scope.spawn(attempt).join().unwrap());
    set_mode(&dir, 0o777);
    let named = [
        "rust/kernel/mm/new",
        "Permission denied",
        "is as it was before",
    ];
    assert_names(&error, &named);
    world.snapshot().same_as(&before).unwrap();
}

#[test]
fn another_run_on_the_same_tree() {
    let world = World::new();
    let before = world.snapshot();
    let other = fs::File::open(world.tree()).unwrap();
    flock(&other, FlockOperation::LockExclusive).unwrap();
    let (overlay, tree) = (world.overlay(), world.tree());
    for error in [
        message(overlay.apply(&tree)),
        message(overlay.revert(&tree)),
        message(overlay.status(&tree)),
    ] {
        assert_names(
            &error,
            &["tree: another run is working on this tree", "wait"],
        );
    }
    world.snapshot().same_as(&before).unwrap();
    flock(&other, FlockOperation::Unlock).unwrap();
    world.apply();
}

#[test]
fn a_child_process_that_has_the_tree_open_keeps_it_from_nobody() {
    let world = World::new();
    let tree = Tree::open(&world.tree(), Access::Write, Hooks::default()).unwrap();
    let in_a_child = tree.lock.try_clone().unwrap();
    drop(tree);
    world.apply();
    drop(in_a_child);
}

#[test]
fn the_configured_identity_comes_first() {
    let log = "981147906 +0700\nA U Thor\nauthor@example.invalid\n";
    let chosen = |name: Option<&str>, email: Option<&str>| {
        Identity::chosen(log, name.map(Into::into), email.map(Into::into)).unwrap()
    };
    let who = chosen(Some("Some One\n"), Some("one@example.invalid\n"));
    assert_eq!(
        (&*who.name, &*who.email),
        ("Some One", "one@example.invalid")
    );
    let who = chosen(Some(""), Some("\n"));
    assert_eq!(
        (&*who.name, &*who.email),
        ("A U Thor", "author@example.invalid")
    );
    assert_eq!(chosen(None, None).date, "981147906 +0700");
    assert_eq!(Identity::chosen("", None, None), None);
}
