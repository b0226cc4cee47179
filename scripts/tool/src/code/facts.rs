// SPDX-License-Identifier: GPL-2.0

//! The facts of functions and objects that are judged.

use super::object::{Function, Object, demangle};
use super::primitives::At;
use super::stack;
use crate::judge::code::OBJECTS;
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::report::Outcome;
use anyhow::{Context, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The name of a computed call.
const COMPUTED: &str = "a function pointer";
pub const HELPER: &str = "rust_helper_";

/// The kernel's own assertions of what a level says it holds, each with a helper around it.
const ASSERTIONS: [&str; 7] = [
    "mmap_assert_locked",
    "mmap_assert_write_locked",
    "vma_assert_locked",
    "vma_assert_write_locked",
    "vma_assert_stabilised",
    "vma_assert_rmap_locked",
    "vma_assert_rmap_write_locked",
];

/// A kernel with DEBUG_VM calls every assertion of a lock level; one without calls none.
pub fn assertions(kernel: &Kernel, config: Config) -> Result<Outcome> {
    let out = kernel.places.out(config.name);
    let dot_config =
        fs::read_to_string(out.join(".config")).context("the kernel has no .config")?;
    let expected = dot_config.lines().any(|line| line == "CONFIG_DEBUG_VM=y");
    let object = Object::read(&out.join("rust/kernel.o"))?;
    let calls = object.functions.iter().flat_map(|f| f.calls().flatten());
    Ok(judge_assertions(
        config.name,
        expected,
        &calls.collect::<Vec<_>>(),
    ))
}

fn judge_assertions(config: &str, expected: bool, calls: &[&str]) -> Outcome {
    let mut outcome = Outcome::default();
    for name in ASSERTIONS {
        let is_this = |call: &&&str| call.strip_prefix(HELPER) == Some(name);
        let called = calls.iter().filter(is_this).count();
        outcome.check((called > 0) == expected, || match expected {
            true => format!("{config}: has DEBUG_VM and never calls {name}()"),
            false => format!("{config}: has no DEBUG_VM and calls {name}() {called} times"),
        });
    }
    outcome
}

/// Of a function with all of the same driver and of the abstraction that it comes to; calls and traps are those of all.
#[derive(Default, Serialize)]
pub struct Figure {
    pub instructions: u64,
    pub bytes: u64,
    pub stack: u64,
    /// Places, counted for each way to them.
    pub helper_calls: u64,
    /// Callees that are not ours or cannot be seen, with the function of ours that calls them.
    pub calls: BTreeMap<String, String>,
    pub traps: usize,
    pub functions: Vec<String>,
}

impl Figure {
    pub fn of(at: At) -> Result<Self> {
        let (all, ours) = (at.reach(), at.ours());
        Ok(Self {
            instructions: ours.iter().map(|at| at.function.code.len() as u64).sum(),
            bytes: ours.iter().map(|at| at.function.bytes).sum(),
            stack: stack::deepest(at)?,
            helper_calls: helper_calls(at),
            calls: callees(&all),
            traps: all.iter().map(|at| at.function.traps()).sum(),
            functions: ours.iter().map(|at| at.function.path()).collect(),
        })
    }
}

fn callees(all: &[At]) -> BTreeMap<String, String> {
    let mut callees = BTreeMap::new();
    for at in all {
        for name in at.function.calls() {
            let callee = match name {
                None => COMPUTED.to_string(),
                Some(name) if at.find(name).is_some() => continue,
                Some(name) => demangle(name),
            };
            callees.entry(callee).or_insert_with(|| at.function.path());
        }
    }
    callees
}

/// How many calls of helpers stand on the ways through a function and those of ours that it calls, counted for each
/// place that calls them. It is no less than what a run without loops can do.
pub fn helper_calls(from: At) -> u64 {
    fn sites(at: At, path: &mut Vec<*const Function>) -> u64 {
        if path.contains(&(at.function as *const _)) {
            return 0;
        }
        path.push(at.function);
        let names = at.function.calls().flatten();
        let count = names.map(|name| match at.find(name) {
            _ if name.starts_with(HELPER) => 1,
            Some(found) => sites(found, path),
            None => 0,
        });
        let count = count.sum();
        path.pop();
        count
    }
    sites(from, &mut Vec::new())
}

/// The directory rust/ of a build: its objects, and the functions of those in which text of ours can be.
#[derive(Default)]
pub struct Tree {
    pub out: PathBuf,
    pub objects: BTreeMap<String, Object>,
    /// By linker name.
    pub functions: BTreeMap<String, Named>,
}

pub struct Named {
    pub path: String,
    pub bytes: u64,
    /// All symbols that it names.
    pub names: Vec<String>,
}

impl Tree {
    pub fn read(out: &Path) -> Result<Self> {
        let mut tree = Self {
            out: out.to_path_buf(),
            ..Self::default()
        };
        for sub in ["", "helpers/"] {
            let dir = out.join("rust").join(sub);
            let entries = fs::read_dir(&dir);
            for entry in entries.with_context(|| format!("{}: cannot be read", dir.display()))? {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if name.ends_with(".o") {
                    let object = Object::read(&path)?;
                    tree.objects.insert(format!("{sub}{name}"), object);
                }
            }
        }
        // Helpers have no object where they are inlined.
        for object in OBJECTS.iter().filter_map(|name| tree.objects.get(*name)) {
            tree.functions.extend(object.functions.iter().map(|f| {
                let named = Named {
                    path: f.path(),
                    bytes: f.bytes,
                    names: f.names().map(str::to_string).collect(),
                };
                (f.name.clone(), named)
            }));
        }
        Ok(tree)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Op, RET, UD2, object};
    use super::super::primitives::Code;
    use super::*;

    const PRIM: &str = "_RNvNtCs1_5bench4ours9prim_read";
    const CRATE: &str = "_RNvNtNtNtCs1_6kernel2mm3vma5scope4lock";

    /// The facts of functions that call: each a name and its callees, of which "ud2" is an instruction.
    fn figure(functions: &[(&str, &[&'static str])]) -> Figure {
        let ops = |callees: &[&'static str]| -> Vec<Op> {
            let op = |name: &&'static str| if *name == "ud2" { UD2 } else { Op::Call(name) };
            callees.iter().map(op).chain([RET]).collect()
        };
        let all = functions
            .iter()
            .map(|(name, callees)| (*name, ops(callees)));
        let all: Vec<_> = all.collect();
        let all: Vec<_> = all.iter().map(|(name, ops)| (*name, &ops[..])).collect();
        let (c, rust) = (Vec::new(), vec![object(&all)]);
        let code = Code { c, rust };
        Figure::of(code.primitives()["read"]["rust"]).unwrap()
    }

    #[test]
    fn calls_through_ours_count_for_the_primitive() {
        let found = figure(&[
            (PRIM, &[CRATE, "rust_helper_wake"]),
            (CRATE, &["down_read", "memcpy", "ud2"]),
            ("rust_helper_wake", &["wake"]),
        ]);
        let calls: Vec<(&str, &str)> = found.calls.iter().map(|(a, b)| (&**a, &**b)).collect();
        let lock = "kernel::mm::vma::scope::lock";
        let expected = [
            ("down_read", lock),
            ("memcpy", lock),
            ("wake", "rust_helper_wake"),
        ];
        assert_eq!(
            (&calls[..], found.traps, found.helper_calls),
            (&expected[..], 1, 1)
        );
    }

    #[test]
    fn assertions_are_called_with_debug_vm_only() {
        let all = ASSERTIONS.map(|name| format!("{HELPER}{name}"));
        let all: Vec<&str> = all.iter().chain(&all).map(String::as_str).collect();
        assert_eq!(judge_assertions("x", true, &all).failed, 0);
        assert_eq!(judge_assertions("x", false, &[]).failed, 0);
        let failures = judge_assertions("x", false, &all).failures;
        let said = failures[2].ends_with("calls vma_assert_locked() 2 times");
        assert!(said, "{failures:?}");
        assert_eq!(judge_assertions("x", true, &[]).failed, ASSERTIONS.len());
    }

    #[test]
    fn helpers_are_counted_for_each_way_to_them() {
        let found = figure(&[
            (PRIM, &[CRATE, CRATE, "rust_helper_a"]),
            (CRATE, &["rust_helper_b", "down_read"]),
            ("rust_helper_a", &["rust_helper_b"]),
        ]);
        assert_eq!(found.helper_calls, 3);
    }
}
