// SPDX-License-Identifier: GPL-2.0

//! One function for each access at each level, on a line of its own.

use lock_table::{Access, Capability, Kind, LockTable, Row};

/// The expected diagnostics for an item.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expected {
    Compiles,
    /// The level lacks the capability: E0277 with that capability's own words.
    Lacks {
        message: String,
        label: String,
    },
    /// There is no such method, at any level: E0599.
    NoMethod(String),
}

/// A function that calls one method on one view.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub row: String,
    pub access: String,
    pub kind: Kind,
    pub bound: Option<String>,
    /// The level, or the unstable view.
    pub column: String,
    pub source: String,
    pub expected: Expected,
    /// The option without which there is no such method.
    pub needs: Option<String>,
}

/// The column of what is read without a lock.
pub(crate) const UNSTABLE: &str = "UnstableVma";

impl Item {
    pub fn name(&self) -> String {
        format!("matrix::{}::{}::{}", self.row, self.access, self.column)
    }
}

/// All items of the tables, in their order.
pub(crate) fn items(table: &LockTable) -> Vec<Item> {
    let mut items = Vec::new();
    for row in table.tables.iter().flat_map(|t| &t.rows) {
        for access in &row.accesses {
            match &access.bound {
                Some(bound) => at_each_level(table, row, access, bound, &mut items),
                None => unstable(table, row, access, &mut items),
            }
        }
    }
    items
}

fn at_each_level(
    table: &LockTable,
    row: &Row,
    access: &Access,
    bound: &str,
    items: &mut Vec<Item>,
) {
    let capability = table.capabilities.iter().find(|c| c.name == bound);
    for level in &table.levels {
        let expected = match capability {
            Some(c) if c.levels.contains(&level.name) => Expected::Compiles,
            other => lacks(other, bound),
        };
        items.push(item(row, access, &level.name, expected));
    }
}

/// The reader of the tables has seen to it that every bound is known.
fn lacks(capability: Option<&Capability>, bound: &str) -> Expected {
    Expected::Lacks {
        message: capability.map_or(bound, |c| &c.message).to_string(),
        label: capability.map_or(bound, |c| &c.label).to_string(),
    }
}

/// An access that needs no lock is a method of the unstable view only, unless a level has a method of the same name.
fn unstable(table: &LockTable, row: &Row, access: &Access, items: &mut Vec<Item>) {
    items.push(item(row, access, UNSTABLE, Expected::Compiles));
    let mut others = table.tables.iter().flat_map(|t| &t.rows);
    let namesake = |a: &Access| a.bound.is_some() && a.name == access.name;
    if others.any(|row| row.accesses.iter().any(namesake)) {
        return;
    }
    for level in &table.levels {
        let expected = Expected::NoMethod(access.name.clone());
        items.push(item(row, access, &level.name, expected));
    }
}

fn item(row: &Row, access: &Access, column: &str, expected: Expected) -> Item {
    let needs = match access.has_else {
        true => None,
        false => row.config.clone(),
    };
    Item {
        row: row.name.clone(),
        access: access.name.clone(),
        kind: access.kind,
        bound: access.bound.clone(),
        column: column.to_string(),
        source: source(access, column),
        expected,
        needs,
    }
}

fn source(access: &Access, column: &str) -> String {
    let view = match column {
        UNSTABLE => "UnstableVma<'_>".to_string(),
        level => format!("Vma<{level}>"),
    };
    let arguments = &access.arguments;
    let parameters: String = arguments
        .iter()
        .map(|(name, ty)| format!(", {name}: {}", at_level(ty, column)))
        .collect();
    let names: Vec<&str> = arguments.iter().map(|(name, _)| name.as_str()).collect();
    let generic = access
        .type_parameter
        .as_ref()
        .map_or(String::new(), |name| format!("<{name}>"));
    let name = &access.name;
    let call = format!("vma.{name}({})", names.join(", "));
    let call = match access.is_unsafe {
        true => format!("unsafe {{ {call} }}"),
        false => call,
    };
    format!("fn {name}_at_{column}{generic}(vma: &{view}{parameters}) {{ let _ = {call}; }}")
}

/// A type of an argument, in which the level is called `L`.
fn at_level(ty: &str, level: &str) -> String {
    // A type that syn has written has its words apart.
    let words: Vec<&str> = ty
        .split(' ')
        .map(|word| if word == "L" { level } else { word })
        .collect();
    words.join(" ")
}
