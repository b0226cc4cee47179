// SPDX-License-Identifier: GPL-2.0

//! Nothing outside the tree is ever touched, whatever links or records are laid out in it.

use super::{World, assert_names, message, put};
use crate::manifest;
use crate::snapshot::Snapshot;
use std::fs;
use std::os::unix::fs::symlink;

/// A world with a directory outside the tree that must stay as it is.
fn with_outside(lay_out: impl Fn(&World, &std::path::Path), check: impl Fn(&World)) {
    let world = World::new();
    let outside = world.dir.path().join("outside");
    put(&outside.join("precious"), "keep this\n");
    put(&outside.join("new.rs"), "keep this, too\n");
    fs::create_dir_all(outside.join("empty")).unwrap();
    lay_out(&world, &outside);
    let before = (Snapshot::of(&outside).unwrap(), world.snapshot());
    check(&world);
    Snapshot::of(&outside).unwrap().same_as(&before.0).unwrap();
    world.snapshot().same_as(&before.1).unwrap();
}

#[test]
fn a_directory_that_is_a_link() {
    let lay_out = |world: &World, outside: &std::path::Path| {
        fs::remove_dir_all(world.tree().join("rust/kernel/mm")).unwrap();
        symlink(outside, world.tree().join("rust/kernel/mm")).unwrap();
    };
    with_outside(lay_out, |world| {
        let message = message(world.overlay().apply(&world.tree()));
        assert_names(
            &message,
            &[
                "rust/kernel/mm/new.rs",
                "rust/kernel/mm is a symbolic link",
                "put a real directory there",
            ],
        );
    });
}

#[test]
fn a_new_file_that_is_a_link_already() {
    for target in ["precious", "not there"] {
        let lay_out = |world: &World, outside: &std::path::Path| {
            symlink(
                outside.join(target),
                world.tree().join("rust/kernel/mm/new.rs"),
            )
            .unwrap();
        };
        with_outside(lay_out, |world| {
            let message = message(world.overlay().apply(&world.tree()));
            assert_names(
                &message,
                &[
                    "rust/kernel/mm/new.rs is a symbolic link",
                    "put a real file there",
                ],
            );
        });
    }
}

#[test]
fn a_file_for_insertions_that_is_a_link() {
    let lay_out = |world: &World, outside: &std::path::Path| {
        fs::rename(world.tree().join("LIST"), outside.join("LIST")).unwrap();
        symlink(outside.join("LIST"), world.tree().join("LIST")).unwrap();
    };
    with_outside(lay_out, |world| {
        assert_names(
            &message(world.overlay().apply(&world.tree())),
            &["LIST is a symbolic link"],
        );
    });
}

#[test]
fn a_manifest_that_is_a_link() {
    let lay_out = |world: &World, outside: &std::path::Path| {
        symlink(outside.join("precious"), world.tree().join(manifest::NAME)).unwrap();
    };
    with_outside(lay_out, |world| {
        assert_names(
            &message(world.overlay().apply(&world.tree())),
            &[manifest::NAME, "symbolic link"],
        );
        assert_names(
            &message(world.overlay().revert(&world.tree())),
            &[manifest::NAME, "symbolic link"],
        );
    });
}

#[test]
fn a_temporary_file_that_is_a_link() {
    let world = World::new();
    let outside = world.dir.path().join("outside");
    put(&outside, "keep this\n");
    symlink(&outside, world.tree().join(".rust-vma-overlay.tmp")).unwrap();
    world.apply();
    assert_eq!(fs::read_to_string(&outside).unwrap(), "keep this\n");
    assert!(!world.has(".rust-vma-overlay.tmp"));
}

#[test]
fn a_manifest_with_paths_out_of_the_tree() {
    for path in [
        "../outside/precious",
        "/etc/hostname",
        "rust/../../outside/precious",
        "",
    ] {
        let lay_out = |world: &World, outside: &std::path::Path| {
            let sha256 = manifest::sha256(&fs::read(outside.join("precious")).unwrap());
            let mut hostile = manifest::Manifest::default();
            hostile.files.insert(path.into(), [sha256].into());
            fs::write(world.tree().join(manifest::NAME), hostile.to_bytes()).unwrap();
        };
        with_outside(lay_out, |world| {
            assert_names(
                &message(world.overlay().revert(&world.tree())),
                &[manifest::NAME, "not a path inside the tree"],
            );
            assert_names(
                &message(world.overlay().apply(&world.tree())),
                &[manifest::NAME, "not a path inside the tree"],
            );
        });
    }
}

#[test]
fn directories_turned_into_links_before_a_revert() {
    let world = World::new();
    world.apply();
    let outside = world.dir.path().join("outside");
    fs::rename(world.tree().join("Documentation/fresh"), &outside).unwrap();
    symlink(&outside, world.tree().join("Documentation/fresh")).unwrap();
    let before = Snapshot::of(&outside).unwrap();
    assert_names(
        &message(world.overlay().revert(&world.tree())),
        &["Documentation/fresh is a symbolic link"],
    );
    fs::remove_file(outside.join("deep/text.rst")).unwrap();
    let emptied = Snapshot::of(&outside).unwrap();
    assert_ne!(before, emptied);
    let _ = world.overlay().revert(&world.tree());
    Snapshot::of(&outside).unwrap().same_as(&emptied).unwrap();
}

#[test]
fn a_manifest_with_directories_behind_a_link() {
    let lay_out = |world: &World, outside: &std::path::Path| {
        symlink(outside, world.tree().join("rust/link")).unwrap();
        let mut hostile = manifest::Manifest::default();
        hostile.dirs.insert("rust/link/empty".into());
        fs::write(world.tree().join(manifest::NAME), hostile.to_bytes()).unwrap();
    };
    with_outside(lay_out, |world| {
        let manifest = fs::read(world.tree().join(manifest::NAME)).unwrap();
        world.revert();
        fs::write(world.tree().join(manifest::NAME), manifest).unwrap();
    });
}
