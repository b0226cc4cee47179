// SPDX-License-Identifier: GPL-2.0

//! Configuring and building a kernel out of tree. kunit.py configures; make builds, called directly because kunit.py
//! throws away the lines that show how far it is.

use crate::diagnostics;
use crate::host::{Compilers, Packages};
use crate::kconfig::{self, Config};
use crate::places::Places;
use crate::proc;
use crate::progress::Progress;
use crate::toolchain;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::available_parallelism;

/// Everything a build needs to know.
pub struct Kernel<'a> {
    pub places: &'a Places,
    pub packages: &'a Packages,
    pub compilers: &'a Compilers,
    pub bindgen: &'a Path,
    /// Files of ours in the tree, relative to it: warnings about them are failures.
    pub ours: Vec<String>,
    /// Our options that the tree has, if not all: the others are not asked for.
    pub offered: Option<BTreeSet<String>>,
}

/// A target of make, and the file that exists once it was built.
struct Goal {
    target: &'static str,
    file: &'static str,
}

const EVERYTHING: Goal = Goal {
    target: "all",
    file: "vmlinux",
};
const RUST: Goal = Goal {
    target: "rust/exports.o",
    file: "rust/exports.o",
};
const EXAMPLES: Goal = Goal {
    target: "rust/",
    file: "rust/doctests_kernel_generated.o",
};

/// How the names of our options begin.
const OURS: [&str; 2] = ["RUST_VMA", "SAMPLE_RUST_VMA"];

/// Those of our options that files of Kconfig in a tree offer.
pub fn offered<'a>(tree: &Path, files: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let files = files.filter(|file| file.ends_with("Kconfig"));
    let texts = files.map(|file| fs::read_to_string(tree.join(file)).unwrap_or_default());
    let texts: Vec<String> = texts.collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    let names = lines.filter_map(|line| line.strip_prefix("config "));
    names.map(str::to_string).collect()
}

impl Kernel<'_> {
    /// True if C helpers can be inlined into Rust: clang and rustc use the same LLVM.
    pub fn inline_helpers(&self) -> bool {
        self.compilers.rust.llvm_major == self.compilers.llvm.major
    }

    /// The `O=` directory with a kernel built from the tree as it is now.
    pub fn build(&self, config: Config, progress: &Progress) -> Result<PathBuf> {
        self.build_until(&EVERYTHING, config, progress)
    }

    /// The `O=` directory with what is below rust/ in the tree, and no kernel.
    pub fn build_rust(&self, config: Config, progress: &Progress) -> Result<PathBuf> {
        self.build_until(&RUST, config, progress)
    }

    /// The same, with the examples in comments.
    pub fn build_examples(&self, config: Config, progress: &Progress) -> Result<PathBuf> {
        self.build_until(&EXAMPLES, config, progress)
    }

    fn build_until(&self, goal: &Goal, config: Config, progress: &Progress) -> Result<PathBuf> {
        let out = self.places.out(config.name);
        refuse_tree_built_in_place(&self.places.tree())?;
        if !self.inline_helpers() && config.wants_inline_helpers(&self.places.repo)? {
            let (rust, clang) = (self.compilers.rust.llvm_major, self.compilers.llvm.major);
            let why = format!("without inline helpers: rustc has LLVM {rust}, clang {clang}");
            progress.say(&format!("  {}: {why}", config.name));
        }
        if !out.join(goal.file).exists() {
            self.packages.setup(self.places, &["room"], progress)?;
        }
        // Before hours are spent on a kernel that cannot boot.
        if let Some(step) = config.machine.setup {
            self.packages.setup(self.places, &[step], progress)?;
        }
        self.configure(config, &out, progress)?;
        self.compile(goal, config, &out, progress)?;
        Ok(out)
    }

    fn configure(&self, config: Config, out: &Path, progress: &Progress) -> Result<()> {
        let mut step = progress.step(&format!("configure {}", config.name));
        step.doing("kunit.py config");
        fs::create_dir_all(out).with_context(|| format!("{}: cannot be made", out.display()))?;
        let options = self.options(config)?;
        let fragment = out.join("wanted.kunitconfig");
        let written = fs::write(&fragment, &options);
        written.with_context(|| format!("{}: cannot be written", fragment.display()))?;
        let cmd = match config.own {
            Some(file) => {
                let copied = fs::copy(file, out.join(".config"));
                copied.with_context(|| format!("CONFIG={file}: cannot be copied"))?;
                let mut cmd = self.make(config, out);
                cmd.arg("olddefconfig");
                cmd
            }
            None => {
                let mut cmd = self.kunit("config");
                cmd.arg("--build_dir")
                    .arg(out)
                    .args(["--arch", config.machine.arch]);
                let make_options = self.make_options(config).into_iter();
                cmd.args(make_options.map(|option| format!("--make_options={option}")));
                cmd.arg("--kunitconfig").arg(&fragment);
                cmd
            }
        };
        let log = self.places.log(&format!("configure-{}", config.name));
        let (success, _) = proc::watched(&log, cmd, |_| ())?;
        self.require_options(config, &options, out)?;
        if !success {
            eprint!("{}", proc::tail(&log, 20));
            let (name, log) = (config.name, self.places.show(&log));
            bail!("{name} could not be configured: see {log}");
        }
        let shown = self.places.show(&out.join(".config"));
        match (config.own, &self.places.kdir) {
            (Some(file), _) => step.done(&format!("{shown}, from {file}")),
            (_, None) => step.done("as asked"),
            (_, Some(_)) => step.done(&format!("{shown}, from scripts/configs")),
        }
        Ok(())
    }

    fn options(&self, config: Config) -> Result<String> {
        let options = config.options(&self.places.repo, self.inline_helpers())?;
        let is_there = |line: &&str| {
            let name = kconfig::option_name(line).trim_start_matches("CONFIG_");
            let is_ours = OURS.iter().any(|prefix| name.starts_with(prefix));
            let offered = self.offered.as_ref();
            offered.is_none_or(|offered| !is_ours || offered.contains(name))
        };
        let options = options.lines().filter(is_there);
        Ok(options.map(|line| format!("{line}\n")).collect())
    }

    fn require_options(&self, config: Config, options: &str, out: &Path) -> Result<()> {
        // Without a configuration there is nothing to compare: kunit.py has said why.
        let Ok(dot_config) = fs::read_to_string(out.join(".config")) else {
            return Ok(());
        };
        let (name, unmet) = (config.name, kconfig::unmet(options, &dot_config));
        if unmet.iter().any(|option| option == "CONFIG_RUST=y") {
            let why = self.why_no_rust(config, out);
            bail!("{name}: the kernel does not accept this Rust toolchain: {why}");
        }
        if !unmet.is_empty() {
            let unmet = unmet.join(", ");
            bail!("{name}: the kernel's dependencies do not allow: {unmet}");
        }
        Ok(())
    }

    fn why_no_rust(&self, config: Config, out: &Path) -> String {
        let mut cmd = self.make(config, out);
        cmd.arg("rustavailable");
        let Ok(output) = proc::output(cmd) else {
            return "make does not run".to_string();
        };
        let text = String::from_utf8_lossy(&output.stderr);
        let mut reasons = text.lines().filter_map(|line| line.strip_prefix("*** "));
        let reason = reasons.find(|reason| !reason.trim().is_empty());
        reason
            .unwrap_or("run `make rustavailable` in the tree")
            .to_string()
    }

    fn compile(&self, goal: &Goal, config: Config, out: &Path, progress: &Progress) -> Result<()> {
        let mut step = progress.step(&format!("build {}", config.name));
        let mut cmd = self.make(config, out);
        cmd.arg(goal.target);
        let log = self.places.log(&format!("build-{}", config.name));
        let (success, text) = proc::watched(&log, cmd, |line| {
            if let Some(what) = build_line(line) {
                step.advance(what);
            }
        })?;
        let (name, shown) = (config.name, self.places.show(&log));
        if !success {
            match diagnostics::errors(&text) {
                errors if errors.is_empty() => eprint!("{}", proc::tail(&log, 20)),
                errors => eprint!("{}", self.in_checkout(&errors)),
            }
            bail!("{name} does not build: see {shown}");
        }
        let options = self.options(config)?;
        self.require_options(config, &options, out)?;
        let warnings = diagnostics::about(&text, &self.ours);
        for warning in &warnings {
            eprint!("{}", self.in_checkout(&warning.text));
            // Otherwise the next run does not compile it, and so does not see the warning.
            touch(&self.places.tree().join(&warning.file));
        }
        match (warnings.len(), step.count()) {
            (0, 0) => step.done("nothing to do"),
            (0, n) => step.done(&format!("{n} steps")),
            (n, _) => bail!("{name}: {n} warning(s) about our own files: see {shown}"),
        }
        Ok(())
    }

    /// A compiler's or a kernel's message, with paths that exist in the checkout.
    pub fn in_checkout(&self, text: &str) -> String {
        let tree = self.places.tree();
        diagnostics::in_checkout(text, &tree, &self.places.show(&tree), &self.ours)
    }

    /// The kernel's own make, for this configuration.
    pub fn make(&self, config: Config, out: &Path) -> Command {
        let mut cmd = proc::command("make");
        let jobs = available_parallelism().map_or(2, usize::from);
        cmd.arg("-C").arg(self.places.tree());
        cmd.arg(format!("O={}", out.display()));
        cmd.arg(format!("ARCH={}", config.machine.arch));
        cmd.arg(format!("--jobs={jobs}"));
        cmd.args(self.make_options(config));
        self.environment(&mut cmd);
        cmd
    }

    /// The tree's kunit.py.
    pub fn kunit(&self, what: &str) -> Command {
        let mut cmd = proc::command(python());
        cmd.arg(self.places.tree().join("tools/testing/kunit/kunit.py"))
            .arg(what);
        self.environment(&mut cmd);
        cmd
    }

    fn make_options(&self, config: Config) -> Vec<String> {
        let Compilers { rust, llvm } = self.compilers;
        let has_ccache = proc::find("ccache").is_some();
        let ccache = if has_ccache { "ccache " } else { "" };
        let (clang, rustc) = (llvm.clang(), rust.rustc.display());
        let mut options = match config.gcc {
            true => vec![format!("CC={ccache}gcc")],
            false => vec![
                format!("LLVM={}", llvm.option()),
                format!("CC={ccache}{clang}"),
                // No ccache here: kbuild hands HOSTCC to rustc as its linker, which takes one word.
                format!("HOSTCC={clang}"),
            ],
        };
        options.extend([
            format!("RUSTC={rustc}"),
            format!("HOSTRUSTC={rustc}"),
            format!("BINDGEN={}", self.bindgen.display()),
        ]);
        for (variable, tool) in [
            ("RUSTDOC", "rustdoc"),
            ("RUSTFMT", "rustfmt"),
            ("CLIPPY_DRIVER", "clippy-driver"),
        ] {
            if let Some(file) = rust.beside(tool) {
                options.push(format!("{variable}={}", file.display()));
            }
        }
        if config.clippy && rust.beside("clippy-driver").is_some() {
            options.push("CLIPPY=1".to_string());
        }
        options
    }

    /// Makes a build independent of the checkout's path, so that another clone finds its objects in the cache.
    fn environment(&self, cmd: &mut Command) {
        cmd.env("CCACHE_DIR", self.places.cache.join("ccache"))
            .env("CCACHE_BASEDIR", &self.places.build)
            .env("CCACHE_NOHASHDIR", "1")
            .env("CCACHE_MAXSIZE", "4G")
            .env("KBUILD_BUILD_TIMESTAMP", "Thu Jan  1 00:00:00 UTC 1970")
            .env("KBUILD_BUILD_USER", "vma")
            .env("KBUILD_BUILD_HOST", "vma")
            // A caller's tree is not the place for Python's caches.
            .env("PYTHONDONTWRITEBYTECODE", "1");
        if let Some(dir) = toolchain::libclang_dir(&self.compilers.llvm) {
            cmd.env("LIBCLANG_PATH", dir);
        }
    }
}

/// The distribution's Python, for which the distribution has modules; else whichever there is.
pub fn python() -> &'static Path {
    let python = Path::new("/usr/bin/python3");
    match python.exists() {
        true => python,
        false => Path::new("python3"),
    }
}

/// The object or file a line of kbuild's output is about.
fn build_line(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("  ")?;
    let (tool, what) = rest.trim_start().split_once(char::is_whitespace)?;
    let is_upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_' || c == '+';
    // Said whether or not there is anything to do.
    let is_work = !["CALL", "DESCEND"].contains(&tool);
    let is_tool = tool.len() > 1 && tool.chars().all(is_upper);
    (is_tool && is_work && !rest.starts_with(' ')).then(|| what.trim())
}

/// A tree that was configured in place cannot be built anywhere else; kbuild would say so in six lines.
fn refuse_tree_built_in_place(tree: &Path) -> Result<()> {
    let traces = [".config", "include/config"].map(str::to_string);
    let machines = kconfig::ALL.iter().map(|config| config.machine.headers());
    let mut traces = traces.into_iter().chain(machines);
    if let Some(trace) = traces.find(|trace| tree.join(trace).exists()) {
        let shown = tree.display();
        bail!(
            "{shown}: built in place before ({trace} is there): run `make mrproper` in it, which removes its .config: a copy of that can be given with CONFIG="
        );
    }
    Ok(())
}

fn touch(file: &Path) {
    if let Ok(file) = fs::File::options().append(true).open(file) {
        let _ = file.set_modified(std::time::SystemTime::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_a_build_are_recognised() {
        for (line, what) in [
            ("  CC      mm/thing.o", "mm/thing.o"),
            ("  RUSTC L rust/some.o", "L rust/some.o"),
            ("  HOSTCC  scripts/x", "scripts/x"),
            ("make[1]: Entering directory '/x'", ""),
            ("  DESCEND objtool", ""),
            ("  GEN", ""),
            ("   = note: something", ""),
            ("  --> rust/a.rs:1:2", ""),
        ] {
            assert_eq!(build_line(line).unwrap_or_default(), what);
        }
    }

    #[test]
    fn a_tree_built_in_place_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        refuse_tree_built_in_place(dir.path()).unwrap();
        fs::write(dir.path().join(".config"), "").unwrap();
        assert!(refuse_tree_built_in_place(dir.path()).is_err());
    }
}
