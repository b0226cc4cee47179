// SPDX-License-Identifier: GPL-2.0

//! Tests on a small repository and a small kernel tree of our own wording.

mod runs;
mod script;

use crate::Overlay;
use crate::snapshot::Snapshot;
use crate::tree::Hooks;
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A repository and a kernel tree, side by side.
struct World {
    dir: TempDir,
}

const CONFIG: &str = r#"
supported_versions = ["7.3", "7.2"]

[[insertion]]
file = "rust/kernel/mm.rs"
anchor = 'mod old\b'
position = "after"
lines = ["mod new;"]
purpose = "declares the module"

[[insertion]]
file = "rust/kernel/mm.rs"
anchor = '^// last'
position = "before"
lines = ["// first line of two", "", "// second line of two"]
purpose = "shows that several lines work"

[[insertion]]
file = "samples/rust/Kconfig"
anchor = '^endif'
position = "before"
lines = ['source "samples/rust/new/Kconfig"', ""]
purpose = "offers the sample"

[[insertion]]
file = "LIST"
anchor = '^ZULU'
position = "before"
lines = ["NEW ENTRY", "the module"]
patch = "module"
purpose = "begins the entry"

[[insertion]]
file = "LIST"
anchor = '^ZULU'
position = "before"
lines = ["the sample"]
patch = "sample"
purpose = "goes on with the entry"

[[insertion]]
file = "LIST"
anchor = '^ZULU'
position = "before"
lines = [""]
patch = "module"
purpose = "ends the entry"

[[patch]]
id = "module"
subject = "rust: add the module"
body = "It was missing."
paths = ["rust/**", "Documentation/**"]

[[patch]]
id = "sample"
subject = "samples: rust: add the sample"
body = """
It was missing, too.
"""
paths = ["samples/rust/**"]
"#;

const REPO: &[(&str, &str)] = &[
    ("rust/kernel/mm/new.rs", "//! The new module.\n"),
    ("rust/kernel/mm/new/part.rs", "//! A part of it.\n"),
    ("samples/rust/new/Kconfig", "config NEW\n"),
    ("samples/rust/new/Makefile", "obj-y += new.o"),
    ("Documentation/fresh/deep/text.rst", "Text\n====\n"),
];

const TREE: &[(&str, &str)] = &[
    (
        "Makefile",
        "# comment\nVERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION =\n",
    ),
    ("Kbuild", "# nothing\n"),
    ("Kconfig", "# nothing\n"),
    (
        "rust/kernel/mm.rs",
        "//! Memory.\n\nmod old;\nmod other;\n\nfn f() {}\n// last\n",
    ),
    ("rust/kernel/mm/old.rs", "//! Old.\n"),
    ("samples/rust/Kconfig", "if RUST\n\nconfig ONE\n\nendif\n"),
    ("Documentation/index.rst", "Index\n"),
    ("LIST", "ALPHA\nthe beginning\n\nZULU\nthe end\n"),
];

const HURRIED: Hooks = Hooks {
    skip_sync: true,
    stop: None,
};

impl World {
    fn new() -> Self {
        let world = Self { dir: scratch() };
        world.repo_file("scripts/overlay.toml", CONFIG);
        for (path, content) in REPO {
            world.repo_file(path, content);
        }
        for (path, content) in TREE {
            world.tree_file(path, content);
        }
        world
    }

    fn repo(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    fn tree(&self) -> PathBuf {
        self.dir.path().join("tree")
    }

    fn repo_file(&self, path: &str, content: impl AsRef<[u8]>) {
        put(&self.repo().join(path), content);
    }

    fn tree_file(&self, path: &str, content: impl AsRef<[u8]>) {
        put(&self.tree().join(path), content);
    }

    fn edit_config(&self, from: &str, to: &str) {
        let config = fs::read_to_string(self.repo().join("scripts/overlay.toml")).unwrap();
        assert!(
            config.contains(from),
            "{from:?} is not in the configuration"
        );
        self.repo_file("scripts/overlay.toml", config.replacen(from, to, 1));
    }

    /// Makes the repository a git checkout with one commit.
    fn commit(&self) {
        for args in [
            "init -q -b main",
            "config user.name A_U_Thor",
            "config user.email author@example.invalid",
            "add -A",
            "commit -q -m all --date 2001-02-03T04:05:06+0700",
        ] {
            let args: Vec<String> = args.split(' ').map(|w| w.replace('_', " ")).collect();
            run_git(&self.repo(), &args);
        }
    }

    /// Puts the tree into git.
    fn history(&self) {
        for args in [
            "init -q",
            "add -f -A",
            "commit -q -m pristine",
            "tag pristine",
        ] {
            run_git(&self.tree(), &args.split(' ').collect::<Vec<_>>());
        }
    }

    fn overlay(&self) -> Overlay {
        Overlay::load(&self.repo()).unwrap()
    }

    fn apply(&self) -> crate::Applied {
        self.overlay().apply_with(&self.tree(), &HURRIED).unwrap()
    }

    fn revert(&self) -> crate::Reverted {
        self.overlay().revert_with(&self.tree(), &HURRIED).unwrap()
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.tree()).unwrap()
    }
}

/// In memory where the system has a place for that: most of these tests are nothing but small writes.
fn scratch() -> TempDir {
    TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .unwrap()
}

fn put(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn run_git(dir: &Path, args: &[impl AsRef<std::ffi::OsStr> + std::fmt::Debug]) -> String {
    let mut git = Command::new("git");
    git.env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap());
    git.env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), "A U Thor");
        git.env(format!("GIT_{role}_EMAIL"), "author@example.invalid");
    }
    let out = git.arg("-C").arg(dir).args(args).output().unwrap();
    let error = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "git {args:?}: {error}");
    String::from_utf8(out.stdout).unwrap()
}

/// The one line an error is.
fn message<T>(result: Result<T>) -> String {
    let Err(error) = result else {
        panic!("was not refused")
    };
    let message = format!("{error:#}");
    assert!(!message.contains('\n'), "more than one line: {message:?}");
    message
}

#[track_caller]
fn assert_names(message: &str, named: &[&str]) {
    for part in named {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}
