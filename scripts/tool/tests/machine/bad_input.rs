// SPDX-License-Identifier: GPL-2.0

//! Wrong input: each time one line of error that says what to do, and nothing is modified.

use crate::world::{World, refused, success};
use std::fs;
use std::process::Command;

/// Arguments that are refused in a world that differs from a good one in one thing.
#[test]
fn wrong_trees_and_arguments() {
    type Change = fn(&World);
    let cases: [(&str, Change, &str, &[&str]); 10] = [
        (
            "a tree that does not exist",
            |_| (),
            "--kdir /no/such/tree apply",
            &["KDIR=/no/such/tree", "give the top directory"],
        ),
        (
            "a directory that is no kernel tree",
            |world| fs::remove_file(world.path("tree/Kbuild")).unwrap(),
            "TREE apply",
            &["/tree: not a kernel source tree"],
        ),
        (
            "a tree of another version",
            |world| world.version([6, 1, 2], ""),
            "TREE apply",
            &["6.1.2", "7.3"],
        ),
        (
            "a tree that the insertions do not fit",
            |world| world.write("tree/rust/list", "alpha\ngamma\n"),
            "TREE apply",
            &["rust/list", "beta"],
        ),
        (
            "a tree that was built in place",
            |world| world.write("tree/.config", "CONFIG_RUST=y\n"),
            "TREE --config um kunit",
            &["make mrproper"],
        ),
        (
            "no apt and no source",
            |_| (),
            "apply",
            &["without apt", "KDIR="],
        ),
        (
            "a rustc without library source",
            |world| fs::remove_dir_all(world.path("sysroot")).unwrap(),
            "TREE kunit",
            &["no library source", "rust-src of 1.90.0"],
        ),
        (
            "a kernel without a guest",
            |_| (),
            "TREE --config um drivers",
            &["CONFIG=um: it has no guest"],
        ),
        (
            "machine code of another architecture",
            |_| (),
            "TREE --config arm64 codegen-check",
            &["CONFIG=arm64: only machine code of x86"],
        ),
        (
            "an unknown configuration",
            |_| (),
            "TREE --config sparc kunit",
            &["CONFIG=sparc", "x86_64-debug"],
        ),
    ];
    for (name, change, arguments, texts) in cases {
        eprintln!("{name}");
        let world = World::new();
        change(&world);
        let before = world.content("tree");
        let cmd = match arguments.strip_prefix("TREE ") {
            Some(arguments) => world.in_tree(arguments),
            None => world.tool(arguments),
        };
        refused(cmd, texts);
        // A build is refused after the overlay was applied.
        if arguments.ends_with("apply") {
            assert_eq!(world.content("tree"), before);
        }
        assert!(!world.path("repo/build/linux").exists());
    }
}

#[test]
fn applied_twice_and_reverted() {
    let world = World::new();
    let before = world.content("tree");
    let first = success(world.in_tree("apply"));
    assert!(
        first.starts_with("1 files written") && first.ends_with("(7.3.4)"),
        "{first}"
    );
    let applied = world.content("tree");
    let second = success(world.in_tree("apply"));
    assert!(second.starts_with("up to date: 1 files"), "{second}");
    assert_eq!(world.content("tree"), applied);
    success(world.in_tree("revert"));
    assert_eq!(world.content("tree"), before);
    let line = success(world.in_tree("revert"));
    assert!(line.starts_with("nothing to revert"), "{line}");
}

#[test]
fn no_apt_and_tools_missing() {
    let world = World::new();
    let mut cmd = world.in_tree("kunit");
    cmd.env("VMA_NEEDS", "no-such-tool=x include/no-such.h=y -neither=z");
    let error = refused(cmd, &["no-such-tool, include/no-such.h", "no apt"]);
    assert!(!error.contains("neither"), "{error}");
}

#[test]
fn two_runs_at_once() {
    let world = World::new();
    world.write("repo/build/.lock", "4242");
    let file = fs::File::open(world.path("repo/build/.lock")).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    refused(world.in_tree("apply"), &["process 4242", "wait"]);
    drop(file);
    success(world.in_tree("apply"));
}

/// `make apply` with this machine's apt and sources of the test's own. Without apt there is nothing to test.
fn with_apt(world: &World, sources: &str) -> Option<Command> {
    let tools = ["apt-get", "apt-cache", "dpkg-deb"];
    let all = tools.iter().all(|tool| world.borrow(tool));
    world.write("apt/sources.list", sources);
    world.write("apt/lists/partial/none", "");
    let (list, lists) = (world.path("apt/sources.list"), world.path("apt/lists"));
    let (list, lists) = (list.display(), lists.display());
    world.write(
        "apt.conf",
        &format!("Dir::Etc::sourcelist \"{list}\";\nDir::Etc::sourceparts \"/dev/null\";\nDir::State::lists \"{lists}\";\n"),
    );
    let mut cmd = world.tool("apply");
    cmd.env("APT_CONFIG", world.path("apt.conf"));
    all.then_some(cmd)
}

const UNREACHABLE: &str = "deb http://127.0.0.1:9/debian some main\n";

#[test]
fn archives_that_give_no_source() {
    for (sources, texts) in [
        (UNREACHABLE, &["no network", "KDIR="][..]),
        ("deb file:ARCHIVE some main\n", &["signature"]),
        ("", &["name no Debian archive", "KDIR="]),
    ] {
        let world = World::new();
        let release = "Suite: trixie-backports\nCodename: trixie-backports\n";
        world.write("archive/dists/trixie-backports/Release", release);
        let archive = world.path("archive").display().to_string();
        let Some(cmd) = with_apt(&world, &sources.replace("ARCHIVE", &archive)) else {
            return;
        };
        refused(cmd, texts);
        assert!(!world.path("cache/source").exists() && !world.path("repo/build/linux").exists());
    }
}

#[test]
fn no_room_for_the_source() {
    let world = World::new();
    let Some(tool) = with_apt(&world, UNREACHABLE) else {
        return;
    };
    let cache = world.path("cache");
    fs::create_dir_all(&cache).unwrap();
    // A file system of its own, in a mount namespace of its own.
    let mut cmd = Command::new("unshare");
    cmd.args("--user --map-root-user --mount sh -c".split(' '))
        .arg("mount -t tmpfs -o size=4m tmpfs \"$0\" || exit 77; exec \"$@\"")
        .arg(&cache)
        .arg(tool.get_program())
        .args(tool.get_args())
        .env("VMA_CACHE", &cache)
        .env("APT_CONFIG", world.path("apt.conf"));
    let output = cmd.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) || stderr.contains("unshare:") {
        eprintln!("not tested: this machine gives no mount namespace");
        return;
    }
    refused(cmd, &["needs 256 MiB and", "make room"]);
}
