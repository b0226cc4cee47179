// SPDX-License-Identifier: GPL-2.0

//! The compilers, and the names of their programs.

use crate::proc;
use std::fs;
use std::path::PathBuf;

/// A rustc that can build the kernel.
#[derive(Clone, Debug)]
pub struct Rust {
    pub rustc: PathBuf,
    pub version: String,
    pub llvm_major: u32,
}

impl Rust {
    /// A tool that came with this rustc, such as `rustfmt`.
    pub fn beside(&self, tool: &str) -> Option<PathBuf> {
        let file = self.rustc.with_file_name(tool);
        proc::is_program(&file).then_some(file)
    }
}

/// An LLVM: every tool the kernel calls, with this suffix (`-22`, or none).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Llvm {
    pub suffix: String,
    pub major: u32,
}

impl Llvm {
    /// The value of kbuild's `LLVM=`.
    pub fn option(&self) -> &str {
        if self.suffix.is_empty() {
            "1"
        } else {
            &self.suffix
        }
    }

    pub fn clang(&self) -> String {
        self.program("clang")
    }

    /// One of its tools, such as `llvm-objdump`.
    pub fn program(&self, tool: &str) -> String {
        format!("{tool}{}", self.suffix)
    }
}

/// bindgen's own dynamic loading of libclang is told where that of the chosen LLVM is.
pub fn libclang_dir(llvm: &Llvm) -> Option<PathBuf> {
    let dir = PathBuf::from(format!("/usr/lib/llvm-{}/lib", llvm.major));
    let mut entries = fs::read_dir(&dir).ok()?.flatten();
    entries
        .any(|e| e.file_name().to_string_lossy().starts_with("libclang"))
        .then_some(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn llvm_is_named_as_kbuild_wants_it() {
        let llvm = Llvm {
            suffix: "-22".into(),
            major: 22,
        };
        assert_eq!((llvm.option(), llvm.clang().as_str()), ("-22", "clang-22"));
        let plain = Llvm {
            suffix: String::new(),
            major: 21,
        };
        assert_eq!((plain.option(), plain.clang().as_str()), ("1", "clang"));
    }
}
