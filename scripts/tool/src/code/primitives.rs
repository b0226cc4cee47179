// SPDX-License-Identifier: GPL-2.0

//! The primitives that are timed: one function in each language, of one name. Which object has them, and which other
//! functions of ours they come to.

use super::object::{Function, Object};
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use anyhow::{Context, Result};
use heck::ToKebabCase;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The directory of the drivers, and that of the functions that are compared.
const SAMPLES: &str = "samples/rust/vma";
const BENCH: &str = "samples/rust/vma/bench";
const PREFIX: &str = "prim_";
/// Of which the functions are that C calls, in the driver that is measured.
const CALLBACKS: &str = "::Callbacks<rust_vma_bench::";

/// The objects of both languages, of which functions are followed into each other.
pub struct Code {
    pub c: Vec<Object>,
    pub rust: Vec<Object>,
}

/// A function and where it stands, which says what the local names in it mean.
#[derive(Clone, Copy)]
pub struct At<'a> {
    world: &'a [Object],
    object: &'a Object,
    pub function: &'a Function,
}

impl Code {
    pub fn read(kernel: &Kernel, config: Config) -> Result<Self> {
        let out = kernel.places.out(config.name);
        let (mut c, mut rust) = (Vec::new(), Vec::new());
        for path in built(&out)?.iter().filter(|path| is_object(path)) {
            let is_c = is_timed(path) && name(path).starts_with("vma_bench");
            let world = if is_c { &mut c } else { &mut rust };
            world.push(Object::read(path)?);
        }
        rust.push(Object::read(&out.join("rust/kernel.o"))?);
        // Calls of its own where helpers are not inlined.
        let helpers = out.join("rust/helpers/helpers.o");
        if helpers.exists() {
            rust.push(Object::read(&helpers)?);
        }
        Ok(Self { c, rust })
    }

    /// All functions with their language, of which one is Rust with upstream's own API.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, At<'_>)> {
        let rust = functions(&self.rust).map(|at| match at.function.path() {
            path if path.contains("::upstream::") => ("upstream", at),
            _ => ("rust", at),
        });
        functions(&self.c).map(|at| ("c", at)).chain(rust)
    }

    /// By the name that the figures have, and by language.
    pub fn primitives(&self) -> BTreeMap<String, BTreeMap<&'static str, At<'_>>> {
        let mut all: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (language, at) in self.all() {
            if let Some(name) = primitive(at.function) {
                all.entry(name).or_default().insert(language, at);
            }
        }
        all
    }
}

fn functions(world: &[Object]) -> impl Iterator<Item = At<'_>> {
    world.iter().flat_map(move |object| {
        let at = move |function| At {
            world,
            object,
            function,
        };
        object.functions.iter().map(at)
    })
}

/// The primitive that a function is: by its own name, or by that of the operations whose fault handler it is.
fn primitive(function: &Function) -> Option<String> {
    let path = function.path();
    if let Some(rest) = path.strip_suffix(">>::fault") {
        let operations = rest.rsplit("::").next()?;
        return path.contains(CALLBACKS).then(|| operations.to_kebab_case());
    }
    let name = path.rsplit("::").next()?.strip_prefix(PREFIX)?;
    // A part that was split off has a dot in its name.
    (!name.contains('.')).then(|| name.replace('_', "-"))
}

impl<'a> At<'a> {
    /// The function of ours that a name in this one stands for: one of the same object, else of another.
    pub fn find(&self, name: &str) -> Option<At<'a>> {
        let objects = std::iter::once(self.object).chain(self.world);
        let mut found = objects.filter_map(|object| Some((object, object.function(name)?)));
        let (object, function) = found.next()?;
        Some(At {
            world: self.world,
            object,
            function,
        })
    }

    /// The file that has the function.
    pub fn file(&self) -> &'a Path {
        &self.object.path
    }

    /// Those of them that are of the same driver or of the abstraction, and not of the rest of the crate.
    pub fn ours(&self) -> Vec<At<'a>> {
        let mut reached = self.reach();
        reached.retain(|found| found.is_ours_beside(*self));
        reached
    }

    /// Returns true if it is of the same driver, or of the abstraction.
    pub fn is_ours_beside(&self, other: At) -> bool {
        std::ptr::eq(self.object, other.object) || self.is_of_the_abstraction()
    }

    /// Returns true if it is in `kernel::mm::vma`, wherever it was compiled.
    pub fn is_of_the_abstraction(&self) -> bool {
        let path = self.function.path();
        path.starts_with("kernel::mm::vma::") || path.starts_with("<kernel::mm::vma::")
    }

    /// This function and all of ours that it comes to, each once.
    pub fn reach(&self) -> Vec<At<'a>> {
        let mut reached = vec![*self];
        let mut next = 0;
        while let Some(at) = reached.get(next).copied() {
            for found in at
                .function
                .calls()
                .flatten()
                .filter_map(|name| at.find(name))
            {
                let is_new = |r: &At| !std::ptr::eq(r.function, found.function);
                if reached.iter().all(is_new) {
                    reached.push(found);
                }
            }
            next += 1;
        }
        reached
    }
}

/// An object that a compiler made.
fn is_object(path: &Path) -> bool {
    path.extension().is_some_and(|x| x == "o") && !name(path).ends_with(".mod.o")
}

/// A file of the functions that are timed.
fn is_timed(path: &Path) -> bool {
    path.parent().is_some_and(|dir| dir.ends_with(BENCH))
}

/// The files that were built of each sample driver, in its directory, sorted; none where there are no drivers.
fn built(out: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for dir in entries(&out.join(SAMPLES))?
        .iter()
        .filter(|dir| dir.is_dir())
    {
        files.extend(entries(dir)?);
    }
    files.sort();
    Ok(files)
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(dir).and_then(|all| all.map(|entry| Ok(entry?.path())).collect());
    entries.with_context(|| format!("{}: cannot be read", dir.display()))
}

/// Bytes of text of each sample driver, except for those that are timed: of modules where the kernel has them, else of
/// the objects that are linked into it.
pub fn samples_text(out: &Path) -> Result<BTreeMap<String, u64>> {
    let mut sizes = BTreeMap::new();
    // `.ko` before `.o`.
    for path in built(out)?.iter().filter(|path| !is_timed(path)) {
        match name(path).split_once('.') {
            Some((stem, "ko" | "o")) if !sizes.contains_key(stem) => {
                sizes.insert(stem.to_string(), Object::read(path)?.text);
            }
            _ => (),
        }
    }
    Ok(sizes)
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{RET, object};
    use super::*;

    #[test]
    fn lists_samples_that_are_not_timed() {
        let out = tempfile::tempdir().unwrap();
        let samples = out.path().join(SAMPLES);
        for file in [
            "first/b.ko",
            "first/a.mod.o",
            "first/a.o",
            "bench/c.o",
            "x.o",
        ] {
            fs::create_dir_all(samples.join(file).parent().unwrap()).unwrap();
            fs::write(samples.join(file), "").unwrap();
        }
        let names = |of: fn(&Path) -> bool| -> Vec<String> {
            let found = built(out.path()).unwrap().into_iter();
            found
                .filter(|path| of(path))
                .map(|path| name(&path))
                .collect()
        };
        assert_eq!(names(|path| !is_timed(path)), ["a.mod.o", "a.o", "b.ko"]);
        assert_eq!(names(is_object), ["c.o", "a.o"]);
        assert!(built(&out.path().join("none")).unwrap().is_empty());
    }

    #[test]
    fn primitives_are_known_by_their_names() {
        let object = |name: &str| object(&[(name, &[RET])]);
        let handler = "_RNvMNtNtNtNtCs1_6kernel2mm3vma6driver9callbacksINtB2_9Callbacks\
                       NtNtCs2_14rust_vma_bench5pages9FaultPageE5fault";
        let code = Code {
            c: ["prim_read_end", "prim_fault_page", "prim_peek.cold"]
                .map(object)
                .into(),
            rust: [
                "_RNvNtCs2_14rust_vma_bench6fields13prim_read_end",
                "_RNvNtCs2_14rust_vma_bench8upstream13prim_read_end",
                handler,
            ]
            .map(object)
            .into(),
        };
        let primitives = code.primitives();
        let names: Vec<&str> = primitives.keys().map(String::as_str).collect();
        assert_eq!(names, ["fault-page", "read-end"]);
        let upstream = primitives["read-end"]["upstream"].function.path();
        assert_eq!(upstream, "rust_vma_bench::upstream::prim_read_end");
        let languages: Vec<&str> = primitives["fault-page"].keys().copied().collect();
        assert_eq!(languages, ["c", "rust"]);
    }
}
