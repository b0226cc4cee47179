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
    assert!(results.iter().all(|r| r.ok), "{results:#?}");
    assert_eq!(results.len(), 6);
    world.snapshot().same_as(&before).unwrap();
    let work = world.dir.path().join("work");
    assert_eq!(fs::read_dir(work).unwrap().count(), 0);
}

#[test]
fn fails_where_a_promise_is_broken() {
    let world = World::new();
    // git am takes the carriage returns out of a patch.
    world.tree_file("LIST", "ALPHA\r\n\r\nZULU\r\n");
    let mut failed = trip(&world).into_iter().filter(|r| !r.ok);
    assert_eq!(failed.next().unwrap().name, "series taken by git am");
    assert!(failed.next().is_none());
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
