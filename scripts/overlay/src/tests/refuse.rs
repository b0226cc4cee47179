// SPDX-License-Identifier: GPL-2.0

//! Every refusal: one line that names what is wrong and what to do, and a tree left alone.

use super::{World, assert_names, message};
use crate::snapshot::stamps;
use crate::tree::Hooks;
use crate::tree::{Access, Tree};
use crate::{Overlay, manifest};
use rustix::fs::{FlockOperation, flock};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

/// Applying to this world's tree must be refused with a message that has all of `named` in it.
#[track_caller]
fn refused(world: &World, named: &[&str]) {
    let before = (world.snapshot(), stamps(&world.tree()).unwrap());
    assert_names(&message(world.overlay().apply(&world.tree())), named);
    world.snapshot().same_as(&before.0).unwrap();
    assert_eq!(
        stamps(&world.tree()).unwrap(),
        before.1,
        "something was written"
    );
}

/// The same for a revert.
#[track_caller]
fn revert_refused(world: &World, named: &[&str]) {
    let before = (world.snapshot(), stamps(&world.tree()).unwrap());
    assert_names(&message(world.overlay().revert(&world.tree())), named);
    world.snapshot().same_as(&before.0).unwrap();
    assert_eq!(
        stamps(&world.tree()).unwrap(),
        before.1,
        "something was written"
    );
}

#[test]
fn no_such_directory() {
    let world = World::new();
    let nowhere = world.dir.path().join("nowhere");
    assert_names(
        &message(world.overlay().apply(&nowhere)),
        &["nowhere: no such directory", "KDIR="],
    );
    assert_names(
        &message(world.overlay().revert(&nowhere)),
        &["nowhere: no such directory", "KDIR="],
    );
}

#[test]
fn not_a_kernel_tree() {
    for (path, content) in [
        ("Makefile", "all:\n"),
        ("Makefile", "VERSION = seven\nPATCHLEVEL = 3\n"),
    ] {
        let world = World::new();
        world.tree_file(path, content);
        refused(&world, &["tree: not a kernel source tree", "KDIR="]);
        revert_refused(&world, &["tree: not a kernel source tree", "KDIR="]);
    }
    let world = World::new();
    fs::remove_file(world.tree().join("Kbuild")).unwrap();
    refused(&world, &["not a kernel source tree", "Kbuild"]);
    let file = world.tree().join("Kconfig");
    assert_names(
        &message(world.overlay().apply(&file)),
        &["not a kernel source tree"],
    );
}

#[test]
fn a_build_directory() {
    let world = World::new();
    let out = world.dir.path().join("out");
    super::put(&out.join("Makefile"), "include ../tree/Makefile\n");
    symlink(world.tree(), out.join("source")).unwrap();
    assert_names(
        &message(world.overlay().apply(&out)),
        &["out: a build directory (O=)", "give the source tree"],
    );
}

#[test]
fn wrong_version() {
    let world = World::new();
    world.tree_file(
        "Makefile",
        "VERSION = 6\nPATCHLEVEL = 18\nSUBLEVEL = 2\nEXTRAVERSION = -rc3\n",
    );
    refused(
        &world,
        &["Linux 6.18.2-rc3 is not supported", "only 7.3 and 7.2"],
    );
    world.tree_file(
        "Makefile",
        "VERSION = 7\nPATCHLEVEL = 30\nSUBLEVEL = 0\nEXTRAVERSION =\n",
    );
    refused(&world, &["Linux 7.30 is not supported"]);
    world.tree_file(
        "Makefile",
        "VERSION = 7\nPATCHLEVEL = 2\nSUBLEVEL = 9\nEXTRAVERSION =\n",
    );
    assert_eq!(world.apply().version, "7.2.9");
}

#[test]
fn anchor_not_found() {
    let world = World::new();
    world.tree_file("rust/kernel/mm.rs", "mod older;\n// last\n");
    refused(
        &world,
        &["rust/kernel/mm.rs: ", "anchor /mod old\\b/ not found"],
    );
    world.tree_file("rust/kernel/mm.rs", "");
    refused(
        &world,
        &["rust/kernel/mm.rs: ", "anchor /mod old\\b/ not found"],
    );
}

#[test]
fn anchor_found_twice() {
    let world = World::new();
    world.tree_file("LIST", "ZULU\nYANKEE\nZULU TIME\n");
    refused(
        &world,
        &["LIST: anchor /^ZULU/ found 2 times instead of once"],
    );
}

#[test]
fn file_with_the_anchor_is_missing() {
    let world = World::new();
    fs::remove_file(world.tree().join("LIST")).unwrap();
    refused(&world, &["LIST: not in this tree", "anchor /^ZULU/"]);
}

#[test]
fn a_file_in_the_way() {
    for content in ["somebody else's\n", "//! The new module.\n"] {
        let world = World::new();
        world.tree_file("rust/kernel/mm/new.rs", content);
        refused(
            &world,
            &["rust/kernel/mm/new.rs: exists already", "move it away"],
        );
    }
    let world = World::new();
    world.apply();
    world.repo_file("rust/kernel/mm/later.rs", "//! Later.\n");
    world.tree_file("rust/kernel/mm/later.rs", "//! Somebody else's.\n");
    refused(
        &world,
        &["rust/kernel/mm/later.rs: exists already", "move it away"],
    );
}

#[test]
fn something_else_than_a_file_or_directory_in_the_way() {
    let world = World::new();
    fs::create_dir(world.tree().join("rust/kernel/mm/new.rs")).unwrap();
    refused(
        &world,
        &[
            "rust/kernel/mm/new.rs is not a regular file",
            "move it away",
        ],
    );
    let world = World::new();
    world.tree_file("samples/rust/new", "a file\n");
    refused(
        &world,
        &[
            "samples/rust/new is not a directory",
            "move it away",
            "and 1 more",
        ],
    );
}

#[test]
fn our_lines_there_without_a_manifest() {
    let world = World::new();
    world.tree_file("rust/kernel/mm.rs", "mod old;\nmod new;\n// last\n");
    refused(
        &world,
        &[
            "rust/kernel/mm.rs: has lines of the overlay already",
            "take them out",
        ],
    );
    world.tree_file(
        "rust/kernel/mm.rs",
        "mod old;\n// first line of two\n\n// second line of two\n// last\n",
    );
    refused(
        &world,
        &["rust/kernel/mm.rs: has lines of the overlay already"],
    );
}

#[test]
fn a_file_of_ours_edited_by_hand() {
    let world = World::new();
    world.apply();
    world.tree_file("rust/kernel/mm/new.rs", "//! Improved in the tree.\n");
    let named = [
        "rust/kernel/mm/new.rs: ",
        "edited in this tree",
        "take the edit over into the repository",
    ];
    refused(&world, &named);
    revert_refused(&world, &named);
    world.repo_file(
        "rust/kernel/mm/new.rs",
        "//! Changed in the repository, too.\n",
    );
    refused(&world, &named);
    world.tree_file("samples/rust/new/Kconfig", "config EDITED\n");
    refused(&world, &["and 1 more"]);
}

#[test]
fn an_edited_file_that_the_repository_no_longer_has() {
    let world = World::new();
    world.apply();
    world.tree_file("Documentation/fresh/deep/text.rst", "Edited\n");
    fs::remove_dir_all(world.repo().join("Documentation")).unwrap();
    refused(
        &world,
        &["Documentation/fresh/deep/text.rst: ", "edited in this tree"],
    );
}

#[test]
fn our_lines_edited_by_hand() {
    let world = World::new();
    world.apply();
    let edits = [
        ("mod new;", "mod new; // mine"),
        ("mod new;", "mod new;\nmod new;"),
        ("// second line of two\n", ""),
    ];
    for (from, to) in edits {
        let content = world.read("rust/kernel/mm.rs");
        world.tree_file("rust/kernel/mm.rs", content.replace(from, to));
        let named = [
            "rust/kernel/mm.rs: ",
            "lines in it were edited",
            "put them back",
        ];
        refused(&world, &named);
        revert_refused(&world, &named);
        world.tree_file("rust/kernel/mm.rs", content);
    }
    world.revert();
}

#[test]
fn an_unreadable_manifest() {
    for content in ["", "{}", "not json", "{\"format\": 2}"] {
        let world = World::new();
        world.tree_file(manifest::NAME, content);
        refused(
            &world,
            &["tree: ", manifest::NAME, "not readable as a manifest"],
        );
        revert_refused(
            &world,
            &["tree: ", manifest::NAME, "not readable as a manifest"],
        );
    }
    let world = World::new();
    world.apply();
    let manifest = world.read(manifest::NAME);
    world.tree_file(
        manifest::NAME,
        manifest.replacen("\"format\": 2", "\"format\": 3", 1),
    );
    refused(
        &world,
        &["format 3 is of another release", "revert with that release"],
    );
}

/// As somebody who may not write there; root may write everywhere, so this thread stops being root.
#[test]
fn a_tree_that_cannot_be_written() {
    let world = World::new();
    let overlay = world.overlay();
    let dir = world.tree().join("rust/kernel/mm");
    let mut open = vec![world.dir.path().to_path_buf()];
    while let Some(dir) = open.pop() {
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
        open.extend(
            fs::read_dir(&dir)
                .unwrap()
                .map(|e| e.unwrap().path())
                .filter(|p| p.is_dir()),
        );
    }
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o555)).unwrap();
    let before = world.snapshot();
    let message = std::thread::scope(|scope| {
        scope
            .spawn(|| without_root(|| message(overlay.apply(&world.tree()))))
            .join()
            .unwrap()
    });
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
    assert_names(
        &message,
        &[
            "rust/kernel/mm/new",
            "Permission denied",
            "is as it was before",
        ],
    );
    world.snapshot().same_as(&before).unwrap();
}

fn without_root<T>(run: impl FnOnce() -> T) -> T {
    if rustix::process::geteuid().is_root() {
        let nobody = rustix::process::Uid::from_raw(65534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
    }
    run()
}

#[test]
fn another_run_at_work() {
    let world = World::new();
    let other = fs::File::open(world.tree()).unwrap();
    flock(&other, FlockOperation::LockExclusive).unwrap();
    refused(
        &world,
        &["tree: another run is working on this tree", "wait"],
    );
    revert_refused(&world, &["another run is working on this tree"]);
    assert_names(
        &message(world.overlay().status(&world.tree())),
        &["another run is working on this tree"],
    );
    flock(&other, FlockOperation::Unlock).unwrap();
    world.apply();
}

#[test]
fn the_tree_is_named_as_it_is_and_not_as_a_link_to_it() {
    let world = World::new();
    let link = world.dir.path().join("link");
    symlink(world.tree(), &link).unwrap();
    Overlay::load(&world.repo()).unwrap().apply(&link).unwrap();
    assert!(world.has(manifest::NAME));
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
