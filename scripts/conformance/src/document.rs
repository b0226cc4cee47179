// SPDX-License-Identifier: GPL-2.0

//! The kernel document's statements about locks, read strictly: a table, row, column or phrase that is not understood is
//! a problem with a name, never skipped.

use crate::locks::{self, Locks};
use crate::names::{
    CONFIG, DESCRIPTION, EXCLUSIVITY, FIELD, FIELD_TABLES, LOCK_STATES, PAGE_TABLES, RIGHTS,
    WRITE_LOCK,
};
use crate::rst::{RawTable, Rst};
use anyhow::{Context, Result, bail};
use lock_table::{Held, LockState};

/// The document's tables.
#[derive(Debug, Default)]
pub struct Document {
    /// A row for each combination of locks that can be held, in the document's order.
    pub states: Vec<StateRow>,
    pub field_tables: Vec<FieldTable>,
    pub exclusivity: Vec<ExclusivityRow>,
    /// Operations on page tables that the document has a rule for.
    pub operations: Vec<Operation>,
}

/// One combination of locks and what it permits: stable, read, write most, write all.
#[derive(Debug)]
pub struct StateRow {
    pub state: LockState,
    pub rights: [bool; 4],
}

/// A table of fields.
#[derive(Debug)]
pub struct FieldTable {
    pub title: String,
    pub rows: Vec<FieldRow>,
}

/// A field.
#[derive(Debug)]
pub struct FieldRow {
    pub name: String,
    pub config: Option<String>,
    pub write: WriteRule,
}

/// The "Write lock" cell.
#[derive(Debug, PartialEq, Eq)]
pub enum WriteRule {
    /// These together.
    Locks(Locks),
    /// A pointer: these to set it when it is NULL, and those to reset it.
    ByValue { null: Locks, set: Locks },
    /// "None - written once on initial map".
    Once,
    /// "N/A".
    NotApplicable,
    /// "Handled by driver".
    Driver,
}

/// The locks that exclude the one of this name.
#[derive(Debug)]
pub struct ExclusivityRow {
    pub name: String,
    pub columns: Vec<(String, bool)>,
}

/// Operations on page tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Traverse,
    Install,
    Zap,
    Free,
    Move,
}

/// Where a rule is: the item of the list in "Page tables", or a section of its own; and the phrases that make it.
struct Rule {
    operation: Operation,
    name: &'static str,
    phrases: &'static [&'static str],
}

const RULES: [Rule; 4] = [
    Rule {
        operation: Operation::Traverse,
        name: "Traversing",
        phrases: &["only requires that the VMA is kept stable"],
    },
    Rule {
        operation: Operation::Install,
        name: "Installing",
        phrases: &["via an mmap or VMA lock", "explicitly not rmap locks"],
    },
    Rule {
        operation: Operation::Zap,
        name: "Zapping/unmapping",
        phrases: &["The VMA need only be kept stable"],
    },
    Rule {
        operation: Operation::Free,
        name: "Freeing",
        phrases: &["extreme care must be taken"],
    },
];

const FREEING: &str = "entirely internal memory management operation";
const MOVING: &str = "Page table moving";
const MOVING_PHRASES: [&str; 2] = [
    "all locks are taken",
    "the mmap lock, the VMA lock and the relevant rmap locks",
];

impl Document {
    /// Understands the document; what cannot be understood is left out and added to `problems`.
    pub fn new(rst: &Rst, problems: &mut Vec<String>) -> Self {
        let mut document = Self::default();
        for table in &rst.tables {
            if let Some(cell) = table.spans.first() {
                problems.push(format!(
                    "table \"{}\" (line {}): the cell \"{cell}\" spans several rows or columns",
                    name_of(table),
                    table.line
                ));
            }
        }
        document.read_states(rst, problems);
        document.read_fields(rst, problems);
        document.read_exclusivity(rst, problems);
        document.read_operations(rst, problems);
        document
    }

    /// Returns true if the document has a right (an index into [`RIGHTS`]) under a combination of locks.
    pub fn right(&self, state: LockState, right: usize) -> Option<bool> {
        let row = self.states.iter().find(|row| row.state == state)?;
        Some(row.rights[right])
    }

    fn read_states(&mut self, rst: &Rst, problems: &mut Vec<String>) {
        let found = rst
            .tables
            .iter()
            .filter(|table| name_of(table) == LOCK_STATES);
        let mut columns = vec!["mmap lock", "VMA lock", "rmap lock"];
        columns.extend(RIGHTS);
        let Some(table) = the_table(found, LOCK_STATES, &columns, problems) else {
            return;
        };
        for row in &table.rows {
            let place = |column: &str| {
                format!(
                    "table \"{LOCK_STATES}\", row \"{}\", column \"{column}\"",
                    row[..3].join(" ")
                )
            };
            let mut modes = Vec::new();
            for (column, cell) in columns.iter().zip(&row[..3]) {
                match held(cell) {
                    Ok(held) => modes.push(held),
                    Err(error) => problems.push(format!("{}: {error}", place(column))),
                }
            }
            let mut rights = Vec::new();
            for (column, cell) in columns.iter().zip(row).skip(3) {
                match yes(cell) {
                    Ok(right) => rights.push(right),
                    Err(error) => problems.push(format!("{}: {error}", place(column))),
                }
            }
            let ([mmap, vma, rmap], Ok(rights)) =
                (&modes[..], <[bool; 4]>::try_from(rights.as_slice()))
            else {
                continue;
            };
            for &mmap in mmap {
                for &vma in vma {
                    for &rmap in rmap {
                        let state = LockState { mmap, vma, rmap };
                        if self.states.iter().any(|row| row.state == state) {
                            problems.push(format!(
                                "{}: {} is in two rows",
                                place("mmap lock"),
                                locks::show_state(state)
                            ));
                        } else {
                            self.states.push(StateRow { state, rights });
                        }
                    }
                }
            }
        }
        self.states.sort_by_key(|row| row.state);
    }

    fn read_fields(&mut self, rst: &Rst, problems: &mut Vec<String>) {
        for title in FIELD_TABLES {
            let found = rst.tables.iter().filter(|table| table.title == title);
            let columns: &[&str] = match title {
                "Config-specific fields" => &[FIELD, CONFIG, DESCRIPTION, WRITE_LOCK],
                _ => &[FIELD, DESCRIPTION, WRITE_LOCK],
            };
            let mut rows: Vec<FieldRow> = Vec::new();
            let Some(table) = the_table(found, title, columns, problems) else {
                continue;
            };
            for row in &table.rows {
                let name = row[0].clone();
                if rows.iter().any(|row| row.name == name) {
                    problems.push(format!(
                        "table \"{title}\", row \"{name}\": there are two of them"
                    ));
                    continue;
                }
                let write = row.last().map(String::as_str).unwrap_or_default();
                match write_rule(write) {
                    Ok(write) => rows.push(FieldRow {
                        name,
                        config: (columns.len() == 4).then(|| row[1].clone()),
                        write,
                    }),
                    Err(error) => problems.push(format!(
                        "table \"{title}\", row \"{name}\", column \"{WRITE_LOCK}\": {error}"
                    )),
                }
            }
            self.field_tables.push(FieldTable {
                title: title.to_string(),
                rows,
            });
        }
        for table in &rst.tables {
            let is_known = FIELD_TABLES.contains(&table.title.as_str());
            if !is_known
                && table
                    .header
                    .iter()
                    .any(|column| column == WRITE_LOCK || column == FIELD)
            {
                problems.push(format!(
                    "table \"{}\" (line {}) is unknown and has a column \"{WRITE_LOCK}\" or \"{FIELD}\": add it to the code and to FIELD_TABLES",
                    table.title, table.line
                ));
            }
        }
    }

    fn read_exclusivity(&mut self, rst: &Rst, problems: &mut Vec<String>) {
        let found = rst.tables.iter().filter(|table| table.title == EXCLUSIVITY);
        let Some(table) = the_table(found, EXCLUSIVITY, &["", "R", "D", "W"], problems) else {
            return;
        };
        for row in &table.rows {
            let mut columns = Vec::new();
            for (column, cell) in table.header.iter().zip(row).skip(1) {
                match yes(cell) {
                    Ok(cell) => columns.push((column.clone(), cell)),
                    Err(error) => problems.push(format!(
                        "table \"{EXCLUSIVITY}\", row \"{}\", column \"{column}\": {error}",
                        row[0]
                    )),
                }
            }
            self.exclusivity.push(ExclusivityRow {
                name: row[0].clone(),
                columns,
            });
        }
    }

    fn read_operations(&mut self, rst: &Rst, problems: &mut Vec<String>) {
        let in_section = |path: &[String]| path.last().is_some_and(|last| last == PAGE_TABLES);
        let lists: Vec<_> = rst
            .lists
            .iter()
            .filter(|list| in_section(&list.section))
            .collect();
        let [list] = lists[..] else {
            problems.push(format!(
                "section \"{PAGE_TABLES}\": {} enumerated lists in place of one, the operations on page tables",
                lists.len()
            ));
            return;
        };
        for item in &list.items {
            if !RULES.iter().any(|rule| rule.name == item.name) {
                problems.push(format!(
                    "section \"{PAGE_TABLES}\", list item \"{}\" (line {}): no such operation is known",
                    item.name, item.line
                ));
            }
        }
        for rule in RULES {
            let items: Vec<_> = list
                .items
                .iter()
                .filter(|item| item.name == rule.name)
                .collect();
            let [item] = items[..] else {
                problems.push(format!(
                    "section \"{PAGE_TABLES}\", list item \"{}\": there are {} in place of one",
                    rule.name,
                    items.len()
                ));
                continue;
            };
            let place = format!(
                "section \"{PAGE_TABLES}\", list item \"{}\" (line {})",
                rule.name, item.line
            );
            if require_phrases(&item.text, rule.phrases, &place, problems) {
                self.operations.push(rule.operation);
            }
        }
        let section = |name: &str| {
            rst.sections
                .iter()
                .find(|section| section.path.last().is_some_and(|last| last == name))
        };
        if let Some(section) = section(PAGE_TABLES) {
            let place = format!("section \"{PAGE_TABLES}\" (line {})", section.line);
            require_phrases(&section.text, &[FREEING], &place, problems);
        }
        match section(MOVING) {
            None => problems.push(format!(
                "section \"{MOVING}\", the rule for moving page tables, is missing"
            )),
            Some(section) => {
                let place = format!("section \"{MOVING}\" (line {})", section.line);
                if require_phrases(&section.text, &MOVING_PHRASES, &place, problems) {
                    self.operations.push(Operation::Move);
                }
            }
        }
    }
}

fn require_phrases(text: &str, phrases: &[&str], place: &str, problems: &mut Vec<String>) -> bool {
    let missing: Vec<_> = phrases
        .iter()
        .filter(|phrase| !text.contains(**phrase))
        .collect();
    for phrase in &missing {
        problems.push(format!("{place}: no longer says \"{phrase}\""));
    }
    missing.is_empty()
}

/// The title; the table of lock states has none and is known by where it is and by its first column.
fn name_of(table: &RawTable) -> &str {
    let is_states = table.is_in("Lock usage")
        && table.header.len() > 3
        && table.header.iter().any(|column| column.ends_with('?'));
    match table.title.as_str() {
        "" if is_states => LOCK_STATES,
        title => title,
    }
}

/// The one table of its name, if its columns are as expected.
fn the_table<'r>(
    found: impl Iterator<Item = &'r RawTable>,
    name: &str,
    columns: &[&str],
    problems: &mut Vec<String>,
) -> Option<&'r RawTable> {
    let found: Vec<_> = found.collect();
    let [table] = found[..] else {
        problems.push(match found.len() {
            0 => format!("table \"{name}\" is missing"),
            n => format!("table \"{name}\": there are {n} of this name"),
        });
        return None;
    };
    if table.header == columns {
        if let Some(row) = table.rows.iter().find(|row| row.len() != columns.len()) {
            problems.push(format!(
                "table \"{name}\", row \"{}\": {} cells in place of {}",
                row.first().map_or("", |cell| cell),
                row.len(),
                columns.len()
            ));
            return None;
        }
        return Some(table);
    }
    for column in columns {
        if !table.header.iter().any(|have| have == column) {
            problems.push(format!(
                "table \"{name}\" (line {}), column \"{column}\" is missing",
                table.line
            ));
        }
    }
    for column in &table.header {
        if !columns.contains(&column.as_str()) {
            problems.push(format!(
                "table \"{name}\" (line {}), column \"{column}\" is unknown",
                table.line
            ));
        }
    }
    if table
        .header
        .iter()
        .all(|have| columns.contains(&have.as_str()))
        && table.header.len() == columns.len()
    {
        problems.push(format!(
            "table \"{name}\" (line {}): the columns are in the order {}",
            table.line,
            table.header.join(", ")
        ));
    }
    None
}

/// The modes that a cell such as `-/R` or `R/W` stands for.
fn held(cell: &str) -> Result<Vec<Held>> {
    cell.split('/')
        .map(|mode| match mode {
            "-" => Ok(Held::None),
            "R" => Ok(Held::Read),
            "W" => Ok(Held::Write),
            _ => bail!("\"{cell}\" is not made of -, R and W"),
        })
        .collect()
}

fn yes(cell: &str) -> Result<bool> {
    match cell {
        "Y" => Ok(true),
        "N" => Ok(false),
        _ => bail!("\"{cell}\" is neither Y nor N"),
    }
}

fn write_rule(cell: &str) -> Result<WriteRule> {
    const NULL: &str = "When NULL and setting non-NULL:";
    const SET: &str = "When non-NULL and setting NULL:";
    let words = cell.trim_end_matches('.');
    let once = "none - written once on initial map";
    let lower = words.to_ascii_lowercase();
    if lower
        .strip_prefix(once)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(" by "))
    {
        return Ok(WriteRule::Once);
    }
    if words == "N/A" {
        return Ok(WriteRule::NotApplicable);
    }
    if words == "Handled by driver" {
        return Ok(WriteRule::Driver);
    }
    if let Some(rest) = cell.strip_prefix(NULL) {
        let (null, set) = rest
            .split_once(SET)
            .with_context(|| format!("no clause \"{SET}\""))?;
        return Ok(WriteRule::ByValue {
            null: locks::parse(null)?,
            set: locks::parse(set)?,
        });
    }
    Ok(WriteRule::Locks(locks::parse(cell)?))
}
