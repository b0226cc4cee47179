// SPDX-License-Identifier: GPL-2.0

//! `make new-driver` on a copy of the checkout. Kernels build the sample "first" and run its KUnit suite, so a copy that
//! differs in its names alone builds, too.

use overlay::Overlay;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const SAMPLES: &str = "samples/rust/vma";

struct Copy(TempDir);

impl Copy {
    fn new() -> Self {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let dir = tempfile::tempdir().unwrap();
        let mut cp = Command::new("cp");
        cp.args([
            "-r",
            "--parents",
            "Documentation",
            "Kconfig",
            "rust",
            "samples",
        ]);
        cp.args([
            "scripts/overlay.toml",
            "scripts/series.toml",
            "scripts/series-cut.toml",
            "scripts/configs",
            "scripts/new-driver.sh",
        ]);
        let copied = cp.arg(dir.path()).current_dir(repo).status().unwrap();
        assert!(copied.success());
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn new_driver(&self, name: &str) -> Output {
        let mut sh = Command::new("sh");
        sh.arg(self.path("scripts/new-driver.sh")).arg(name);
        sh.output().unwrap()
    }

    /// The files that the script may change.
    fn wiring(&self) -> [String; 5] {
        [
            "samples/rust/vma/Kconfig",
            "samples/rust/vma/Makefile",
            "scripts/series.toml",
            "scripts/configs/samples",
            "scripts/configs/samples-modules",
        ]
        .map(|name| self.read(name))
    }
}

#[test]
fn new_driver_differs_from_first_by_names() {
    let copy = Copy::new();
    let made = copy.new_driver("my_dev2");
    assert!(made.status.success(), "{made:?}");
    for file in ["Kconfig", "Makefile", "abi.rs", "rust_vma_first.rs"] {
        let first = copy.read(&format!("{SAMPLES}/first/{file}"));
        let name = file.replace("first", "my_dev2");
        let text = copy.read(&format!("{SAMPLES}/my_dev2/{name}"));
        let names = [
            ("MY_DEV2", "FIRST"),
            ("my_dev2", "first"),
            ("my-dev2", "first"),
            ("MyDev2", "First"),
        ];
        let back = names
            .iter()
            .fold(text, |text, (new, old)| text.replace(new, old));
        assert_eq!(back, first, "{file}");
    }
    let driver = copy.read(&format!("{SAMPLES}/my_dev2/rust_vma_my_dev2.rs"));
    for name in [
        "type: MyDev2Module,",
        "name: \"rust_vma_my_dev2\"",
        "c\"rust-vma-my-dev2\"",
        "#[kunit_tests(rust_vma_my_dev2)]",
    ] {
        assert!(driver.contains(name), "{name}");
    }
}

#[test]
fn new_driver_is_built_and_in_the_series() {
    let copy = Copy::new();
    let before = copy.wiring();
    let name = "baz";
    assert!(copy.new_driver(name).status.success());
    let after = copy.wiring();
    let added = |index: usize| -> Vec<&str> {
        let old: Vec<&str> = before[index].lines().collect();
        let lines = after[index].lines();
        lines.filter(|line| !old.contains(line)).collect()
    };
    assert_eq!(added(0), ["source \"samples/rust/vma/baz/Kconfig\""]);
    assert_eq!(added(1), ["obj-$(CONFIG_SAMPLE_RUST_VMA_BAZ) += baz/"]);
    assert_eq!(added(2), ["\t\"samples/rust/vma/baz/*\","]);
    assert_eq!(added(3), ["CONFIG_SAMPLE_RUST_VMA_BAZ=y"]);
    assert_eq!(added(4), ["CONFIG_SAMPLE_RUST_VMA_BAZ=y"]);

    let overlay = Overlay::load(copy.0.path()).unwrap();
    let files: Vec<&str> = overlay.files().collect();
    assert!(
        files.contains(&"samples/rust/vma/baz/rust_vma_baz.rs"),
        "{files:?}"
    );
}

#[test]
fn bad_and_existing_names_are_refused() {
    let copy = Copy::new();
    let before = copy.wiring();
    for name in [
        "",
        "Foo",
        "1st",
        "a b",
        "a/b",
        "../x",
        "a-b",
        "_a",
        "a_",
        "a__b",
        "first",
        "bench",
        "a_name_of_more_than_32_characters",
    ] {
        let made = copy.new_driver(name);
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        assert!(!made.status.success() && made.stdout.is_empty(), "{name}");
        assert!(
            said.starts_with("error: NAME=") && said.lines().count() == 1,
            "{name}: {said}"
        );
        assert_eq!(copy.wiring(), before, "{name}");
    }
}
