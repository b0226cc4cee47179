// SPDX-License-Identifier: GPL-2.0

//! Configuration and build of a kernel, in a tree that builds at once.

use crate::world::{World, refusal};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// There is no kernel in the end: the run comes as far as booting it.
const BUILT: &str = "cannot be run";

#[test]
fn a_build_comes_as_far_as_the_tests() {
    let world = World::new();
    let output = world
        .in_tree(&["--config", "um", "kunit"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("/um/.config, from scripts/configs") && text.contains(BUILT),
        "{text}"
    );
}

#[test]
fn compilers_of_different_llvm_versions() {
    let world = World::new();
    let mut matching = world.in_tree(&["kunit"]);
    let text = String::from_utf8(matching.output().unwrap().stderr).unwrap();
    assert!(
        !text.contains("without inline helpers") && text.contains(BUILT),
        "{text}"
    );

    world.rustc("1.90.0", "20.1.0");
    let mut differing = world.in_tree(&["kunit"]);
    let text = String::from_utf8(differing.output().unwrap().stderr).unwrap();
    assert!(
        text.contains("x86_64: without inline helpers: rustc has LLVM 20, clang 19"),
        "{text}"
    );
    assert!(text.contains(BUILT), "{text}");
    let configs: Vec<_> = world
        .content("repo/build")
        .into_iter()
        .filter(|(p, _)| p.ends_with(".config"))
        .collect();
    assert_eq!(configs.len(), 1);
    assert!(!String::from_utf8_lossy(&configs[0].1).contains("INLINE_HELPERS"));
}

#[test]
fn options_that_the_kernel_does_not_accept() {
    let world = World::new();
    let kunit = "import sys\nopen(sys.argv[sys.argv.index('--build_dir') + 1] + '/.config', 'w').write('CONFIG_RUST=y\\n')\n";
    world.write("tree/tools/testing/kunit/kunit.py", kunit);
    let error = refusal(world.in_tree(&["kunit"]));
    assert!(
        error.contains("do not allow: CONFIG_RUST_INLINE_HELPERS=y"),
        "{error}"
    );
}

#[test]
fn a_toolchain_that_the_kernel_does_not_accept() {
    let world = World::new();
    let kunit = "import sys\nopen(sys.argv[sys.argv.index('--build_dir') + 1] + '/.config', 'w').write('')\nsys.exit(1)\n";
    world.write("tree/tools/testing/kunit/kunit.py", kunit);
    world.version(
        [7, 3, 4],
        "rustavailable:\n\t@echo '***' >&2; echo '*** That compiler is odd.' >&2; exit 1\n",
    );
    let error = refusal(world.in_tree(&["kunit"]));
    assert!(
        error.contains("does not accept this Rust toolchain: That compiler is odd."),
        "{error}"
    );
}

#[test]
fn a_build_that_fails_shows_its_error() {
    let world = World::new();
    world.version(
        [7, 3, 4],
        "all:\n\t@echo '  CC      a.o'; echo 'a.c:1:2: error: odd thing' >&2; echo '    1 | odd' >&2; exit 1\n",
    );
    let mut cmd = world.in_tree(&["--config", "um", "kunit"]);
    let text = String::from_utf8(cmd.output().unwrap().stderr).unwrap();
    assert!(
        text.contains("a.c:1:2: error: odd thing\n    1 | odd\n"),
        "{text}"
    );
    let error = refusal(world.in_tree(&["--config", "um", "kunit"]));
    assert!(
        error.contains("um does not build: see build/logs/build-um.log"),
        "{error}"
    );
}

#[test]
fn a_warning_about_our_files_fails_until_it_is_gone() {
    let world = World::new();
    // Like kbuild: compiled, and warned about, only when the file is newer than what came of it.
    world.version(
        [7, 3, 4],
        "all: $(O)/ours.o\n$(O)/ours.o: rust/ours.rs\n\t@echo 'warning: odd'; echo '  --> rust/ours.rs:1:1'; touch $@\n",
    );
    assert!(world.borrow("touch"));
    for _ in 0..2 {
        let error = refusal(world.in_tree(&["--config", "um", "kunit"]));
        assert!(
            error.contains("1 warning(s) about our own files"),
            "{error}"
        );
        // The clock of the file system is coarser than a test.
        std::thread::sleep(Duration::from_millis(50));
    }
    let theirs = "all:\n\t@echo 'warning: odd'; echo '  --> rust/theirs.rs:1:1'\n";
    world.version([7, 3, 4], theirs);
    let error = refusal(world.in_tree(&["--config", "um", "kunit"]));
    assert!(error.contains(BUILT), "{error}");
}

#[test]
fn an_interrupted_build_leaves_nothing_running_and_goes_on() {
    let world = World::new();
    let pid_file = world.path("pid");
    let rules = format!(
        "all:\n\t@echo $$$$ > {0}; echo '  CC      a.o'; sleep 600\n",
        pid_file.display()
    );
    world.version([7, 3, 4], &rules);
    let mut cmd = world.in_tree(&["--config", "um", "--verbose", "kunit"]);
    let mut child = cmd
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap().contains("a.o")),
        "the build did not begin"
    );
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let last = lines.map(Result::unwrap).last().unwrap();
    assert_eq!(
        last,
        "error: interrupted: the same command continues where this one stopped"
    );
    assert_eq!(child.wait().unwrap().code(), Some(130));

    let shell = fs::read_to_string(&pid_file).unwrap();
    let gone = Instant::now() + Duration::from_secs(5);
    while fs::exists(format!("/proc/{}", shell.trim())).unwrap() && !is_zombie(shell.trim()) {
        assert!(
            Instant::now() < gone,
            "the build's shell {shell} still runs"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    world.version([7, 3, 4], "all:\n\t@echo '  CC      a.o'\n");
    let error = refusal(world.in_tree(&["--config", "um", "kunit"]));
    assert!(error.contains(BUILT), "{error}");
}

/// In a container without an init, what has ended stays in the table.
fn is_zombie(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| rest.trim_start().starts_with('Z'))
}

#[test]
fn bootstrap_without_cargo_and_apt_says_what_is_missing() {
    let world = World::new();
    fs::remove_file(world.path("bin/cargo")).unwrap();
    let run = || {
        let mut cmd = Command::new("/bin/sh");
        cmd.arg(world.path("repo/scripts/bootstrap.sh")).arg("run");
        cmd.env_clear()
            .env("PATH", world.path("bin"))
            .env("HOME", world.path("home"));
        cmd
    };
    let error = refusal(run());
    assert!(
        error.contains("no apt: cargo 1.85.0 or newer, cc:"),
        "{error}"
    );
    // One that is too old, and one that does not run, are none.
    world.program("cargo", "echo cargo 1.63.0");
    assert!(refusal(run()).contains("no apt: cargo 1.85.0"));
    world.program("cargo", "exit 1");
    assert!(refusal(run()).contains("no apt: cargo 1.85.0"));
    world.program("cargo", "echo cargo 1.100.0");
    assert!(refusal(run()).contains("no apt: cc:"));
}
