// SPDX-License-Identifier: GPL-2.0

//! Known locking and lifetime bugs around VMAs: what rustc says to each with these types, next to what lockdep, KASAN,
//! Clang's context analysis and upstream's untyped Rust API say. The rows are in scripts/bugs.
//!
//! The cases of compile-fail, the programs in Rust and those in C are compiled by each run. Rows whose answer is measured by
//! another suite name its test, which must exist.

mod clang;
mod data;
mod page;
mod upstream;

use crate::kconfig::{Config, X86_64_BENCH};
use crate::progress::Progress;
use crate::report::{self, Outcome};
use crate::suite::Run;
use anyhow::{Context, Result};
use compile_fail::{Case, Snippet};
use data::{Answer, Bug, Data};
use fs_err as fs;
use serde::Serialize;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

/// Everything that the answers are taken from.
struct Sources<'a> {
    repo: &'a Path,
    tree: PathBuf,
    /// The built kernel with these types alone.
    typed: PathBuf,
    /// The one that has upstream's untyped guards, too.
    untyped: PathBuf,
    rustc: &'a Path,
    clang: u32,
}

/// All that was compiled.
struct Measured {
    cases: Vec<Case>,
    typed: Vec<Snippet>,
    upstream: Vec<Snippet>,
    clang: clang::Analysed,
    /// The code of upstream's API, without comments.
    api: String,
}

/// The answer of these types.
#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Ours {
    Rejected,
    Compiles,
    /// The types are not concerned: the lock itself, or the abstraction, is tested.
    Tested,
}

/// A row with its answers.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    bug: Bug,
    ours: Ours,
    /// The program with the mistake, and the diagnostics of rustc.
    program: String,
    said: String,
    clang_says: Option<Answer>,
    upstream_says: Option<Answer>,
    /// Upstream's program and the diagnostics of rustc.
    upstream_program: String,
    upstream_said: String,
    problems: Vec<String>,
}

impl Ours {
    fn text(self) -> &'static str {
        match self {
            Ours::Rejected => "rejected",
            Ours::Compiles => "compiles",
            Ours::Tested => "tested",
        }
    }
}

/// Checks every row on the built kernel, and on the one that has upstream's API, which is built if need be.
pub fn run(run: &Run, config: Config) -> Result<Outcome> {
    let (kernel, progress) = (run.kernel, run.session.progress);
    let untyped = kernel.build(X86_64_BENCH, progress)?;
    let places = run.session.places;
    let sources = Sources {
        repo: &places.repo,
        tree: places.tree(),
        typed: places.out(config.name),
        untyped,
        rustc: &run.ready.compilers.rust.rustc,
        clang: run.ready.compilers.llvm.major,
    };
    check(&sources, &places.build, progress)
}

fn check(sources: &Sources, build: &Path, progress: &Progress) -> Result<Outcome> {
    let mut step = progress.step("bugs");
    let data = Data::load(sources.repo)?;
    step.doing("the cases of compile-fail");
    let measured = measure(sources, &data)?;
    let mut outcome = Outcome::default();
    let mut problems = data.problems();
    problems.extend(measured.problems(&data, sources.repo)?);
    outcome.none(problems);

    let mut rows = Vec::new();
    for bug in &data.bugs {
        let row = judge(&data, &measured, bug, sources.repo)?;
        let (title, text) = (&bug.title, summary(&row));
        progress.hidden(|| println!("{text}"));
        outcome.check(row.problems.is_empty(), || {
            format!("{title}: {}", row.problems.join("; "))
        });
        rows.push(row);
    }
    outcome.skipped += measured.clang.left_out();
    let (passed, failed) = (outcome.passed, outcome.failed);
    let report = json!({"passed": passed, "failed": failed, "bugs": rows});
    report::write_json(&build.join("bugs.json"), &report)?;
    let style = fs::read_to_string(sources.repo.join("scripts/bugs/style.css"))?;
    let version = overlay::kernel_version(&sources.tree)?.full;
    let controls = measured.clang.reports_of(data.answers.controls.keys());
    let html = page::page(&rows, &measured.clang, controls, &version, &style);
    fs::write(build.join("bugs.html"), html)?;
    Ok(step.ended(outcome))
}

fn measure(sources: &Sources, data: &Data) -> Result<Measured> {
    let Sources {
        repo,
        typed,
        untyped,
        rustc,
        ..
    } = sources;
    let threads = available_parallelism().map_or(2, usize::from);
    let cases = repo.join("scripts/compile-fail/cases");
    let names = data.cases();
    let mut report = compile_fail::run_named(&cases, &names, typed, rustc, threads, &|_| ())?;
    let root = format!("{}/", repo.display());
    for case in &mut report.cases {
        case.said = compile_fail::said(&case.said, &root);
    }
    let programs = |name: &str, build: &Path| {
        let dir = repo.join("scripts/bugs").join(name);
        let mut compiled = compile_fail::snippets(&dir, build, rustc)?;
        for snippet in &mut compiled {
            snippet.said = compile_fail::said(&snippet.said, &root);
        }
        anyhow::Ok(compiled)
    };
    Ok(Measured {
        cases: report.cases,
        typed: programs("typed", typed)?,
        upstream: programs("upstream", untyped)?,
        clang: clang::analyse(sources)?,
        api: upstream::code(&sources.tree)?,
    })
}

impl Measured {
    /// Programs whose result is not what they say, or that no row uses.
    fn problems(&self, data: &Data, repo: &Path) -> Result<Vec<String>> {
        let mut problems = self.clang.problems(&data.answers);
        for (snippets, is_used) in [
            (
                &self.typed,
                &(|name: &str| {
                    data.bugs
                        .iter()
                        .any(|bug| bug.snippet.as_deref() == Some(name))
                }) as &dyn Fn(&str) -> bool,
            ),
            (&self.upstream, &|name: &str| {
                let answer = data.answers.upstream.get(name);
                answer.is_some_and(|answer| answer.snippet)
            }),
        ] {
            for Snippet { name, detail, .. } in snippets {
                if !detail.is_empty() {
                    problems.push(format!("{name}: {detail}"));
                }
                if !is_used(name) {
                    problems.push(format!("{name}: no row uses this program"));
                }
            }
        }
        for (name, answer) in &data.answers.upstream {
            let found = self.upstream.iter().find(|snippet| snippet.name == *name);
            problems.extend(upstream::problem(name, answer, found, &self.api));
        }
        let programs = repo.join("scripts/bugs/typed");
        for name in data.bugs.iter().filter_map(|bug| bug.snippet.as_ref()) {
            match self.typed.iter().find(|snippet| snippet.name == *name) {
                Some(snippet) if !snippet.rejected => (),
                _ => problems.push(format!("{}: {name} does not compile", programs.display())),
            }
        }
        Ok(problems)
    }

    /// The case of a row, as misuse, and the complaints about both of its revisions.
    fn case(&self, name: &str) -> (Option<&Case>, Vec<String>) {
        let revisions = || self.cases.iter().filter(|case| case.name == name);
        let mut problems: Vec<String> = revisions()
            .filter(|case| !case.ok || case.left_out)
            .map(|case| format!("{name} ({}): {}", case.revision, case.detail))
            .collect();
        if revisions().count() != 2 {
            problems.push(format!("{name}: this case did not run"));
        }
        let misuse = revisions().find(|case| case.revision == "misuse");
        (misuse, problems)
    }
}

fn judge(data: &Data, measured: &Measured, bug: &Bug, repo: &Path) -> Result<Row> {
    let mut problems = data.problems_of(bug, repo);
    let (mut program, mut said) = (String::new(), String::new());
    if let Some(name) = &bug.case {
        let (case, wrong) = measured.case(name);
        problems.extend(wrong);
        let file = format!("scripts/compile-fail/cases/{name}.rs");
        program = listing(&fs::read_to_string(repo.join(file)).context("a case")?);
        said = case.map_or_else(String::new, |case| case.said.clone());
    } else if let Some(name) = &bug.snippet {
        let snippet = measured.typed.iter().find(|snippet| snippet.name == *name);
        program = snippet.map_or_else(String::new, |snippet| listing(&snippet.source));
    }
    let (clang, upstream) = data.answers_to(bug);
    let found = upstream.filter(|answer| answer.snippet).and_then(|_| {
        let mut compiled = measured.upstream.iter();
        compiled.find(|snippet| snippet.name == bug.upstream)
    });
    let clang = clang.cloned().map(|mut answer| {
        answer.snippet &= measured.clang.left_out() == 0;
        answer
    });
    Ok(Row {
        ours: match (bug.compiles, &bug.case) {
            (true, _) => Ours::Compiles,
            (_, Some(_)) => Ours::Rejected,
            _ => Ours::Tested,
        },
        program,
        said,
        clang_says: clang,
        upstream_says: upstream.cloned(),
        upstream_program: found.map_or_else(String::new, |found| listing(&found.source)),
        upstream_said: found.map_or_else(String::new, |found| found.said.clone()),
        bug: bug.clone(),
        problems,
    })
}

/// A program without its licence line and the reasons that it names.
fn listing(source: &str) -> String {
    let lines = source.lines().filter(|line| {
        let is_note = line.trim_start().starts_with("//~") || line.starts_with("//@");
        !is_note && !line.starts_with("// SPDX")
    });
    let lines = lines.map(|line| line.split(" //~").next().unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// The line that is printed for a row.
fn summary(row: &Row) -> String {
    let text = |answer: &Option<Answer>| answer.as_ref().map_or("?", |a| a.verdict.text());
    let verdict = match row.problems.is_empty() {
        true => row.ours.text(),
        false => "FAILED",
    };
    let Bug {
        title,
        lockdep,
        kasan,
        ..
    } = &row.bug;
    format!(
        "{verdict:8}  {title:58}  lockdep {:14}  KASAN {:14}  Clang {:14}  upstream {}",
        lockdep.verdict.text(),
        kasan.verdict.text(),
        text(&row.clang_says),
        text(&row.upstream_says),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(revision: &str, ok: bool, left_out: bool) -> Case {
        Case {
            name: "x".to_string(),
            revision: revision.to_string(),
            ok,
            detail: "why".to_string(),
            seconds: 0.0,
            left_out,
            shows: String::new(),
            said: String::new(),
        }
    }

    #[test]
    fn a_case_has_to_run_in_both_revisions() {
        let problems = |cases: Vec<Case>| {
            let measured = Measured {
                cases,
                typed: Vec::new(),
                upstream: Vec::new(),
                clang: clang::Analysed::default(),
                api: String::new(),
            };
            measured.case("x").1
        };
        let (misuse, correct) = (case("misuse", true, false), case("correct", true, false));
        assert_eq!(problems(vec![misuse.clone(), correct.clone()]), [""; 0]);
        for (cases, problem) in [
            (vec![], "did not run"),
            (vec![misuse.clone()], "did not run"),
            (
                vec![case("misuse", false, false), correct.clone()],
                "x (misuse): why",
            ),
            (
                vec![misuse.clone(), case("correct", true, true)],
                "x (correct): why",
            ),
        ] {
            let found = problems(cases);
            assert!(found.iter().any(|p| p.contains(problem)), "{found:?}");
        }
    }

    #[test]
    fn listings_have_no_annotations() {
        let source =
            "// SPDX\n//! Text.\n//@needs: CONFIG_X\nf(); //~ E1 \"no\"\n    //~^ E2 \"x\"\n";
        assert_eq!(listing(source), "//! Text.\nf();");
    }
}
