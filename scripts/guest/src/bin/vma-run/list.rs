// SPDX-License-Identifier: GPL-2.0

//! The list of what to run: a line for each program with its name, the seconds it may take, its file
//! and its arguments. No word has a space in it.

use anyhow::{Context, Result, ensure};
use std::time::Duration;

/// One line of the list.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub limit: Duration,
    pub program: String,
    pub arguments: Vec<String>,
}

/// Reads a list; the error names the line that is wrong.
pub fn parse(text: &str) -> Result<Vec<Entry>> {
    let lines = text.lines().enumerate();
    let entries = lines
        .map(|(at, line)| entry(line).with_context(|| format!("line {}: {line}", at + 1)))
        .collect::<Result<Vec<_>>>()?;
    ensure!(!entries.is_empty(), "there is nothing in it");
    Ok(entries)
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split_whitespace().map(str::to_string);
    Some(Entry {
        name: words.next()?,
        limit: Duration::from_secs(words.next()?.parse().ok()?),
        program: words.next()?,
        arguments: words.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_program() {
        let list = parse("one 5 /bin/one\ntwo 60 /bin/two -- /dev/x\n").unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!(list[0].arguments, [""; 0]);
        assert_eq!(list[1].name, "two");
        assert_eq!(list[1].limit, Duration::from_secs(60));
        assert_eq!(list[1].program, "/bin/two");
        assert_eq!(list[1].arguments, ["--", "/dev/x"]);
    }

    #[test]
    fn a_wrong_line_is_named() {
        let error = |text| parse(text).unwrap_err().to_string();
        assert!(error("one 5 /bin/one\ntwo soon /bin/two\n").starts_with("line 2: two"));
        assert!(error("one 5\n").starts_with("line 1"));
        assert!(parse("").is_err());
    }
}
