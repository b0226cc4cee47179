// SPDX-License-Identifier: GPL-2.0

//! Which kernel was measured, and what compiled it, as its own build says: counts of instructions are those of one
//! toolchain.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::path::Path;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Toolchain {
    pub kernel: String,
    pub rustc: String,
    /// Of rustc.
    pub llvm: String,
    pub clang: String,
}

impl Toolchain {
    /// That of the kernel that was built into `out`.
    pub fn of(out: &Path) -> Result<Self> {
        let read = |name: &str| {
            let path = out.join(name);
            fs::read_to_string(&path).with_context(|| format!("{}: cannot be read", path.display()))
        };
        let release = read("include/config/kernel.release")?;
        Self::read(&read(".config")?, &release).with_context(|| {
            format!(
                "{}/.config: does not say what the compilers are",
                out.display()
            )
        })
    }

    fn read(dot_config: &str, release: &str) -> Option<Self> {
        let number = |name: &str| -> Option<u32> {
            let mut lines = dot_config.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
            value.parse().ok()
        };
        // Two digits for each number but the first, or three for the one in the middle.
        let version = |number: u32, middle: u32| {
            let (major, rest) = (number / (100 * middle), number % (100 * middle));
            format!("{major}.{}.{}", rest / 100, rest % 100)
        };
        Some(Self {
            kernel: release.trim().to_string(),
            rustc: version(number("CONFIG_RUSTC_VERSION")?, 1000),
            llvm: version(number("CONFIG_RUSTC_LLVM_VERSION")?, 100),
            clang: version(number("CONFIG_CLANG_VERSION")?, 100),
        })
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kernel,
            rustc,
            llvm,
            clang,
        } = self;
        write!(
            f,
            "kernel {kernel}, rustc {rustc} (LLVM {llvm}), clang {clang}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_as_the_tools_say_them() {
        let dot_config = "CONFIG_RUSTC_VERSION_TEXT=\"rustc 1.96.0\"\nCONFIG_CLANG_VERSION=220108\n\
                          CONFIG_RUSTC_VERSION=109600\nCONFIG_RUSTC_LLVM_VERSION=190107\n";
        assert_eq!(
            Toolchain::read(dot_config, "7.3.4\n").unwrap().to_string(),
            "kernel 7.3.4, rustc 1.96.0 (LLVM 19.1.7), clang 22.1.8"
        );
        assert!(Toolchain::read("CONFIG_CLANG_VERSION=220108\n", "7.3.4\n").is_none());
    }

    #[test]
    fn a_kernel_that_is_not_built_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let error = Toolchain::of(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with("kernel.release: cannot be read"), "{error}");
    }
}
