// SPDX-License-Identifier: GPL-2.0

//! The make targets, each a short list of steps. A step that finds its work done says so and does nothing.

use crate::diagnostics;
use crate::guest;
use crate::host::{self, Compilers, Packages};
use crate::kbuild::Kernel;
use crate::kconfig::{Config, UM, X86_64, X86_64_DEBUG};
use crate::kunit;
use crate::lint;
use crate::places::Places;
use crate::proc::{self, Event, Logged};
use crate::progress::Progress;
use crate::report::{Outcome, Report};
use crate::source;
use crate::toolchain;
use anyhow::{Context, Result, bail};
use overlay::Overlay;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::{self, available_parallelism};
use std::time::Instant;

/// What the command line asked for.
pub struct Session<'a> {
    pub places: &'a Places,
    pub progress: &'a Progress,
    pub cargo: &'a Path,
    pub rustc: Option<&'a Path>,
    pub config: Option<&'a str>,
    pub filter: Option<&'a str>,
    pub case: Option<&'a str>,
}

/// A host and a tree that are ready to build.
struct Ready {
    packages: Packages,
    overlay: Overlay,
    compilers: Compilers,
    bindgen: PathBuf,
}

impl Session<'_> {
    fn overlay(&self) -> Result<Overlay> {
        Overlay::load(&self.places.repo)
    }

    /// Packages, bindgen, source and overlay. bindgen is compiled while the source is fetched.
    fn ready(&self) -> Result<Ready> {
        let packages = Packages::load(&self.places.repo)?;
        let overlay = self.overlay()?;
        let compilers = host::prepare(self.places, &packages, self.rustc, self.progress)?;
        let (bindgen, tree) = thread::scope(|scope| {
            let bindgen = scope
                .spawn(|| toolchain::bindgen(self.places, &packages, self.cargo, self.progress));
            let tree = source::tree(
                self.places,
                &packages,
                &overlay.supported_versions,
                self.progress,
            );
            (bindgen.join().expect("a thread that does not panic"), tree)
        });
        let (tree, bindgen) = (tree?, bindgen?);
        self.put_in(&overlay, &tree)?;
        Ok(Ready {
            packages,
            overlay,
            compilers,
            bindgen,
        })
    }

    fn kernel<'r>(&'r self, ready: &'r Ready) -> Kernel<'r> {
        Kernel {
            places: self.places,
            packages: &ready.packages,
            compilers: &ready.compilers,
            bindgen: &ready.bindgen,
            ours: ready.overlay.files().map(str::to_string).collect(),
        }
    }

    fn put_in(&self, overlay: &Overlay, tree: &Path) -> Result<String> {
        let step = self.progress.step("overlay");
        let done = overlay.apply(tree)?;
        let result = match done.nothing_to_do {
            true => format!("up to date: {} files", done.files_unchanged),
            false => format!(
                "{} files written, {} as they were",
                done.files_written, done.files_unchanged
            ),
        };
        step.done(&result);
        Ok(format!(
            "{result}, {} insertions in {} ({})",
            done.insertions,
            self.places.show(tree),
            done.version
        ))
    }

    pub fn apply(&self) -> Result<bool> {
        let overlay = self.overlay()?;
        let packages = Packages::load(&self.places.repo)?;
        let tree = source::tree(
            self.places,
            &packages,
            &overlay.supported_versions,
            self.progress,
        )?;
        println!("{}", self.put_in(&overlay, &tree)?);
        Ok(true)
    }

    pub fn revert(&self) -> Result<bool> {
        let tree = self.places.tree();
        if self.places.kdir.is_none() && !tree.exists() {
            println!("nothing to revert: there is no {}", self.places.show(&tree));
            return Ok(true);
        }
        let done = self.overlay()?.revert(&tree)?;
        let shown = self.places.show(&tree);
        if !done.dirs_kept.is_empty() {
            self.progress.say(&format!(
                "  kept, because something else is in them: {}",
                done.dirs_kept.join(", ")
            ));
        }
        match done.nothing_to_do {
            true => println!("nothing to revert in {shown}"),
            false => {
                println!(
                    "{} files, {} insertions taken out of {shown}",
                    done.files_removed, done.insertions_removed
                )
            }
        }
        Ok(true)
    }

    pub fn patches(&self) -> Result<bool> {
        let overlay = self.overlay()?;
        let packages = Packages::load(&self.places.repo)?;
        let tree = source::tree(
            self.places,
            &packages,
            &overlay.supported_versions,
            self.progress,
        )?;
        let (dir, patches) = self.write_patches(&overlay, &tree)?;
        for patch in &patches {
            println!("{}", self.places.show(patch));
        }
        println!("{} patches in {}", patches.len(), self.places.show(&dir));
        Ok(true)
    }

    fn write_patches(&self, overlay: &Overlay, tree: &Path) -> Result<(PathBuf, Vec<PathBuf>)> {
        let dir = self.places.build.join("patches");
        let step = self.progress.step("patches");
        let patches = overlay.patches(tree, &dir)?;
        step.done(&format!("{} in {}", patches.len(), self.places.show(&dir)));
        Ok((dir, patches))
    }

    fn config_or(&self, default: Config) -> Result<Config> {
        self.config.map_or(Ok(default), Config::by_name)
    }

    pub fn run(&self) -> Result<bool> {
        let start = Instant::now();
        let ready = self.ready()?;
        let kernel = self.kernel(&ready);
        kernel.build(X86_64, self.progress)?;
        let program = guest::program(self.places, self.cargo, self.progress)?;
        let mut last = None;
        let demo = guest::demo(&kernel, X86_64, &program, self.progress, &mut |line| {
            // The last line is shown last, after the times.
            if let Some(line) = last.replace(line.to_string()) {
                self.show(&line);
            }
        })?;
        let mut times = String::new();
        for (name, seconds) in self
            .progress
            .times()
            .into_iter()
            .filter(|(_, seconds)| *seconds >= 0.05)
        {
            times += &format!("{name} {seconds:.1} s, ");
        }
        println!("{times}all {:.1} s", start.elapsed().as_secs_f64());
        for failure in &demo.outcome.failures {
            eprintln!("error: {failure}");
        }
        println!(
            "{}",
            demo.output
                .last()
                .map_or("the demo said nothing", |line| line)
        );
        Ok(demo.outcome.failed == 0)
    }

    /// A line of the guest's, past the progress display.
    fn show(&self, line: &str) {
        self.progress.hidden(|| println!("{line}"));
    }

    pub fn kunit(&self) -> Result<bool> {
        let config = self.config_or(X86_64)?;
        let ready = self.ready()?;
        let kernel = self.kernel(&ready);
        kernel.build(config, self.progress)?;
        let outcome = kunit::run(&kernel, config, self.filter, self.progress)?;
        self.end(outcome)
    }

    pub fn compile_fail(&self) -> Result<bool> {
        let config = self.config_or(X86_64)?;
        let ready = self.ready()?;
        self.kernel(&ready).build(config, self.progress)?;
        let outcome = self.run_compile_fail(&ready, config)?;
        self.end(outcome)
    }

    fn run_compile_fail(&self, ready: &Ready, config: Config) -> Result<Outcome> {
        let step = self.progress.step(&format!("compile-fail {}", config.name));
        let step = std::sync::Mutex::new(step);
        let report = compile_fail::run(
            &self.places.repo.join("scripts/compile-fail/cases"),
            &self.places.out(config.name),
            &ready.compilers.rust.rustc,
            self.case,
            available_parallelism().map_or(2, usize::from),
            &|case| step.lock().expect("no panic").advance(&case.name),
        )?;
        let mut outcome = Outcome {
            passed: report.passed,
            ..Outcome::default()
        };
        for case in report.cases.iter().filter(|case| !case.ok) {
            outcome.fail(format!(
                "{} ({}): {}",
                case.name, case.revision, case.detail
            ));
        }
        outcome.failed = outcome.failed.max(report.failed);
        if report.passed + report.failed == 0 {
            outcome.fail(format!(
                "CASE={}: no such case",
                self.case.unwrap_or_default()
            ));
        }
        if outcome.failed == 0 {
            step.into_inner().expect("no panic").done(&outcome.counts());
        }
        Ok(outcome)
    }

    pub fn lint(&self) -> Result<bool> {
        let ready = self.ready()?;
        let outcome = self.run_lint(&ready)?;
        self.end(outcome)
    }

    fn run_lint(&self, ready: &Ready) -> Result<Outcome> {
        let (_, patches) = self.write_patches(&ready.overlay, &self.places.tree())?;
        let ours: Vec<String> = ready.overlay.files().map(str::to_string).collect();
        let subject = lint::Subject {
            places: self.places,
            rust: &ready.compilers.rust,
            cargo: self.cargo,
            ours: &ours,
            patches: &patches,
        };
        lint::run(&subject, self.progress)
    }

    pub fn doc(&self) -> Result<bool> {
        let ready = self.ready()?;
        let kernel = self.kernel(&ready);
        let out = kernel.build(X86_64, self.progress)?;
        let mut step = self.progress.step("documentation");
        let log = self.places.log("doc");
        let mut cmd = kernel.make(X86_64, &out);
        cmd.arg("rustdoc");
        let ended = Logged {
            log: &log,
            append: false,
            timeout: None,
        }
        .run(cmd, |event| {
            if let Event::Line(line) = event {
                step.doing(line.trim());
            }
        })?;
        if !ended.status.success() {
            eprint!("{}", proc::tail(&log, 20));
            bail!(
                "the documentation does not build: see {}",
                self.places.show(&log)
            );
        }
        let text = fs::read_to_string(&log).unwrap_or_default();
        let warnings = diagnostics::about(&text, &kernel.ours);
        warnings
            .iter()
            .for_each(|warning| eprint!("{}", warning.text));
        if !warnings.is_empty() {
            bail!(
                "{} warning(s) about our own documentation: see {}",
                warnings.len(),
                self.places.show(&log)
            );
        }
        step.done("no warning about our own");
        let page = out.join("Documentation/output/rust/rustdoc/kernel/mm/vma/index.html");
        println!("documentation: {}", self.places.show(&page));
        Ok(true)
    }

    pub fn shell(&self) -> Result<bool> {
        let ready = self.ready()?;
        let kernel = self.kernel(&ready);
        kernel.build(X86_64, self.progress)?;
        let program = guest::program(self.places, self.cargo, self.progress)?;
        guest::shell(&kernel, X86_64, Some(&program))?;
        println!("the guest has ended");
        Ok(true)
    }

    pub fn clean(&self) -> Result<bool> {
        let entries = fs::read_dir(&self.places.build)
            .context("build/ cannot be read")?
            .flatten();
        // The lock stays until the end, so that nobody builds in what is being removed.
        for entry in entries.filter(|entry| entry.file_name() != ".lock") {
            let path = entry.path();
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let removed = if is_dir {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.with_context(|| format!("{}: cannot be removed", path.display()))?;
        }
        fs::remove_dir_all(&self.places.build).context("build/ cannot be removed")?;
        println!(
            "build/ is gone; downloads and compiler caches are in {}: remove it by hand",
            self.places.cache.display()
        );
        Ok(true)
    }

    /// Failures on stderr, the counts as stdout's last line.
    fn end(&self, outcome: Outcome) -> Result<bool> {
        for failure in &outcome.failures {
            eprintln!("error: {failure}");
        }
        println!("{}", outcome.last_line());
        Ok(outcome.failed == 0)
    }

    /// Everything; a step that fails does not keep the others from being run where they can.
    pub fn test(&self) -> Result<bool> {
        let ready = self.ready()?;
        let kernel = self.kernel(&ready);
        let mut tests = Tests {
            progress: self.progress,
            report: Report::default(),
        };

        tests.step("host tools (cargo test)", || self.cargo_test());
        tests.step("apply, revert, patches", || self.round_trip(&ready));
        tests.step("lint", || self.run_lint(&ready));
        for config in [X86_64, X86_64_DEBUG, UM] {
            let name = config.name;
            let built = tests.step(&format!("build {name}"), || {
                kernel.build(config, self.progress)?;
                Ok(Outcome {
                    passed: 1,
                    ..Outcome::default()
                })
            });
            let needs_build = |work: &dyn Fn() -> Result<Outcome>| match built {
                true => work(),
                false => bail!("not run: {name} was not built"),
            };
            tests.step(&format!("kunit {name}"), || {
                needs_build(&|| kunit::run(&kernel, config, None, self.progress))
            });
            if config != X86_64_DEBUG {
                tests.step(&format!("compile-fail {name}"), || {
                    needs_build(&|| self.run_compile_fail(&ready, config))
                });
            }
            if config != UM {
                tests.step(&format!("demo {name}"), || {
                    needs_build(&|| {
                        let program = guest::program(self.places, self.cargo, self.progress)?;
                        Ok(
                            guest::demo(&kernel, config, &program, self.progress, &mut |_| ())?
                                .outcome,
                        )
                    })
                });
            }
        }
        let Tests { report, .. } = tests;
        report.write(&self.places.build.join("test.json"))?;
        println!("{}", report.table());
        println!("{}", report.total().last_line());
        Ok(report.total().failed == 0)
    }

    fn cargo_test(&self) -> Result<Outcome> {
        let mut step = self.progress.step("cargo test");
        let log = self.places.log("cargo-test");
        let mut cmd = proc::command(self.cargo);
        cmd.current_dir(self.places.repo.join("scripts"))
            .args([
                "test",
                "--release",
                "--locked",
                "--workspace",
                "--no-fail-fast",
            ])
            .env("CARGO_TARGET_DIR", self.places.build.join("target"))
            .env("CARGO_TERM_COLOR", "never");
        let ended = Logged {
            log: &log,
            append: false,
            timeout: None,
        }
        .run(cmd, |event| {
            if let Event::Line(line) = event {
                step.doing(line.trim());
            }
        })?;
        let text = fs::read_to_string(&log).unwrap_or_default();
        let outcome = cargo_counts(&text, ended.status.success());
        match outcome.failed {
            0 => step.done(&outcome.counts()),
            _ => eprint!("{}", proc::tail(&log, 40)),
        }
        Ok(outcome)
    }

    fn round_trip(&self, ready: &Ready) -> Result<Outcome> {
        let pristine = match &self.places.kdir {
            // A caller's tree has the overlay by now.
            Some(_) => self.places.tree(),
            None => source::pristine(
                self.places,
                &ready.packages,
                &ready.overlay.supported_versions,
                self.progress,
            )?,
        };
        let step = self.progress.step("round trip");
        let work = tempfile::Builder::new()
            .prefix("roundtrip-")
            .tempdir_in(&self.places.build)?;
        let mut outcome = Outcome::default();
        for check in overlay::roundtrip(&pristine, &ready.overlay, work.path())? {
            outcome.check(check.ok, || format!("{}: {}", check.name, check.detail));
        }
        if outcome.failed == 0 {
            step.done(&outcome.counts());
        }
        Ok(outcome)
    }
}

/// The steps of `make test`.
struct Tests<'a> {
    progress: &'a Progress,
    report: Report,
}

impl Tests<'_> {
    /// Whether the step passed.
    fn step(&mut self, name: &str, work: impl FnOnce() -> Result<Outcome>) -> bool {
        let start = Instant::now();
        let outcome = work().unwrap_or_else(|error| Outcome::failure(format!("{error:#}")));
        for failure in &outcome.failures {
            self.progress.say(&format!("error: {name}: {failure}"));
        }
        let passed = outcome.failed == 0;
        self.report
            .add(name, start.elapsed().as_secs_f64(), outcome);
        passed
    }
}

/// Sums up what the test binaries of a workspace say.
fn cargo_counts(text: &str, success: bool) -> Outcome {
    let mut outcome = Outcome::default();
    for line in text.lines() {
        if let Some(result) = line.strip_prefix("test result: ") {
            let figure = |name: &str| -> usize {
                let part = result
                    .split([';', '.'])
                    .find_map(|part| part.trim().strip_suffix(name));
                part.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
            };
            outcome.passed += figure(" passed");
            outcome.skipped += figure(" ignored");
        } else if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            outcome.fail(name.to_string());
        }
    }
    if !success && outcome.failed == 0 {
        outcome.fail("the host tools' tests do not build or do not end".to_string());
    }
    if success && outcome.passed == 0 {
        outcome.fail("no test of the host tools ran".to_string());
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_all_test_binaries_are_summed() {
        let text = "test a ... ok\ntest b ... FAILED\ntest result: FAILED. 1 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out\n\
                    test result: ok. 40 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n";
        let outcome = cargo_counts(text, false);
        assert_eq!(
            (outcome.passed, outcome.failed, outcome.skipped),
            (41, 1, 2)
        );
        assert_eq!(outcome.failures, ["b"]);
    }

    #[test]
    fn silence_is_not_success() {
        assert_eq!(cargo_counts("error: could not compile\n", false).failed, 1);
        assert_eq!(cargo_counts("", true).failed, 1);
        assert_eq!(
            cargo_counts("test result: ok. 3 passed; 0 failed; 0 ignored\n", true).failed,
            0
        );
    }

    #[test]
    fn a_failing_step_does_not_end_the_run() {
        let progress = Progress::new(true);
        let mut tests = Tests {
            progress: &progress,
            report: Report::default(),
        };
        assert!(!tests.step("one", || bail!("broken")));
        assert!(tests.step("two", || Ok(Outcome {
            passed: 2,
            ..Outcome::default()
        })));
        assert_eq!(tests.report.total().last_line(), "2 passed, 1 failed");
    }

    #[test]
    fn every_configuration_is_tested() {
        assert_eq!(crate::kconfig::ALL, [X86_64, X86_64_DEBUG, UM]);
    }
}
