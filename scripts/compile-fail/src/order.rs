// SPDX-License-Identifier: GPL-2.0

//! The tables at the top of `rust/kernel/mm/vma/lock/order.rs`. The first says for each lock that is held and each that is
//! wanted, who finds out that the order is wrong; the second says so for calls that take locks. What they say has to be
//! shown: by cases, for what the compiler finds, and by reports of the kernel's, for the rest. The last says what is
//! held in each callback of a driver, by the words of the first.

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;

/// A cell of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderCell {
    pub held: String,
    pub wanted: String,
    pub found_by: FoundBy,
}

/// The content of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// Nobody: it is in order.
    Nobody,
    Compiler,
    Lockdep,
    MightSleep,
}

/// Reads the table of a checkout.
pub fn order_table(repo: &Path) -> Result<Vec<OrderCell>> {
    let path = repo.join("rust/kernel/mm/vma/lock/order.rs");
    let text =
        fs::read_to_string(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
    cells(&text).with_context(|| format!("{}", path.display()))
}

/// The tables in a module's documentation, as rows of words.
fn tables(source: &str) -> Vec<Vec<Vec<String>>> {
    let mut tables = Vec::new();
    let mut is_in_table = false;
    for line in source.lines() {
        let Some(row) = line.strip_prefix("//! |") else {
            is_in_table = false;
            continue;
        };
        if !is_in_table {
            tables.push(Vec::new());
            is_in_table = true;
        }
        let row = row.trim_end_matches('|').replace('`', "");
        let words = row.split('|').map(|c| c.trim().to_string()).collect();
        if let Some(table) = tables.last_mut() {
            table.push(words);
        }
    }
    tables
}

fn cells(source: &str) -> Result<Vec<OrderCell>> {
    let tables = tables(source);
    ensure!(!tables.is_empty(), "has no table");
    let mut cells = Vec::new();
    for table in tables.iter().filter(|table| table[0][0] == "held") {
        let columns = &table[0];
        for row in table.iter().skip(2) {
            let held = &row[0];
            ensure!(row.len() == columns.len(), "{held}: cells are missing");
            for (wanted, word) in columns.iter().zip(row).skip(1) {
                cells.push(OrderCell {
                    held: held.clone(),
                    wanted: wanted.clone(),
                    found_by: found_by(word)
                        .with_context(|| format!("{wanted} under {held}: {word:?} is no answer"))?,
                });
            }
        }
    }
    ensure!(!cells.is_empty(), "the table has no rows");
    Ok(cells)
}

fn found_by(word: &str) -> Option<FoundBy> {
    Some(match word {
        "ok" => FoundBy::Nobody,
        "compiler" => FoundBy::Compiler,
        "lockdep" => FoundBy::Lockdep,
        "sleep" => FoundBy::MightSleep,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
//! | held | mmap | `i_mmap` |
//! |------|------|----------|
//! | mmap | compiler | ok |
//! | `i_mmap` | lockdep | sleep |
";

    fn repo() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    /// The callbacks of `VmaOperations`, in their order.
    fn callbacks() -> Vec<String> {
        let text =
            fs::read_to_string(repo().join("rust/kernel/mm/vma/driver/operations.rs")).unwrap();
        let from = text.find("pub trait VmaOperations").unwrap();
        let len = text[from..].find("\n}").unwrap();
        let name = |line: &str| {
            Some(
                line.strip_prefix("    fn ")?
                    .split(['<', '('])
                    .next()?
                    .to_string(),
            )
        };
        text[from..from + len].lines().filter_map(name).collect()
    }

    #[test]
    fn each_callback_is_in_the_last_table() {
        let path = repo().join("rust/kernel/mm/vma/lock/order.rs");
        let source = fs::read_to_string(path).unwrap();
        let tables = tables(&source);
        let (order, of_callbacks) = (&tables[0][2..], &tables[2][2..]);
        let names: Vec<&String> = of_callbacks.iter().map(|row| &row[0]).collect();
        assert_eq!(names, callbacks().iter().collect::<Vec<_>>());
        for row in of_callbacks {
            for held in row[1].split(" or ") {
                let is_known = held == "RCU" || order.iter().any(|row| row[0] == held);
                assert!(is_known, "{}: {held} is no row of the first table", row[0]);
            }
        }
    }

    /// The lines `//@order: wanted under held` of the cases.
    fn claims() -> Vec<String> {
        let mut claims = Vec::new();
        for path in crate::case_files(&repo().join("scripts/compile-fail/cases")).unwrap() {
            let text = fs::read_to_string(path).unwrap();
            let lines = text.lines().filter_map(|l| l.strip_prefix("//@order: "));
            claims.extend(lines.map(str::to_string));
        }
        claims
    }

    /// Compares the cells that the table leaves to the compiler with the cases' claims. Returns the errors, a line each.
    fn differences(table: &[OrderCell], claims: &[String]) -> Vec<String> {
        let name = |cell: &OrderCell| format!("{} under {}", cell.wanted, cell.held);
        let said: Vec<String> = table
            .iter()
            .filter(|cell| cell.found_by == FoundBy::Compiler)
            .map(name)
            .collect();
        let without = said.iter().filter(|cell| !claims.contains(cell));
        let beyond = claims.iter().filter(|cell| !said.contains(cell));
        without
            .map(|cell| format!("{cell}: no case shows what the table says"))
            .chain(beyond.map(|cell| format!("{cell}: the table says something else")))
            .collect()
    }

    #[test]
    fn compiler_errors_have_their_cases() {
        let table = order_table(&repo()).unwrap();
        assert_eq!((table.len(), table[0].held.as_str()), (63, "mmap read"));
        let wrong = differences(&table, &claims());
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_table_is_read() {
        let by: Vec<FoundBy> = cells(TABLE).unwrap().iter().map(|c| c.found_by).collect();
        use FoundBy::{Compiler, Lockdep, MightSleep, Nobody};
        assert_eq!(by, [Compiler, Nobody, Lockdep, MightSleep]);
        for (broken, why) in [
            (
                TABLE.replace("lockdep", "perhaps"),
                "mmap under i_mmap: \"perhaps\" is no answer",
            ),
            (
                TABLE.replace("compiler | ok", "ok"),
                "mmap: cells are missing",
            ),
            ("//! nothing".to_string(), "has no table"),
        ] {
            assert_eq!(cells(&broken).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn unproven_claims_are_reported() {
        let table = cells(TABLE).unwrap();
        let right = ["mmap under mmap".to_string()];
        assert_eq!(differences(&table, &right), [""; 0]);
        assert_eq!(
            differences(&table, &[]),
            ["mmap under mmap: no case shows what the table says"]
        );
        let more = [right[0].clone(), "i_mmap under mmap".to_string()];
        assert_eq!(
            differences(&table, &more),
            ["i_mmap under mmap: the table says something else"]
        );
    }
}
