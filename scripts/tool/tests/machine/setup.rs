// SPDX-License-Identifier: GPL-2.0

//! scripts/bootstrap.sh --setup with a stand-in for apt: what it installs, and which source it takes.

use crate::world::World;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Steps of the script in a world; stdout, and whether it succeeded.
fn setup(world: &World, steps: &str, variables: &[(&str, &str)]) -> (String, bool) {
    let mut cmd = Command::new("/bin/sh");
    cmd.arg(world.path("repo/scripts/bootstrap.sh"));
    cmd.arg("--setup").args(steps.split(' ')).env_clear();
    for (name, path) in [
        ("PATH", "bin"),
        ("VMA_BUILD", "repo/build"),
        ("VMA_CACHE", "cache"),
        ("VMA_CARGO", "bin/cargo"),
        ("VMA_RUSTC", "bin/rustc"),
    ] {
        cmd.env(name, world.path(path));
    }
    cmd.env("VMA_SERIES", "7.3 7.2").env("VMA_NEEDS", "sh=dash");
    cmd.env("VMA_KEYRING", "/dev/null")
        .env("VMA_SOURCE_MIB", "1");
    let output = cmd.envs(variables.iter().copied()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (text, output.status.success())
}

/// The error with which steps of the script must fail, and which must have all of these texts.
#[track_caller]
fn fails(world: &World, steps: &str, variables: &[(&str, &str)], texts: &[&str]) {
    let (text, succeeded) = setup(world, steps, variables);
    let last = text.lines().last().unwrap_or_default();
    assert!(!succeeded && last.starts_with("error="), "{text}");
    for part in texts {
        assert!(last.contains(part), "{part:?} is not in {last}");
    }
}

/// An apt that offers packages, each with its version, and writes down what it installs.
fn apt(world: &World, offers: &[(&str, &str)]) {
    let mut cases = String::new();
    for (package, version) in offers {
        cases += &format!("'policy {package}') echo '  Candidate: {version}' ;;\n");
    }
    world.program("apt-cache", &format!("case \"$*\" in\n{cases}esac"));
    let installed = world.path("installed").display().to_string();
    let install = format!("case \"$*\" in *install*) echo \"$*\" >>{installed} ;; esac");
    world.program("apt-get", &install);
    // As root, whoever runs the test.
    fs::remove_file(world.path("bin/id")).unwrap();
    world.program("id", "echo 0");
}

fn installed(world: &World) -> String {
    fs::read_to_string(world.path("installed")).unwrap_or_default()
}

#[test]
fn nothing_is_installed_where_all_is_there() {
    let world = World::new();
    apt(&world, &[]);
    let (text, succeeded) = setup(&world, "packages bindgen", &[]);
    assert!(succeeded, "{text}");
    let bindgen = format!("bindgen={}", world.path("bin/bindgen").display());
    for line in "rust_version=1.90.0 rust_llvm=19 llvm=-19 llvm_major=19"
        .split(' ')
        .chain([&*bindgen])
    {
        assert!(text.lines().any(|l| l == line), "{line}: {text}");
    }
    assert_eq!(installed(&world), "");
}

#[test]
fn missing_packages_are_installed() {
    let world = World::new();
    apt(&world, &[]);
    let needs = "sh=dash no-such-tool=one,two -optional-tool=three";
    let text = "no-such-tool: still missing after its package was installed";
    fails(&world, "packages", &[("VMA_NEEDS", needs)], &[text]);
    assert!(installed(&world).contains("install -y --no-install-recommends one two three"));
    // An optional one alone is not missed.
    fs::remove_file(world.path("installed")).unwrap();
    let needs = [("VMA_NEEDS", "-optional-tool=three")];
    assert!(setup(&world, "packages", &needs).1 && installed(&world).is_empty());
}

#[test]
fn without_root_the_command_is_shown() {
    let world = World::new();
    apt(&world, &[]);
    world.program("id", "echo 1000");
    let needs = [("VMA_NEEDS", "no-such-tool=one")];
    let run = "as root, run: apt-get install one";
    fails(&world, "packages", &needs, &["no sudo", run]);
    world.program("sudo", "exit 1");
    fails(&world, "packages", &needs, &["sudo refuses", run]);
    assert_eq!(installed(&world), "");
}

#[test]
fn llvm_follows_rustc_where_it_can() {
    let world = World::new();
    world.rustc("1.90.0", "22.1.0");
    apt(&world, &[("clang-22", "1:22.1.8-1")]);
    let (text, succeeded) = setup(&world, "packages", &[]);
    // The stand-in installs nothing: the other LLVM is taken.
    assert!(succeeded && text.contains("llvm_major=19"), "{text}");
    assert!(installed(&world).contains("clang-22 lld-22 llvm-22 libclang-22-dev"));

    fs::remove_file(world.path("installed")).unwrap();
    apt(&world, &[("clang-23", "1:23.1.0-1")]);
    let (_, succeeded) = setup(&world, "packages", &[]);
    assert!(
        succeeded && installed(&world).is_empty(),
        "another is there"
    );

    fs::remove_file(world.path("bin/ld.lld-19")).unwrap();
    fails(
        &world,
        "packages",
        &[],
        &["install LLVM 22 (that of rustc)"],
    );
    assert!(installed(&world).contains("clang-23"), "the newest offered");
}

#[test]
fn newest_rustc_is_installed() {
    // Whatever this machine has in /usr/bin is taken first.
    if Path::new("/usr/bin/rustc").exists() {
        eprintln!("not tested: this machine has /usr/bin/rustc");
        return;
    }
    let world = World::new();
    fs::remove_file(world.path("bin/rustc")).unwrap();
    apt(
        &world,
        &[("rustc-web", "1.96.0+dfsg1-1"), ("rustc", "1.63.0-1")],
    );
    fails(&world, "packages", &[("VMA_RUSTC", "")], &[]);
    assert!(installed(&world).contains("rustc-web rust-web-src"));
}

#[test]
fn a_rustc_that_is_too_old_or_none_is_refused() {
    let world = World::new();
    world.rustc("1.63.0", "19.1.7");
    fails(
        &world,
        "packages",
        &[],
        &["is 1.63.0 and the kernel needs 1.85.0"],
    );
    let none = [("VMA_RUSTC", "/no/rustc")];
    fails(&world, "packages", &none, &["/no/rustc does not run"]);
}

fn cached(world: &World, name: &str, [v, p, s]: [u32; 3]) {
    let text = format!("# x\nVERSION = {v}\nPATCHLEVEL = {p}\nSUBLEVEL = {s}\n");
    world.write(&format!("cache/source/{name}/Makefile"), &text);
}

#[test]
fn newest_release_of_preferred_series_wins() {
    let world = World::new();
    cached(&world, "a", [7, 2, 12]);
    cached(&world, "b", [7, 3, 4]);
    cached(&world, "c", [7, 3, 10]);
    cached(&world, "d", [7, 30, 1]);
    world.write("cache/source/half/README", "");
    let source = world.path("cache/source").display().to_string();
    for (series, taken) in [("7.3 7.2", "c"), ("7.1 7.2", "a")] {
        let (text, _) = setup(&world, "pristine", &[("VMA_SERIES", series)]);
        assert_eq!(text, format!("pristine={source}/{taken}\n"));
    }
    fails(
        &world,
        "pristine",
        &[("VMA_SERIES", "7.1")],
        &["without apt"],
    );
}

#[test]
fn too_little_room_is_refused_first() {
    let world = World::new();
    cached(&world, "a", [7, 3, 4]);
    let texts = ["a kernel build needs 1000000000 MiB and", "make room"];
    fails(&world, "room", &[("VMA_KERNEL_MIB", "1000000000")], &texts);
    fails(&world, "source", &[("VMA_SOURCE_MIB", "1000000000")], &[]);
    assert!(!world.path("repo/build/linux.tmp").exists());
    assert!(setup(&world, "room", &[("VMA_KERNEL_MIB", "0")]).1);
}

#[test]
fn an_interrupted_copy_is_made_again() {
    let world = World::new();
    cached(&world, "a", [7, 3, 4]);
    world.write("repo/build/linux.tmp/half", "");
    let full = setup(&world, "source", &[]);
    assert!(full.1, "{}", full.0);
    assert!(world.path("repo/build/linux/Makefile").exists());
    assert!(!world.path("repo/build/linux/half").exists());
    assert!(!world.path("repo/build/linux.tmp").exists());
}

/// An archive that has these series, for what apt is asked after the lists are there.
fn archive(world: &World, series: &[&str]) {
    let names: String = series
        .iter()
        .map(|s| format!("linux-source-{s}\n"))
        .collect();
    world.program("dpkg-deb", "exit 1");
    world.program(
        "apt-cache",
        &format!("case \"$*\" in *pkgnames*) printf '%s' '{names}' ;; *show*) echo 'Version: 7.2.9-1' ;; esac"),
    );
    world.program(
        "apt-get",
        "case \"$*\" in indextargets*) echo 'http://s/sec|Debian|Debian-Security'; echo 'http://d/|Debian|Debian' ;;\n\
         *download*) exit 1 ;; esac",
    );
}

#[test]
fn missing_series_is_replaced_or_reported() {
    let world = World::new();
    archive(&world, &["7.2", "7.4"]);
    let text = "error=linux-source-7.2=7.2.9-1: could not be fetched";
    fails(&world, "pristine", &[], &[text]);
    let list = fs::read_to_string(world.path("cache/apt/trixie-backports.list")).unwrap();
    assert_eq!(
        list,
        "deb [signed-by=/dev/null] http://d/ trixie-backports main\n"
    );

    archive(&world, &["7.4", "7.5"]);
    let texts = ["series 7.3 7.2 (it has: 7.4 7.5)", "KDIR="];
    fails(&world, "pristine", &[], &texts);
    assert!(!world.path("cache/source/linux-source-7.2_7.2.9-1").exists());
}

#[test]
fn addresses_decide_before_first_update() {
    let world = World::new();
    archive(&world, &["7.3"]);
    world.program(
        "apt-get",
        "case \"$*\" in *--print-uris*) echo \"'http://s/x/dists/a-security/InRelease' s 0\";\n\
         echo \"'http://d/y/dists/a/InRelease' d 0\" ;; *download*) exit 1 ;; esac",
    );
    fails(&world, "pristine", &[], &[]);
    let list = fs::read_to_string(world.path("cache/apt/trixie-backports.list")).unwrap();
    assert!(list.contains(" http://d/y/ trixie-backports"), "{list}");
}

#[test]
fn old_herd7_is_not_taken() {
    let world = World::new();
    archive(&world, &[]);
    let variables = [("VMA_HERD_NEEDS", "sh=dash")];
    world.program("herd7", "echo '7.58, Rev: exported'");
    let (text, succeeded) = setup(&world, "herd", &variables);
    let herd = format!("herd={}\n", world.path("bin/herd7").display());
    assert!(succeeded && text == herd, "{text}");

    world.program("herd7", "echo '7.57+1, Rev: exported'");
    let text = "error=herdtools7 libc6 libgmp10: could not be fetched";
    fails(&world, "herd", &variables, &[text]);
    let list = fs::read_to_string(world.path("cache/apt/sid.list")).unwrap();
    assert_eq!(list, "deb [signed-by=/dev/null] http://d/ sid main\n");
    assert!(!world.path("cache/tools/herd").exists());

    world.program("apt-get", "case \"$*\" in *update*) exit 100 ;; indextargets*) echo 'http://d/|Debian|Debian' ;; esac");
    let texts = ["no network", "install herd7 7.58 or newer"];
    fails(&world, "herd", &variables, &texts);
}
