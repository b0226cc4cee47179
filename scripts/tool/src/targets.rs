// SPDX-License-Identifier: GPL-2.0

//! The make targets, each a short list of steps. A step that finds its work done says so and does nothing.

use crate::bench::{self, Baseline, Bench};
use crate::build_cost;
use crate::code;
use crate::conformance;
use crate::demo;
use crate::drivers;
use crate::fuzz;
use crate::host::{Compilers, Packages};
use crate::kbuild::Kernel;
use crate::kconfig::{Config, X86_64, X86_64_BENCH, X86_64_DEBUG, X86_64_KCSAN};
use crate::kcsan;
use crate::kunit;
use crate::ledger;
use crate::lockdep_test;
use crate::model;
use crate::places::Places;
use crate::programs;
use crate::progress::Progress;
use crate::report::Outcome;
use crate::rustdoc;
use crate::selftests;
use crate::shell::{self, Job};
use crate::stress;
use crate::suite;
use crate::tiers::Tier;
use anyhow::{Context, Result, bail};
use overlay::Overlay;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The arguments of a run.
pub struct Session<'a> {
    pub places: &'a Places,
    pub progress: &'a Progress,
    pub cargo: &'a Path,
    pub rustc: Option<&'a Path>,
    pub config: Option<&'a str>,
    pub filter: Option<&'a str>,
    pub case: Option<&'a str>,
    pub func: Option<&'a str>,
    pub stress: stress::Plan,
    pub fuzz: fuzz::Plan,
    pub baseline: Option<&'a Path>,
    pub program: Option<&'a Path>,
}

/// A host and a tree that are ready to build.
pub struct Ready {
    pub packages: Packages,
    pub overlay: Overlay,
    pub compilers: Compilers,
    bindgen: PathBuf,
}

impl Session<'_> {
    fn overlay(&self) -> Result<Overlay> {
        Overlay::load(&self.places.repo)
    }

    fn packages(&self, overlay: &Overlay) -> Packages {
        Packages {
            cargo: self.cargo.to_path_buf(),
            rustc: self.rustc.map(Path::to_path_buf),
            series: overlay.supported_versions.clone(),
        }
    }

    /// Packages, source, bindgen and overlay.
    fn ready(&self) -> Result<Ready> {
        let overlay = self.overlay()?;
        let packages = self.packages(&overlay);
        let steps: &[&str] = match self.places.kdir {
            Some(_) => &["packages", "bindgen"],
            None => &["packages", "source", "bindgen"],
        };
        let found = packages.setup(self.places, steps, self.progress)?;
        let compilers = Compilers::of(&found)?;
        let (rust, llvm) = (&compilers.rust, &compilers.llvm);
        self.progress.say(&format!(
            "  {:22} rustc {}, LLVM {}",
            "compilers", rust.version, llvm.major
        ));
        let bindgen = found.get("bindgen").context("there is no bindgen")?.into();
        self.put_in(&overlay, &self.places.tree())?;
        Ok(Ready {
            packages,
            overlay,
            compilers,
            bindgen,
        })
    }

    pub fn kernel<'r>(&'r self, ready: &'r Ready) -> Kernel<'r> {
        Kernel {
            places: self.places,
            packages: &ready.packages,
            compilers: &ready.compilers,
            bindgen: &ready.bindgen,
            ours: ready.overlay.files().map(str::to_string).collect(),
        }
    }

    /// One of the guest's programs, built.
    pub fn program(&self, name: &str) -> Result<PathBuf> {
        programs::build(self.places, self.cargo, name, self.progress)
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

    /// The tree that the overlay goes into, fetched if need be.
    fn tree(&self, overlay: &Overlay) -> Result<PathBuf> {
        if self.places.kdir.is_none() {
            let packages = self.packages(overlay);
            packages.setup(self.places, &["source"], self.progress)?;
        }
        Ok(self.places.tree())
    }

    pub fn apply(&self) -> Result<bool> {
        let overlay = self.overlay()?;
        let tree = self.tree(&overlay)?;
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
        overlay.refuse_uncommitted()?;
        let tree = self.tree(&overlay)?;
        let (dir, patches) = self.write_patches(&overlay, &tree, "patches")?;
        for patch in &patches {
            println!("{}", self.places.show(patch));
        }
        println!("{} patches in {}", patches.len(), self.places.show(&dir));
        Ok(true)
    }

    /// Writes the series into a directory below build/, with what is not committed yet.
    pub fn write_patches(
        &self,
        overlay: &Overlay,
        tree: &Path,
        dir: &str,
    ) -> Result<(PathBuf, Vec<PathBuf>)> {
        let dir = self.places.build.join(dir);
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
        let program = self.program("vma-demo")?;
        let mut last = None;
        let demo = demo::run(&kernel, X86_64, &program, self.progress, &mut |line| {
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

    pub fn test(&self, tier: Tier) -> Result<bool> {
        let ready = self.ready()?;
        let report = suite::run(self, &ready, tier)?;
        report.write(&self.places.build.join("test.json"))?;
        println!("{}", report.table());
        println!("{}", report.total().last_line());
        Ok(report.total().failed == 0)
    }

    /// Builds a kernel, and ends with the outcome of some work on it.
    fn on_kernel(
        &self,
        config: Config,
        work: impl FnOnce(&Ready, &Kernel) -> Result<Outcome>,
    ) -> Result<bool> {
        let ready = self.ready()?;
        let kernel = self.kernel(&ready);
        kernel.build(config, self.progress)?;
        self.end(work(&ready, &kernel)?)
    }

    pub fn kunit(&self) -> Result<bool> {
        let config = self.config_or(X86_64)?;
        self.on_kernel(config, |_, kernel| {
            kunit::run(kernel, config, self.filter, self.progress)
        })
    }

    pub fn kcsan(&self) -> Result<bool> {
        self.on_kernel(X86_64_KCSAN, |_, kernel| kcsan::run(kernel, self.progress))
    }

    pub fn lockdep_test(&self) -> Result<bool> {
        self.on_kernel(X86_64_DEBUG, |_, kernel| {
            lockdep_test::run(kernel, self.case, self.progress)
        })
    }

    pub fn bench(&self) -> Result<bool> {
        self.measured(|ready, bench, program, mut outcome| {
            outcome.add(bench.cost(program)?);
            outcome.add(bench.sizes(program)?);
            outcome.add(bench.writes(program, &self.plugin()?)?);
            outcome.add(bench.contention(program)?);
            let looked = code::look(self, ready, X86_64_BENCH)?;
            outcome.add(looked.outcome.clone());
            let (built, cost) = build_cost::run(self, ready)?;
            outcome.add(built);
            let page = looked
                .section()
                .and_then(|code| bench.page(vec![code, cost]));
            outcome.add(page.unwrap_or_else(|error| Outcome::failure(format!("{error:#}"))));
            Ok(outcome)
        })
    }

    pub fn bench_compare(&self) -> Result<bool> {
        let (file, baseline) = self.baseline()?;
        self.measured(|_, bench, _, mut outcome| {
            outcome.add(bench.compare(&file, &baseline)?);
            Ok(outcome)
        })
    }

    pub fn bench_baseline(&self) -> Result<bool> {
        self.measured(|_, bench, _, mut outcome| {
            match outcome.failed {
                0 => bench.store(&self.baseline_file())?,
                n => outcome.fail(format!(
                    "nothing was stored, because of {n} failures: mend them first"
                )),
            }
            Ok(outcome)
        })
    }

    /// Builds the kernels that are measured, measures all primitives, and does the rest of the work with what they came to.
    fn measured(
        &self,
        rest: impl FnOnce(&Ready, &mut Bench, &Path, Outcome) -> Result<Outcome>,
    ) -> Result<bool> {
        let ready = self.ready()?;
        let kernel = self.kernel(&ready);
        for (config, _) in bench::kernels(&kernel) {
            kernel.build(config, self.progress)?;
        }
        let program = self.program(bench::PROGRAM)?;
        let mut bench = Bench::new(&kernel, self.progress);
        let outcome = bench.primitives(&program, &self.helper_calls(&kernel)?)?;
        let outcome = rest(&ready, &mut bench, &program, outcome)?;
        self.end(outcome)
    }

    /// Builds the plugin of QEMU.
    pub fn plugin(&self) -> Result<PathBuf> {
        programs::build_library(self.places, self.cargo, bench::PLUGIN, self.progress)
    }

    /// The number of helper calls of each primitive where helpers are not inlined.
    pub fn helper_calls(&self, kernel: &Kernel) -> Result<BTreeMap<String, u64>> {
        code::helper_calls(kernel, bench::called(kernel))
    }

    /// The stored costs of primitives, and their file.
    pub fn baseline(&self) -> Result<(PathBuf, Baseline)> {
        let file = self.baseline_file();
        let baseline = Baseline::load(&file).with_context(|| self.places.show(&file))?;
        Ok((file, baseline))
    }

    fn baseline_file(&self) -> PathBuf {
        match self.baseline {
            Some(file) => file.to_path_buf(),
            None => self.places.repo.join(bench::BASELINE),
        }
    }

    pub fn disasm(&self) -> Result<bool> {
        let Some(function) = self.func else {
            bail!("FUNC= is missing: make disasm FUNC=mmap-read, or part of a function's name");
        };
        let config = self.config_or(X86_64_BENCH)?;
        let ready = self.ready()?;
        let kernel = self.kernel(&ready);
        kernel.build(config, self.progress)?;
        print!("{}", code::listing(&kernel, config, function)?);
        Ok(true)
    }

    pub fn codegen_check(&self) -> Result<bool> {
        let config = self.config_or(X86_64_BENCH)?;
        self.on_kernel(config, |ready, _| {
            Ok(code::look(self, ready, config)?.outcome)
        })
    }

    pub fn build_cost(&self) -> Result<bool> {
        let ready = self.ready()?;
        let (outcome, _) = build_cost::run(self, &ready)?;
        self.end(outcome)
    }

    /// The kernel that was asked for, of those that boot with a guest.
    fn guest_config(&self, default: Config) -> Result<Config> {
        let config = self.config_or(default)?;
        if config.arch == "um" {
            bail!(
                "CONFIG={}: it has no guest: take x86_64 or x86_64-debug",
                config.name
            );
        }
        Ok(config)
    }

    pub fn drivers(&self) -> Result<bool> {
        let config = self.guest_config(X86_64_DEBUG)?;
        self.on_kernel(config, |_, kernel| {
            let program = self.program(drivers::PROGRAM)?;
            drivers::run(kernel, config, &program, self.case, self.progress)
        })
    }

    pub fn stress(&self) -> Result<bool> {
        let config = self.guest_config(X86_64_DEBUG)?;
        self.on_kernel(config, |_, kernel| {
            let program = self.program(stress::PROGRAM)?;
            stress::run(kernel, config, &program, self.stress, self.progress)
        })
    }

    pub fn fuzz(&self) -> Result<bool> {
        self.on_kernel(X86_64_DEBUG, |_, kernel| {
            let program = self.program(fuzz::PROGRAM)?;
            fuzz::run(kernel, X86_64_DEBUG, &program, self.fuzz, self.progress)
        })
    }

    pub fn selftests(&self) -> Result<bool> {
        self.on_kernel(X86_64_DEBUG, |_, kernel| {
            let own = |name: &str| self.program(name);
            selftests::run(kernel, X86_64_DEBUG, own, self.progress)
        })
    }

    pub fn compile_fail(&self) -> Result<bool> {
        let config = self.config_or(X86_64)?;
        self.on_kernel(config, |ready, _| {
            suite::compile_fail(self, ready, config, true)
        })
    }

    pub fn conformance(&self) -> Result<bool> {
        let tree = self.places.tree();
        let config = self.config_or(X86_64)?;
        let out = self.places.out(config.name);
        let outcome = if self.places.kdir.is_some() && !conformance::is_built(&out) {
            // A tree of the caller's own is read, and not built for this alone.
            let packages = self.packages(&self.overlay()?);
            packages.setup(self.places, &["packages"], self.progress)?;
            conformance::run(self, &tree, None)?
        } else {
            let ready = self.ready()?;
            let out = self.kernel(&ready).build(config, self.progress)?;
            conformance::run(self, &tree, Some(&out))?
        };
        self.end(outcome)
    }

    /// Reads the checkout alone.
    pub fn ledger(&self) -> Result<bool> {
        let outcome = ledger::run(self.places, self.progress)?;
        self.end(outcome)
    }

    /// Needs the host's packages alone, and no kernel.
    pub fn model(&self) -> Result<bool> {
        let packages = self.packages(&self.overlay()?);
        packages.setup(self.places, &["packages"], self.progress)?;
        let outcome = model::run(self.places, self.progress)?;
        self.end(outcome)
    }

    pub fn lint(&self) -> Result<bool> {
        let ready = self.ready()?;
        let outcome = suite::lint(self, &ready)?;
        self.end(outcome)
    }

    pub fn doc(&self) -> Result<bool> {
        let ready = self.ready()?;
        let kernel = self.kernel(&ready);
        kernel.build(X86_64, self.progress)?;
        let page = rustdoc::build(&kernel, X86_64, self.progress)?;
        println!("documentation: {}", self.places.show(&page));
        Ok(true)
    }

    /// The exit code is that of the program that ran in the guest.
    pub fn shell(&self) -> Result<u8> {
        let config = self.guest_config(X86_64)?;
        let job = Job::requested(self.program)?;
        let ready = self.ready()?;
        let kernel = self.kernel(&ready);
        kernel.build(config, self.progress)?;
        let own = [self.program("vma-demo")?, self.program("vma-map")?];
        shell::run(&kernel, config, job, &own, self.progress)
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
}
