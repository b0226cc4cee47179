// SPDX-License-Identifier: GPL-2.0

//! The methods of the guards, in transitions.toml: they are those of the source, with their signatures, and guards.pml
//! has a step for each, with its receiver and its bound.

use anyhow::{Context, Result};
use fs_err as fs;
use lock_table::transitions::{self, Transition};
use regex_lite::Regex;
use serde::Deserialize;
use std::path::Path;

/// The content of transitions.toml.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transitions {
    transition: Vec<Transition>,
}

/// A step of the model.
#[derive(Debug, PartialEq)]
struct Step {
    method: String,
    receiver: String,
    bound: String,
}

/// Returns the differences between the source, transitions.toml and guards.pml.
pub fn problems(repo: &Path) -> Result<Vec<String>> {
    let models = repo.join("scripts/model");
    let text = fs::read_to_string(models.join("transitions.toml"))?;
    let written = read(&text)?;
    let mut problems = transitions::problems(&repo.join("rust/kernel/mm/vma"), &written)?;
    let model = fs::read_to_string(models.join("guards.pml"))?;
    problems.extend(unlike(&written, &steps(&model)));
    Ok(problems)
}

fn read(text: &str) -> Result<Vec<Transition>> {
    let all: Transitions = toml::from_str(text).context("transitions.toml: wrong")?;
    Ok(all.transition)
}

/// The steps in the text of a model.
fn steps(model: &str) -> Vec<Step> {
    let pattern = r"(?m)^\s*::(.*&& )? ?BY\((\w+), (\w+), (\w+)\)";
    let pattern = Regex::new(pattern).expect("a constant");
    let bound = Regex::new(r"WHERE\((\w+), (\w+)\)").expect("a constant");
    let all = pattern.captures_iter(model).map(|step| {
        let before = step.get(1).map_or("", |before| before.as_str());
        // The bound of another type is none of this method's.
        let bound = bound.captures(before).filter(|of| of[1] == step[3]);
        Step {
            method: format!("{}::{}", &step[3], &step[4]),
            receiver: step[2].to_string(),
            bound: bound.map_or(String::new(), |bound| format!("L: {}", &bound[2])),
        }
    });
    all.collect()
}

/// Compares what is written down with the steps.
fn unlike(written: &[Transition], steps: &[Step]) -> Vec<String> {
    let mut problems = Vec::new();
    for transition in written {
        let method = &transition.method;
        let mut of_it = steps.iter().filter(|step| step.method == *method);
        match (of_it.next(), transition.left_out.is_empty()) {
            (None, true) => problems.push(format!("guards.pml: no step for {method}")),
            (Some(_), false) => problems.push(format!("guards.pml: {method} is not left out")),
            _ => {}
        }
    }
    for step in steps {
        let Step {
            method,
            receiver,
            bound,
        } = step;
        let transition = written.iter().find(|written| written.method == *method);
        let Some(transition) = transition else {
            problems.push(format!("guards.pml: {method} is not in transitions.toml"));
            continue;
        };
        let takes = match transition.receiver.as_str() {
            "self" => "VALUE",
            "&self" => "REF",
            "&mut self" => "MUT",
            _ => "nothing",
        };
        if takes != receiver {
            problems.push(format!(
                "guards.pml: {method} takes {receiver}, and is {takes}"
            ));
        }
        // Other bounds say nothing about locks.
        let of_level = transition.bounds.starts_with("L:");
        let bounds = if of_level { &transition.bounds } else { "" };
        if bounds != bound {
            problems.push(format!(
                "guards.pml: {method} is where {bound:?}, not where {bounds:?}"
            ));
        }
    }
    problems
}

#[cfg(test)]
#[rustfmt::skip] // A case of a table is a line.
mod tests {
    use super::*;

    const WRITTEN: &str = "[[transition]]\nmethod = 'A::drop'\nself = 'self'\n\
        [[transition]]\nmethod = 'A::down'\nself = '&self'\nwhere = 'L: Held'\n";

    #[test]
    fn differences_from_the_model_are_found() {
        const DROP: &str = "\t:: BY(VALUE, A, drop);\n";
        const DOWN: &str = "\t:: x > 0 && WHERE(A, Held) && BY(REF, A, down);\n";
        let written = read(WRITTEN).unwrap();
        for (model, said) in [
            (format!("{DROP}{DOWN}"), None),
            (DROP.to_string(), Some("no step for A::down")),
            (format!("{DROP}// {DOWN}"), Some("no step for A::down")),
            (format!("{DROP}{}", DOWN.replace("REF", "MUT")), Some("takes MUT, and is REF")),
            (format!("{DROP}{}", DOWN.replace("WHERE(A, Held) && ", "")), Some("is where \"\"")),
            (format!("{DROP}{}", DOWN.replace("WHERE(A", "WHERE(B")), Some("is where \"\"")),
            (format!("{DROP}{DOWN}{}", DROP.replace("drop", "gone")), Some("A::gone is not in")),
        ] {
            let found = unlike(&written, &steps(&model));
            assert_eq!(found.len(), usize::from(said.is_some()), "{model}: {found:?}");
            assert!(said.is_none_or(|said| found[0].contains(said)), "{model}: {found:?}");
        }
        let left_out = read(&WRITTEN.replace("L: Held'", "L: Held'\nleft_out = 'x'")).unwrap();
        assert_eq!(unlike(&left_out, &steps(DROP)), Vec::<String>::new());
        assert!(unlike(&left_out, &steps(&format!("{DROP}{DOWN}")))[0].contains("is not left out"));
    }

    #[test]
    fn differences_from_the_source_are_found() {
        const SOURCE: &str = "impl Drop for VmaGuard<'_> {} \
            impl<'s, L: MmapLevel> MmapGuard<'s, L> { \
                pub fn downgrade(self) -> MmapGuard<'s, MmapRead> where L: MmapWriteHeld {} \
                pub fn mm(&self) -> &'s MmWithUser {} \
                pub(crate) fn hidden(self) {} \
            }";
        const FILE: &str = "[[transition]]\nmethod = 'VmaGuard::drop'\nself = 'self'\n\
            [[transition]]\nmethod = 'MmapGuard::downgrade'\nself = 'self'\n\
            returns = \"MmapGuard<'s, MmapRead>\"\nwhere = 'L: MmapWriteHeld'\n";
        for (from, to, said) in [
            ("", "", None),
            ("(self) ->", "(&self) ->", Some("(&self) -> MmapGuard<'s,MmapRead>")),
            ("'s, MmapRead>", "'_, MmapRead>", Some("MmapGuard<'_,MmapRead>")),
            ("MmapRead>", "MmapWrite>", Some("MmapGuard<'s,MmapWrite>")),
            (" where L: MmapWriteHeld", "", Some("where , and (self)")),
            ("pub fn mm(&self)", "pub fn mm(&mut self)", Some("MmapGuard::mm: (&mutself)")),
            ("-> &'s MmWithUser", "-> Option<VmaGuard<'s>>", Some("is not written down")),
            ("pub(crate) fn", "pub fn", Some("MmapGuard::hidden: (self)")),
            ("pub fn down", "unsafe fn down", Some("MmapGuard::downgrade: no such method")),
            ("pub fn down", "pub unsafe fn down", Some("is unsafe (self)")),
            ("impl Drop for VmaGuard", "impl Drop for Vma", Some("VmaGuard::drop: no such method")),
            ("impl Drop for VmaGuard<'_> {}", "struct VmaGuard(ReadGuard);", None),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let vma = dir.path().join("vma");
            fs::create_dir(&vma).unwrap();
            fs::write(vma.with_extension("rs"), "").unwrap();
            fs::write(vma.join("lock.rs"), SOURCE.replacen(from, to, 1)).unwrap();
            let found = transitions::problems(&vma, &read(FILE).unwrap()).unwrap();
            assert_eq!(found.len(), usize::from(said.is_some()), "{to}: {found:?}");
            assert!(said.is_none_or(|said| found[0].contains(said)), "{to}: {found:?}");
        }
    }

    #[test]
    fn this_checkout_has_no_differences() {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let problems = problems(&repo).unwrap();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}
