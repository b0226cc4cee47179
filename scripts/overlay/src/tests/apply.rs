// SPDX-License-Identifier: GPL-2.0

//! Apply and revert as they should go, and the update of a tree after the repository changed.

use super::{World, make_executable};
use crate::snapshot::stamps;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

#[test]
fn puts_everything_in_its_place() {
    let world = World::new();
    let applied = world.apply();
    assert_eq!(
        (applied.version.as_str(), applied.files_written),
        ("7.3.4", 5)
    );
    assert_eq!(
        (
            applied.files_unchanged,
            applied.files_removed,
            applied.insertions
        ),
        (0, 0, 6)
    );
    assert_eq!(
        world.read("rust/kernel/mm/new/part.rs"),
        "//! A part of it.\n"
    );
    assert_eq!(world.read("samples/rust/new/Makefile"), "obj-y += new.o");
    assert_eq!(
        world.read("rust/kernel/mm.rs"),
        "//! Memory.\n\nmod old;\nmod new;\nmod other;\n\nfn f() {}\n\
         // first line of two\n\n// second line of two\n// last\n"
    );
    assert_eq!(
        world.read("samples/rust/Kconfig"),
        "if RUST\n\nconfig ONE\n\nsource \"samples/rust/new/Kconfig\"\n\nendif\n"
    );
    assert_eq!(
        world.read("LIST"),
        "ALPHA\nthe beginning\n\nNEW ENTRY\nthe module\nthe sample\n\nZULU\nthe end\n"
    );
}

#[test]
fn applying_twice_writes_nothing() {
    let world = World::new();
    assert!(!world.apply().nothing_to_do);
    let before = stamps(&world.tree()).unwrap();
    let again = world.apply();
    assert!(again.nothing_to_do);
    assert_eq!(
        (again.files_written, again.files_unchanged, again.insertions),
        (0, 5, 6)
    );
    assert_eq!(stamps(&world.tree()).unwrap(), before);
}

#[test]
fn revert_gives_the_tree_back() {
    let world = World::new();
    world.tree_file("rust/kernel/mm/old.rs", [0xff, 0xfe, 0x00]);
    make_executable(&world.tree().join("LIST"));
    let before = world.snapshot();
    world.apply();
    let reverted = world.revert();
    assert_eq!(
        (reverted.files_removed, reverted.insertions_removed),
        (5, 6)
    );
    assert!(reverted.dirs_kept.is_empty() && !reverted.nothing_to_do);
    world.snapshot().same_as(&before).unwrap();
}

#[test]
fn revert_of_a_tree_without_it_does_nothing() {
    let world = World::new();
    let before = stamps(&world.tree()).unwrap();
    assert!(world.revert().nothing_to_do);
    assert_eq!(stamps(&world.tree()).unwrap(), before);
}

#[test]
fn only_what_changed_in_the_repository_is_written_again() {
    let world = World::new();
    world.apply();
    let before = stamps(&world.tree()).unwrap();
    world.repo_file("rust/kernel/mm/new.rs", "//! The new module, improved.\n");
    let applied = world.apply();
    assert_eq!((applied.files_written, applied.files_unchanged), (1, 4));
    let after = stamps(&world.tree()).unwrap();
    let changed: Vec<_> = after
        .iter()
        .filter(|(path, stamp)| before.get(*path) != Some(stamp))
        .collect();
    let names: Vec<_> = changed
        .iter()
        .filter(|(p, _)| p.is_file())
        .map(|(p, _)| p.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names, [".rust-vma-overlay.json", "new.rs"]);
    assert_eq!(
        world.read("rust/kernel/mm/new.rs"),
        "//! The new module, improved.\n"
    );
}

#[test]
fn an_update_follows_added_and_removed_files_and_insertions() {
    let world = World::new();
    let before = world.snapshot();
    world.apply();
    fs::remove_file(world.repo().join("Documentation/fresh/deep/text.rst")).unwrap();
    world.repo_file("samples/rust/new/driver.rs", "// driver\n");
    world.edit_config("mod new;", "pub mod new;");
    world.edit_config("[\"the sample\"]", "[\"the sample\", \"and more\"]");
    world.edit_config("samples/rust/Kconfig", "Kconfig");
    world.edit_config("'^endif'", "'nothing'");
    world.edit_config("[\"rust/**\", ", "[\"Kconfig\", \"rust/**\", ");
    let applied = world.apply();
    assert_eq!((applied.files_written, applied.files_removed), (1, 1));
    assert!(!world.has("Documentation/fresh"));
    assert!(world.has("samples/rust/new/driver.rs"));
    assert!(
        world
            .read("rust/kernel/mm.rs")
            .contains("mod old;\npub mod new;\nmod other;")
    );
    assert!(world.read("LIST").contains("the sample\nand more\n\nZULU"));
    assert_eq!(
        world.read("samples/rust/Kconfig"),
        "if RUST\n\nconfig ONE\n\nendif\n"
    );
    assert!(world.read("Kconfig").ends_with("\n# nothing\n"));
    assert!(world.apply().nothing_to_do);
    world.revert();
    world.snapshot().same_as(&before).unwrap();
}

#[test]
fn an_edit_beside_our_lines_is_kept() {
    let world = World::new();
    world.apply();
    let mine = world
        .read("rust/kernel/mm.rs")
        .replace("fn f() {}", "fn mine() {}");
    world.tree_file("rust/kernel/mm.rs", format!("// my own line\n{mine}"));
    world.edit_config("mod new;", "pub mod new;");
    world.apply();
    let now = world.read("rust/kernel/mm.rs");
    assert!(
        now.starts_with("// my own line\n")
            && now.contains("mod old;\npub mod new;\n")
            && now.contains("fn mine")
    );
    world.revert();
    assert_eq!(
        world.read("rust/kernel/mm.rs"),
        "// my own line\n//! Memory.\n\nmod old;\nmod other;\n\nfn mine() {}\n// last\n"
    );
}

#[test]
fn files_that_git_restored_are_put_in_again() {
    let world = World::new();
    let before = world.snapshot();
    world.apply();
    let applied = world.snapshot();
    // As after `git checkout .` on another point release: restored, and not what it was.
    world.tree_file(
        "rust/kernel/mm.rs",
        "//! Memory, released again.\n\nmod old;\n// last\n",
    );
    fs::remove_file(world.tree().join("rust/kernel/mm/new.rs")).unwrap();
    world.apply();
    assert!(
        world
            .read("rust/kernel/mm.rs")
            .contains("mod old;\nmod new;\n")
    );
    world.tree_file("rust/kernel/mm.rs", TREE_MM);
    world.apply();
    world.snapshot().same_as(&applied).unwrap();
    world.revert();
    world.snapshot().same_as(&before).unwrap();
}

const TREE_MM: &str = "//! Memory.\n\nmod old;\nmod other;\n\nfn f() {}\n// last\n";

#[test]
fn modes_are_those_of_the_repository_and_of_the_kernel() {
    let world = World::new();
    make_executable(&world.repo().join("samples/rust/new/Makefile"));
    fs::set_permissions(world.tree().join("LIST"), fs::Permissions::from_mode(0o640)).unwrap();
    world.apply();
    let mode = |path: &str| fs::metadata(world.tree().join(path)).unwrap().mode() & 0o777;
    assert_eq!(
        mode("samples/rust/new/Makefile") & 0o111,
        0o111 & mode("samples/rust/new")
    );
    assert_eq!(mode("samples/rust/new/Kconfig") & 0o111, 0);
    assert_eq!(mode("LIST"), 0o640);
    fs::set_permissions(
        world.repo().join("samples/rust/new/Makefile"),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    assert_eq!(world.apply().files_written, 1);
    assert_eq!(mode("samples/rust/new/Makefile") & 0o111, 0);
    world.revert();
    assert_eq!(mode("LIST"), 0o640);
}

#[test]
fn hard_linked_copies_of_the_tree_keep_their_content() {
    let world = World::new();
    let twin = world.dir.path().join("twin");
    fs::hard_link(world.tree().join("LIST"), &twin).unwrap();
    world.apply();
    assert_eq!(
        fs::read_to_string(twin).unwrap(),
        "ALPHA\nthe beginning\n\nZULU\nthe end\n"
    );
}

#[test]
fn a_directory_with_something_else_in_it_stays() {
    let world = World::new();
    world.apply();
    world.tree_file("samples/rust/new/new.o", "made by a build");
    let reverted = world.revert();
    assert_eq!(reverted.dirs_kept, ["samples/rust/new"]);
    assert_eq!(world.read("samples/rust/new/new.o"), "made by a build");
    assert!(!world.has("samples/rust/new/Kconfig") && !world.has("Documentation/fresh"));
}

#[test]
fn a_directory_that_an_update_could_not_remove_is_removed_later() {
    let world = World::new();
    let before = world.snapshot();
    world.apply();
    world.tree_file("Documentation/fresh/deep/built.html", "made by a build");
    fs::remove_file(world.repo().join("Documentation/fresh/deep/text.rst")).unwrap();
    world.apply();
    assert!(world.has("Documentation/fresh/deep"));
    assert!(world.apply().nothing_to_do);
    fs::remove_file(world.tree().join("Documentation/fresh/deep/built.html")).unwrap();
    world.revert();
    world.snapshot().same_as(&before).unwrap();
}

#[test]
fn a_file_brought_over_from_the_tree_counts_as_ours() {
    let world = World::new();
    let before = world.snapshot();
    world.apply();
    // Written in the tree first, then copied into the repository.
    for (path, content) in [
        ("rust/kernel/mm/new.rs", "//! Edited.\n"),
        ("rust/kernel/mm/new/more.rs", "//! More.\n"),
    ] {
        world.tree_file(path, content);
        world.repo_file(path, content);
    }
    assert_eq!(world.apply().files_written, 0);
    world.revert();
    world.snapshot().same_as(&before).unwrap();
}

#[test]
fn revert_takes_a_file_that_became_the_repositorys_meanwhile() {
    let world = World::new();
    let before = world.snapshot();
    world.apply();
    world.tree_file("rust/kernel/mm/new.rs", "//! Edited.\n");
    world.repo_file("rust/kernel/mm/new.rs", "//! Edited.\n");
    world.revert();
    world.snapshot().same_as(&before).unwrap();
}

#[test]
fn lines_that_end_like_ours_are_not_ours() {
    let world = World::new();
    world.apply();
    let mine = format!("// see mod new;\n{}", world.read("rust/kernel/mm.rs"));
    world.tree_file("rust/kernel/mm.rs", mine);
    world.revert();
    assert_eq!(
        world.read("rust/kernel/mm.rs"),
        format!("// see mod new;\n{TREE_MM}")
    );
}

#[test]
fn lines_that_the_kernel_has_elsewhere_are_put_in_again() {
    let world = World::new();
    world.edit_config("mod new;", "fn f() {}");
    world.edit_config(
        "\"// first line of two\", \"\", \"// second line of two\"",
        "\"mod other;\"",
    );
    world.apply();
    let applied = world.snapshot();
    world.tree_file("rust/kernel/mm.rs", TREE_MM);
    world.apply();
    world.snapshot().same_as(&applied).unwrap();
}

#[test]
fn inserted_lines_may_look_like_their_anchor() {
    let world = World::new();
    let before = world.snapshot();
    world.edit_config("\"mod new;\"", "\"mod old_too;\", \"mod old; // again\"");
    world.edit_config("mod old\\b", "mod old");
    world.apply();
    assert!(world.apply().nothing_to_do);
    world.revert();
    world.snapshot().same_as(&before).unwrap();
}

#[test]
fn lines_that_could_not_be_taken_out_again_are_not_put_in() {
    let world = World::new();
    let before = world.snapshot();
    // Two anchors that are one line.
    world.edit_config("'^ZULU'", "'ZULU$'");
    let refused = super::message(world.overlay().apply(&world.tree()));
    super::assert_names(&refused, &["LIST: ", "could not be taken out again"]);
    world.snapshot().same_as(&before).unwrap();
}
