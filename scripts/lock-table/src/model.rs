// SPDX-License-Identifier: GPL-2.0

//! The content of the tables, independent of their syntax.

use quote::ToTokens;
use serde::{Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;

/// How a lock is held at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Held {
    None,
    Read,
    Write,
}

/// How the three locks of a VMA are held at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct LockState {
    pub mmap: Held,
    pub vma: Held,
    pub rmap: Held,
}

/// A lock level: one of its alternatives is held, and it is not known which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Level {
    pub name: String,
    pub alternatives: Vec<LockState>,
}

/// A trait of levels, and what rustc says where a level does not have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    /// Writes a pointer that is NULL.
    WriteIfNull,
    /// Writes a pointer that is not NULL.
    WriteIfSet,
    /// Reads and writes.
    Atomic,
    /// Reads without a lock: a method of the unstable view, at no level.
    Rcu,
}

/// Why a field has no write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Unwritten {
    /// It is written once, when the VMA is made.
    Once,
    /// The driver that owns the VMA writes it.
    Driver,
    /// No writer is offered.
    Withheld,
}

/// A lock that is no part of a level, and that an argument proves to be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Proof {
    PageTableLock,
    IMmapWrite,
    AnonVmaWrite,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Proof::PageTableLock => "page_table_lock",
            Proof::IMmapWrite => "i_mmap write",
            Proof::AnonVmaWrite => "anon_vma write",
        })
    }
}

/// One method.
#[derive(Clone, Serialize)]
pub struct Access {
    pub kind: Kind,
    /// The capability that the level must have; none for [`Kind::Rcu`].
    pub bound: Option<String>,
    pub is_unsafe: bool,
    pub name: String,
    /// Without the bound.
    #[serde(serialize_with = "as_text")]
    pub signature: syn::Signature,
    pub proofs: Vec<Proof>,
    /// True if it exists without the row's option, too.
    pub has_else: bool,
    /// True if it is for code in mm/, and needs `CONFIG_RUST_VMA_MM`.
    pub for_mm: bool,
}

/// A field, or an operation on page tables.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// A path: `shared.rb`.
    pub name: String,
    pub config: Option<String>,
    pub accesses: Vec<Access>,
    pub unwritten: Option<Unwritten>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    pub title: String,
    pub rows: Vec<Row>,
}

/// All that the code says about locks and VMAs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LockTable {
    pub levels: Vec<Level>,
    pub capabilities: Vec<Capability>,
    pub tables: Vec<Table>,
}

impl Access {
    /// The arguments after `&self`, each with its type.
    pub fn arguments(&self) -> Vec<(String, String)> {
        let typed = self
            .signature
            .inputs
            .iter()
            .filter_map(|input| match input {
                syn::FnArg::Typed(argument) => Some(argument),
                syn::FnArg::Receiver(_) => None,
            });
        typed.map(|a| (text(&a.pat), text(&a.ty))).collect()
    }

    /// The type parameter, if it has one.
    pub fn type_parameter(&self) -> Option<String> {
        let mut types = self.signature.generics.type_params();
        types.next().map(|t| t.ident.to_string())
    }
}

/// By hand, as is equality: syn's own take longer to compile than all of this.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("kind", &self.kind)
            .field("bound", &self.bound)
            .field("signature", &text(&self.signature))
            .field("proofs", &self.proofs)
            .field("has_else", &self.has_else)
            .field("for_mm", &self.for_mm)
            .finish()
    }
}

impl PartialEq for Access {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.bound, self.is_unsafe, &self.name)
            == (other.kind, &other.bound, other.is_unsafe, &other.name)
            && (&self.proofs, self.has_else) == (&other.proofs, other.has_else)
            && self.for_mm == other.for_mm
            && text(&self.signature) == text(&other.signature)
    }
}

fn as_text<S: Serializer>(signature: &syn::Signature, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&text(signature))
}

/// On one line.
fn text(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string()
}
