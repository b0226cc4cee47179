// SPDX-License-Identifier: GPL-2.0

//! A KUnit suite of the kernel, run by its files in debugfs.

use std::fmt;
use std::fs;
use std::io::{Error, Result};
use std::path::PathBuf;

const ALL: &str = "/sys/kernel/debug/kunit";

/// A suite that the kernel has, whether it runs them at boot or not.
pub struct Suite {
    pub name: String,
    dir: PathBuf,
}

impl Suite {
    pub fn all() -> Result<Vec<Self>> {
        let entries = fs::read_dir(ALL).map_err(|e| Error::other(format!("{ALL}: {e}")))?;
        let mut suites = Vec::new();
        for entry in entries {
            let entry = entry?;
            suites.push(Self {
                name: entry.file_name().to_string_lossy().into_owned(),
                dir: entry.path(),
            });
        }
        suites.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(suites)
    }

    /// Runs the suite to its end. Returns whether it has passed.
    pub fn run(&self) -> Result<bool> {
        fs::write(self.dir.join("run"), "1")?;
        Ok(passed(&fs::read_to_string(self.dir.join("results"))?))
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The result of the suite is the last line. Those of its tests are indented.
fn passed(results: &str) -> bool {
    let mut lines = results.lines().filter(|line| !line.starts_with(' '));
    lines
        .next_back()
        .is_some_and(|line| line.starts_with("ok "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_line_is_the_result() {
        let results = |test: &str, suite: &str| {
            format!("KTAP version 1\n1..1\n    KTAP version 1\n    {test} 1 a\n{suite} 1 s\n")
        };
        assert!(passed(&results("ok", "ok")));
        assert!(!passed(&results("not ok", "not ok")));
        assert!(!passed(&results("ok", "not ok")));
        assert!(!passed("KTAP version 1\n1..1\n    ok 1 a\n"));
        assert!(!passed(""));
    }
}
