// SPDX-License-Identifier: GPL-2.0

//! A run ended at every one of its steps, by a signal or by an error.

use super::World;
use crate::snapshot::Snapshot;
use crate::tree::{Hooks, Stop};
use std::fs;

/// Does `first`, stopped at step 1, 2, 3, ... and then `after`, until `first` came to its end.
fn at_every_step(
    stop: Stop,
    setup: &dyn Fn() -> World,
    first: &dyn Fn(&World, &Hooks) -> bool,
    after: &dyn Fn(&World, usize, bool),
) {
    for step in 1.. {
        let world = setup();
        let done = first(
            &world,
            &Hooks {
                stop: Some((step, stop)),
                skip_sync: true,
            },
        );
        after(&world, step, done);
        if done {
            assert!(step > 10, "only {step} steps: nothing was interrupted");
            break;
        }
    }
}

fn apply(world: &World, hooks: &Hooks) -> bool {
    world.overlay().apply_with(&world.tree(), hooks).is_ok()
}

fn revert(world: &World, hooks: &Hooks) -> bool {
    world.overlay().revert_with(&world.tree(), hooks).is_ok()
}

fn applied_world() -> World {
    let world = World::new();
    world.apply();
    world
}

/// Applied, and then much changed in the repository.
fn stale_world() -> World {
    let world = applied_world();
    world.repo_file("rust/kernel/mm/new.rs", "//! Changed.\n");
    world.repo_file("rust/kernel/mm/more/file.rs", "//! More.\n");
    fs::remove_dir_all(world.repo().join("Documentation/fresh")).unwrap();
    world.edit_config("mod new;", "pub mod new;");
    world.edit_config("\"NEW ENTRY\"", "\"OTHER ENTRY\"");
    world
}

fn pristine() -> Snapshot {
    World::new().snapshot()
}

fn complete_by_apply(expected: &Snapshot) -> impl Fn(&World, usize, bool) {
    move |world, step, _| {
        world.apply();
        world
            .snapshot()
            .same_as(expected)
            .unwrap_or_else(|e| panic!("stopped at step {step}, applied: {e}"));
        world.revert();
        world
            .snapshot()
            .same_as(&pristine())
            .unwrap_or_else(|e| panic!("stopped at step {step}, reverted: {e}"));
    }
}

fn undo_by_revert(world: &World, step: usize, _: bool) {
    world.revert();
    world
        .snapshot()
        .same_as(&pristine())
        .unwrap_or_else(|e| panic!("stopped at step {step}, reverted: {e}"));
}

#[test]
fn a_killed_apply_is_completed_by_the_next() {
    let expected = applied_world().snapshot();
    at_every_step(
        Stop::Kill,
        &World::new,
        &apply,
        &complete_by_apply(&expected),
    );
}

#[test]
fn a_killed_apply_is_undone_by_revert() {
    at_every_step(Stop::Kill, &World::new, &apply, &undo_by_revert);
}

#[test]
fn a_killed_update_is_completed_by_the_next() {
    let world = stale_world();
    world.apply();
    at_every_step(
        Stop::Kill,
        &stale_world,
        &apply,
        &complete_by_apply(&world.snapshot()),
    );
}

#[test]
fn a_killed_update_is_undone_by_revert() {
    at_every_step(Stop::Kill, &stale_world, &apply, &undo_by_revert);
}

#[test]
fn a_killed_update_is_completed_after_another_change() {
    let change = |world: &World| {
        world.edit_config("pub mod new;", "pub(crate) mod new;");
        world.repo_file("rust/kernel/mm/new.rs", "//! Changed again.\n");
        world.repo_file("rust/kernel/mm/more/file.rs", "//! Even more.\n");
    };
    let world = stale_world();
    change(&world);
    world.apply();
    let expected = world.snapshot();
    at_every_step(Stop::Kill, &stale_world, &apply, &|world, step, done| {
        change(world);
        complete_by_apply(&expected)(world, step, done);
    });
}

#[test]
fn a_killed_revert_is_completed_by_the_next() {
    at_every_step(Stop::Kill, &applied_world, &revert, &undo_by_revert);
}

#[test]
fn a_killed_revert_is_undone_by_apply() {
    let expected = applied_world().snapshot();
    at_every_step(
        Stop::Kill,
        &applied_world,
        &revert,
        &complete_by_apply(&expected),
    );
}

#[test]
fn an_error_leaves_a_pristine_tree_pristine() {
    at_every_step(Stop::Error, &World::new, &apply, &|world, step, done| {
        if done {
            world.revert();
        }
        world
            .snapshot()
            .same_as(&pristine())
            .unwrap_or_else(|e| panic!("failed at step {step}: {e}"));
    });
}

#[test]
fn an_error_says_what_state_the_tree_is_in() {
    let hooks = Hooks {
        stop: Some((5, Stop::Error)),
        ..Hooks::default()
    };
    let fails = |world: &World| super::message(world.overlay().apply_with(&world.tree(), &hooks));
    super::assert_names(
        &fails(&World::new()),
        &["tree: ", "stopped by a test", "is as it was before"],
    );
    super::assert_names(
        &fails(&stale_world()),
        &["tree: ", "half-way", "apply again or revert"],
    );
    let reverts = applied_world();
    let message = super::message(reverts.overlay().revert_with(&reverts.tree(), &hooks));
    super::assert_names(&message, &["tree: ", "half-way", "revert again"]);
}
