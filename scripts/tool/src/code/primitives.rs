// SPDX-License-Identifier: GPL-2.0

//! The primitives that are timed: one function in each language, of one name. Which object has them, and which other
//! functions of ours they come to.

use super::calls::is_in_the_abstraction;
use super::object::{Function, Object};
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the functions that are compared are built.
pub const BENCH: &str = "samples/rust/vma/bench";
const PREFIX: &str = "prim_";
/// Of which the functions are that C calls, in the driver that is measured.
const CALLBACKS: &str = "::Callbacks<rust_vma_bench::";

/// The code of both languages.
pub struct Code {
    c: World,
    rust: World,
}

/// Objects of which functions are followed into each other.
#[derive(Default)]
pub struct World {
    objects: Vec<Object>,
}

/// A primitive's functions.
#[derive(Clone, Copy, Default)]
pub struct Primitive<'a> {
    pub c: Option<At<'a>>,
    pub rust: Option<At<'a>>,
    pub upstream: Option<At<'a>>,
}

/// A function and where it stands, which says what the local names in it mean.
#[derive(Clone, Copy)]
pub struct At<'a> {
    world: &'a World,
    object: usize,
    pub function: &'a Function,
}

impl Code {
    pub fn read(kernel: &Kernel, config: Config) -> Result<Self> {
        let out = kernel.places.out(config.name);
        let mut c = World::default();
        let mut rust = World::default();
        for path in objects(&out.join(BENCH))? {
            let is_c = name(&path).starts_with("vma_bench");
            let world = if is_c { &mut c } else { &mut rust };
            world.objects.push(Object::read(&path)?);
        }
        rust.objects.push(Object::read(&out.join("rust/kernel.o"))?);
        // Calls of its own where helpers are not inlined.
        let helpers = out.join("rust/helpers/helpers.o");
        if helpers.exists() {
            rust.objects.push(Object::read(&helpers)?);
        }
        for path in samples(&out)?.into_iter().filter(|path| is_object(path)) {
            rust.objects.push(Object::read(&path)?);
        }
        Ok(Self { c, rust })
    }

    #[cfg(test)]
    pub fn of(c: Vec<Object>, rust: Vec<Object>) -> Self {
        Self {
            c: World { objects: c },
            rust: World { objects: rust },
        }
    }

    /// By the name that the figures have.
    pub fn primitives(&self) -> BTreeMap<String, Primitive<'_>> {
        let mut all: BTreeMap<String, Primitive> = BTreeMap::new();
        for at in self.c() {
            if let Some(name) = primitive(at.function) {
                all.entry(name).or_default().c = Some(at);
            }
        }
        for at in self.rust() {
            if let Some(name) = primitive(at.function) {
                let entry = all.entry(name).or_default();
                match is_upstream(at.function) {
                    true => entry.upstream = Some(at),
                    false => entry.rust = Some(at),
                }
            }
        }
        all
    }

    pub fn c(&self) -> impl Iterator<Item = At<'_>> {
        self.c.functions()
    }

    pub fn rust(&self) -> impl Iterator<Item = At<'_>> {
        self.rust.functions()
    }
}

/// Returns true if a function uses upstream's own API.
pub fn is_upstream(function: &Function) -> bool {
    function.path().contains("::upstream::")
}

/// The primitive that a function is: by its own name, or by that of the operations whose fault handler it is.
fn primitive(function: &Function) -> Option<String> {
    let path = function.path();
    if let Some(rest) = path.strip_suffix(">>::fault") {
        let operations = rest.rsplit("::").next()?;
        return path.contains(CALLBACKS).then(|| with_hyphens(operations));
    }
    let name = path.rsplit("::").next()?.strip_prefix(PREFIX)?;
    // A part that was split off has a dot in its name.
    (!name.contains('.')).then(|| name.replace('_', "-"))
}

/// `FaultPage` as `fault-page`.
fn with_hyphens(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.extend(c.to_lowercase());
    }
    text
}

impl World {
    fn functions(&self) -> impl Iterator<Item = At<'_>> {
        self.objects
            .iter()
            .enumerate()
            .flat_map(move |(object, o)| {
                o.functions.iter().map(move |function| At {
                    world: self,
                    object,
                    function,
                })
            })
    }

    /// Resolves a name in an object: its own function, else that of another.
    fn find(&self, object: usize, name: &str) -> Option<At<'_>> {
        let at = |object: usize| {
            let function = self.objects[object].function(name)?;
            Some(At {
                world: self,
                object,
                function,
            })
        };
        at(object).or_else(|| (0..self.objects.len()).find_map(at))
    }
}

impl<'a> At<'a> {
    /// The function of ours that a name in this one stands for.
    pub fn find(&self, name: &str) -> Option<At<'a>> {
        self.world.find(self.object, name)
    }

    /// The file that has the function.
    pub fn file(&self) -> &'a Path {
        &self.world.objects[self.object].path
    }

    /// Those of them that are of the same driver or of the abstraction, and not of the rest of the crate.
    pub fn ours(&self) -> Vec<At<'a>> {
        let mut reached = self.reach();
        reached.retain(|found| found.is_ours_beside(*self));
        reached
    }

    /// Returns true if it is of the same driver, or of the abstraction.
    pub fn is_ours_beside(&self, other: At) -> bool {
        self.object == other.object || is_in_the_abstraction(&self.function.path())
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

/// The objects of a directory that a compiler made, in order; none where there is no such directory.
fn objects(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = entries(dir)?;
    files.retain(|path| is_object(path));
    Ok(files)
}

fn is_object(path: &Path) -> bool {
    path.extension().is_some_and(|x| x == "o") && !name(path).ends_with(".mod.o")
}

/// The files that were built of each sample driver, without those that are timed.
pub fn samples(out: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for dir in entries(&out.join("samples/rust/vma"))? {
        if dir.is_dir() && dir != out.join(BENCH) {
            files.extend(entries(&dir)?);
        }
    }
    Ok(files)
}

/// Returns the entries of a directory, sorted.
fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let entries =
        fs::read_dir(dir).with_context(|| format!("{}: cannot be read", dir.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
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
        for file in [
            "first/b.ko",
            "first/a.mod.o",
            "first/a.o",
            "bench/c.o",
            "built-in.a",
        ] {
            let path = out.path().join("samples/rust/vma").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = samples(out.path()).unwrap();
        assert_eq!(
            found.iter().map(|path| name(path)).collect::<Vec<_>>(),
            ["a.mod.o", "a.o", "b.ko"]
        );
        let objects: Vec<_> = found.iter().filter(|path| is_object(path)).collect();
        assert_eq!(objects, [&out.path().join("samples/rust/vma/first/a.o")]);
        assert!(samples(&out.path().join("none")).unwrap().is_empty());
    }

    #[test]
    fn primitives_are_known_by_their_names() {
        let object = |name: &str| object(&[(name, &[RET])]);
        let handler = "_RNvMNtNtNtNtCs1_6kernel2mm3vma6driver9callbacksINtB2_9Callbacks\
                       NtNtCs2_14rust_vma_bench5pages9FaultPageE5fault";
        let code = Code::of(
            vec![
                object("prim_read_end"),
                object("prim_fault_page"),
                object("prim_peek.cold"),
            ],
            vec![
                object("_RNvNtCs2_14rust_vma_bench6fields13prim_read_end"),
                object("_RNvNtCs2_14rust_vma_bench8upstream13prim_read_end"),
                object(handler),
            ],
        );
        let primitives = code.primitives();
        let names: Vec<&str> = primitives.keys().map(String::as_str).collect();
        assert_eq!(names, ["fault-page", "read-end"]);
        let upstream = primitives["read-end"].upstream.unwrap().function.path();
        assert_eq!(upstream, "rust_vma_bench::upstream::prim_read_end");
        assert!(primitives["fault-page"].rust.is_some() && primitives["fault-page"].c.is_some());
    }
}
