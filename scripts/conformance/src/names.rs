// SPDX-License-Identifier: GPL-2.0

//! The names of tables, rows and columns, in the output and in the list of deviations.

/// The table of the document that has no title: "Examining all valid lock states".
pub const LOCK_STATES: &str = "Lock states";
/// The tables of fields, titled as in the document.
pub const FIELD_TABLES: [&str; 4] = [
    "Virtual layout fields",
    "Core fields",
    "Config-specific fields",
    "Reverse mapping fields",
];
/// The list and the section about page tables, taken as a table of operations.
pub const PAGE_TABLES: &str = "Page tables";
pub const EXCLUSIVITY: &str = "Lock exclusivity";
/// The members of the C struct.
pub const STRUCT: &str = "struct vm_area_struct";

/// The columns of rights, and the capability in the code that stands for each.
pub const RIGHTS: [&str; 4] = ["Stable?", "Read?", "Write most?", "Write all?"];
pub const CAPABILITIES: [&str; 4] = ["Stable", "ReadFields", "WriteMost", "WriteAll"];
pub const STABLE: usize = 0;
pub const READ: usize = 1;
pub const WRITE_ALL: usize = 3;

pub const FIELD: &str = "Field";
pub const CONFIG: &str = "Configuration option";
pub const DESCRIPTION: &str = "Description";
pub const WRITE_LOCK: &str = "Write lock";
pub const WHEN_NULL: &str = "Write lock (NULL)";
pub const WHEN_SET: &str = "Write lock (set)";
/// One for each combination of locks: can it be, and which level is it.
pub const STATE: &str = "State";
pub const MEMBER: &str = "Member";

/// The column that says whether a field can be read at a level.
pub fn read_at(level: &str) -> String {
    format!("Read at {level}")
}

/// The levels of a VMA that is not yet attached or already detached: no row of the document is about them.
pub const HIDDEN: [&str; 3] = ["Setup", "Opening", "Closing"];

/// A right that the document gives and the code has no access for.
pub const NOT_OFFERED: &str = "not offered";
/// The entry for a missing item.
pub const ABSENT: &str = "-";
