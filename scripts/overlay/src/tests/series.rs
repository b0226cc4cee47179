// SPDX-License-Identifier: GPL-2.0

//! The series: what `git am` makes of it, who it is from, and where it is written to.

use super::{World, assert_names, make_executable, message, run_git};
use crate::Status;
use crate::git::Identity;
use crate::manifest;
use crate::snapshot::{Snapshot, stamps};
use std::fs;
use std::path::PathBuf;

fn out(world: &World) -> PathBuf {
    world.dir.path().join("build/patches")
}

fn series(world: &World) -> Vec<String> {
    let paths = world.overlay().patches(&world.tree(), &out(world)).unwrap();
    paths
        .iter()
        .map(|p| fs::read_to_string(p).unwrap())
        .collect()
}

#[test]
fn git_am_makes_the_tree_that_apply_makes() {
    let world = World::new();
    make_executable(&world.repo().join("samples/rust/new/Makefile"));
    world.tree_file("samples/rust/Kconfig", "if RUST\n\nendif");
    world.tree_file(".gitignore", "*.rst\n.*\n");
    world.commit();
    run_git(&world.tree(), &["init", "-q"]);
    run_git(&world.tree(), &["add", "-f", "-A"]);
    run_git(&world.tree(), &["commit", "-q", "-m", "pristine"]);
    let before = stamps(&world.tree()).unwrap();
    world
        .overlay()
        .patches(&world.tree(), &out(&world))
        .unwrap();
    assert_eq!(
        stamps(&world.tree()).unwrap(),
        before,
        "the tree was written to"
    );

    world.apply();
    let applied = world.snapshot().without(manifest::NAME).without(".git");
    world.revert();
    let mut am = vec!["am".to_string(), "-q".to_string()];
    am.extend(
        Snapshot::of(&out(&world))
            .map(|_| fs::read_dir(out(&world)).unwrap())
            .unwrap()
            .map(|e| e.unwrap().path().display().to_string()),
    );
    am[2..].sort();
    run_git(
        &world.tree(),
        &am.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    world.snapshot().without(".git").same_as(&applied).unwrap();
    let log = run_git(
        &world.tree(),
        &[
            "log",
            "--format=%s|%an|%ae|%ad|%B",
            "--date=raw",
            "-2",
            "--reverse",
        ],
    );
    assert_eq!(
        log.lines().filter(|l| !l.is_empty()).collect::<Vec<_>>(),
        [
            "rust: add the module|A U Thor|author@example.invalid|981147906 +0700|rust: add the module",
            "It was missing.",
            "Signed-off-by: A U Thor <author@example.invalid>",
            "samples: rust: add the sample|A U Thor|author@example.invalid|981147906 +0700|samples: rust: add the sample",
            "It was missing, too.",
            "Signed-off-by: A U Thor <author@example.invalid>",
        ]
    );
    assert_eq!(run_git(&world.tree(), &["status", "--short"]), "");
}

/// A tree in git, with the series in its history.
fn after_git_am(world: &World) {
    let git = |args: &[&str]| run_git(&world.tree(), args);
    git(&["init", "-q"]);
    git(&["add", "-f", "-A"]);
    git(&["commit", "-q", "-m", "pristine"]);
    git(&["tag", "pristine"]);
    let patches = world.overlay().patches(&world.tree(), &out(world)).unwrap();
    for patch in patches {
        git(&["am", "-q", patch.to_str().unwrap()]);
    }
}

#[test]
fn a_tree_after_git_am_is_recognised() {
    let world = World::new();
    world.commit();
    let first = series(&world);
    after_git_am(&world);
    let status = || world.overlay().status(&world.tree()).unwrap();
    assert_eq!(status(), Status::AppliedByGit);
    assert_eq!(series(&world), first, "the series of that tree");
    let before = world.snapshot();
    assert!(world.apply().nothing_to_do);
    assert_eq!(status(), Status::Applied);
    world
        .snapshot()
        .without(manifest::NAME)
        .same_as(&before)
        .unwrap();
    // It is updated like any other tree.
    world.repo_file("rust/kernel/mm/new.rs", "//! Newer.\n");
    assert_eq!(status(), Status::Stale);
    assert_eq!(world.apply().files_written, 1);
    world.revert();
    run_git(&world.tree(), &["add", "-A"]);
    run_git(
        &world.tree(),
        &["diff", "--cached", "--exit-code", "pristine"],
    );
}

#[test]
fn revert_takes_out_what_git_am_put_in() {
    let world = World::new();
    world.commit();
    let before = world.snapshot();
    after_git_am(&world);
    // A tree in git that lacks one file does not have the overlay.
    let file = "rust/kernel/mm/new.rs";
    world.tree_file(file, "//! Edited.\n");
    assert!(world.revert().nothing_to_do);
    world.tree_file(file, "//! The new module.\n");
    assert_eq!(world.revert().files_removed, 5);
    world.snapshot().without(".git").same_as(&before).unwrap();
}

#[test]
fn files_that_are_not_committed_are_refused() {
    let world = World::new();
    world.commit();
    let refused = || message(world.overlay().refuse_uncommitted());
    world.overlay().refuse_uncommitted().unwrap();
    world.repo_file("rust/kernel/mm/later.rs", "//! Not known to git.\n");
    assert_names(&refused(), &["rust/kernel/mm/later.rs: not committed"]);
    world.git(&["add", "-A"]);
    assert_names(&refused(), &["rust/kernel/mm/later.rs: not committed"]);
    world.git(&["commit", "-q", "-m", "later"]);
    world.repo_file("notes", "not for the tree\n");
    world.overlay().refuse_uncommitted().unwrap();
    world.edit_config("It was missing.", "It was.");
    assert_names(&refused(), &["scripts/overlay.toml: not committed"]);
}

#[test]
fn each_patch_brings_its_own_insertions() {
    let world = World::new();
    world.commit();
    let patches = series(&world);
    let [module, sample] = &patches[..] else {
        panic!("{} patches", patches.len())
    };
    assert!(module.contains("+NEW ENTRY\n+the module\n+\n"), "{module}");
    assert!(
        !module.contains("+the sample") && !module.contains("samples/rust"),
        "{module}"
    );
    assert!(
        sample.contains("\n+the sample\n") && !sample.contains("+NEW ENTRY"),
        "{sample}"
    );
    assert!(sample.contains("+source \"samples/rust/new/Kconfig\""));
    assert!(module.contains("Subject: [PATCH 1/2] rust: add the module"));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let world = World::new();
    world.commit();
    let first = series(&world);
    world.apply();
    assert_eq!(series(&world), first, "from an applied tree");
    world.tree_file("Kconfig", "# another kernel, where it does not matter\n");
    assert_eq!(series(&world), first, "from another tree");
    assert!(
        first
            .iter()
            .all(|p| p.contains("\nDate: Sat, 3 Feb 2001 04:05:06 +0700\n")),
        "{}",
        first[0]
    );
}

#[test]
fn the_configured_identity_comes_first() {
    let log = "981147906 +0700\nA U Thor\nauthor@example.invalid\n";
    let chosen = |name: &str, email: &str| {
        let who = Identity::chosen(log, Some(name.into()), Some(email.into())).unwrap();
        format!("{} <{}>", who.name, who.email)
    };
    assert_eq!(
        chosen("Some One\n", "one@example.invalid\n"),
        "Some One <one@example.invalid>"
    );
    assert_eq!(chosen("", "\n"), "A U Thor <author@example.invalid>");
    assert_eq!(
        Identity::chosen(log, None, None).unwrap().date,
        "981147906 +0700"
    );
    assert_eq!(Identity::chosen("", None, None), None);

    let world = World::new();
    world.commit();
    world.git(&["config", "user.name", "Somebody Else"]);
    world.git(&["config", "user.email", "else@example.invalid"]);
    for patch in series(&world) {
        assert!(
            patch.contains("\nFrom: Somebody Else <else@example.invalid>\n"),
            "{patch}"
        );
        assert!(
            patch.contains("\nSigned-off-by: Somebody Else <else@example.invalid>\n"),
            "{patch}"
        );
    }
}

#[test]
fn no_identity_without_git() {
    let world = World::new();
    let refused = message(world.overlay().patches(&world.tree(), &out(&world)));
    assert_names(
        &refused,
        &["repo: patches take author and date from git", "clone"],
    );
    assert!(!out(&world).exists());
}

#[test]
fn the_output_directory_is_replaced_as_a_whole() {
    let world = World::new();
    world.commit();
    super::put(&out(&world).join("0009-older.patch"), "older\n");
    assert_eq!(series(&world).len(), 2);
    let mut names: Vec<_> = fs::read_dir(out(&world))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "0001-rust-add-the-module.patch",
            "0002-samples-rust-add-the-sample.patch"
        ]
    );
    let beside: Vec<_> = fs::read_dir(out(&world).parent().unwrap())
        .unwrap()
        .collect();
    assert_eq!(beside.len(), 1, "something was left: {beside:?}");
}

#[test]
fn an_output_directory_with_something_else_in_it_is_left_alone() {
    let world = World::new();
    world.commit();
    super::put(&out(&world).join("thesis.tex"), "irreplaceable\n");
    let refused = message(world.overlay().patches(&world.tree(), &out(&world)));
    assert_names(
        &refused,
        &["patches: holds thesis.tex", "choose another directory"],
    );
    assert!(out(&world).join("thesis.tex").exists());
}

#[test]
fn trees_that_no_series_can_be_made_for() {
    let world = World::new();
    world.commit();
    let refused = |world: &World| message(world.overlay().patches(&world.tree(), &out(world)));
    world.tree_file("Makefile", "VERSION = 6\nPATCHLEVEL = 1\n");
    assert_names(&refused(&world), &["Linux 6.1 is not supported"]);
    world.tree_file("Makefile", "VERSION = 7\nPATCHLEVEL = 3\n");
    world.tree_file("LIST", "nothing\n");
    assert_names(&refused(&world), &["LIST: anchor /^ZULU/ not found"]);
    world.tree_file("LIST", "ZULU\n");
    world.apply();
    world.tree_file("LIST", "NEW ENTRY\nZULU\n");
    assert_names(&refused(&world), &["LIST: ", "were edited in this tree"]);
    assert!(!out(&world).exists());
}
