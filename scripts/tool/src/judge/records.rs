// SPDX-License-Identifier: GPL-2.0

//! The records of a boot: lines of JSON with one key, of which the first has the number of all others.

use super::{Language, check};
use crate::report::Outcome;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Record {
    Plan(usize),
    Error(String),
    Loop(Loop),
    Primitive(Primitive),
    Cost(Cost),
    Stretch(Stretch),
    Turn(Turn),
    Waits(Waits),
    Faults(Faults),
    Transactions(Transactions),
}

#[derive(Clone, Deserialize)]
pub struct Loop {
    pub instructions: u64,
    pub ticks: u64,
}

/// The work of a run: the sum is that of all values that were read.
#[derive(Clone, Copy, Deserialize)]
pub struct Done {
    pub operations: u64,
    pub ticks: u64,
    pub sum: u64,
}

impl Done {
    pub fn per_operation(&self) -> f64 {
        self.ticks as f64 / self.operations.max(1) as f64
    }
}

#[derive(Clone, Deserialize)]
pub struct Primitive {
    pub caller: String,
    pub name: String,
    pub language: Language,
    pub done: Done,
}

#[derive(Clone, Deserialize)]
pub struct Cost {
    pub layout: Layout,
    pub vmas: u64,
    pub operation: String,
    pub language: Language,
    pub done: Done,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
pub struct Layout {
    pub mappings: u64,
    pub span: u64,
    pub gaps: bool,
}

#[derive(Clone, Deserialize)]
pub struct Stretch {
    pub operation: String,
    pub language: Language,
    pub operations: u64,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
pub struct Reader {
    pub operation: String,
    pub language: Language,
    pub hold_us: u64,
}

#[derive(Clone, Deserialize)]
pub struct Turn {
    pub reader: Reader,
    pub writer: String,
    pub rounds: u64,
    pub done: Done,
}

#[derive(Clone, Deserialize)]
pub struct Waits {
    pub reader: Option<Reader>,
    pub call: String,
    pub times: BTreeMap<String, f64>,
}

#[derive(Clone, Deserialize)]
pub struct Faults {
    pub threads: u64,
    pub reader: Option<(String, Language)>,
    pub faults: u64,
    pub ticks: u64,
    pub touching: u64,
}

/// The least that a transaction of Binder took, with a payload in bytes.
#[derive(Clone, Deserialize)]
pub struct Transactions {
    pub payload: u64,
    pub ticks: u64,
}

/// The records of one kind.
macro_rules! of_kind {
    ($records:expr, $kind:ident) => {
        $records.iter().filter_map(|record| match record {
            $crate::judge::records::Record::$kind(one) => Some(one),
            _ => None,
        })
    };
}
pub(super) use of_kind;

/// The output of the benchmark's program, and how its boot ended.
pub struct Boot<'a> {
    pub name: &'a str,
    pub lines: &'a [String],
    pub code: Option<u8>,
    pub outcome: Outcome,
    /// The log of the kernel, as the user would type its path.
    pub log: &'a str,
}

/// Fails unless there are as many records as the first announces.
pub fn parse(boot: Boot, outcome: &mut Outcome) -> Vec<Record> {
    let Boot { name, log, .. } = boot;
    outcome.add(boot.outcome);
    let mut records = Vec::new();
    // The emulator may print warnings, too.
    let is_said = |line: &&String| !line.starts_with("qemu-system-x86_64: warning: ");
    for line in boot.lines.iter().filter(is_said) {
        match serde_json::from_str(line) {
            Ok(Record::Error(error)) => outcome.fail(format!("{name}: {error}")),
            Ok(record) => records.push(record),
            Err(_) => outcome.fail(format!("{name}: not a record: {line}")),
        }
    }
    let planned = match records.first() {
        Some(Record::Plan(count)) => Some(count + 1),
        _ => None,
    };
    let is_whole = planned == Some(records.len()) && boot.code == Some(0);
    check!(
        outcome,
        is_whole,
        "{name}: did not come to its end: see {log}"
    );
    records
}

#[cfg(test)]
#[rustfmt::skip] // A case of a table is a line.
mod tests {
    use super::*;

    #[test]
    fn missing_and_malformed_records_fail() {
        let one = r#"{"loop": {"instructions": 1000, "ticks": 1000}}"#;
        let said = "x: not a record: ";
        let end = "x: did not come to its end: see x.log";
        for (lines, code, failures) in [
            (&[r#"{"plan": 1}"#, "qemu-system-x86_64: warning: x", one][..], 0, &[][..]),
            (&[r#"{"plan": 2}"#, one], 0, &[end]),
            (&[r#"{"plan": 0}"#, one], 0, &[end]),
            (&[one], 0, &[end]),
            (&[], 0, &[end]),
            (&[r#"{"plan": 0}"#], 1, &[end]),
            (&[r#"{"plan": 0}"#, "plan 1"], 0, &[&*format!("{said}plan 1")]),
            (&["[]"], 0, &[&*format!("{said}[]"), end]),
            (&["{}"], 0, &[&*format!("{said}{{}}"), end]),
            (&[r#"{"plan": 0}"#, r#"{"error": "no"}"#], 0, &["x: no"]),
        ] {
            let mut outcome = Outcome::default();
            let lines: Vec<String> = lines.iter().map(|line| line.to_string()).collect();
            let boot = Boot { name: "x", lines: &lines, code: Some(code), outcome: Outcome::success(), log: "x.log" };
            parse(boot, &mut outcome);
            assert_eq!(outcome.failures, failures, "{lines:?}");
        }
    }
}
