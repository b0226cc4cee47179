// SPDX-License-Identifier: GPL-2.0

//! Configuration and build of a kernel, in a tree that builds at once.

use crate::world::{World, refused};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// There is no kernel in the end: the run comes as far as booting it.
const BUILT: &str = "cannot be run";

/// All that a run says, which must have these texts in it.
#[track_caller]
fn says(mut cmd: Command, texts: &[&str]) -> String {
    let text = String::from_utf8(cmd.output().unwrap().stderr).unwrap();
    for part in texts {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    text
}

#[test]
fn a_build_comes_as_far_as_the_tests() {
    let world = World::new();
    let texts = ["/um/.config, from scripts/configs", BUILT];
    says(world.in_tree("--config um kunit"), &texts);
}

#[test]
fn compilers_of_different_llvm_versions() {
    let world = World::new();
    let text = says(world.in_tree("kunit"), &[BUILT]);
    assert!(!text.contains("without inline helpers"), "{text}");
    world.rustc("1.90.0", "20.1.0");
    let without = "x86_64: without inline helpers: rustc has LLVM 20, clang 19";
    says(world.in_tree("kunit"), &[without, BUILT]);
    let files = world.content("repo/build").into_iter();
    let configs: Vec<_> = files.filter(|(p, _)| p.ends_with(".config")).collect();
    assert_eq!(configs.len(), 1);
    assert!(!String::from_utf8_lossy(&configs[0].1).contains("INLINE_HELPERS"));
}

/// A stand-in for kunit.py that writes this configuration.
fn configured(world: &World, config: &str, code: u8) {
    let kunit = format!(
        "import sys\nopen(sys.argv[sys.argv.index('--build_dir') + 1] + '/.config', 'w').write('{config}')\nsys.exit({code})\n"
    );
    world.write("tree/tools/testing/kunit/kunit.py", &kunit);
}

#[test]
fn options_that_the_kernel_does_not_accept() {
    let world = World::new();
    configured(&world, "CONFIG_RUST=y\\n", 0);
    let text = "do not allow: CONFIG_RUST_INLINE_HELPERS=y";
    refused(world.in_tree("kunit"), &[text]);
}

#[test]
fn toolchain_refused_by_the_kernel() {
    let world = World::new();
    configured(&world, "", 1);
    let rule = "@echo '***' >&2; echo '*** That compiler is odd.' >&2; exit 1";
    world.version([7, 3, 4], &format!("rustavailable:\n\t{rule}\n"));
    let text = "does not accept this Rust toolchain: That compiler is odd.";
    refused(world.in_tree("kunit"), &[text]);
}

#[test]
fn a_build_that_fails_shows_its_error() {
    let world = World::new();
    let rule = "@echo '  CC      a.o'; echo 'a.c:1:2: error: odd thing' >&2; echo '    1 | odd' >&2; exit 1";
    world.version([7, 3, 4], &format!("all:\n\t{rule}\n"));
    let build = || world.in_tree("--config um kunit");
    says(build(), &["a.c:1:2: error: odd thing\n    1 | odd\n"]);
    refused(build(), &["um does not build: see build/logs/build-um.log"]);
}

#[test]
fn warning_about_our_files_fails() {
    let world = World::new();
    // Like kbuild: compiled, and warned about, only when the file is newer than what came of it.
    let warn = |file: &str| format!("@echo 'warning: odd'; echo '  --> rust/{file}.rs:1:1'");
    let rule = warn("ours") + "; touch $@";
    world.version(
        [7, 3, 4],
        &format!("all: $(O)/ours.o\n$(O)/ours.o: rust/ours.rs\n\t{rule}\n"),
    );
    assert!(world.borrow("touch"));
    let build = || world.in_tree("--config um kunit");
    for _ in 0..2 {
        refused(build(), &["1 warning(s) about our own files"]);
        // The clock of the file system is coarser than a test.
        std::thread::sleep(Duration::from_millis(50));
    }
    world.version([7, 3, 4], &format!("all:\n\t{}\n", warn("theirs")));
    refused(build(), &[BUILT]);
}

#[test]
fn interrupted_build_can_be_resumed() {
    let world = World::new();
    let pid_file = world.path("pid");
    let rule = format!(
        "@echo $$$$ > {}; echo '  CC      a.o'; sleep 600",
        pid_file.display()
    );
    world.version([7, 3, 4], &format!("all:\n\t{rule}\n"));
    let mut cmd = world.in_tree("--config um --verbose kunit");
    cmd.stderr(Stdio::piped()).stdout(Stdio::null());
    let mut child = cmd.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let began = lines.any(|line| line.unwrap().contains("a.o"));
    assert!(began, "the build did not begin");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let last = lines.map(Result::unwrap).last().unwrap();
    assert_eq!(
        last,
        "error: interrupted: the same command continues where this one stopped"
    );
    assert_eq!(child.wait().unwrap().code(), Some(130));

    let shell = fs::read_to_string(&pid_file).unwrap();
    let end = Instant::now() + Duration::from_secs(5);
    while is_running(shell.trim()) {
        assert!(Instant::now() < end, "the build's shell {shell} still runs");
        std::thread::sleep(Duration::from_millis(20));
    }
    world.version([7, 3, 4], "all:\n\t@echo '  CC      a.o'\n");
    refused(world.in_tree("--config um kunit"), &[BUILT]);
}

/// In a container without an init, a process that has ended stays in the table, as a zombie.
fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default();
    !stat.is_empty() && !state.trim_start().starts_with('Z')
}

#[test]
fn bootstrap_names_the_missing_tools() {
    let world = World::new();
    fs::remove_file(world.path("bin/cargo")).unwrap();
    let run = || {
        let mut cmd = Command::new("/bin/sh");
        cmd.arg(world.path("repo/scripts/bootstrap.sh")).arg("run");
        cmd.env_clear().env("PATH", world.path("bin"));
        cmd.env("HOME", world.path("home"));
        cmd
    };
    refused(run(), &["no apt: cargo 1.85.0 or newer, cc:"]);
    // One that is too old, and one that does not run, are none.
    for cargo in ["echo cargo 1.63.0", "exit 1"] {
        world.program("cargo", cargo);
        refused(run(), &["no apt: cargo 1.85.0"]);
    }
    world.program("cargo", "echo cargo 1.100.0");
    refused(run(), &["no apt: cc:"]);
}
