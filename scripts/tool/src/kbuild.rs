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

    fn build_until(&self, goal: &Goal, config: Config, progress: &Progress) -> Result<PathBuf> {
        let out = self.places.out(config.name);
        refuse_tree_built_in_place(&self.places.tree())?;
        if !self.inline_helpers() && config.wants_inline_helpers(&self.places.repo)? {
            progress.say(&format!(
                "  {}: without inline helpers: rustc has LLVM {}, clang {}",
                config.name, self.compilers.rust.llvm_major, self.compilers.llvm.major
            ));
        }
        if !out.join(goal.file).exists() {
            self.packages.setup(self.places, &["room"], progress)?;
        }
        self.configure(config, &out, progress)?;
        self.compile(goal, config, &out, progress)?;
        Ok(out)
    }

    fn configure(&self, config: Config, out: &Path, progress: &Progress) -> Result<()> {
        let mut step = progress.step(&format!("configure {}", config.name));
        step.doing("kunit.py config");
        fs::create_dir_all(out).with_context(|| format!("{}: cannot be made", out.display()))?;
        let options = config.options(&self.places.repo, self.inline_helpers())?;
        let fragment = out.join("wanted.kunitconfig");
        fs::write(&fragment, &options)
            .with_context(|| format!("{}: cannot be written", fragment.display()))?;
        let mut cmd = self.kunit("config");
        cmd.arg("--build_dir")
            .arg(out)
            .arg("--arch")
            .arg(config.arch);
        for option in self.make_options(config) {
            cmd.arg(format!("--make_options={option}"));
        }
        cmd.arg("--kunitconfig").arg(&fragment);
        let log = self.places.log(&format!("configure-{}", config.name));
        let (success, _) = proc::watched(&log, cmd, |_| ())?;
        self.require_options(config, &options, out)?;
        if !success {
            eprint!("{}", proc::tail(&log, 20));
            bail!(
                "{} could not be configured: see {}",
                config.name,
                self.places.show(&log)
            );
        }
        match self.places.kdir {
            None => step.done("as asked"),
            // The caller's own is not read, and could not be there: a configured tree is refused.
            Some(_) => step.done(&format!(
                "{}, from scripts/configs",
                self.places.show(&out.join(".config"))
            )),
        }
        Ok(())
    }

    fn require_options(&self, config: Config, options: &str, out: &Path) -> Result<()> {
        // Without a configuration there is nothing to compare: kunit.py has said why.
        let Ok(dot_config) = fs::read_to_string(out.join(".config")) else {
            return Ok(());
        };
        let unmet = kconfig::unmet(options, &dot_config);
        if unmet.iter().any(|option| option == "CONFIG_RUST=y") {
            let why = self.why_no_rust(config, out);
            bail!(
                "{}: the kernel does not accept this Rust toolchain: {why}",
                config.name
            );
        }
        if !unmet.is_empty() {
            bail!(
                "{}: the kernel's dependencies do not allow: {}",
                config.name,
                unmet.join(", ")
            );
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
        let reason = text
            .lines()
            .find_map(|line| line.strip_prefix("*** ").filter(|l| !l.trim().is_empty()));
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
        let warnings = diagnostics::about(&text, &self.ours);
        if !success {
            match diagnostics::errors(&text) {
                errors if errors.is_empty() => eprint!("{}", proc::tail(&log, 20)),
                errors => eprint!("{}", self.in_checkout(&errors)),
            }
            bail!(
                "{} does not build: see {}",
                config.name,
                self.places.show(&log)
            );
        }
        let options = config.options(&self.places.repo, self.inline_helpers())?;
        self.require_options(config, &options, out)?;
        if !warnings.is_empty() {
            for warning in &warnings {
                eprint!("{}", self.in_checkout(&warning.text));
                // Otherwise the next run does not compile it, and so does not see the warning.
                touch(&self.places.tree().join(&warning.file));
            }
            bail!(
                "{}: {} warning(s) about our own files: see {}",
                config.name,
                warnings.len(),
                self.places.show(&log)
            );
        }
        match step.count() {
            0 => step.done("nothing to do"),
            n => step.done(&format!("{n} steps")),
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
        cmd.arg("-C")
            .arg(self.places.tree())
            .arg(format!("O={}", out.display()));
        cmd.arg(format!("ARCH={}", config.arch))
            .arg(format!("--jobs={jobs}"));
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
        let ccache = if proc::find("ccache").is_some() {
            "ccache "
        } else {
            ""
        };
        let mut options = vec![
            format!("LLVM={}", llvm.option()),
            format!("CC={ccache}{}", llvm.clang()),
            // No ccache here: kbuild hands HOSTCC to rustc as its linker, which takes one word.
            format!("HOSTCC={}", llvm.clang()),
            format!("RUSTC={}", rust.rustc.display()),
            format!("HOSTRUSTC={}", rust.rustc.display()),
            format!("BINDGEN={}", self.bindgen.display()),
        ];
        let tools = [
            ("RUSTDOC", "rustdoc"),
            ("RUSTFMT", "rustfmt"),
            ("CLIPPY_DRIVER", "clippy-driver"),
        ];
        for (variable, tool) in tools {
            options.extend(
                rust.beside(tool)
                    .map(|file| format!("{variable}={}", file.display())),
            );
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
    let is_tool = tool.len() > 1
        && tool
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_' || c == '+');
    // Said whether or not there is anything to do.
    let is_work = !["CALL", "DESCEND"].contains(&tool);
    (is_tool && is_work && !rest.starts_with(' ')).then(|| what.trim())
}

/// A tree that was configured in place cannot be built anywhere else; kbuild would say so in six lines.
fn refuse_tree_built_in_place(tree: &Path) -> Result<()> {
    let traces = [
        ".config",
        "include/config",
        "arch/x86/include/generated",
        "arch/um/include/generated",
    ];
    if let Some(trace) = traces.iter().find(|trace| tree.join(trace).exists()) {
        bail!(
            "{}: built in place before ({trace} is there): run `make mrproper` in it, which removes its .config",
            tree.display()
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
        assert_eq!(build_line("  CC      mm/thing.o"), Some("mm/thing.o"));
        assert_eq!(build_line("  RUSTC L rust/some.o"), Some("L rust/some.o"));
        assert_eq!(build_line("  HOSTCC  scripts/x"), Some("scripts/x"));
        assert_eq!(build_line("make[1]: Entering directory '/x'"), None);
        assert_eq!(build_line("  DESCEND objtool"), None);
        assert_eq!(build_line("  GEN"), None);
        assert_eq!(build_line("   = note: something"), None);
        assert_eq!(build_line("  --> rust/a.rs:1:2"), None);
    }

    #[test]
    fn a_tree_built_in_place_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        refuse_tree_built_in_place(dir.path()).unwrap();
        fs::write(dir.path().join(".config"), "").unwrap();
        let error = refuse_tree_built_in_place(dir.path())
            .unwrap_err()
            .to_string();
        assert!(error.contains("make mrproper"), "{error}");
    }
}
