// SPDX-License-Identifier: GPL-2.0

//! How large code is: what the overlay adds to a kernel in which nothing uses it, and each sample driver. Text that is
//! added has to be there for a module to call it.

use super::object::Object;
use super::two_trees::Built;
use crate::code::primitives;
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::objcode;
use crate::report::Outcome;
use anyhow::{Context, Result};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// So many functions are shown of those that are added.
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
    /// Whether modules may call it.
    exported: bool,
    /// The exported function by which it is reached, if it is none.
    reached_from: Option<String>,
}

/// What one build has.
#[derive(Default)]
struct Side {
    objects: BTreeMap<&'static str, Sections>,
    code: Vec<Object>,
    exported: BTreeSet<String>,
}

/// Bytes by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sections {
    text: u64,
    data: u64,
}

impl Unused {
    pub fn of(with: &Built, without: &Built) -> Result<Self> {
        Ok(Self::between(&Side::read(with)?, &Side::read(without)?))
    }

    fn between(with: &Side, without: &Side) -> Self {
        let mut objects = BTreeMap::new();
        for name in OBJECTS {
            let of = |side: &Side| side.objects.get(name).copied();
            if of(with).is_some() || of(without).is_some() {
                let (with, without) = (
                    of(with).unwrap_or_default(),
                    of(without).unwrap_or_default(),
                );
                objects.insert(
                    name,
                    Change {
                        text_without: without.text,
                        text_with: with.text,
                        data_without: without.data,
                        data_with: with.data,
                    },
                );
            }
        }
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

    /// The functions that are new and their bytes, the largest first.
    pub fn added(&self) -> impl Iterator<Item = (&str, u64)> {
        let added = self.added.iter();
        added.map(|added| (added.function.as_str(), added.bytes))
    }

    /// Whether all that was added can be called.
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
        let mut text = format!(
            "bytes that the overlay adds to a kernel in which nothing uses it\n{:26} {:>9} {:>9} {:>9} {:>9}\n",
            "rust/", "text", "before", "added", "data"
        );
        for (name, change) in &self.objects {
            text += &format!(
                "{name:26} {:>9} {:>9} {:>+9} {:>+9}\n",
                change.text_with,
                change.text_without,
                change.text_with as i64 - change.text_without as i64,
                change.data_with as i64 - change.data_without as i64
            );
        }
        let exported = self.added.iter().filter(|added| added.exported);
        text += &format!(
            "{} functions of {} bytes, {} of them exported, the others called by those:\n",
            self.added.len(),
            self.added.iter().map(|added| added.bytes).sum::<u64>(),
            exported.count()
        );
        for added in self.added.iter().take(SHOWN) {
            let mark = if added.exported { ' ' } else { '*' };
            text += &format!("{:>8} {mark} {}\n", added.bytes, added.function);
        }
        if let Some(more @ 1..) = self.added.len().checked_sub(SHOWN) {
            text += &format!("{:>8}   and {more} more, all in code.json\n", "");
        }
        for (function, bytes) in &self.grown {
            text += &format!("{bytes:>+8}   {function}\n");
        }
        text
    }
}

impl Side {
    fn read(built: &Built) -> Result<Self> {
        let rust = built.out.join("rust");
        let mut side = Self::default();
        for name in OBJECTS {
            let path = rust.join(name);
            // Helpers have no object where they are inlined.
            if !path.exists() {
                continue;
            }
            side.objects.insert(name, sections(&built.kernel, &path)?);
            side.code.push(Object::read(&built.kernel, &path)?);
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
        let all = self.code.iter().flat_map(|object| &object.functions);
        all.map(|f| (f.name.clone(), (f.path(), f.bytes))).collect()
    }

    /// Every function that one that is exported calls or names, on whatever way, with the one that does.
    fn reached(&self) -> BTreeMap<String, String> {
        let all: BTreeMap<&str, _> = self
            .code
            .iter()
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
pub fn samples(kernel: &Kernel, config: Config) -> Result<BTreeMap<String, u64>> {
    let mut sizes = BTreeMap::new();
    // `.ko` before `.o`.
    for path in primitives::samples(&kernel.places.out(config.name))? {
        let extension = path.extension().and_then(|x| x.to_str());
        let stem = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if matches!(extension, Some("ko" | "o"))
            && !stem.contains('.')
            && !sizes.contains_key(&stem)
        {
            sizes.insert(stem, sections(kernel, &path)?.text);
        }
    }
    Ok(sizes)
}

pub fn samples_table(samples: &BTreeMap<String, u64>, config: &str) -> String {
    let mut text = format!("bytes of text of each sample driver in {config}\n");
    for (name, bytes) in samples {
        text += &format!("{name:26} {bytes:>9}\n");
    }
    text
}

fn sections(kernel: &Kernel, path: &Path) -> Result<Sections> {
    Ok(Sections::parse(&objcode::objdump(
        kernel,
        &["--section-headers", "--wide"],
        path,
    )?))
}

impl Sections {
    /// Reads lines of `INDEX NAME SIZE VMA TYPE`.
    fn parse(text: &str) -> Self {
        let mut sum = Self::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [index, name, size, _, kind @ ..] = &words[..] else {
                continue;
            };
            let Ok(size) = u64::from_str_radix(size, 16) else {
                continue;
            };
            if index.parse::<u32>().is_err() {
                continue;
            }
            // What is discarded is for the linker alone.
            match kind {
                ["TEXT"] => sum.text += size,
                ["DATA" | "BSS"] if !name.starts_with(".discard") => sum.data += size,
                _ => (),
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An object of functions without instructions but a call.
    fn side(functions: &[(&str, u64, &str)], exported: &[&str]) -> Side {
        let mut symbols = String::new();
        let mut code = "Disassembly of section .text:\n".to_string();
        let mut at = 0;
        for (name, bytes, callee) in functions {
            symbols += &format!("{at:016x} g     F .text\t{bytes:016x} {name}\n");
            let operand = at + 1;
            code += &format!(
                "  {at:x}:\tcallq\t0x0\n\t\t{operand:016x}:  R_X86_64_PLT32\t{callee}-0x4\n"
            );
            at += bytes;
        }
        let text = functions.iter().map(|f| f.1).sum();
        Side {
            objects: [("kernel.o", Sections { text, data: 0 })].into(),
            code: vec![Object::parse(&(symbols + &code))],
            exported: exported.iter().map(|name| name.to_string()).collect(),
        }
    }

    #[test]
    fn what_is_added_is_told_from_what_has_grown() {
        let without = side(&[("old", 16, "x"), ("grows", 16, "x")], &["old", "grows"]);
        let with = side(
            &[
                ("old", 16, "x"),
                ("grows", 24, "x"),
                ("new", 40, "inner"),
                ("inner", 8, "x"),
            ],
            &["old", "grows", "new"],
        );
        let unused = Unused::between(&with, &without);
        assert_eq!(unused.judge().failures, Vec::<String>::new());
        let table = unused.table();
        assert!(
            table.contains("48") && table.contains("88        32       +56"),
            "{table}"
        );
        assert!(
            table.contains("2 functions of 48 bytes, 1 of them exported"),
            "{table}"
        );
        assert!(table.contains("      +8   grows"), "{table}");
        assert!(table.contains("       8 * inner"), "{table}");
    }

    #[test]
    fn text_that_nothing_can_call_fails() {
        let without = side(&[("old", 16, "x")], &["old"]);
        let with = side(
            &[("old", 16, "x"), ("lost", 40, "found"), ("found", 8, "x")],
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
    fn sections_are_summed_by_what_they_are() {
        let text = "Idx Name   Size     VMA              Type\n  \
                    0                  00000000 0000000000000000 \n  \
                    1 .text            00000010 0000000000000000 TEXT\n  \
                    2 .rela.text       00000048 0000000000000000 \n  \
                    3 .text.unlikely.  00000008 0000000000000000 TEXT\n  \
                    4 .discard.x       00000008 0000000000000000 DATA\n \
                    12 .rodata         00000020 0000000000000000 DATA\n";
        assert_eq!(Sections::parse(text), Sections { text: 24, data: 32 });
    }

    #[test]
    fn names_of_exports_are_read() {
        let names: Vec<String> = exported("EXPORT_SYMBOL_RUST_GPL(_RNv3abc);\n#if 0\n").collect();
        assert_eq!(names, ["_RNv3abc"]);
    }
}
