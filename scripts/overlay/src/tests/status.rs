// SPDX-License-Identifier: GPL-2.0

//! The status of a tree.

use super::World;
use crate::Status;
use crate::manifest;
use crate::snapshot::stamps;
use crate::tree::{Hooks, Stop};
use std::fs;

fn status(world: &World) -> Status {
    let before = stamps(&world.tree()).unwrap();
    let status = world.overlay().status(&world.tree()).unwrap();
    assert_eq!(
        stamps(&world.tree()).unwrap(),
        before,
        "looking wrote something"
    );
    status
}

#[test]
fn pristine_applied_stale() {
    let world = World::new();
    assert_eq!(status(&world), Status::Pristine);
    world.apply();
    assert_eq!(status(&world), Status::Applied);
    world.repo_file("rust/kernel/mm/new.rs", "//! Newer.\n");
    assert_eq!(status(&world), Status::Stale);
    world.apply();
    world.edit_config("mod new;", "pub mod new;");
    assert_eq!(status(&world), Status::Stale);
    world.apply();
    fs::remove_file(world.repo().join("samples/rust/new/Makefile")).unwrap();
    assert_eq!(status(&world), Status::Stale);
    world.revert();
    assert_eq!(status(&world), Status::Pristine);
}

#[test]
fn partial() {
    // After the manifest and before anything else, and in the middle.
    for step in [3, 9] {
        let stopped = Hooks {
            stop: Some((step, Stop::Kill)),
            ..Hooks::default()
        };
        let world = World::new();
        assert!(world.overlay().apply_with(&world.tree(), &stopped).is_err());
        assert_eq!(status(&world), Status::Partial);
        world.apply();
        assert!(
            world
                .overlay()
                .revert_with(&world.tree(), &stopped)
                .is_err()
        );
        assert_eq!(status(&world), Status::Partial);
        world.apply();
        for file in ["rust/kernel/mm/new.rs", "samples/rust/new/Kconfig"] {
            world.repo_file(file, "Newer\n");
        }
        world.edit_config("mod new;", "pub mod new;");
        assert!(
            world
                .overlay()
                .apply_with(
                    &world.tree(),
                    &Hooks {
                        stop: Some((5, Stop::Kill)),
                        ..stopped
                    }
                )
                .is_err()
        );
        assert_eq!(status(&world), Status::Partial);
    }
    let world = World::new();
    world.apply();
    fs::remove_file(world.tree().join("rust/kernel/mm/new.rs")).unwrap();
    assert_eq!(status(&world), Status::Partial);
    world.apply();
    world.tree_file("LIST", "ALPHA\nthe beginning\n\nZULU\nthe end\n");
    assert_eq!(status(&world), Status::Partial);
}

#[test]
fn applied_by_git_edited_conflict() {
    let world = World::new();
    world.apply();
    world.tree_file("rust/kernel/mm/new.rs", "//! Edited.\n");
    assert_eq!(
        status(&world),
        Status::Edited(vec!["rust/kernel/mm/new.rs".into()])
    );
    world.tree_file("rust/kernel/mm/new.rs", "//! The new module.\n");
    fs::remove_file(world.tree().join(manifest::NAME)).unwrap();
    assert_eq!(status(&world), Status::AppliedByGit);
    world.tree_file("rust/kernel/mm/new.rs", "//! Edited.\n");
    let Status::Conflict(lines) = status(&world) else {
        panic!("{:?}", status(&world))
    };
    assert!(
        lines
            .iter()
            .any(|l| l.starts_with("rust/kernel/mm/new.rs: exists already")),
        "{lines:?}"
    );
}
