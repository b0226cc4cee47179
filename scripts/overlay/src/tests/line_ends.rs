// SPDX-License-Identifier: GPL-2.0

//! Files that are not lines ended by newlines come back as they were.

use super::World;

fn there_and_back(path: &str, content: &str, applied: &str) {
    let world = World::new();
    world.tree_file(path, content);
    let before = world.snapshot();
    world.apply();
    assert_eq!(world.read(path), applied);
    assert!(world.apply().nothing_to_do);
    world.revert();
    world.snapshot().same_as(&before).unwrap();
}

#[test]
fn crlf() {
    there_and_back(
        "LIST",
        "ALPHA\r\n\r\nZULU\r\n",
        "ALPHA\r\n\r\nNEW ENTRY\r\nthe module\r\nthe sample\r\n\r\nZULU\r\n",
    );
}

#[test]
fn anchor_without_newline_at_the_end() {
    there_and_back(
        "rust/kernel/mm.rs",
        "// last\nmod old;",
        "// first line of two\n\n// second line of two\n// last\nmod old;\nmod new;",
    );
    there_and_back(
        "rust/kernel/mm.rs",
        "// last\r\nmod old;",
        "// first line of two\r\n\r\n// second line of two\r\n// last\r\nmod old;\r\nmod new;",
    );
    there_and_back(
        "samples/rust/Kconfig",
        "endif",
        "source \"samples/rust/new/Kconfig\"\n\nendif",
    );
}

#[test]
fn mixed_line_ends_and_bytes_that_are_no_text() {
    let world = World::new();
    let content = b"ALPHA\r\n\xff\xfe\n\rZ\x00\nZULU\n\nend\r".to_vec();
    world.tree_file("LIST", &content);
    let before = world.snapshot();
    world.apply();
    assert_ne!(std::fs::read(world.tree().join("LIST")).unwrap(), content);
    world.revert();
    world.snapshot().same_as(&before).unwrap();
}

#[test]
fn edited_elsewhere_and_without_a_final_newline() {
    let world = World::new();
    world.tree_file("rust/kernel/mm.rs", "// last\nmod old;");
    world.apply();
    let edited = format!("// mine\nmod new;er\n{}", world.read("rust/kernel/mm.rs"));
    world.tree_file("rust/kernel/mm.rs", edited);
    world.revert();
    assert_eq!(
        world.read("rust/kernel/mm.rs"),
        "// mine\nmod new;er\n// last\nmod old;"
    );
}
