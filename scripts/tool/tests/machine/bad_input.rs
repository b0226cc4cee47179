// SPDX-License-Identifier: GPL-2.0

//! Wrong input: each time one line of error that says what to do, and nothing is modified.

use crate::world::{World, refusal, success};
use std::fs::File;
use std::process::Command;

#[test]
fn a_directory_that_is_no_kernel_tree() {
    let world = World::new();
    world.write("other/README", "hello\n");
    let before = world.content("other");
    let other = world.path("other");
    let error = refusal(world.tool(&["--kdir", other.to_str().unwrap(), "apply"]));
    assert!(
        error.contains(other.to_str().unwrap()) && error.contains("kernel"),
        "{error}"
    );
    assert_eq!(world.content("other"), before);
}

#[test]
fn a_tree_that_does_not_exist() {
    let error = refusal(World::new().tool(&["--kdir", "/no/such/tree", "apply"]));
    assert!(
        error.contains("KDIR=/no/such/tree") && error.contains("give the top directory"),
        "{error}"
    );
}

#[test]
fn a_tree_of_another_version() {
    let world = World::new();
    world.version([6, 1, 2], "");
    let before = world.content("tree");
    let error = refusal(world.in_tree(&["apply"]));
    assert!(error.contains("6.1.2") && error.contains("7.3"), "{error}");
    assert_eq!(world.content("tree"), before);
}

#[test]
fn a_tree_that_the_insertions_do_not_fit() {
    let world = World::new();
    world.write("tree/rust/list", "alpha\ngamma\n");
    let before = world.content("tree");
    let error = refusal(world.in_tree(&["apply"]));
    assert!(
        error.contains("rust/list") && error.contains("beta"),
        "{error}"
    );
    assert_eq!(world.content("tree"), before);
}

#[test]
fn applied_twice_and_taken_out() {
    let world = World::new();
    let before = world.content("tree");
    let (line, _) = success(world.in_tree(&["apply"]));
    assert!(
        line.starts_with("1 files written") && line.ends_with("(7.3.4)"),
        "{line}"
    );
    let applied = world.content("tree");
    let (line, _) = success(world.in_tree(&["apply"]));
    assert!(line.starts_with("up to date: 1 files"), "{line}");
    assert_eq!(world.content("tree"), applied);
    success(world.in_tree(&["revert"]));
    assert_eq!(world.content("tree"), before);
    let (line, _) = success(world.in_tree(&["revert"]));
    assert!(line.starts_with("nothing to revert"), "{line}");
}

#[test]
fn a_tree_that_was_built_in_place() {
    let world = World::new();
    world.write("tree/.config", "CONFIG_RUST=y\n");
    let error = refusal(world.in_tree(&["--config", "um", "kunit"]));
    assert!(error.contains("make mrproper"), "{error}");
}

#[test]
fn no_apt_and_tools_missing() {
    let world = World::new();
    let mut cmd = world.in_tree(&["kunit"]);
    cmd.env("VMA_NEEDS", "no-such-tool=x include/no-such.h=y -neither=z");
    let error = refusal(cmd);
    assert!(error.contains("no-such-tool, include/no-such.h"), "{error}");
    assert!(!error.contains("neither"), "{error}");
    assert!(
        error.contains("no apt") && error.contains("no-such-tool"),
        "{error}"
    );
}

#[test]
fn no_apt_and_no_source() {
    let world = World::new();
    let error = refusal(world.tool(&["apply"]));
    assert!(
        error.contains("without apt") && error.contains("KDIR="),
        "{error}"
    );
    assert!(!world.path("repo/build/linux").exists());
}

#[test]
fn a_rustc_without_library_source() {
    let world = World::new();
    std::fs::remove_dir_all(world.path("sysroot")).unwrap();
    let error = refusal(world.in_tree(&["kunit"]));
    assert!(
        error.contains("no library source") && error.contains("rust-src of 1.90.0"),
        "{error}"
    );
}

#[test]
fn an_unknown_configuration() {
    let error = refusal(World::new().in_tree(&["--config", "arm64", "kunit"]));
    assert!(
        error.contains("CONFIG=arm64") && error.contains("x86_64-debug"),
        "{error}"
    );
}

#[test]
fn two_runs_at_once() {
    let world = World::new();
    world.write("repo/build/.lock", "4242");
    let file = File::open(world.path("repo/build/.lock")).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let error = refusal(world.in_tree(&["apply"]));
    assert!(
        error.contains("process 4242") && error.contains("wait"),
        "{error}"
    );
    drop(file);
    success(world.in_tree(&["apply"]));
}

/// Lets the tool use this machine's apt with sources of the test's own. Without apt there is nothing to test.
fn with_apt(world: &World, sources: &str) -> bool {
    let all = ["apt-get", "apt-cache", "dpkg-deb"]
        .iter()
        .all(|tool| world.borrow(tool));
    world.write("apt/sources.list", sources);
    let list = world.path("apt/sources.list");
    let lists = world.path("apt/lists");
    std::fs::create_dir_all(lists.join("partial")).unwrap();
    world.write(
        "apt.conf",
        &format!(
            "Dir::Etc::sourcelist \"{}\";\nDir::Etc::sourceparts \"/dev/null\";\nDir::State::lists \"{}\";\n",
            list.display(),
            lists.display()
        ),
    );
    all
}

fn fetching(world: &World) -> Command {
    let mut cmd = world.tool(&["apply"]);
    cmd.env("APT_CONFIG", world.path("apt.conf"));
    cmd
}

#[test]
fn no_network() {
    let world = World::new();
    if !with_apt(&world, "deb http://127.0.0.1:9/debian some main\n") {
        return;
    }
    let error = refusal(fetching(&world));
    assert!(
        error.contains("no network") && error.contains("KDIR="),
        "{error}"
    );
    assert!(!world.path("cache/source").exists() && !world.path("repo/build/linux").exists());
}

#[test]
fn an_archive_without_a_signature() {
    let world = World::new();
    let archive = world.path("archive");
    world.write(
        "archive/dists/trixie-backports/Release",
        "Suite: trixie-backports\nCodename: trixie-backports\n",
    );
    if !with_apt(
        &world,
        &format!("deb file:{} some main\n", archive.display()),
    ) {
        return;
    }
    let error = refusal(fetching(&world));
    assert!(error.contains("signature"), "{error}");
    assert!(!world.path("cache/source").exists());
}

#[test]
fn an_archive_that_is_not_debians() {
    let world = World::new();
    if !with_apt(&world, "") {
        return;
    }
    let error = refusal(fetching(&world));
    assert!(
        error.contains("name no Debian archive") && error.contains("KDIR="),
        "{error}"
    );
}

#[test]
fn no_room_for_the_source() {
    let world = World::new();
    if !with_apt(&world, "deb http://127.0.0.1:9/debian some main\n") {
        return;
    }
    let cache = world.path("cache");
    std::fs::create_dir_all(&cache).unwrap();
    let tool = fetching(&world);
    // A file system of its own, in a mount namespace of its own.
    let mut cmd = Command::new("unshare");
    cmd.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    cmd.arg("mount -t tmpfs -o size=4m tmpfs \"$0\" || exit 77; exec \"$@\"")
        .arg(&cache);
    cmd.arg(tool.get_program()).args(tool.get_args());
    cmd.env("VMA_CACHE", &cache)
        .env("APT_CONFIG", world.path("apt.conf"));
    let output = cmd.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) || stderr.contains("unshare:") {
        eprintln!("not tested: this machine gives no mount namespace");
        return;
    }
    let error = stderr.lines().last().unwrap_or_default();
    assert!(
        !output.status.success() && error.starts_with("error: "),
        "{stderr}"
    );
    assert!(
        error.contains("needs 256 MiB and") && error.contains("make room"),
        "{error}"
    );
}
