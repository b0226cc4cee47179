// SPDX-License-Identifier: GPL-2.0

//! A small world of its own for each test: a checkout with a small overlay, a tree that looks like a kernel's, and a
//! PATH of stand-ins, so that nothing is installed and nothing is fetched.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

pub struct World {
    dir: TempDir,
}

const OVERLAY: &str = r#"
supported_versions = ["7.3", "7.2"]
[[insertion]]
file = "rust/list"
anchor = 'beta\b'
position = "after"
lines = ["ours"]
purpose = "declares it"
[[patch]]
id = "all"
subject = "all of it"
body = "Everything."
paths = ["rust/**"]
"#;

/// Replaces the list of needs in bootstrap.sh.
const NEEDS: &str = "sh=dash python3=python3";

/// The programs that bootstrap.sh, make and their stand-ins use.
const HOST_TOOLS: &str = "sh make python3 cp echo sleep cat true env cut df dirname find grep head id mkdir mv rm sed seq \
    sort tail tr";

/// Stands in for kunit.py: configures by copying.
const KUNIT: &str = r#"
import shutil, sys
if sys.argv[1] == "config":
    out = sys.argv[sys.argv.index("--build_dir") + 1]
    shutil.copy(sys.argv[sys.argv.index("--kunitconfig") + 1], out + "/.config")
"#;

const LLVM_TOOLS: &str = "clang ld.lld llvm-ar llvm-nm llvm-objcopy llvm-strip llvm-link";

/// Empty files: fragments of configurations, and the files that mark a kernel tree.
const EMPTY: &str = "repo/scripts/configs/kunit repo/scripts/configs/doctests repo/scripts/configs/off \
    repo/scripts/configs/qemu repo/scripts/configs/all-fields repo/scripts/configs/samples \
    repo/scripts/configs/samples-modules repo/scripts/configs/x86_64 repo/scripts/configs/um tree/Kconfig tree/Kbuild tree/MAINTAINERS tree/COPYING \
    tree/scripts/checkpatch.pl tree/rust/kernel/lib.rs tree/mm/mmap.c \
    sysroot/lib/rustlib/src/rust/library/core/src/lib.rs";

impl World {
    pub fn new() -> Self {
        let world = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let inline_helpers = "CONFIG_RUST_INLINE_HELPERS=y\n";
        for (path, text) in [
            ("repo/scripts/overlay.toml", OVERLAY),
            (
                "repo/scripts/bootstrap.sh",
                include_str!("../../../bootstrap.sh"),
            ),
            ("repo/rust/ours.rs", "// ours\n"),
            ("repo/scripts/configs/common", "CONFIG_RUST=y\n"),
            ("repo/scripts/configs/inline-helpers", inline_helpers),
            ("tree/rust/list", "alpha\nbeta\ngamma\n"),
            ("tree/tools/testing/kunit/kunit.py", KUNIT),
        ] {
            world.write(path, text);
        }
        EMPTY
            .split_whitespace()
            .for_each(|path| world.write(path, ""));
        world.version([7, 3, 4], "all:\n\t@echo '  CC      thing.o'\n");
        for tool in LLVM_TOOLS.split(' ') {
            world.program(&format!("{tool}-19"), "exit 1");
        }
        world.program("cargo", "exit 1");
        world.program("git", "exit 1");
        world.program("bindgen", "echo bindgen 0.72.1");
        world.rustc("1.90.0", "19.1.7");
        for tool in HOST_TOOLS.split_whitespace() {
            world.borrow(tool);
        }
        world
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Gives the tree a version, and the rules by which it builds.
    pub fn version(&self, [v, p, s]: [u32; 3], rules: &str) {
        let text =
            format!("VERSION = {v}\nPATCHLEVEL = {p}\nSUBLEVEL = {s}\nEXTRAVERSION =\n\n{rules}");
        self.write("tree/Makefile", &text);
    }

    /// A stand-in on PATH.
    pub fn program(&self, name: &str, script: &str) {
        let path = format!("bin/{name}");
        self.write(&path, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(self.path(&path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A rustc that says these versions and has its library source.
    pub fn rustc(&self, release: &str, llvm: &str) {
        let sysroot = self.path("sysroot");
        let version = format!("echo 'release: {release}'; echo 'LLVM version: {llvm}'");
        let sysroot = format!("echo {}", sysroot.display());
        let script = format!("case $1 in -vV) {version} ;; --print) {sysroot} ;; esac");
        self.program("rustc", &script);
    }

    /// The machine's own program, if it has it.
    pub fn borrow(&self, name: &str) -> bool {
        let dirs = ["/usr/bin", "/bin", "/usr/local/bin"];
        let mut files = dirs.iter().map(|dir| Path::new(dir).join(name));
        let Some(file) = files.find(|file| file.exists()) else {
            return false;
        };
        let link = self.path("bin").join(name);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(file, link).unwrap();
        true
    }

    /// The tool in this world, with the given arguments.
    pub fn tool(&self, arguments: &str) -> Command {
        let mut cmd = Command::new(env!("CARGO_BIN_EXE_vma-tool"));
        cmd.arg("--repo")
            .arg(self.path("repo"))
            .arg("--cargo")
            .arg(self.path("bin/cargo"))
            .args(arguments.split_whitespace())
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("HOME", self.path("home"))
            .env("VMA_NEEDS", NEEDS)
            .env("VMA_KEYRING", "/dev/null")
            .env("VMA_KERNEL_MIB", "1")
            .env("VMA_CACHE", self.path("cache"))
            .stdin(Stdio::null());
        cmd
    }

    /// The tool with the tree of this world as KDIR= and its rustc as RUSTC=.
    pub fn in_tree(&self, arguments: &str) -> Command {
        let mut cmd = self.tool(arguments);
        cmd.arg("--kdir").arg(self.path("tree"));
        cmd.arg("--rustc").arg(self.path("bin/rustc"));
        cmd
    }

    /// Every file below a directory with its content.
    pub fn content(&self, path: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = walkdir::WalkDir::new(self.path(path)).into_iter();
        let paths = entries.map(|entry| entry.unwrap().into_path());
        let files = paths.filter(|path| path.is_file());
        files
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    }
}

/// Runs a command that must fail with one line of error, last, and with all of these texts in it. Returns the line.
#[track_caller]
pub fn refused(mut cmd: Command, texts: &[&str]) -> String {
    let output = cmd.output().unwrap();
    let all = format!("{output:?}");
    assert_ne!(output.status.code(), Some(0), "{all}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let is_error = |line: &&str| line.starts_with("error: ");
    let errors: Vec<&str> = stderr.lines().filter(is_error).collect();
    assert!(
        errors.len() == 1 && stderr.lines().last() == Some(errors[0]),
        "{all}"
    );
    for text in texts {
        assert!(errors[0].contains(text), "{text:?} is not in {}", errors[0]);
    }
    errors[0].to_string()
}

/// Runs a command that must succeed, and returns stdout's last line.
pub fn success(mut cmd: Command) -> String {
    let output = cmd.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    stdout.lines().last().unwrap_or_default().to_string()
}
