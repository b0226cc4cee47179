// SPDX-License-Identifier: GPL-2.0

//! Compiled code. A primitive in Rust calls nothing that it does not call in C and takes about as much stack; nothing of
//! the abstraction can panic; what the overlay adds to a kernel in which nothing uses it can be called by a module; and
//! `RUST_VMA=n` gives the kernel that there is without the overlay.

use super::bounds::BOUNDS;
use super::{Table, cells, check};
use crate::code::facts::{Figure, Tree};
use crate::report::Outcome;
use anyhow::{Context, Result};
use fs_err as fs;
use itertools::Itertools;
use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

const CALLS: &str = "scripts/bench/calls.toml";
/// Crates of which no code of a driver comes.
const OURS: [&str; 5] = ["kernel", "core", "bindings", "ffi", "pin_init"];
/// Functions that do not return, because something is wrong: of the library, and elsewhere.
const PANICS: &str = "^core::.*(panic|unwrap_failed|expect_failed|_fail)|rust_begin_unwind|rust_build_error|\
                      handle_alloc_error";
/// How many of the added functions are printed.
const SHOWN: usize = 10;
/// The objects below rust/ with text of the `kernel` crate or of helpers.
pub const OBJECTS: [&str; 2] = ["kernel.o", "helpers/helpers.o"];
/// The lists of those functions that modules may call.
const EXPORTS: [&str; 2] = ["exports_kernel_generated.h", "exports_helpers_generated.h"];
/// The output of bindgen for headers and helpers. Helpers that are inlined are in no object unless they are called.
const BINDINGS: [&str; 2] = [
    "bindings/bindings_generated.rs",
    "bindings/bindings_helpers_generated.rs",
];

/// The content of build/bench/code.json.
#[derive(Serialize)]
pub struct Report {
    pub config: &'static str,
    pub primitives: Primitives,
    pub abstraction: Abstraction,
    /// Not there where the tree is the caller's own.
    pub unused: Option<Unused>,
    /// Bytes of text.
    pub samples: BTreeMap<String, u64>,
    pub outcome: Outcome,
}

pub type Primitives = BTreeMap<String, Sides>;

/// A primitive, in each language.
#[derive(Default, Serialize)]
pub struct Sides {
    pub c: Option<Figure>,
    pub rust: Option<Figure>,
    pub upstream: Option<Figure>,
}

/// Exceptions from the rules on code, each with its reason and needed by what it names.
#[derive(Default)]
pub struct Allowed {
    entries: Vec<(&'static str, Entry)>,
    used: HashSet<(&'static str, String, String)>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Kinds {
    call: Vec<Entry>,
    panic: Vec<Entry>,
    stack: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    from: Vec<String>,
    #[serde(default)]
    callee: String,
    reason: String,
}

impl Allowed {
    pub fn load(repo: &Path) -> Result<Self> {
        Self::parse(&fs::read_to_string(repo.join(CALLS))?)
    }

    fn parse(text: &str) -> Result<Self> {
        let Kinds { call, panic, stack } = toml::from_str(text).context(CALLS)?;
        let kinds = [("call", call), ("panic", panic), ("stack", stack)].into_iter();
        let entries = kinds.flat_map(|(kind, of)| of.into_iter().map(move |entry| (kind, entry)));
        Ok(Self {
            entries: entries.collect(),
            used: HashSet::new(),
        })
    }

    fn allows(&mut self, kind: &'static str, name: &str, callee: &str) -> bool {
        let found = self.entries.iter().any(|(of, entry)| {
            *of == kind && entry.callee == callee && entry.from.iter().any(|from| from == name)
        });
        if found {
            self.used
                .insert((kind, name.to_string(), callee.to_string()));
        }
        found
    }

    /// Fails over entries that nothing has needed by now, or that say nothing.
    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        for (kind, entry) in &self.entries {
            let start = format!("calls.toml: [[{kind}]] {}: ", entry.callee);
            for name in &entry.from {
                let key = (*kind, name.clone(), entry.callee.clone());
                let is_used = self.used.contains(&key);
                check!(
                    outcome,
                    is_used,
                    "{start}{name} does not need it: remove it"
                );
            }
            let is_said = !entry.from.is_empty() && !entry.reason.trim().is_empty();
            check!(outcome, is_said, "{start}for whom and why is not said");
        }
        outcome
    }
}

/// Checks that each primitive in Rust calls only what it calls in C, and takes little more stack.
pub fn judge_primitives(primitives: &Primitives, allowed: &mut Allowed) -> Outcome {
    let (mut outcome, most) = (Outcome::default(), BOUNDS.code.stack);
    check!(
        outcome,
        !primitives.is_empty(),
        "no primitive is in the objects of the benchmark"
    );
    for (name, sides) in primitives {
        let (Some(c), Some(rust)) = (&sides.c, &sides.rust) else {
            let missing = if sides.c.is_some() { "Rust" } else { "C" };
            outcome.fail(format!("{name}: there is no such primitive in {missing}"));
            continue;
        };
        let calls = rust
            .calls
            .iter()
            .filter(|(callee, _)| !c.calls.contains_key(*callee));
        let traps = (rust.traps > c.traps)
            .then(|| ("ud2", format!("{} times, C {} times", rust.traps, c.traps)));
        let extra = calls
            .map(|(callee, by)| (&**callee, by.clone()))
            .chain(traps);
        let extra = extra.filter(|(callee, _)| !allowed.allows("call", name, callee));
        let extra = extra
            .map(|(callee, by)| format!("{callee} ({by})"))
            .join(", ");
        check!(
            outcome,
            extra.is_empty(),
            "{name}: Rust calls what C does not: {extra}: write it without, or give the reason in {CALLS}"
        );
        let is_little = rust.stack <= c.stack + most || allowed.allows("stack", name, "");
        check!(
            outcome,
            is_little,
            "{name}: Rust takes {} bytes of stack, C {}: more than {most} bytes more: take less, or give the reason in {CALLS}",
            rust.stack,
            c.stack
        );
    }
    outcome
}

/// The functions of kernel::mm::vma.
#[derive(Serialize)]
pub struct Abstraction {
    functions: usize,
    panics: Vec<Panic>,
}

#[derive(Serialize)]
struct Panic {
    function: String,
    callee: String,
    allowed: bool,
}

/// True if a function is in `kernel::mm::vma`, wherever it was compiled, and nothing of a driver can be in it. Tests are
/// none, nor is text for people who debug.
fn is_ours(path: &str) -> bool {
    let crates = Regex::new(r"(?:^|[^\w:])(\w+)::").expect("a constant");
    let mut crates = crates.captures_iter(path);
    path.strip_prefix('<')
        .unwrap_or(path)
        .starts_with("kernel::mm::vma::")
        && !path.contains("::tests::")
        && !path.contains(" as core::fmt::Debug>")
        && crates.all(|name| OURS.contains(&&name[1]))
}

/// Checks that no function of the abstraction names one that does not return. `functions` are those that may be in it, by
/// path, with all names in each.
pub fn judge_panics(
    functions: &BTreeMap<String, BTreeSet<String>>,
    allowed: &mut Allowed,
) -> (Outcome, Abstraction) {
    let panics = Regex::new(PANICS).expect("a constant");
    let ours = functions
        .iter()
        .filter(|(path, _)| is_ours(path))
        .collect_vec();
    let (mut outcome, mut found) = (Outcome::default(), Vec::new());
    check!(
        outcome,
        !ours.is_empty(),
        "no function of kernel::mm::vma is in the objects"
    );
    for (function, names) in &ours {
        let mut wrong = Vec::new();
        for callee in names.iter().filter(|name| panics.is_match(name)) {
            let allowed = allowed.allows("panic", function, callee);
            if !allowed {
                wrong.push(format!(
                    "{function} can panic, by {callee}: write it without, or give the reason in {CALLS}"
                ));
            }
            found.push(Panic {
                function: function.to_string(),
                callee: callee.clone(),
                allowed,
            });
        }
        outcome.none(wrong);
    }
    let functions = ours.len();
    let abstraction = Abstraction {
        functions,
        panics: found,
    };
    (outcome, abstraction)
}

/// Of each primitive, in C, in Rust and with upstream's own API.
pub fn primitives_table(primitives: &Primitives) -> Table {
    let row = |(name, of): (&String, &Sides)| {
        let sides = [&of.c, &of.rust, &of.upstream].map(Option::as_ref);
        let values: [fn(&Figure) -> u64; 3] = [|of| of.instructions, |of| of.bytes, |of| of.stack];
        let cells = values.iter().cartesian_product(sides);
        let cells =
            cells.map(|(value, side)| side.map_or("-".to_string(), |of| value(of).to_string()));
        let helpers = of.rust.as_ref().map_or(0, |of| of.helper_calls);
        [name.clone()]
            .into_iter()
            .chain(cells)
            .chain(cells![helpers])
            .collect()
    };
    Table::new(
        "Instructions that there are, whether they are executed or not, bytes and stack of each primitive",
        "primitive | instructions, C | Rust | upstream | bytes, C | Rust | upstream | stack, C | Rust | upstream | \
         helpers",
        primitives.iter().map(row),
    )
}

pub fn samples_table(config: &str, samples: &BTreeMap<String, u64>) -> Table {
    Table::new(
        format!("bytes of text of each sample driver, {config}"),
        " | text",
        samples.iter().map(|(name, size)| cells![name, size]),
    )
}

/// The text that the overlay adds to a kernel in which nothing uses it, which has to be there for a module to call it.
#[derive(Serialize)]
pub struct Unused {
    objects: BTreeMap<&'static str, Sizes>,
    added: Vec<Added>,
    grown: BTreeMap<String, i64>,
}

#[derive(Serialize)]
struct Sizes {
    text_without: u64,
    text_with: u64,
    data_without: u64,
    data_with: u64,
}

#[derive(Serialize)]
struct Added {
    function: String,
    bytes: u64,
    exported: bool,
    reached_from: Option<String>,
}

/// The names in lines such as `EXPORT_SYMBOL_RUST_GPL(name);`.
fn exported(source: &str) -> impl Iterator<Item = &str> {
    let lines = source
        .lines()
        .filter(|line| line.starts_with("EXPORT_SYMBOL"));
    lines.filter_map(|line| Some(line.split_once('(')?.1.split_once(')')?.0))
}

/// Every function that one that is exported calls or names, on whatever way, with the one that does.
fn reached<'a>(tree: &'a Tree, exported: &BTreeSet<String>) -> BTreeMap<&'a str, &'a str> {
    let mut found = BTreeMap::new();
    for (start, of) in tree
        .functions
        .iter()
        .filter(|(name, _)| exported.contains(*name))
    {
        let mut waiting = vec![of];
        while let Some(function) = waiting.pop() {
            for name in function.names.iter().filter(|name| *name != start) {
                if let (Some(next), false) = (tree.functions.get(name), found.contains_key(&**name))
                {
                    found.insert(&**name, &*of.path);
                    waiting.push(next);
                }
            }
        }
    }
    found
}

impl Unused {
    pub fn read(with: &Tree, without: &Tree) -> Self {
        let texts = EXPORTS
            .iter()
            .filter_map(|name| fs::read_to_string(with.out.join("rust").join(name)).ok());
        let names = texts.flat_map(|text| exported(&text).map(str::to_string).collect_vec());
        Self::of(with, without, &names.collect())
    }

    fn of(with: &Tree, without: &Tree, exported: &BTreeSet<String>) -> Self {
        let ways = reached(with, exported);
        let (before, after) = (&without.functions, &with.functions);
        let added = after.iter().filter(|(name, _)| !before.contains_key(*name));
        let added = added.map(|(name, of)| Added {
            function: of.path.clone(),
            bytes: of.bytes,
            exported: exported.contains(name),
            reached_from: ways.get(&**name).map(|path| path.to_string()),
        });
        let order = |a: &Added, b: &Added| (b.bytes, &a.function).cmp(&(a.bytes, &b.function));
        let grown = after.iter().filter_map(|(name, of)| {
            let more = of.bytes as i64 - before.get(name)?.bytes as i64;
            (more != 0).then(|| (of.path.clone(), more))
        });
        let objects = OBJECTS.iter().filter_map(|name| {
            let (with, without) = (with.objects.get(*name)?, without.objects.get(*name));
            let sizes = Sizes {
                text_without: without.map_or(0, |of| of.text),
                text_with: with.text,
                data_without: without.map_or(0, |of| of.data),
                data_with: with.data,
            };
            Some((*name, sizes))
        });
        Self {
            objects: objects.collect(),
            added: added.sorted_by(order).collect(),
            grown: grown.collect(),
        }
    }

    /// Checks that all added functions can be called.
    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        check!(
            outcome,
            !self.added.is_empty(),
            "the overlay adds no function to rust/: the two builds are of one tree"
        );
        for one in &self.added {
            check!(
                outcome,
                one.exported || one.reached_from.is_some(),
                "{}: {} bytes of text that nothing can call are in every kernel: make it #[inline]",
                one.function,
                one.bytes
            );
        }
        outcome
    }

    /// Bytes of text without the overlay, and how many it adds.
    fn text_bytes(&self) -> (u64, u64) {
        let sum = |of: fn(&Sizes) -> u64| self.objects.values().map(of).sum::<u64>();
        let (before, after) = (sum(|of| of.text_without), sum(|of| of.text_with));
        (before, after.saturating_sub(before))
    }

    pub fn line(&self) -> String {
        let (before, added) = self.text_bytes();
        format!(
            "A kernel in which nothing uses the abstraction has {added} bytes of text more for it in `rust/` ({before} \
             before), all of them functions that are exported or called by those."
        )
    }

    pub fn tables(&self) -> [Table; 2] {
        let objects = self.objects.iter().map(|(name, of)| {
            let more = |with: u64, without: u64| format!("{:+}", with as i64 - without as i64);
            let added = more(of.text_with, of.text_without);
            cells![
                name,
                of.text_with,
                of.text_without,
                added,
                more(of.data_with, of.data_without)
            ]
        });
        let largest = self.added.iter().take(SHOWN).map(|one| {
            let how = if one.exported { "exported" } else { "called" };
            cells![one.function, one.bytes, how]
        });
        let grown = self.grown.iter();
        let grown = grown.map(|(function, more)| cells![function, format!("{more:+}"), "changed"]);
        let (count, bytes) = (
            self.added.len(),
            self.added.iter().map(|one| one.bytes).sum::<u64>(),
        );
        let exported = self.added.iter().filter(|one| one.exported).count();
        [
            Table::new(
                "bytes that the overlay adds to a kernel in which nothing uses it",
                "rust/ | text | before | added | data",
                objects,
            ),
            Table::new(
                format!(
                    "{count} functions of {bytes} bytes, {exported} of them exported, the largest:"
                ),
                "function | bytes | ",
                largest.chain(grown),
            ),
        ]
    }
}

/// Bytes by object and section.
type Sections<'a> = BTreeMap<&'a str, &'a BTreeMap<String, u64>>;

/// `RUST_VMA=n` gives the kernel that there is without the overlay: every section of every object below rust/ has the same
/// size. Contents may differ where they hold the line numbers of a file that has insertions. Returns what is to be shown,
/// too.
pub fn judge_option(with: &Tree, without: &Tree) -> Result<(Outcome, String)> {
    let read = |tree: &Tree, name| fs::read(tree.out.join("rust").join(name));
    let mut changed = Vec::new();
    for name in BINDINGS {
        if read(with, name)? != read(without, name)? {
            changed.push(name);
        }
    }
    let (with, without) = (sections(with), sections(without));
    let total = |of: &Sections| of.values().flat_map(|of| of.values()).sum::<u64>();
    let said = format!(
        "RUST_VMA=n: {} objects below rust/ of {} bytes, {} without the overlay\n",
        with.len(),
        total(&with),
        total(&without)
    );
    Ok((judge_sections(&with, &without, &changed), said))
}

fn sections(tree: &Tree) -> Sections<'_> {
    let objects = tree.objects.iter();
    objects
        .map(|(name, object)| (&**name, &object.sections))
        .collect()
}

fn judge_sections(with: &Sections, without: &Sections, bindings: &[&str]) -> Outcome {
    let mut outcome = Outcome::default();
    check!(
        outcome,
        without.contains_key("kernel.o"),
        "RUST_VMA=n: no kernel.o to compare"
    );
    outcome.check(bindings.is_empty(), || {
        let bindings = bindings.join(" and rust/");
        format!("RUST_VMA=n: rust/{bindings} are not those without the overlay")
    });
    let none = &BTreeMap::new();
    for name in with.keys().chain(without.keys()).sorted().dedup() {
        let (now, before) = (
            with.get(name).unwrap_or(&none),
            without.get(name).unwrap_or(&none),
        );
        let sections = now.keys().chain(before.keys()).sorted().dedup();
        let mut changed = sections
            .filter(|one| now.get(*one) != before.get(*one))
            .map(|one| {
                let bytes = |of: &BTreeMap<String, u64>| of.get(one).copied().unwrap_or(0);
                format!("{one} has {} bytes, not {}", bytes(now), bytes(before))
            });
        let changed = changed.join(", ");
        check!(
            outcome,
            changed.is_empty(),
            "RUST_VMA=n: rust/{name} is not the one without the overlay: {changed}"
        );
    }
    outcome
}

#[cfg(test)]
#[rustfmt::skip] // A case of a table is a line.
mod tests {
    use super::*;
    use crate::code::facts::Named;
    use crate::code::object::Object;

    const LOCK: &str = "kernel::mm::vma::scope::lock";
    const PANIC: &str = "core::panicking::panic";

    fn figure(calls: &[&str], traps: usize, stack: u64) -> Option<Figure> {
        let calls = calls.iter().map(|name| (name.to_string(), LOCK.to_string()));
        Some(Figure { instructions: 7, bytes: 30, stack, calls: calls.collect(), traps, ..Figure::default() })
    }

    fn read(c: Option<Figure>, rust: Option<Figure>) -> Primitives {
        let upstream = None;
        [("read".to_string(), Sides { c, rust, upstream })].into()
    }

    fn entry(kind: &str, name: &str, callee: &str, reason: &str) -> String {
        format!("[[{kind}]]\nfrom = ['{name}']\ncallee = '{callee}'\nreason = '{reason}'\n")
    }

    /// Of primitives, and of one function with what it names.
    fn failures(primitives: &Primitives, path: &str, names: &[&str], source: &str) -> Vec<String> {
        let mut allowed = Allowed::parse(source).unwrap();
        let names = names.iter().map(|name| name.to_string()).collect();
        let mut outcome = judge_primitives(primitives, &mut allowed);
        outcome.add(judge_panics(&[(path.to_string(), names)].into(), &mut allowed).0);
        outcome.add(allowed.judge());
        outcome.failures
    }

    #[test]
    fn every_fault_of_code_fails() {
        let plain = || figure(&[], 0, 8);
        let calls = |names: &[&str]| figure(names, 0, 8);
        let extra = format!("read: Rust calls what C does not: memcpy ({LOCK}), ud2 (1 times, C 0 times): write");
        let calls_panic = format!("read: Rust calls what C does not: {PANIC} ({LOCK}): write");
        let can_panic = format!("{LOCK} can panic, by {PANIC}: ");
        let both = entry("call", "read", PANIC, "x") + &entry("panic", LOCK, PANIC, "x");
        let memcpy = entry("call", "read", "memcpy", "x");
        let unneeded = "calls.toml: [[call]] memset: read does not need it: remove it";
        let unsaid = "calls.toml: [[call]] memcpy: for whom and why is not said";
        let calls_memcpy = "read: Rust calls what C does not: memcpy";
        let none = "no function of kernel::mm::vma is in the objects";
        let deep = "[[stack]]\nfrom = ['read']\nreason = 'x'\n";
        for (primitives, path, names, source, said) in [
            (read(calls(&["down_read", "wake"]), calls(&["down_read"])), LOCK, &[][..], "", &[][..]),
            (read(plain(), figure(&["memcpy"], 1, 8)), LOCK, &[], "", &[&*extra]),
            (read(plain(), calls(&[PANIC])), LOCK, &["f", PANIC], "", &[&calls_panic, &can_panic]),
            (read(plain(), calls(&[PANIC])), LOCK, &[PANIC], &both, &[]),
            (read(plain(), plain()), "kernel::mm::f", &[], "", &[none]),
            (
                read(plain(), calls(&["memcpy"])),
                LOCK,
                &[],
                &*(memcpy.clone() + &entry("call", "read", "memset", "x")),
                &[unneeded],
            ),
            (read(plain(), calls(&["memcpy"])), LOCK, &[], &memcpy.replace("= 'x'", "= ' '"), &[unsaid]),
            (
                read(plain(), calls(&["memcpy"])),
                LOCK,
                &[],
                &memcpy.replace("read", "other"),
                &[calls_memcpy, "calls.toml: [[call]] memcpy: other does not need it"],
            ),
            (
                read(plain(), calls(&["memcpy"])),
                LOCK,
                &[],
                &memcpy.replace("call]", "panic]"),
                &[calls_memcpy, "calls.toml: [[panic]] memcpy: read does not need it"],
            ),
            (read(plain(), None), LOCK, &[], "", &["read: there is no such primitive in Rust"]),
            (read(None, plain()), LOCK, &[], "", &["read: there is no such primitive in C"]),
            (Primitives::new(), LOCK, &[], "", &["no primitive is in the objects of the benchmark"]),
            // Stack may differ by saved registers.
            (read(plain(), figure(&[], 0, 40)), LOCK, &[], "", &[]),
            (read(plain(), figure(&[], 0, 48)), LOCK, &[], "", &["read: Rust takes 48 bytes of stack, C 8: "]),
            (read(plain(), figure(&[], 0, 48)), LOCK, &[], deep, &[]),
        ] {
            let failures = failures(&primitives, path, names, source);
            let is_said = failures.iter().zip(said).all(|(failure, said)| failure.starts_with(said));
            assert!(failures.len() == said.len() && is_said, "{failures:?}");
        }
        for malformed in ["[[calls]]\nx = 1\n", "[[call]]\nfrom = ['a']\n"] {
            assert!(Allowed::parse(malformed).is_err());
        }
    }

    #[test]
    fn panics_and_ours_are_known_by_name() {
        let panics = Regex::new(PANICS).unwrap();
        for (name, is_panic) in [
            ("core::panicking::panic_const::panic_const_add_overflow", true),
            ("core::slice::index::slice_index_fail", true),
            ("core::option::unwrap_failed", true),
            ("rust_build_error", true),
            ("__stack_chk_fail", false),
            ("core::fmt::write", false),
        ] {
            assert_eq!(panics.is_match(name), is_panic, "{name}");
        }
        let callbacks = "kernel::mm::vma::driver::operations::callbacks::Callbacks";
        for (path, expected) in [
            ("kernel::mm::vma::field::name::write_name", true),
            ("<kernel::mm::vma::pin::Pins<kernel::mm::vma::pin::ReadOnly>>::page", true),
            (&format!("<{callbacks}<rust_vma_buffer::Ops>>::open"), false),
            ("<kernel::mm::vma::field::flags::VmaFlag as core::fmt::Debug>::fmt", false),
            ("kernel::mm::vma::tests::name::long", false),
        ] {
            assert_eq!(is_ours(path), expected, "{path}");
        }
    }

    #[test]
    fn the_table_has_every_primitive() {
        let table = primitives_table(&read(figure(&[], 0, 0), figure(&[], 0, 16)));
        assert_eq!(table.rows[0].join(" "), "read 7 7 - 30 30 - 0 16 - 0");
    }

    /// Functions with their bytes and what they name.
    fn tree(functions: &[(&str, u64, &[&str])]) -> Tree {
        let mut object = Object::default();
        object.text = functions.iter().map(|(_, bytes, _)| bytes).sum();
        let named = |(name, bytes, names): &(&str, u64, &[&str])| {
            let named = Named {
                path: name.to_string(),
                bytes: *bytes,
                names: names.iter().map(|name| name.to_string()).collect(),
            };
            (name.to_string(), named)
        };
        Tree {
            objects: [("kernel.o".to_string(), object)].into(),
            functions: functions.iter().map(named).collect(),
            ..Tree::default()
        }
    }

    #[test]
    fn added_functions_are_told_from_grown_ones() {
        let without = tree(&[("old", 16, &[]), ("grows", 16, &[])]);
        let new = [("new", 40, &["inner"][..]), ("inner", 8, &["named"]), ("named", 8, &[])];
        let with = tree(&[&[("old", 16, &[][..]), ("grows", 24, &[])], &new[..]].concat());
        let exported = ["old", "grows", "new"].map(str::to_string).into();
        let unused = Unused::of(&with, &without, &exported);
        assert_eq!((unused.judge().failed, unused.text_bytes()), (0, (32, 64)));
        let [objects, functions] = unused.tables();
        assert_eq!(objects.rows[0].join(" "), "kernel.o 96 32 +64 +0");
        assert_eq!(functions.caption, "3 functions of 56 bytes, 1 of them exported, the largest:");
        let rows = functions.rows.iter().map(|row| row.join(" ")).collect_vec();
        assert_eq!(rows, ["new 40 exported", "inner 8 called", "named 8 called", "grows +8 changed"]);
    }

    #[test]
    fn text_that_nothing_can_call_fails() {
        let without = tree(&[("old", 16, &[])]);
        let with = tree(&[("old", 16, &[]), ("lost", 40, &["found"]), ("found", 8, &[])]);
        let exported = BTreeSet::from(["old".to_string()]);
        let failures = Unused::of(&with, &without, &exported).judge().failures;
        assert!(failures.len() == 2 && failures[0].starts_with("lost: 40 bytes of text that nothing can call"));
        let same = Unused::of(&without, &without, &exported).judge().failures;
        assert!(same[0].contains("of one tree"));
        let names = super::exported("EXPORT_SYMBOL_RUST_GPL(_RNv3abc);\n#if 0\n");
        assert_eq!(names.collect_vec(), ["_RNv3abc"]);
    }

    #[test]
    fn grown_section_or_new_object_fails() {
        let sizes = |text| BTreeMap::from([(".text".to_string(), text), (".rodata".to_string(), 8)]);
        let (same, more) = (sizes(16), sizes(24));
        let changed = "kernel.o is not the one without the overlay: .text has 24 bytes, not 16";
        let new =
            "rust/new.o is not the one without the overlay: .rodata has 8 bytes, not 0, .text has 16 bytes, not 0";
        for (with, said) in [
            (Sections::from([("kernel.o", &same)]), None),
            (Sections::from([("kernel.o", &more)]), Some(changed)),
            (Sections::from([("kernel.o", &same), ("new.o", &same)]), Some(new)),
        ] {
            let failures = judge_sections(&with, &[("kernel.o", &same)].into(), &[]).failures;
            assert_eq!(failures.len(), usize::from(said.is_some()));
            assert!(failures.concat().contains(said.unwrap_or("")), "{failures:?}");
        }
        let none = Sections::new();
        let failures = judge_sections(&none, &none, &BINDINGS[1..]).failures;
        assert!(failures[0].contains("no kernel.o"));
        assert!(failures[1].contains("rust/bindings/bindings_helpers_generated.rs are not"));
    }
}
