// SPDX-License-Identifier: GPL-2.0

//! The kernels that are built: which fragments of scripts/configs make each, and whether what a fragment asks for is
//! what the configured kernel has.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

/// One kernel to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    pub name: &'static str,
    pub arch: &'static str,
    fragments: &'static [&'static str],
    /// The memory of a guest.
    pub memory_mib: u32,
    /// Compiled by clippy in place of rustc.
    pub clippy: bool,
}

pub const X86_64: Config = Config {
    name: "x86_64",
    arch: "x86_64",
    fragments: &[
        "common",
        "kunit",
        "doctests",
        "off",
        "qemu",
        "samples-modules",
        "x86_64",
        "inline-helpers",
    ],
    memory_mib: 1024,
    clippy: false,
};
pub const X86_64_DEBUG: Config = Config {
    name: "x86_64-debug",
    arch: "x86_64",
    fragments: &[
        "common",
        "kunit",
        "doctests",
        "off",
        "qemu",
        "samples",
        "x86_64-debug",
    ],
    memory_mib: 1024,
    clippy: true,
};
pub const UM: Config = Config {
    name: "um",
    arch: "um",
    fragments: &["common", "kunit", "off", "um"],
    memory_mib: 1024,
    clippy: false,
};
/// Not one of those that `make test` builds.
pub const X86_64_KCSAN: Config = Config {
    name: "x86_64-kcsan",
    arch: "x86_64",
    fragments: &[
        "common",
        "kunit",
        "doctests",
        "off",
        "qemu",
        "samples",
        "x86_64-kcsan",
    ],
    memory_mib: 1024,
    clippy: false,
};
/// The kernel that is measured.
pub const X86_64_BENCH: Config = Config {
    name: "x86_64-bench",
    arch: "x86_64",
    fragments: &[
        "common",
        "off",
        "qemu",
        "samples",
        "x86_64",
        "inline-helpers",
        "bench",
    ],
    memory_mib: 1024,
    clippy: false,
};
/// The same, where C helpers are calls.
pub const X86_64_BENCH_CALLS: Config = Config {
    name: "x86_64-bench-calls",
    arch: "x86_64",
    fragments: &[
        "common",
        "off",
        "qemu",
        "samples",
        "x86_64",
        "called-helpers",
        "bench",
    ],
    memory_mib: 1024,
    clippy: false,
};

/// No kernel is made of it: what [`X86_64_BENCH`] has below rust/, to be built without the overlay.
pub const X86_64_UNUSED: Config = Config {
    name: "x86_64-unused",
    arch: "x86_64",
    fragments: &[
        "common",
        "off",
        "qemu",
        "x86_64",
        "inline-helpers",
        "unused",
    ],
    memory_mib: 1024,
    clippy: false,
};

/// Those that can be asked for by name.
pub const ALL: &[Config] = &[
    X86_64,
    X86_64_DEBUG,
    UM,
    X86_64_KCSAN,
    X86_64_BENCH,
    X86_64_BENCH_CALLS,
];

impl Config {
    pub fn by_name(name: &str) -> Result<Self> {
        if let Some(config) = ALL.iter().find(|config| config.name == name) {
            return Ok(*config);
        }
        let Ok(file) = fs::canonicalize(name) else {
            let names: Vec<&str> = ALL.iter().map(|config| config.name).collect();
            bail!(
                "CONFIG={name}: no such configuration and no such file: use one of {}",
                names.join(", ")
            )
        };
        Self::with_fragment(&file)
    }

    /// x86_64 with the options of a file, which take precedence.
    fn with_fragment(file: &Path) -> Result<Self> {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let Some(path) = file.to_str().filter(|_| file.is_file()) else {
            bail!("CONFIG={}: not a file of options", file.display());
        };
        // They live as long as the program.
        let path: &'static str = Box::leak(path.to_string().into_boxed_str());
        let fragments = [X86_64.fragments, &[path]].concat();
        Ok(Self {
            name: Box::leak(format!("x86_64+{stem}").into_boxed_str()),
            fragments: Box::leak(fragments.into_boxed_slice()),
            ..X86_64
        })
    }

    /// The options of all its fragments, as one text for kunit.py.
    pub fn options(&self, repo: &Path, inline_helpers: bool) -> Result<String> {
        let mut text = String::new();
        for fragment in self.fragments {
            let path = repo.join("scripts/configs").join(fragment);
            text += &fs::read_to_string(&path)
                .with_context(|| format!("{}: cannot be read", path.display()))?;
        }
        let wanted = |line: &&str| line.starts_with("CONFIG_") || line.ends_with(" is not set");
        let allowed = |line: &&str| inline_helpers || *line != "CONFIG_RUST_INLINE_HELPERS=y";
        let mut lines: Vec<&str> = Vec::new();
        for line in text.lines().map(str::trim).filter(wanted).filter(allowed) {
            lines.retain(|earlier| option_name(earlier) != option_name(line));
            lines.push(line);
        }
        Ok(lines.join("\n") + "\n")
    }

    /// Options that say `inline_helpers` matters to this configuration.
    pub fn wants_inline_helpers(&self, repo: &Path) -> Result<bool> {
        Ok(self.options(repo, true)? != self.options(repo, false)?)
    }
}

/// The option that a line of a configuration is about.
fn option_name(line: &str) -> &str {
    let name = line.trim_start_matches("# ").split([' ', '=']).next();
    name.unwrap_or_default()
}

/// The options that a `.config` has otherwise than asked for.
pub fn unmet(options: &str, dot_config: &str) -> Vec<String> {
    options
        .lines()
        .filter(|wanted| !is_met(wanted, dot_config))
        .map(str::to_string)
        .collect()
}

fn is_met(wanted: &str, dot_config: &str) -> bool {
    if let Some(name) = wanted
        .strip_prefix("# ")
        .and_then(|rest| rest.strip_suffix(" is not set"))
    {
        // An option that does not exist here is not set either.
        let set = format!("{name}=");
        return !dot_config.lines().any(|line| line.starts_with(&set));
    }
    dot_config.lines().any(|line| line == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn repo() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn unmet_options_are_named() {
        let options =
            "CONFIG_A=y\nCONFIG_B=y\n# CONFIG_C is not set\n# CONFIG_D is not set\nCONFIG_E=8\n";
        let dot = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=y\nCONFIG_E=64\n";
        assert_eq!(
            unmet(options, dot),
            ["CONFIG_B=y", "# CONFIG_C is not set", "CONFIG_E=8"]
        );
        assert!(unmet("CONFIG_A=y\n", "CONFIG_A=y\n").is_empty());
        assert_eq!(
            unmet("CONFIG_A=y\n", "CONFIG_AB=y\nXCONFIG_A=y\n"),
            ["CONFIG_A=y"]
        );
    }

    #[test]
    fn the_committed_fragments_do_not_contradict_each_other() {
        for config in ALL.iter().chain(&[X86_64_UNUSED]) {
            let options = config.options(&repo(), true).unwrap();
            let mut seen = HashSet::new();
            for fragment in config.fragments {
                let text =
                    fs::read_to_string(repo().join("scripts/configs").join(fragment)).unwrap();
                let lines = text.lines().filter(|line| line.contains("CONFIG_"));
                for name in lines.filter(|line| !line.contains("SPDX")).map(option_name) {
                    let is_option = name.starts_with("CONFIG_");
                    assert!(
                        !is_option || seen.insert(name.to_string()),
                        "{}: {name} twice",
                        config.name
                    );
                }
            }
            assert!(
                options.contains("CONFIG_RUST=y\n") && !options.contains("SPDX"),
                "{}",
                config.name
            );
        }
    }

    #[test]
    fn inline_helpers_can_be_left_out() {
        assert!(
            X86_64
                .options(&repo(), true)
                .unwrap()
                .contains("CONFIG_RUST_INLINE_HELPERS=y")
        );
        assert!(
            !X86_64
                .options(&repo(), false)
                .unwrap()
                .contains("INLINE_HELPERS")
        );
        assert!(X86_64.wants_inline_helpers(&repo()).unwrap());
        assert!(
            !X86_64_DEBUG.wants_inline_helpers(&repo()).unwrap()
                && !UM.wants_inline_helpers(&repo()).unwrap()
        );
    }

    #[test]
    fn the_measured_kernels_differ_by_their_helpers_alone() {
        let options = |config: Config| config.options(&repo(), true).unwrap();
        let others = |config: Config| -> HashSet<String> {
            let options = options(config);
            let lines = options
                .lines()
                .filter(|line| !line.contains("INLINE_HELPERS"));
            lines.map(str::to_string).collect()
        };
        let (inline, calls) = (X86_64_BENCH, X86_64_BENCH_CALLS);
        assert_eq!(others(inline), others(calls));
        assert!(options(inline).contains("CONFIG_RUST_INLINE_HELPERS=y"));
        assert!(options(calls).contains("# CONFIG_RUST_INLINE_HELPERS is not set"));
    }

    #[test]
    fn a_file_of_options_comes_last() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mine.config");
        fs::write(&file, "CONFIG_FTRACE=y\nCONFIG_MINE=y\n").unwrap();
        let config = Config::by_name(file.to_str().unwrap()).unwrap();
        assert_eq!(config.name, "x86_64+mine");
        let options = config.options(&repo(), true).unwrap();
        assert!(options.ends_with("CONFIG_FTRACE=y\nCONFIG_MINE=y\n"));
        assert!(!options.contains("# CONFIG_FTRACE is not set"));
        assert!(Config::by_name(dir.path().to_str().unwrap()).is_err());
    }

    #[test]
    fn an_unknown_configuration_is_refused_with_the_known_ones() {
        let error = Config::by_name("arm").unwrap_err().to_string();
        assert!(error.contains("x86_64, x86_64-debug, um"), "{error}");
    }
}
