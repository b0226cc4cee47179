// SPDX-License-Identifier: GPL-2.0

//! Tests of the harness: above all that it reports what must not pass.
//!
//! They use a `kernel` crate of a few lines in a directory that looks like a kernel build, made by the compiler
//! that builds the tests.

mod matrix;
mod parsing;
mod refusals;
mod snippets;
mod verdicts;

use crate::{Case, Report, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use tempfile::TempDir;

/// The crate that the cases are compiled with.
const KERNEL: &str = r#"
    #![no_std]
    #[diagnostic::on_unimplemented(
        message = "`{Self}` does not hold the lock",
        label = "take the lock first",
        note = "`lock()` takes it"
    )]
    pub trait Locked {}
    pub struct Yes;
    pub struct No;
    pub struct Vma<L>(L);
    impl<L> Vma<L> {
        pub fn get(&self) -> usize { 0 }
        pub fn get_both(&self) {}
        /// # Safety
        /// Nothing to see to.
        pub unsafe fn set(&self, _to: usize) where L: Locked {}
    }
    pub struct UnstableVma<'a>(pub &'a u8);
    impl UnstableVma<'_> {
        pub fn peek(&self) {}
    }
    impl Locked for Yes {}
    pub fn write<L: Locked>(_: &L) {}
    pub const fn level<const N: usize>() -> usize {
        const { assert!(N < 8, "there are levels 0 to 7") };
        N
    }
    #[macro_export]
    macro_rules! write_unlocked { () => { $crate::write(&$crate::No) } }
"#;

/// A build directory and a directory with cases.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            dir: TempDir::new().unwrap(),
        };
        bench.put("cases/README.md", "not a case");
        bench.put("build/kernel.rs", KERNEL);
        bench.put(
            "build/rust/.kernel.o.cmd",
            "savedcmd_rust/kernel.o :=  OBJTREE=/nowhere /usr/bin/rustc --edition=2021 -Wunreachable_pub \
             @./flags --extern ffi --emit=metadata=rust/libkernel.rmeta \
             --crate-type rlib -L./rust --crate-name kernel /nowhere/lib.rs ; ld -o rust/kernel.o\n\n\
             source_rust/kernel.o := /nowhere/lib.rs\n",
        );
        bench.put(
            "build/flags",
            "--cfg=from_a_file\n--check-cfg=cfg(from_a_file)\n",
        );
        bench.put(
            "build/include/generated/rustc_cfg",
            "--cfg=CONFIG_SMP\n--cfg=CONFIG_SMP=\"y\"\n--cfg=CONFIG_NR_CPUS=\"2\"\n",
        );
        let version = Command::new(rustc()).arg("--version").output().unwrap();
        let version = String::from_utf8(version.stdout).unwrap();
        bench.put(
            "build/include/config/auto.conf",
            &format!(
                "CONFIG_RUST=y\nCONFIG_RUSTC_VERSION_TEXT=\"{}\"\n",
                version.trim()
            ),
        );
        let build = bench.dir.path().join("build");
        let made = Command::new(rustc())
            .current_dir(&build)
            .args([
                "--edition=2021",
                "--crate-type=rlib",
                "--crate-name=kernel",
                "--emit=metadata=rust/libkernel.rmeta",
                "kernel.rs",
            ])
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        bench
    }

    fn put(&self, path: &str, content: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn build(&self) -> PathBuf {
        self.dir.path().join("build")
    }

    fn run(&self, filter: Option<&str>) -> anyhow::Result<Report> {
        let heard = Mutex::new(Vec::new());
        let report = run(
            &self.dir.path().join("cases"),
            &self.build(),
            &rustc(),
            filter,
            2,
            &|case: &Case| {
                heard
                    .lock()
                    .unwrap()
                    .push((case.name.clone(), case.revision.clone()));
            },
        )?;
        let mut heard = heard.into_inner().unwrap();
        heard.sort();
        let reported: Vec<_> = report
            .cases
            .iter()
            .map(|c| (c.name.clone(), c.revision.clone()))
            .collect();
        assert_eq!(heard, reported, "progress did not hear of every test");
        Ok(report)
    }

    /// Runs one case; what is wrong with its misuse and with its correct version.
    fn judge(&self, case: &str) -> (String, String) {
        self.put("cases/case.rs", case);
        let report = self.run(None).unwrap();
        let detail = |revision: &str| {
            let case = report
                .cases
                .iter()
                .find(|c| c.revision == revision)
                .unwrap();
            assert_eq!(case.ok, case.detail.is_empty(), "{case:?}");
            case.detail.clone()
        };
        let details = (detail("misuse"), detail("correct"));
        let failed = [&details.0, &details.1]
            .iter()
            .filter(|d| !d.is_empty())
            .count();
        assert_eq!(
            (report.failed, report.passed, report.left_out),
            (failed, 2 - failed, 0)
        );
        details
    }
}

/// The compiler beside the cargo that runs the tests.
fn rustc() -> PathBuf {
    let beside = Path::new(env!("CARGO")).with_file_name("rustc");
    if beside.is_file() {
        beside
    } else {
        "rustc".into()
    }
}
