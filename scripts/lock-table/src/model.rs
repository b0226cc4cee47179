// SPDX-License-Identifier: GPL-2.0

//! The content of the tables, independent of their syntax.

use serde::Serialize;
use std::collections::BTreeSet;

/// How a lock is held at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Held {
    None,
    Read,
    Write,
}

/// How the three locks of a VMA are held at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LockState {
    pub mmap: Held,
    pub vma: Held,
    pub rmap: Held,
}

/// A lock level: one of its alternatives is held, and it is not known which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    pub name: String,
    pub alternatives: Vec<LockState>,
}

/// A trait of levels, and what rustc says where a level does not have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    pub name: String,
    pub levels: BTreeSet<String>,
    pub message: String,
    pub label: String,
    pub note: String,
}

/// The kind of an access to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Kind {
    Read,
    /// A volatile load of what may change at the same time.
    Racy,
    Write,
    /// Reads and writes.
    Atomic,
    /// Reads without a lock: a method of the unstable view, at no level.
    Rcu,
}

/// Why a field has no write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unwritten {
    /// It is written once, when the VMA is made.
    Once,
    /// The driver that owns the VMA writes it.
    Driver,
    /// No writer is offered.
    Withheld,
}

/// One method.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    pub kind: Kind,
    /// The capability that the level must have; none for [`Kind::Rcu`].
    pub bound: Option<String>,
    pub is_unsafe: bool,
    pub name: String,
    /// The arguments after `&self`, each with its type.
    pub arguments: Vec<(String, String)>,
    pub type_parameter: Option<String>,
    /// True if it exists without the row's option, too.
    pub has_else: bool,
    /// True if it is for code in mm/, and needs `CONFIG_RUST_VMA_MM`.
    pub for_mm: bool,
}

/// A field, or an operation on page tables.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// A path: `shared.rb`.
    pub name: String,
    pub config: Option<String>,
    pub accesses: Vec<Access>,
    pub unwritten: Option<Unwritten>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub title: String,
    pub rows: Vec<Row>,
}

/// All that the code says about locks and VMAs.
#[derive(Clone, Debug, PartialEq)]
pub struct LockTable {
    pub levels: Vec<Level>,
    pub capabilities: Vec<Capability>,
    pub tables: Vec<Table>,
}
