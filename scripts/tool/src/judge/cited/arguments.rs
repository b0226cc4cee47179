// SPDX-License-Identifier: GPL-2.0

//! The functions of the kernel that our comments cite: an argument rests on what they did when it was written. Each has the
//! digest of its text then, in a file for each series of kernels.
//!
//! Cited are names with `()` in comments, and the names of `#[doc(alias)]`. One that a function of ours has, too, is taken for
//! that, unless the file has it, or `C: ` stands before it.

use super::{Cited, definition, digest, without_comments};
use crate::places::Places;
use crate::proc;
use crate::report::Outcome;
use anyhow::{Context, Result};
use fs_err as fs;
use itertools::Itertools;
use regex_lite::Regex;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Directories of the kernel that are searched for a function that has no row.
const SEARCHED: &str = "arch/x86 drivers fs include ipc kernel lib mm security";

/// The functions of a series.
#[derive(Deserialize)]
struct Known {
    /// Reasons not to compare, each with names.
    reasons: BTreeMap<String, BTreeSet<String>>,
    #[serde(flatten)]
    cited: Cited,
}

/// The places that cite a name.
#[derive(Default)]
struct Citations {
    places: BTreeSet<String>,
    /// One of them says that it is a name of C.
    is_c: bool,
}

/// The names that a text cites, each with its line, and whether it must be one of C.
fn citations(text: &str) -> Vec<(usize, &str, bool)> {
    let name = "[a-z_][a-z0-9_]*";
    let called = Regex::new(&format!(r"(^|C: `|[^\w:.!>])({name}|[A-Z][A-Z0-9_]+)\(\)"))
        .expect("a constant");
    let alias = Regex::new(&format!(r#"doc\(alias = "({name})"\)"#)).expect("a constant");
    let comment = Regex::new(r"(?s)/\*.*?\*/|//[^\n]*").expect("a constant");
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    let mut all = Vec::new();
    for comment in comment.find_iter(text) {
        for found in called.captures_iter(comment.as_str()) {
            let (Some(before), Some(name)) = (found.get(1), found.get(2)) else {
                continue;
            };
            // A link of rustdoc is to a name of Rust.
            if !comment.as_str()[name.end()..].starts_with("()`]") {
                let is_c = before.as_str().starts_with("C: ");
                all.push((line(comment.start() + name.start()), name.as_str(), is_c));
            }
        }
    }
    for found in alias.captures_iter(text) {
        let name = found.get(1).expect("not optional");
        all.push((line(name.start()), name.as_str(), true));
    }
    all
}

/// Compares every function that the checkout cites with its digests.
pub fn run(places: &Places, tree: &Path, series: &str) -> Result<Outcome> {
    let shown = format!("scripts/conformance/cited/{series}.toml");
    let file = places.repo.join(&shown);
    if !file.exists() {
        eprintln!(
            "  no one has compared the functions of {series} that comments cite: there is no {shown}"
        );
        return Ok(Outcome {
            skipped: 1,
            ..Outcome::default()
        });
    }
    let known: Known = toml::from_str(&fs::read_to_string(file)?).with_context(|| shown.clone())?;
    let texts = sources(places)?;
    let mut cited: BTreeMap<&str, Citations> = BTreeMap::new();
    let mut ours = BTreeSet::new();
    let function = Regex::new(r"\bfn ([a-z0-9_]+)").expect("a constant");
    for (path, text) in &texts {
        let names = function
            .captures_iter(text)
            .filter_map(|found| found.get(1));
        ours.extend(names.map(|name| name.as_str()));
        for (line, name, is_c) in citations(text) {
            let entry = cited.entry(name).or_default();
            entry.places.insert(format!("{path}:{line}"));
            entry.is_c |= is_c;
        }
    }
    Ok(judged(&known, &cited, &ours, tree, &shown))
}

fn judged(
    known: &Known,
    cited: &BTreeMap<&str, Citations>,
    ours: &BTreeSet<&str>,
    tree: &Path,
    shown: &str,
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut explained: BTreeSet<&str> = BTreeSet::new();
    for (path, functions) in &known.cited.0 {
        let text = without_comments(&fs::read_to_string(tree.join(path)).unwrap_or_default());
        for (name, digests) in functions {
            explained.insert(name);
            let found = definition(&text, name).map(|text| digest(&text));
            outcome.none(match (cited.get(&**name), found) {
                (None, _) => Some(format!("{shown}: {path}: no comment cites {name}(): remove its row")),
                (Some(at), None) => Some(format!(
                    "{path}: there is no {name}(), which is cited by {}: look at these arguments again, and change its \
                     row in {shown}",
                    at.places.iter().join(", ")
                )),
                (Some(at), Some(found)) => (!digests.contains(&found)).then(|| {
                    format!(
                        "{path}: {name}() is not the one on which these arguments rest: {}: look at them again, and then \
                         add its digest to {shown}: {found}",
                        at.places.iter().join(", ")
                    )
                }),
            });
        }
    }
    for (reason, names) in &known.reasons {
        for name in names {
            explained.insert(name);
            outcome.check(cited.contains_key(&**name), || {
                format!("{shown}: {reason:?}: no comment cites {name}(): remove it")
            });
        }
    }
    let unknown = cited
        .iter()
        .filter(|(name, at)| !explained.contains(*name) && (at.is_c || !ours.contains(*name)));
    for (name, at) in unknown {
        outcome.fail(format!(
            "{}: {shown} does not have {name}(): add it ({}), or a reason",
            at.places.iter().join(", "),
            definitions(tree, name)
        ));
    }
    outcome
}

/// Our files of the crate and its helpers.
fn sources(places: &Places) -> Result<Vec<(String, String)>> {
    let mut cmd = proc::command("git");
    cmd.arg("-C").arg(&places.repo);
    cmd.args("-c safe.directory=* ls-files -z -co --exclude-standard --".split(' '));
    cmd.args([
        "rust/kernel/mm/vma.rs",
        "rust/kernel/mm/vma",
        ":(glob)rust/helpers/vma*.c",
    ]);
    let paths = proc::text(cmd).context("git ls-files fails: is this a git checkout?")?;
    let paths = paths
        .split_terminator('\0')
        .filter(|path| places.repo.join(path).exists());
    paths
        .map(|path| {
            Ok((
                path.to_string(),
                fs::read_to_string(places.repo.join(path))?,
            ))
        })
        .collect()
}

/// The places in a kernel tree that define a name, as rows.
fn definitions(tree: &Path, name: &str) -> String {
    let mut cmd = proc::command("grep");
    cmd.current_dir(tree);
    cmd.args([
        "-rlE",
        "--include=*.[ch]",
        &format!(r"^(#define |[a-z_].*\b){name}\(|^{name}\("),
    ]);
    cmd.args(SEARCHED.split(' '));
    // It fails for a directory that is not there, too.
    let files = proc::output(cmd)
        .map(|output| output.stdout)
        .unwrap_or_default();
    let files = String::from_utf8_lossy(&files);
    let mut rows = files.lines().filter_map(|path| {
        let text = fs::read_to_string(tree.join(path)).unwrap_or_default();
        let digest = digest(&definition(&without_comments(&text), name)?);
        Some(format!("[{path:?}] {name} = [{digest:?}]"))
    });
    let rows = rows.join(", ");
    match rows.is_empty() {
        true => "no definition was found".to_string(),
        false => rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const C: &str = "int start(int x)\n{\n\treturn x;\n}\n#define STOP() 1\n";

    #[test]
    fn names_in_comments_and_aliases_are_cited() {
        let text = "//! Like `start()`: not `Vma::end()`, `x.find()`, `o->open()`, `vec!()` or [`link()`](x).\n\
                    let x = code(); // STOP(), or (C: `ours()`)\n\
                    #[doc(alias = \"other\")] #[doc(alias = \"VM_X\")]\n/* in\n * C() and two(), three() */\n";
        let found = citations(text);
        let expected = [
            (1, "start", false),
            (2, "STOP", false),
            (2, "ours", true),
            (5, "two", false),
            (5, "three", false),
            (3, "other", true),
        ];
        assert_eq!(found, expected);
    }

    /// The failures for a comment, with these rows, where `ours()` is a function of ours.
    fn said(comment: &str, rows: &str) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("mm")).unwrap();
        fs::write(dir.path().join("mm/a.c"), C).unwrap();
        let known: Known = toml::from_str(rows).unwrap();
        let mut cited: BTreeMap<&str, Citations> = BTreeMap::new();
        for (line, name, is_c) in citations(comment) {
            let entry = cited.entry(name).or_default();
            entry.places.insert(format!("a.rs:{line}"));
            entry.is_c |= is_c;
        }
        let outcome = judged(&known, &cited, &BTreeSet::from(["ours"]), dir.path(), "F");
        assert!(outcome.passed + outcome.failed > 0 || cited.keys().all(|name| *name == "ours"));
        outcome.failures
    }

    fn row(digest: &str) -> String {
        format!("[reasons]\n['mm/a.c']\nstart = ['{digest}']\n")
    }

    fn digest_of(name: &str) -> String {
        digest(&definition(&without_comments(C), name).unwrap())
    }

    #[test]
    fn a_changed_function_names_its_citations() {
        assert!(said("// start()", &row(&digest_of("start"))).is_empty());
        let [failure] = &said("// start()\n// By start().", &row("0"))[..] else {
            panic!("not one failure")
        };
        let text = "mm/a.c: start() is not the one on which these arguments rest: a.rs:1, a.rs:2: look at them again";
        assert!(failure.starts_with(text), "{failure}");
        assert!(failure.ends_with(&digest_of("start")), "{failure}");
    }

    #[test]
    fn an_unknown_function_comes_with_a_row() {
        let none = "[reasons]\n";
        let [failure] = &said("// STOP()", none)[..] else {
            panic!("not one failure")
        };
        let row = format!("[\"mm/a.c\"] STOP = [\"{}\"]", digest_of("STOP"));
        assert!(
            failure.starts_with("a.rs:1: F does not have STOP()") && failure.contains(&row),
            "{failure}"
        );
        let [failure] = &said("// nowhere()", none)[..] else {
            panic!("not one failure")
        };
        assert!(failure.contains("no definition was found"), "{failure}");
        assert!(said("// nowhere()", "[reasons]\nx = ['nowhere']").is_empty());
        // One of ours is no citation, if nothing says that C is meant.
        assert!(said("// ours()", none).is_empty());
        assert_eq!(said("// (C: `ours()`)", none).len(), 1);
    }

    #[test]
    fn rows_must_be_of_use() {
        let gone = said("// lost()", "[reasons]\n['mm/a.c']\nlost = ['0']\n");
        assert!(
            gone[0].starts_with("mm/a.c: there is no lost()"),
            "{gone:?}"
        );
        assert!(said("//", &row("0"))[0].contains("no comment cites start()"));
        assert!(said("//", "[reasons]\nx = ['y']")[0].contains("no comment cites y()"));
    }
}
