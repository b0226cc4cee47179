// SPDX-License-Identifier: GPL-2.0

//! The results of the programs in the guest.

use crate::boot::Boot;
use crate::kbuild::Kernel;
use crate::report::Outcome;
use std::path::Path;

/// A boot with generated modules.
pub struct Ended {
    pub functions: u64,
    /// Processes that were killed because a function did not return, which is none of the kernel's faults.
    pub killed: u64,
    /// Errors that the guest reports.
    wrong: Vec<String>,
    /// The last function that was begun.
    last: Option<String>,
    code: Option<u8>,
    pub outcome: Outcome,
}

impl Ended {
    pub fn of(boot: Boot) -> Self {
        let (mut functions, mut killed, mut wrong, mut last) = (0, 0, Vec::new(), None);
        for line in &boot.output {
            if let Some(count) = line.strip_prefix("functions run: ") {
                functions = count.trim().parse().unwrap_or(0);
            } else if let Some(count) = line.strip_prefix("processes killed: ") {
                killed = count.trim().parse().unwrap_or(0);
            } else if let Some(text) = line.strip_prefix("wrong: ") {
                wrong.push(text.to_string());
            } else if let Some(name) = line.strip_prefix("running ") {
                last = Some(name.to_string());
            }
        }
        Self {
            functions,
            killed,
            wrong,
            last,
            code: boot.code,
            outcome: boot.outcome,
        }
    }

    pub fn is_good(&self) -> bool {
        self.wrong.is_empty()
            && self.functions > 0
            && self.code == Some(0)
            && self.outcome.failed == 0
    }

    pub fn describe_failure(&self, kernel: &Kernel, sources: &Path) -> String {
        let mut text = match self.code {
            Some(0) => String::new(),
            Some(code) => format!("exit code {code}, "),
            None => "no exit code, ".to_string(),
        };
        for wrong in &self.wrong {
            text += &format!("{wrong}, ");
        }
        if let Some(last) = &self.last {
            text += &format!("begun last: {last}, ");
        }
        text + &format!("sources in {}", kernel.places.show(sources))
    }
}
