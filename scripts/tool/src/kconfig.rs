// SPDX-License-Identifier: GPL-2.0

//! The kernels that are built: which fragments of scripts/configs make each, and whether what a fragment asks for is
//! what the configured kernel has.

use crate::machine::{self, Machine};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

/// One kernel to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    pub name: &'static str,
    pub machine: &'static Machine,
    /// Files of scripts/configs.
    fragments: &'static str,
    /// The memory of a guest.
    pub memory_mib: u32,
    /// Compiled by clippy in place of rustc.
    pub clippy: bool,
    /// Its C code is compiled by gcc.
    pub gcc: bool,
    /// A whole `.config` of the caller's own.
    pub own: Option<&'static str>,
}

/// The options that an own `.config` needs: its kernel has our types and runs their tests, and QEMU shows what it says.
const NEEDED: &str = "\
CONFIG_RUST=y
CONFIG_RUST_VMA=y
CONFIG_KUNIT=y
CONFIG_RUST_VMA_KUNIT_TEST=y
CONFIG_SERIAL_8250_CONSOLE=y
";

const fn x86_64(name: &'static str, fragments: &'static str) -> Config {
    Config {
        name,
        machine: &machine::X86_64,
        fragments,
        memory_mib: 1024,
        clippy: false,
        gcc: false,
        own: None,
    }
}

pub const X86_64: Config = x86_64(
    "x86_64",
    "common kunit doctests off qemu all-fields samples-modules x86_64 inline-helpers",
);
pub const X86_64_DEBUG: Config = Config {
    clippy: true,
    ..x86_64(
        "x86_64-debug",
        "common kunit doctests off qemu all-fields samples samples-drm x86_64-debug",
    )
};
/// The same with what the kernel's own tests need.
pub const X86_64_SELFTESTS: Config = x86_64(
    "x86_64-selftests",
    "common kunit off qemu all-fields samples samples-drm x86_64-debug binder selftests",
);
/// The kernel that transactions of Rust Binder are measured on, also without the overlay.
pub const X86_64_BINDER: Config = x86_64(
    "x86_64-binder",
    "common off qemu all-fields x86_64 inline-helpers binder",
);
/// The selftests' kernel without anything of ours, to be built without the overlay.
pub const X86_64_PRISTINE: Config = x86_64(
    "x86_64-pristine",
    "common off qemu all-fields x86_64-debug binder selftests",
);
pub const UM: Config = Config {
    machine: &machine::UM,
    ..x86_64("um", "common kunit off um")
};
/// Another architecture: a weaker memory model, and other entries of page tables.
pub const ARM64: Config = Config {
    machine: &machine::ARM64,
    ..x86_64(
        "arm64",
        "common kunit doctests off qemu all-fields samples arm64",
    )
};
/// A third one, where page table entries have memory types by an extension of the processor.
pub const RISCV64: Config = Config {
    machine: &machine::RISCV,
    ..x86_64(
        "riscv64",
        "common kunit doctests off qemu all-fields riscv64",
    )
};
/// One of 32 bits: a word of flags has 32 of them, and a page table entry is a structure.
pub const ARM: Config = Config {
    machine: &machine::ARM,
    ..x86_64("arm", "common kunit doctests off qemu arm")
};
/// Not one of those that `make test` builds.
pub const X86_64_KCSAN: Config = x86_64(
    "x86_64-kcsan",
    "common kunit doctests off qemu all-fields samples x86_64-kcsan",
);
/// Spinlocks that sleep.
pub const X86_64_RT: Config = x86_64("x86_64-rt", "common kunit off qemu samples x86_64-rt");
/// One processor, without the per-VMA lock and the optional fields.
pub const X86_64_UP: Config = x86_64(
    "x86_64-up",
    "common kunit doctests off qemu samples x86_64-up",
);
/// Two compilers, which have to agree on the layout of every structure.
pub const X86_64_GCC: Config = Config {
    gcc: true,
    ..x86_64(
        "x86_64-gcc",
        "common kunit doctests off qemu all-fields samples x86_64 called-helpers",
    )
};
/// The kernel that is measured.
pub const X86_64_BENCH: Config = x86_64(
    "x86_64-bench",
    "common off qemu all-fields x86_64 inline-helpers bench",
);
/// The same, where C helpers are calls.
pub const X86_64_BENCH_CALLS: Config = x86_64(
    "x86_64-bench-calls",
    "common off qemu all-fields x86_64 called-helpers bench",
);
/// No kernel is made of it: what [`X86_64_BENCH`] has below rust/, to be built without the overlay.
pub const X86_64_UNUSED: Config = x86_64(
    "x86_64-unused",
    "common off qemu all-fields x86_64 inline-helpers unused",
);

/// Those that can be asked for by name.
pub const ALL: &[Config] = &[
    X86_64,
    X86_64_DEBUG,
    X86_64_SELFTESTS,
    X86_64_BINDER,
    UM,
    ARM64,
    RISCV64,
    ARM,
    X86_64_KCSAN,
    X86_64_RT,
    X86_64_UP,
    X86_64_GCC,
    X86_64_BENCH,
    X86_64_BENCH_CALLS,
];

impl Config {
    pub fn by_name(name: &str) -> Result<Self> {
        if let Some(config) = ALL.iter().find(|config| config.name == name) {
            return Ok(*config);
        }
        match fs::canonicalize(name) {
            Ok(file) => Self::with_fragment(&file),
            Err(_) => {
                let names: Vec<&str> = ALL.iter().map(|config| config.name).collect();
                let names = names.join(", ");
                bail!("CONFIG={name}: no such configuration and no such file: use one of {names}")
            }
        }
    }

    /// x86_64 with the options of a file, which take precedence.
    fn with_fragment(file: &Path) -> Result<Self> {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let path = file
            .to_str()
            .filter(|path| !path.contains(char::is_whitespace));
        let Some(path) = path.filter(|_| file.is_file()) else {
            bail!(
                "CONFIG={}: not a file of options, or a space in its path",
                file.display()
            );
        };
        let text = fs::read_to_string(file);
        let text = text.with_context(|| format!("CONFIG={path}: cannot be read"))?;
        if text.contains("# Automatically generated file; DO NOT EDIT.") {
            return Self::of_owner(path, &stem, &text);
        }
        // They live as long as the program.
        Ok(x86_64(
            format!("x86_64+{stem}").leak(),
            format!("{} {path}", X86_64.fragments).leak(),
        ))
    }

    /// The configuration that a caller's kernel has.
    fn of_owner(path: &str, stem: &str, text: &str) -> Result<Self> {
        let unmet = unmet(NEEDED, text);
        if !unmet.is_empty() {
            let unmet = unmet.join(", ");
            bail!(
                "CONFIG={path}: needs {unmet}: run `make apply KDIR=`, then `make menuconfig` of the kernel"
            );
        }
        if !text.lines().any(|line| line == "CONFIG_X86_64=y") {
            bail!(
                "CONFIG={path}: is not for x86-64: give the options that you need in a file instead"
            );
        }
        // They live as long as the program.
        let (path, name) = (
            path.to_string().leak(),
            format!("own-{}", stem.trim_start_matches('.')).leak(),
        );
        Ok(Self {
            own: Some(path),
            ..x86_64(name, "")
        })
    }

    /// The options of all its fragments, as one text for kunit.py.
    pub fn options(&self, repo: &Path, inline_helpers: bool) -> Result<String> {
        if self.own.is_some() {
            return Ok(NEEDED.to_string());
        }
        let mut lines: Vec<String> = Vec::new();
        for fragment in self.fragments.split(' ') {
            let path = repo.join("scripts/configs").join(fragment);
            let text = fs::read_to_string(&path);
            let text = text.with_context(|| format!("{}: cannot be read", path.display()))?;
            for line in text.lines().map(str::trim) {
                let is_option = line.starts_with("CONFIG_") || line.ends_with(" is not set");
                if is_option && (inline_helpers || line != "CONFIG_RUST_INLINE_HELPERS=y") {
                    lines.retain(|earlier| option_name(earlier) != option_name(line));
                    lines.push(line.to_string());
                }
            }
        }
        Ok(lines.join("\n") + "\n")
    }

    /// Options that say `inline_helpers` matters to this configuration.
    pub fn wants_inline_helpers(&self, repo: &Path) -> Result<bool> {
        Ok(self.options(repo, true)? != self.options(repo, false)?)
    }
}

/// The option that a line of a configuration is about.
pub fn option_name(line: &str) -> &str {
    let name = line.trim_start_matches("# ").split([' ', '=']).next();
    name.unwrap_or_default()
}

/// The options that a `.config` has otherwise than asked for. An option that does not exist is not set.
pub fn unmet(options: &str, dot_config: &str) -> Vec<String> {
    let value = |wanted: &str| {
        let mut lines = dot_config.lines().filter(|line| !line.starts_with('#'));
        lines.find(|line| option_name(line) == option_name(wanted))
    };
    let is_met = |wanted: &&str| match wanted.starts_with('#') {
        true => value(wanted).is_none(),
        false => value(wanted) == Some(wanted),
    };
    let unmet = options.lines().filter(|wanted| !is_met(wanted));
    unmet.map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn repo() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn options(config: Config) -> String {
        config.options(&repo(), true).unwrap()
    }

    #[test]
    fn unmet_options_are_named() {
        let options =
            "CONFIG_A=y\nCONFIG_B=y\n# CONFIG_C is not set\n# CONFIG_D is not set\nCONFIG_E=8\n";
        let dot = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=y\nCONFIG_E=64\n";
        let found = unmet(options, dot).join(", ");
        assert_eq!(found, "CONFIG_B=y, # CONFIG_C is not set, CONFIG_E=8");
        assert!(unmet("CONFIG_A=y\n", "CONFIG_A=y\n").is_empty());
        let other = unmet("CONFIG_A=y\n", "CONFIG_AB=y\nXCONFIG_A=y\n");
        assert_eq!(other, ["CONFIG_A=y"]);
    }

    #[test]
    fn config_fragments_do_not_contradict() {
        for config in ALL.iter().chain(&[X86_64_UNUSED, X86_64_PRISTINE]) {
            let mut seen = HashSet::new();
            for fragment in config.fragments.split(' ') {
                let path = repo().join("scripts/configs").join(fragment);
                let text = fs::read_to_string(path).unwrap();
                let names = text.lines().map(|line| option_name(line).to_string());
                for name in names.filter(|name| name.starts_with("CONFIG_")) {
                    assert!(seen.insert(name.clone()), "{}: {name} twice", config.name);
                }
            }
            let options = options(*config);
            assert!(options.contains("CONFIG_RUST=y\n") && !options.contains("SPDX"));
        }
    }

    #[test]
    fn inline_helpers_can_be_left_out() {
        assert!(options(X86_64).contains("CONFIG_RUST_INLINE_HELPERS=y"));
        let without = X86_64.options(&repo(), false).unwrap();
        assert!(!without.contains("INLINE_HELPERS"));
        let wanting = [X86_64, X86_64_DEBUG, UM].map(|c| c.wants_inline_helpers(&repo()).unwrap());
        assert_eq!(wanting, [true, false, false]);
    }

    #[test]
    fn measured_kernels_differ_by_helpers_only() {
        let [inline, calls] = [options(X86_64_BENCH), options(X86_64_BENCH_CALLS)];
        let others = |options: &str| -> HashSet<String> {
            let lines = options
                .lines()
                .filter(|line| !line.contains("INLINE_HELPERS"));
            lines.map(str::to_string).collect()
        };
        assert_eq!(others(&inline), others(&calls));
        assert!(inline.contains("CONFIG_RUST_INLINE_HELPERS=y"));
        assert!(calls.contains("# CONFIG_RUST_INLINE_HELPERS is not set"));
    }

    #[test]
    fn a_file_of_options_comes_last() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mine.config");
        fs::write(&file, "CONFIG_FTRACE=y\nCONFIG_MINE=y\n").unwrap();
        let config = Config::by_name(file.to_str().unwrap()).unwrap();
        assert_eq!(config.name, "x86_64+mine");
        let options = options(config);
        assert!(options.ends_with("CONFIG_FTRACE=y\nCONFIG_MINE=y\n"));
        assert!(!options.contains("# CONFIG_FTRACE is not set"));
        assert!(Config::by_name(dir.path().to_str().unwrap()).is_err());
    }

    #[test]
    fn an_own_config_needs_some_options() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("linux.config");
        let by_name = || Config::by_name(file.to_str().unwrap());
        let head = "# Automatically generated file; DO NOT EDIT.\n";
        fs::write(
            &file,
            format!("{head}{NEEDED}CONFIG_X86_64=y\nCONFIG_MINE=y\n"),
        )
        .unwrap();
        let config = by_name().unwrap();
        assert_eq!((config.name, options(config)), ("own-linux", NEEDED.into()));
        for (text, why) in [
            (format!("{head}{NEEDED}"), "is not for x86-64"),
            (
                format!("{head}{}", NEEDED.replace("RUST_VMA=y", "RUST_VMA=n")),
                "needs CONFIG_RUST_VMA=y: run",
            ),
        ] {
            fs::write(&file, text).unwrap();
            let error = by_name().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn unknown_configuration_lists_known_ones() {
        let error = Config::by_name("mips").unwrap_err().to_string();
        assert!(
            error.contains("x86_64, x86_64-debug, x86_64-selftests, x86_64-binder, um"),
            "{error}"
        );
    }
}
