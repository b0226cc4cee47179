// SPDX-License-Identifier: GPL-2.0

//! How large code is: what the overlay adds to a kernel in which nothing uses it, and each sample driver. Text that is
//! added has to be there for a module to call it.

use super::object::{Object, Sections};
use crate::code::primitives;
use crate::page::Table;
use crate::report::Outcome;
use anyhow::{Context, Result};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// How many of the added functions are printed.
const SHOWN: usize = 10;
/// Below rust/, what has text of the `kernel` crate or of helpers.
const OBJECTS: [&str; 2] = ["kernel.o", "helpers/helpers.o"];
/// And what says which of it modules may call.
const EXPORTS: [&str; 2] = ["exports_kernel_generated.h", "exports_helpers_generated.h"];

/// A kernel in which nothing uses the abstraction, with it and without.
#[derive(Debug, Serialize)]
pub struct Unused {
    objects: BTreeMap<&'static str, Change>,
    /// Functions that are new, the largest first.
    added: Vec<Added>,
    /// Functions that were there before, by how much they have grown.
    grown: BTreeMap<String, i64>,
}

/// Bytes.
#[derive(Debug, Default, Serialize)]
struct Change {
    text_without: u64,
    text_with: u64,
    data_without: u64,
    data_with: u64,
}

#[derive(Debug, Serialize)]
struct Added {
    function: String,
    bytes: u64,
    /// True if modules may call it.
    exported: bool,
    /// The exported function by which it is reached, if it is none.
    reached_from: Option<String>,
}

/// The symbols of one build.
#[derive(Default)]
struct Side {
    code: BTreeMap<&'static str, Object>,
    exported: BTreeSet<String>,
}

impl Unused {
    pub fn of(with: &Path, without: &Path) -> Result<Self> {
        Ok(Self::between(&Side::read(with)?, &Side::read(without)?))
    }

    fn between(with: &Side, without: &Side) -> Self {
        let of = |side: &Side, name| -> Sections {
            side.code
                .get(name)
                .map(|object| object.sections)
                .unwrap_or_default()
        };
        let change = |name: &'static str| {
            let (with, without) = (of(with, name), of(without, name));
            let change = Change {
                text_without: without.text,
                text_with: with.text,
                data_without: without.data,
                data_with: with.data,
            };
            (name, change)
        };
        let objects = with.code.keys().map(|name| change(name)).collect();
        let before = without.functions();
        let reached = with.reached();
        let mut added = Vec::new();
        let mut grown = BTreeMap::new();
        for (name, (path, bytes)) in with.functions() {
            match before.get(&name) {
                Some((_, old)) if *old != bytes => {
                    grown.insert(path, bytes as i64 - *old as i64);
                }
                Some(_) => (),
                None => added.push(Added {
                    function: path,
                    bytes,
                    exported: with.exported.contains(&name),
                    reached_from: reached.get(&name).cloned(),
                }),
            }
        }
        added.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.function.cmp(&b.function)));
        Self {
            objects,
            added,
            grown,
        }
    }

    /// Bytes of text without the overlay, and how many it adds.
    pub fn text(&self) -> (u64, u64) {
        let sum = |of: fn(&Change) -> u64| self.objects.values().map(of).sum();
        let before = sum(|change| change.text_without);
        let with: u64 = sum(|change| change.text_with);
        (before, with.saturating_sub(before))
    }

    /// Checks that all added functions can be called.
    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        outcome.check(!self.added.is_empty(), || {
            "the overlay adds no function to rust/: the two builds are of one tree".to_string()
        });
        for added in &self.added {
            outcome.check(added.exported || added.reached_from.is_some(), || {
                format!(
                    "{}: {} bytes of text that nothing can call are in every kernel: make it #[inline]",
                    added.function, added.bytes
                )
            });
        }
        outcome
    }

    pub fn table(&self) -> String {
        let objects = self.objects.iter().map(|(name, c)| {
            vec![
                name.to_string(),
                c.text_with.to_string(),
                c.text_without.to_string(),
                format!("{:+}", c.text_with as i64 - c.text_without as i64),
                format!("{:+}", c.data_with as i64 - c.data_without as i64),
            ]
        });
        let (bytes, exported) = self.added.iter().fold((0, 0), |(bytes, exported), added| {
            (bytes + added.bytes, exported + usize::from(added.exported))
        });
        let largest = self.added.iter().take(SHOWN).map(|added| {
            let how = if added.exported { "exported" } else { "called" };
            vec![
                added.function.clone(),
                added.bytes.to_string(),
                how.to_string(),
            ]
        });
        let grown = self.grown.iter().map(|(function, bytes)| {
            vec![
                function.clone(),
                format!("{bytes:+}"),
                "changed".to_string(),
            ]
        });
        let tables = [
            Table::new(
                "bytes that the overlay adds to a kernel in which nothing uses it",
                &["rust/", "text", "before", "added", "data"],
                objects,
            ),
            Table::new(
                &format!(
                    "{} functions of {bytes} bytes, {exported} of them exported, the largest:",
                    self.added.len()
                ),
                &["function", "bytes", ""],
                largest.chain(grown),
            ),
        ];
        tables.iter().map(Table::text).collect()
    }
}

impl Side {
    fn read(built: &Path) -> Result<Self> {
        let rust = built.join("rust");
        let mut side = Self::default();
        for name in OBJECTS {
            let path = rust.join(name);
            // Helpers have no object where they are inlined.
            if !path.exists() {
                continue;
            }
            side.code.insert(name, Object::read(&path)?);
        }
        for name in EXPORTS {
            let path = rust.join(name);
            if path.exists() {
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("{}: cannot be read", path.display()))?;
                side.exported.extend(exported(&text));
            }
        }
        Ok(side)
    }

    /// By the linker's name: the path, and bytes.
    fn functions(&self) -> BTreeMap<String, (String, u64)> {
        let all = self.code.values().flat_map(|object| &object.functions);
        all.map(|f| (f.name.clone(), (f.path(), f.bytes))).collect()
    }

    /// Every function that one that is exported calls or names, on whatever way, with the one that does.
    fn reached(&self) -> BTreeMap<String, String> {
        let all: BTreeMap<&str, _> = self
            .code
            .values()
            .flat_map(|object| &object.functions)
            .map(|f| (f.name.as_str(), f))
            .collect();
        let mut reached = BTreeMap::new();
        for name in &self.exported {
            let Some(from) = all.get(name.as_str()) else {
                continue;
            };
            let mut open = vec![*from];
            while let Some(function) = open.pop() {
                for name in function.names() {
                    let is_new = name != from.name && !reached.contains_key(name);
                    if let Some(next) = all.get(name).filter(|_| is_new) {
                        reached.insert(name.to_string(), from.path());
                        open.push(next);
                    }
                }
            }
        }
        reached
    }
}

/// The names in lines such as `EXPORT_SYMBOL_RUST_GPL(name);`.
fn exported(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|line| {
        let (_, rest) = line.strip_prefix("EXPORT_SYMBOL")?.split_once('(')?;
        Some(rest.split(')').next()?.to_string())
    })
}

/// Bytes of text of each sample driver: of modules where the kernel has them, else of what is linked into it.
pub fn samples(out: &Path) -> Result<BTreeMap<String, u64>> {
    let mut sizes = BTreeMap::new();
    // `.ko` before `.o`.
    for path in primitives::samples(out)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some((stem, "ko" | "o")) = name.split_once('.') {
            if !sizes.contains_key(stem) {
                sizes.insert(stem.to_string(), Object::read(&path)?.sections.text);
            }
        }
    }
    Ok(sizes)
}

pub fn samples_table(samples: &BTreeMap<String, u64>, config: &str) -> String {
    let caption = format!("bytes of text of each sample driver in {config}");
    let rows = samples.iter();
    let rows = rows.map(|(name, bytes)| vec![name.clone(), bytes.to_string()]);
    Table::new(&caption, &["", "text"], rows).text()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Op, object};
    use super::*;

    /// Functions of the given sizes that call or, without a call, name another one.
    fn side(functions: &[(&str, usize, Op)], exported: &[&str]) -> Side {
        let pad: Vec<Vec<u8>> = functions.iter().map(|f| vec![0x90; f.1 - 8]).collect();
        let code: Vec<_> = functions
            .iter()
            .zip(&pad)
            .map(|((name, _, op), pad)| {
                let (op, tail) = match op {
                    Op::Name(name) => (Op::Name(name), &[0xc3][..]),
                    Op::Call(name) => (Op::Call(name), &[0x90, 0x90, 0xc3][..]),
                    _ => unreachable!(),
                };
                (*name, [op, Op::Bytes(pad), Op::Bytes(tail)])
            })
            .collect();
        let code: Vec<_> = code.iter().map(|(name, ops)| (*name, &ops[..])).collect();
        Side {
            code: [("kernel.o", object(&code))].into(),
            exported: exported.iter().map(|name| name.to_string()).collect(),
        }
    }

    #[test]
    fn added_functions_are_told_from_grown_ones() {
        let without = side(
            &[("old", 16, Op::Call("x")), ("grows", 16, Op::Call("x"))],
            &["old", "grows"],
        );
        let with = side(
            &[
                ("old", 16, Op::Call("x")),
                ("grows", 24, Op::Call("x")),
                ("new", 40, Op::Call("inner")),
                ("inner", 8, Op::Name("named")),
                ("named", 8, Op::Call("x")),
            ],
            &["old", "grows", "new"],
        );
        let unused = Unused::between(&with, &without);
        assert_eq!(unused.judge().failures, Vec::<String>::new());
        assert_eq!(unused.text(), (32, 64));
        let table = unused.table();
        let has = |line: &str| {
            table
                .lines()
                .any(|l| l.split_whitespace().collect::<Vec<_>>().join(" ") == line)
        };
        assert!(has("kernel.o 96 32 +64 +0"), "{table}");
        assert!(
            has("3 functions of 56 bytes, 1 of them exported, the largest:"),
            "{table}"
        );
        assert!(
            has("new 40 exported") && has("named 8 called") && has("grows +8 changed"),
            "{table}"
        );
    }

    #[test]
    fn text_that_nothing_can_call_fails() {
        let without = side(&[("old", 16, Op::Call("x"))], &["old"]);
        let with = side(
            &[
                ("old", 16, Op::Call("x")),
                ("lost", 40, Op::Call("found")),
                ("found", 8, Op::Call("x")),
            ],
            &["old"],
        );
        let failures = Unused::between(&with, &without).judge().failures;
        assert_eq!(failures.len(), 2, "{failures:?}");
        assert!(
            failures[0].starts_with("lost: 40 bytes of text that nothing can call"),
            "{failures:?}"
        );
        let same = Unused::between(&without, &without).judge().failures;
        assert!(same[0].contains("of one tree"), "{same:?}");
    }

    #[test]
    fn names_of_exports_are_read() {
        let names: Vec<String> = exported("EXPORT_SYMBOL_RUST_GPL(_RNv3abc);\n#if 0\n").collect();
        assert_eq!(names, ["_RNv3abc"]);
    }
}
