// SPDX-License-Identifier: GPL-2.0

//! Clang's context analysis of the programs in scripts/bugs/clang. Each is compiled as the kernel's build compiled a file
//! of mm/, with the flags that the kernel's Makefile adds for the analysis.
//!
//! The kernel offers the option for Clang 23 and later. The flags exist before that, and programs that must be reported show
//! that the analysis is on.

use super::Sources;
use super::data::{Answers, Verdict};
use crate::proc;
use anyhow::{Context, Result, ensure};
use fs_err as fs;
use std::collections::BTreeMap;
use std::path::Path;

/// The record of a call of clang, in the build directory.
const RECORD: &str = "mm/.mmap_lock.o.cmd";
const FLAGS: &str = "scripts/Makefile.context-analysis";

/// The oldest Clang whose analysis understands the kernel's annotations.
const OLDEST: u32 = 22;

/// The reports of the analysis.
#[derive(Default)]
pub struct Analysed {
    /// Of each program by its name; an error if it does not compile.
    programs: BTreeMap<String, Result<Vec<String>, String>>,
    pub version: u32,
}

/// Compiles every program. An older Clang compiles none.
pub fn analyse(sources: &Sources) -> Result<Analysed> {
    let mut analysed = Analysed {
        version: sources.clang,
        ..Analysed::default()
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(sources.repo.join("scripts/bugs/clang"))? {
        files.push(entry?.path());
    }
    files.retain(|file| file.extension().is_some_and(|e| e == "c"));
    files.sort();
    let makefile = fs::read_to_string(sources.tree.join(FLAGS))?;
    let record = fs::read_to_string(sources.typed.join(RECORD))?;
    let mut command = call(&record).with_context(|| format!("{RECORD}: no call of clang"))?;
    command.extend(flags(&makefile, &sources.tree));
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        if analysed.is_on() {
            let found = compile(&command, &file, &sources.typed)?;
            analysed.programs.insert(name.into_owned(), found);
        } else {
            analysed.programs.insert(name.into_owned(), Ok(Vec::new()));
        }
    }
    ensure!(
        !analysed.programs.is_empty(),
        "no program in scripts/bugs/clang"
    );
    Ok(analysed)
}

fn compile(command: &[String], file: &Path, dir: &Path) -> Result<Result<Vec<String>, String>> {
    let mut clang = proc::command(&command[0]);
    clang.args(&command[1..]).arg("-fsyntax-only").arg(file);
    clang.current_dir(dir);
    let output = proc::output(clang)?;
    let text = String::from_utf8_lossy(&output.stderr);
    Ok(reports(output.status.success(), &text))
}

/// The reports of the analysis in what clang wrote.
fn reports(success: bool, text: &str) -> Result<Vec<String>, String> {
    let find = |part: &str| text.lines().find(|line| line.contains(part));
    if !success || find("error: ").is_some() {
        let error = find("error: ").unwrap_or("clang fails without an error");
        return Err(error.to_string());
    }
    let warnings = text.lines().filter(|line| line.contains(" warning: "));
    let warnings = warnings.filter(|line| line.contains("[-Wthread-safety"));
    Ok(warnings.map(str::to_string).collect())
}

/// The program and its flags, without the name of the file that it compiled.
fn call(record: &str) -> Option<Vec<String>> {
    let line = record.lines().find(|line| line.starts_with("savedcmd_"))?;
    let (_, command) = line.split_once(" := ")?;
    let words = compile_fail::words(command).into_iter();
    let words = words.skip_while(|word| word.ends_with("ccache"));
    let words: Vec<String> = words
        .take_while(|word| word != "-c")
        .filter(|word| !word.starts_with("-Wp,-MMD"))
        .collect();
    words.first()?.contains("clang").then_some(words)
}

/// The flags in the kernel's Makefile for the analysis.
fn flags(makefile: &str, tree: &Path) -> Vec<String> {
    let words = makefile.split_whitespace();
    let flags = words.filter(|word| word.starts_with('-'));
    let tree = tree.display().to_string();
    flags
        .map(|flag| flag.replace("$(srctree)", &tree))
        .collect()
}

impl Analysed {
    fn is_on(&self) -> bool {
        self.version >= OLDEST
    }

    /// The number of programs that were not compiled.
    pub fn left_out(&self) -> usize {
        match self.is_on() {
            true => 0,
            false => self.programs.len(),
        }
    }

    /// Programs that are reported otherwise than the answers say, or that no answer names.
    pub fn problems(&self, answers: &Answers) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, found) in &self.programs {
            let control = answers.controls.get(name);
            let answer = answers.clang.get(name).filter(|answer| answer.snippet);
            let expected = match (control, answer) {
                (Some(expected), None) => expected == &found.as_ref().map_or(0, Vec::len),
                (None, Some(answer)) => {
                    let is_reported = found.as_ref().is_ok_and(|found| !found.is_empty());
                    is_reported == (answer.verdict == Verdict::Reports)
                }
                _ => {
                    problems.push(format!("clang/{name}.c: no answer, or two, are about it"));
                    continue;
                }
            };
            match found {
                Err(error) => problems.push(format!("clang/{name}.c: {error}")),
                Ok(found) if !expected && self.is_on() => {
                    let count = found.len();
                    problems.push(format!("clang/{name}.c: {count} reports were not expected"));
                }
                Ok(_) => (),
            }
        }
        let measured = answers.clang.iter().filter(|(_, answer)| answer.snippet);
        let names = measured
            .map(|(name, _)| name)
            .chain(answers.controls.keys());
        for name in names.filter(|name| !self.programs.contains_key(*name)) {
            problems.push(format!("clang/{name}.c: there is no such program"));
        }
        problems
    }

    /// The number of reports about programs.
    pub fn reports_of<'a>(&self, names: impl Iterator<Item = &'a String>) -> usize {
        let found = names.filter_map(|name| self.programs.get(name)?.as_ref().ok());
        found.map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "x.c:9:1: warning: 'l' is still held [-Wthread-safety-analysis]\n    9 | }\n\
        x.c:3:1: warning: odd [-Wodd]\n1 warning generated.\n";

    fn answers() -> Answers {
        let text = "controls = { control = 1 }\n[clang.quiet]\nsnippet = true\n\
            verdict = 'silent'\nwhy = 'a'\n[clang.data]\nverdict = 'does not apply'\nwhy = 'b'\n\
            [upstream]\n";
        toml::from_str(text).unwrap()
    }

    fn problems(programs: &[(&str, Result<&str, &str>)], version: u32) -> Vec<String> {
        let found = |result: &Result<&str, &str>| match result {
            Ok(text) => reports(true, text),
            Err(text) => reports(false, text),
        };
        let programs = programs
            .iter()
            .map(|(name, r)| (name.to_string(), found(r)));
        let programs = programs.collect();
        Analysed { programs, version }.problems(&answers())
    }

    #[test]
    fn only_the_expected_reports_pass() {
        let good = [("control", Ok(SAID)), ("quiet", Ok(""))];
        assert_eq!(problems(&good, OLDEST), [""; 0]);
        for (programs, problem) in [
            (
                vec![("control", Ok("")), ("quiet", Ok(""))],
                "control.c: 0 reports",
            ),
            (
                vec![("control", Ok(SAID)), ("quiet", Ok(SAID))],
                "quiet.c: 1 reports",
            ),
            (
                vec![("control", Ok(SAID)), ("quiet", Err("x.c:1: error: odd"))],
                "error: odd",
            ),
            (
                vec![("control", Ok(SAID)), ("quiet", Err(""))],
                "without an error",
            ),
            (
                vec![("control", Ok(SAID))],
                "quiet.c: there is no such program",
            ),
            (
                vec![("quiet", Ok(""))],
                "control.c: there is no such program",
            ),
            (
                vec![good[0], good[1], ("data", Ok(""))],
                "data.c: no answer",
            ),
            (
                vec![good[0], good[1], ("other", Ok(""))],
                "other.c: no answer",
            ),
        ] {
            let found = problems(&programs, OLDEST);
            assert!(found.len() == 1 && found[0].contains(problem), "{found:?}");
        }
        // An older Clang measures nothing.
        let silent = [("control", Ok("")), ("quiet", Ok(""))];
        assert_eq!(problems(&silent, OLDEST - 1), [""; 0]);
    }

    #[test]
    fn the_call_is_that_of_the_kernel() {
        let record = "savedcmd_mm/x.o := ccache clang-22 -Wp,-MMD,mm/.x.o.d -I./a -DN='\"x\"' -c -o x.o x.c\n";
        assert_eq!(call(record).unwrap(), ["clang-22", "-I./a", "-DN=\"x\""]);
        assert_eq!(call("savedcmd_mm/x.o := gcc -c x.c\n"), None);
        let makefile =
            "cflags := -DW\t\\\n\t-Wthread-safety\nifndef X\ncflags += --m=$(srctree)/s.txt\n";
        assert_eq!(
            flags(makefile, Path::new("/t")),
            ["-DW", "-Wthread-safety", "--m=/t/s.txt"]
        );
    }
}
