// SPDX-License-Identifier: GPL-2.0

//! The document beside the code, cell by cell.

use crate::code::{self, Code};
use crate::deviations::Deviation;
use crate::document::{Document, FieldRow, FieldTable, Operation, WriteRule};
use crate::locks;
use crate::members::Members;
use crate::names::{
    ABSENT, CAPABILITIES, CONFIG, EXCLUSIVITY, FIELD, FIELD_TABLES, LOCK_STATES, MEMBER,
    NOT_OFFERED, PAGE_TABLES, READ, RIGHTS, STABLE, STATE, STRUCT, WHEN_NULL, WHEN_SET, WRITE_ALL,
    WRITE_LOCK, read_at,
};
use crate::report::{Cell, Verdict};
use lock_table::{Held, LockState, Row, Table};

/// Where a field is listed.
const LISTED: &str = "listed";

/// A combination of locks without a row.
const NO_STATE: &str = "no such state";

/// All cells that are being compared.
#[derive(Default)]
pub struct Cells {
    pub cells: Vec<Cell>,
    pub problems: Vec<String>,
}

impl Cells {
    fn add(&mut self, table: &str, row: &str, column: &str, document: &str, code: &str) {
        let verdict = match code::agree(document, code) {
            true => Verdict::Same,
            false => Verdict::Differs,
        };
        self.cells.push(Cell {
            table: table.to_string(),
            row: row.to_string(),
            column: column.to_string(),
            document: document.to_string(),
            code: code.to_string(),
            verdict,
        });
    }

    /// "Examining all valid lock states", one row for each combination of locks.
    pub fn lock_states(&mut self, document: &Document, code: &Code) {
        for capability in CAPABILITIES {
            if !code.table.capabilities.iter().any(|c| c.name == capability) {
                self.problems.push(format!(
                    "table \"{LOCK_STATES}\": there is no trait {capability} in level.rs for its column"
                ));
            }
        }
        for state in locks::all_states() {
            let row = locks::show_state(state);
            let of_state: Vec<&str> = code
                .levels()
                .filter(|level| level.alternatives.contains(&state))
                .map(|level| level.name.as_str())
                .collect();
            let is_listed = document.states.iter().any(|row| row.state == state);
            let listed = if is_listed { LISTED } else { NO_STATE };
            let expected = match (has_row(state), of_state.is_empty()) {
                (true, _) => LISTED.to_string(),
                (false, true) => NO_STATE.to_string(),
                (false, false) => format!("level {}", of_state.join(", ")),
            };
            self.add(LOCK_STATES, &row, STATE, listed, &expected);
            if !is_listed {
                continue;
            }
            for (right, (column, capability)) in RIGHTS.iter().zip(CAPABILITIES).enumerate() {
                let document = document.right(state, right).unwrap_or_default();
                self.add(
                    LOCK_STATES,
                    &row,
                    column,
                    letter(document),
                    letter(code.permits(capability, state)),
                );
            }
        }
    }

    /// The tables of fields. A deviation of a field's name says which row of the code is compared with it.
    pub fn fields(&mut self, document: &Document, code: &Code, deviations: &[&Deviation]) {
        for table in &document.field_tables {
            let ours: Vec<&Row> = rows_of(code, &table.title);
            let mut compared = Vec::new();
            for row in &table.rows {
                let as_called = ours.iter().find(|our| our.name == row.name);
                let renamed = || {
                    let name = new_name(deviations, &table.title, &row.name)?;
                    let is_free = !table.rows.iter().any(|other| other.name == name);
                    ours.iter().find(|our| our.name == name && is_free)
                };
                match as_called.or_else(renamed) {
                    None => self.add(&table.title, &row.name, FIELD, LISTED, ABSENT),
                    Some(our) => {
                        compared.push(our.name.as_str());
                        let listed = match our.name == row.name {
                            true => LISTED.to_string(),
                            false => format!("as {}", our.name),
                        };
                        self.add(&table.title, &row.name, FIELD, LISTED, &listed);
                        self.field(document, table, row, code, our);
                    }
                }
            }
            for our in ours
                .iter()
                .filter(|our| !compared.contains(&our.name.as_str()))
            {
                self.add(&table.title, &our.name, FIELD, ABSENT, &code.summary(our));
            }
        }
        for table in &code.table.tables {
            let is_known = FIELD_TABLES.contains(&table.title.as_str());
            if !is_known && table.title != PAGE_TABLES {
                for our in &table.rows {
                    self.add(&table.title, &our.name, FIELD, ABSENT, &code.summary(our));
                }
            }
        }
    }

    fn field(
        &mut self,
        document: &Document,
        table: &FieldTable,
        row: &FieldRow,
        code: &Code,
        our: &Row,
    ) {
        let config = |config: &Option<String>| config.clone().unwrap_or(ABSENT.to_string());
        let (title, name) = (table.title.as_str(), row.name.as_str());
        self.add(
            title,
            name,
            CONFIG,
            &config(&row.config),
            &config(&our.config),
        );
        match &row.write {
            WriteRule::ByValue { null, set } => {
                let code = code.write_lock(our, NOT_OFFERED);
                self.add(title, name, WHEN_NULL, &locks::show(null), &code);
                self.add(title, name, WHEN_SET, &locks::show(set), &code);
            }
            rule => {
                let rule = match rule {
                    WriteRule::Locks(needed) => locks::show(needed),
                    WriteRule::Once => "written once".to_string(),
                    WriteRule::Driver => "by the driver".to_string(),
                    _ => "N/A".to_string(),
                };
                self.add(title, name, WRITE_LOCK, &rule, &code.write_lock(our, "N/A"));
            }
        }
        for level in code.levels() {
            // Whichever of its alternatives is held, the field has to be readable.
            let may = level
                .alternatives
                .iter()
                .all(|state| document.right(*state, READ) == Some(true));
            let column = read_at(&level.name);
            self.add(
                title,
                name,
                &column,
                letter(may),
                &code.read(our, &level.name),
            );
        }
    }

    /// The rules for page tables, each for every combination of locks.
    pub fn page_tables(&mut self, document: &Document, code: &Code) {
        let ours = rows_of(code, PAGE_TABLES);
        for our in &ours {
            if !OPERATIONS.iter().any(|(_, name, _)| *name == our.name) {
                self.problems.push(format!(
                    "table \"{PAGE_TABLES}\", row \"{}\": the code has an operation that the document does not know",
                    our.name
                ));
            }
        }
        for (operation, name, row) in OPERATIONS {
            if !document.operations.contains(&operation) {
                continue;
            }
            let our = ours.iter().find(|our| our.name == name);
            let Some(our) = our else {
                self.problems.push(format!(
                    "table \"{PAGE_TABLES}\", row \"{row}\": the code has no row {name} in page_table.rs"
                ));
                continue;
            };
            if operation == Operation::Free {
                let code = match our.accesses.is_empty() {
                    true => NOT_OFFERED,
                    false => "offered",
                };
                self.add(PAGE_TABLES, row, "Any", NOT_OFFERED, code);
                continue;
            }
            for states in &document.states {
                let state = states.state;
                let may = match operation {
                    Operation::Traverse | Operation::Zap => states.rights[STABLE],
                    Operation::Install => {
                        let held = state.mmap != Held::None || state.vma != Held::None;
                        states.rights[STABLE] && held
                    }
                    _ => states.rights[WRITE_ALL],
                };
                let column = locks::show_state(state);
                let code = code.operate(our, state);
                self.add(PAGE_TABLES, row, &column, letter(may), &code);
            }
        }
    }

    /// "Lock exclusivity" against the matrix of the KUnit suite.
    pub fn exclusivity(&mut self, document: &Document, excludes: &[[bool; 3]; 3]) {
        const MODES: [&str; 3] = ["R", "D", "W"];
        for (row, ours) in MODES.iter().zip(excludes) {
            for (column, ours) in MODES.iter().zip(ours) {
                let cell = document
                    .exclusivity
                    .iter()
                    .find(|have| have.name == *row)
                    .and_then(|have| have.columns.iter().find(|(name, _)| name == column));
                let theirs = cell.map_or(ABSENT, |(_, cell)| letter(*cell));
                self.add(EXCLUSIVITY, row, column, theirs, letter(*ours));
            }
        }
        for row in &document.exclusivity {
            if !MODES.contains(&row.name.as_str()) {
                self.problems.push(format!(
                    "table \"{EXCLUSIVITY}\", row \"{}\": no such mode of the mmap lock is known",
                    row.name
                ));
            }
        }
    }

    /// Each member of the struct has a row, and each row a member.
    pub fn members(&mut self, members: &Members, tables: &[Table]) {
        let rows: Vec<&Row> = tables
            .iter()
            .filter(|table| table.title != PAGE_TABLES)
            .flat_map(|table| &table.rows)
            .collect();
        for (index, row) in rows.iter().enumerate() {
            if rows[..index].iter().any(|other| other.name == row.name) {
                self.problems.push(format!(
                    "table \"{STRUCT}\", row \"{}\": the code has two rows for it",
                    row.name
                ));
            }
        }
        for name in &members.names {
            let code = match rows.iter().any(|row| row.name == *name) {
                true => "row",
                false => ABSENT,
            };
            self.add(STRUCT, name, MEMBER, "row", code);
        }
        for row in rows.iter().filter(|row| !members.names.contains(&row.name)) {
            let off = row.config.as_ref().filter(|config| members.is_off(config));
            match off {
                Some(config) => {
                    let off = format!("{config} is off");
                    self.add(STRUCT, &row.name, MEMBER, &off, &off);
                }
                None => self.add(STRUCT, &row.name, MEMBER, ABSENT, "row"),
            }
        }
    }

    /// Marks the cells that the list of deviations explains. Returns how many entries are right.
    pub fn explain(&mut self, deviations: &[&Deviation]) -> usize {
        let mut right = 0;
        for deviation in deviations {
            let before = self.problems.len();
            for row in &deviation.rows {
                for column in &deviation.columns {
                    if let Err(problem) = explain_cell(&mut self.cells, deviation, row, column) {
                        self.problems.push(problem);
                    }
                }
            }
            right += usize::from(self.problems.len() == before);
        }
        right
    }
}

fn explain_cell(
    cells: &mut [Cell],
    deviation: &Deviation,
    row: &str,
    column: &str,
) -> Result<(), String> {
    let place = format!(
        "deviation {} (table \"{}\", row \"{row}\", column \"{column}\")",
        deviation.number, deviation.table
    );
    let found = cells
        .iter_mut()
        .find(|cell| cell.table == deviation.table && cell.row == row && cell.column == column);
    let Some(cell) = found else {
        return Err(format!("{place}: there is no such cell"));
    };
    match &cell.verdict {
        Verdict::Same => Err(format!(
            "{place}: it deviates no longer, both say \"{}\": remove it from the list",
            cell.code
        )),
        Verdict::Deviation(number) => Err(format!("{place}: deviation {number} names it, too")),
        Verdict::Differs if cell.document != deviation.document => Err(format!(
            "{place}: the document says \"{}\", the list \"{}\"",
            cell.document, deviation.document
        )),
        Verdict::Differs if cell.code != deviation.code => Err(format!(
            "{place}: the code says \"{}\", the list \"{}\"",
            cell.code, deviation.code
        )),
        Verdict::Differs => {
            cell.verdict = Verdict::Deviation(deviation.number);
            Ok(())
        }
    }
}

const OPERATIONS: [(Operation, &str, &str); 5] = [
    (Operation::Traverse, "traverse", "Traversing"),
    (Operation::Install, "install", "Installing"),
    (Operation::Zap, "zap", "Zapping"),
    (Operation::Free, "free", "Freeing"),
    (Operation::Move, "move", "Moving"),
];

fn letter(yes: bool) -> &'static str {
    if yes { "Y" } else { "N" }
}

/// Returns true if the document has to have a row for a combination. A VMA write lock is only taken under the mmap write lock;
/// and what a VMA read lock and an rmap lock give together, without the mmap lock, it leaves out.
fn has_row(state: LockState) -> bool {
    match state.vma {
        Held::None => true,
        Held::Read => state.mmap != Held::None || state.rmap == Held::None,
        Held::Write => state.mmap == Held::Write,
    }
}

fn rows_of<'c>(code: &'c Code, title: &str) -> Vec<&'c Row> {
    code.table
        .tables
        .iter()
        .filter(|table| table.title == title)
        .flat_map(|table| &table.rows)
        .collect()
}

fn new_name<'d>(deviations: &[&'d Deviation], table: &str, row: &str) -> Option<&'d str> {
    deviations
        .iter()
        .filter(|one| one.table == table && one.columns == [FIELD] && one.rows == [row])
        .find_map(|one| one.code.strip_prefix("as "))
}
