// SPDX-License-Identifier: GPL-2.0

//! The round trip, which is itself a test: it has to succeed where all is well and to fail where not.

use super::{World, assert_names, message};
use crate::{CheckResult, roundtrip};
use std::fs;

fn trip(world: &World) -> Vec<CheckResult> {
    roundtrip(
        &world.tree(),
        &world.overlay(),
        &world.dir.path().join("work"),
    )
    .unwrap()
}

#[test]
fn succeeds_and_leaves_nothing_behind() {
    let world = World::new();
    let before = world.snapshot();
    let results = trip(&world);
    let failed: Vec<_> = results.iter().filter(|r| !r.ok).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(results.len(), 10 + 2 * 6 + 5);
    world.snapshot().same_as(&before).unwrap();
    assert_eq!(
        fs::read_dir(world.dir.path().join("work")).unwrap().count(),
        0
    );
}

#[test]
fn fails_where_a_refusal_is_missing() {
    let world = World::new();
    // An anchor that every damaged line still matches.
    world.edit_config("'^endif'", "'(endif|no [0-9])'");
    let failed: Vec<_> = trip(&world).into_iter().filter(|r| !r.ok).collect();
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert_names(&failed[0].name, &["anchor gone: samples/rust/Kconfig"]);
    assert_eq!(failed[0].detail, "was applied");
}

#[test]
fn does_not_start_where_the_overlay_does_not_fit() {
    let world = World::new();
    world.tree_file("LIST", "nothing\n");
    let result = roundtrip(
        &world.tree(),
        &world.overlay(),
        &world.dir.path().join("work"),
    );
    assert_names(&message(result), &["LIST: anchor /^ZULU/ not found"]);
}
