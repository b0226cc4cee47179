// SPDX-License-Identifier: GPL-2.0

//! Files of the overlay, and errors in its configuration.

use super::{World, assert_names, message};
use crate::Overlay;
use std::fs;
use std::os::unix::fs::symlink;

fn files(world: &World) -> Vec<String> {
    world.overlay().files().map(str::to_string).collect()
}

const ALL: [&str; 5] = [
    "Documentation/fresh/deep/text.rst",
    "rust/kernel/mm/new.rs",
    "rust/kernel/mm/new/part.rs",
    "samples/rust/new/Kconfig",
    "samples/rust/new/Makefile",
];

#[test]
fn every_file_below_the_mirrored_directories_where_there_is_no_git() {
    let world = World::new();
    world.repo_file("README", "not for the tree\n");
    assert_eq!(files(&world), ALL);
}

#[test]
fn in_a_checkout_what_git_tracks_or_would_track() {
    let world = World::new();
    world.repo_file(".gitignore", "*.orig\n");
    world.repo_file("rust/kernel/mm/new.rs.orig", "ignored\n");
    world.commit();
    assert_eq!(files(&world), ALL);
    world.repo_file("rust/kernel/mm/añadido.rs", "//! Not yet tracked.\n");
    fs::remove_file(world.repo().join("rust/kernel/mm/new/part.rs")).unwrap();
    let now = files(&world);
    assert!(
        now.iter().any(|f| f == "rust/kernel/mm/añadido.rs"),
        "{now:?}"
    );
    assert!(
        !now.iter()
            .any(|f| f.ends_with("part.rs") || f.ends_with(".orig")),
        "{now:?}"
    );
}

#[test]
fn a_link_is_no_overlay_file() {
    let world = World::new();
    symlink("new.rs", world.repo().join("rust/kernel/mm/link.rs")).unwrap();
    assert_names(
        &message(Overlay::load(&world.repo())),
        &["rust/kernel/mm/link.rs: not a regular file"],
    );
}

/// The configuration with one thing replaced must be refused.
#[track_caller]
fn refused(from: &str, to: &str, named: &[&str]) {
    let world = World::new();
    world.edit_config(from, to);
    let message = message(Overlay::load(&world.repo()));
    assert_names(&message, named);
    assert_names(&message, &["scripts/overlay.toml"]);
}

#[test]
fn each_path_is_in_exactly_one_patch() {
    refused(
        "\"samples/rust/**\"",
        "\"samples/rust/Kconfig\"",
        &["samples/rust/new/Kconfig: in no patch", "add it"],
    );
    refused(
        "\"samples/rust/**\"",
        "\"samples/rust/new/*\"",
        &["samples/rust/Kconfig: in no patch"],
    );
    refused("\"samples/rust/**\"", "\"samples/*\"", &["in no patch"]);
    refused(
        "\"samples/rust/**\"",
        "\"samples/**\", \"rust/kernel/mm/new.rs\"",
        &[
            "rust/kernel/mm/new.rs: in patch \"rust: add the module\" and in patch \"samples: rust: add the sample\"",
        ],
    );
}

#[test]
fn each_patch_brings_something() {
    let third = "[[patch]]\nsubject = \"empty\"\nbody = \"Why.\"\npaths = [\"mm/**\"]\n[[patch]]\nid = \"sample\"";
    refused(
        "[[patch]]\nid = \"sample\"",
        third,
        &["patch \"empty\": its paths match nothing"],
    );
}

#[test]
fn insertions_name_patches_that_exist() {
    refused(
        "patch = \"sample\"",
        "patch = \"simple\"",
        &["patch \"simple\", of which there are 0"],
    );
    refused(
        "id = \"sample\"",
        "id = \"module\"",
        &["patch \"module\", of which there are 2"],
    );
}

#[test]
fn a_file_is_new_or_has_insertions() {
    refused(
        "\"LIST\"",
        "\"rust/kernel/mm/new.rs\"",
        &["rust/kernel/mm/new.rs: is both"],
    );
}

#[test]
fn nonsense_in_the_configuration() {
    refused(
        "'mod old\\b'",
        "'mod (old'",
        &["rust/kernel/mm.rs: anchor /mod (old/ is no regular expression"],
    );
    refused(
        "\"rust/kernel/mm.rs\"",
        "\"../elsewhere\"",
        &["\"../elsewhere\": not a path inside the kernel tree"],
    );
    refused(
        "[\"mod new;\"]",
        "[]",
        &["rust/kernel/mm.rs: an insertion without lines"],
    );
    refused(
        "\"mod new;\"",
        "\"mod\\nnew;\"",
        &["rust/kernel/mm.rs: a line with a line break"],
    );
    refused(
        "\"declares the module\"",
        "\"\"",
        &["rust/kernel/mm.rs: an insertion without a purpose"],
    );
    refused(
        "\"It was missing.\"",
        "\" \"",
        &["patch \"rust: add the module\": has no body"],
    );
    refused(
        "\"samples/rust/**\"",
        "\"samples/***\"",
        &["\"samples/***\": "],
    );
    refused(
        "position = \"after\"",
        "position = \"beside\"",
        &["overlay.toml:7: ", "beside"],
    );
    refused(
        "position = \"after\"",
        "positron = \"after\"",
        &["overlay.toml:7: ", "positron"],
    );
    refused("[\"7.3\", \"7.2\"]", "[]", &["supported_versions is empty"]);
    refused("[\"7.3\", \"7.2\"]", "[", &["overlay.toml:"]);
}

#[test]
fn no_configuration() {
    let world = World::new();
    fs::remove_file(world.repo().join("scripts/overlay.toml")).unwrap();
    assert_names(
        &message(Overlay::load(&world.repo())),
        &["repo/scripts/overlay.toml: cannot be read"],
    );
    assert_names(
        &message(Overlay::load(&world.dir.path().join("none"))),
        &["none: cannot be opened"],
    );
}

#[test]
fn a_file_is_installed_under_another_path() {
    let world = World::new();
    world.repo_file("Kconfig", "config NEWER\n");
    let file =
        "[[file]]\nsource = \"Kconfig\"\ninstalled = \"rust/kernel/mm/new/Kconfig\"\n\n[[patch]]";
    world.edit_config("[[patch]]", file);
    let before = world.snapshot();
    world.apply();
    assert_eq!(world.read("rust/kernel/mm/new/Kconfig"), "config NEWER\n");
    assert_eq!(world.read("Kconfig"), "# nothing\n");
    world.commit();
    world.repo_file("Kconfig", "config NEWEST\n");
    assert_names(
        &message(world.overlay().refuse_uncommitted()),
        &["Kconfig: not committed"],
    );
    world.revert();
    world.snapshot().same_as(&before).unwrap();

    let refused = |from: &str, to: &str| {
        world.edit_config(from, to);
        message(Overlay::load(&world.repo()))
    };
    let message = refused("mm/new/Kconfig\"", "mm/new/part.rs\"");
    assert_names(
        &message,
        &["rust/kernel/mm/new/part.rs is installed there, too"],
    );
    let message = refused("rust/kernel/mm/new/part.rs\"", "../Kconfig\"");
    assert_names(&message, &["not paths inside the repository"]);
    let message = refused("source = \"Kconfig\"", "source = \"Kconfig.none\"");
    assert_names(&message, &["not paths"]);
    let message = refused("\"../Kconfig\"", "\"rust/Kconfig\"");
    assert_names(&message, &["Kconfig.none: no such file"]);
}
