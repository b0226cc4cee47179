// SPDX-License-Identifier: GPL-2.0

//! Results of tests in the Test Anything Protocol, version 14.

use std::io::{Result, Write};

/// Writes one run.
pub struct Tap<W> {
    out: W,
    planned: usize,
    done: usize,
    failed: usize,
}

impl<W: Write> Tap<W> {
    /// Begins, and says how many tests there are.
    pub fn begin(mut out: W, planned: usize) -> Result<Self> {
        writeln!(out, "TAP version 14\n1..{planned}")?;
        out.flush()?;
        Ok(Self {
            out,
            planned,
            done: 0,
            failed: 0,
        })
    }

    /// Says how the next test ended: without a fault, or with these.
    pub fn result(&mut self, name: &str, faults: &[String]) -> Result<()> {
        self.done += 1;
        let verdict = if faults.is_empty() {
            "ok"
        } else {
            self.failed += 1;
            "not ok"
        };
        let name = name.replace('\\', "\\\\").replace('#', "\\#");
        writeln!(self.out, "{verdict} {} - {name}", self.done)?;
        if let Some((first, others)) = faults.split_first() {
            writeln!(self.out, "  ---\n  message: {}", quoted(first))?;
            if !others.is_empty() {
                writeln!(self.out, "  also:")?;
            }
            for fault in others {
                writeln!(self.out, "    - {}", quoted(fault))?;
            }
            writeln!(self.out, "  ...")?;
        }
        self.out.flush()
    }

    /// Says that the next test had nothing to test, and why.
    pub fn skipped(&mut self, name: &str, reason: &str) -> Result<()> {
        self.done += 1;
        let name = name.replace('\\', "\\\\").replace('#', "\\#");
        let reason = reason.replace('\n', " ");
        writeln!(self.out, "ok {} - {name} # SKIP {reason}", self.done)?;
        self.out.flush()
    }

    /// Says something to people.
    pub fn diagnostic(&mut self, text: &str) -> Result<()> {
        for line in text.lines() {
            writeln!(self.out, "# {line}")?;
        }
        self.out.flush()
    }

    /// Says that no more tests can be run, and why.
    pub fn bail_out(&mut self, why: &str) -> Result<()> {
        writeln!(self.out, "Bail out! {}", why.replace('\n', " "))?;
        self.out.flush()
    }

    /// Returns true if all tests were run, none failed, and there was one.
    pub fn is_good(&self) -> bool {
        self.planned > 0 && self.done == self.planned && self.failed == 0
    }
}

/// A string of YAML in double quotes, on one line.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out += "\\n",
            '\t' => out += "\\t",
            c if c.is_ascii() && c.is_control() => out += &format!("\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Tap<&mut Vec<u8>>)) -> (String, bool) {
        let mut out = Vec::new();
        let mut tap = Tap::begin(&mut out, 2).unwrap();
        write(&mut tap);
        let good = tap.is_good();
        (String::from_utf8(out).unwrap(), good)
    }

    #[test]
    fn a_good_run() {
        let (text, good) = written(|tap| {
            tap.result("a", &[]).unwrap();
            tap.diagnostic("one\ntwo").unwrap();
            tap.result("b #1 \\", &[]).unwrap();
        });
        assert_eq!(
            text,
            "TAP version 14\n1..2\nok 1 - a\n# one\n# two\nok 2 - b \\#1 \\\\\n"
        );
        assert!(good);
    }

    #[test]
    fn a_test_that_is_skipped_says_why() {
        let (text, good) = written(|tap| {
            tap.skipped("a", "no such\nthing").unwrap();
            tap.result("b", &[]).unwrap();
        });
        assert_eq!(
            text,
            "TAP version 14\n1..2\nok 1 - a # SKIP no such thing\nok 2 - b\n"
        );
        assert!(good);
    }

    #[test]
    fn a_bad_run_says_why() {
        let (text, good) = written(|tap| {
            tap.result("a", &["a \"b\"\n\x1b".into(), "c".into()])
                .unwrap();
            tap.result("b", &[]).unwrap();
        });
        assert_eq!(
            text,
            "TAP version 14\n1..2\nnot ok 1 - a\n  ---\n  message: \"a \\\"b\\\"\\n\\u001b\"\n  also:\n    \
             - \"c\"\n  ...\nok 2 - b\n"
        );
        assert!(!good);
    }

    #[test]
    fn a_run_that_ends_early_is_bad() {
        let (text, good) = written(|tap| {
            tap.result("a", &[]).unwrap();
            tap.bail_out("no\nmore").unwrap();
        });
        assert!(text.ends_with("ok 1 - a\nBail out! no more\n"));
        assert!(!good);
        assert!(!Tap::begin(Vec::new(), 0).unwrap().is_good());
    }
}
