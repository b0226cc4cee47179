// SPDX-License-Identifier: GPL-2.0

//! The cost of the overlay in a kernel with Rust that does not use it: the time and the memory that rustc
//! takes for the `kernel` crate, with the overlay and without. The command is kbuild's own, run again and again in turn
//! on both trees, with its output put aside. No compiler cache is between: kbuild has none for rustc.

use crate::code::two_trees;
use crate::page::{Part, Section, Table};
use crate::report::Outcome;
use crate::session::{Ready, Session};
use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;
use wait4::Wait4;

/// Runs of each that count; one before them does not.
const RUNS: usize = 3;

/// How much more a line of ours may cost rustc than one that was there, on average over the crate. Times vary by some
/// per cent from run to run, on a busy host by more.
const MORE_TIME: f64 = 1.15;
/// How much more memory rustc may take.
const MORE_MEMORY: f64 = 1.15;

/// The cost of one run of rustc.
#[derive(Clone, Copy, Debug, Serialize)]
struct Run {
    cpu_seconds: f64,
    wall_seconds: f64,
    memory_kib: u64,
}

/// The cost for one tree.
#[derive(Debug, Serialize)]
struct Cost {
    /// Lines of the crate, without blank lines and comments.
    lines: usize,
    runs: Vec<Run>,
}

#[derive(Debug, Serialize)]
struct Report {
    with: Cost,
    without: Cost,
}

/// A figure to compare: its name, the digits that are shown, and how it is taken from a [`Cost`].
type Figure = (&'static str, usize, fn(&Cost) -> f64);
const LINES: Figure = ("lines of code", 0, |cost| cost.lines as f64);
const CPU: Figure = ("CPU seconds", 2, |cost| cost.median(|run| run.cpu_seconds));
const WALL: Figure = ("seconds", 2, |cost| cost.median(|run| run.wall_seconds));
const MEMORY: Figure = ("memory, MiB", 1, |cost| {
    cost.median(|run| run.memory_kib as f64 / 1024.0)
});

/// Builds both trees as far as need be, measures, shows the figures and writes them into build/bench. Returns them as a
/// section of the page, too.
pub fn run(session: &Session, ready: &Ready) -> Result<(Outcome, Section)> {
    let Some(report) = two_trees::with(session, ready, |with, without| {
        measure(session, with, without)
    })?
    else {
        bail!("KDIR=: your tree is not one to take the overlay out of: run it without");
    };
    let outcome = report.judge();
    session
        .progress
        .hidden(|| println!("{}", report.table().text()));
    let dir = session.places.build.join("bench");
    let json = dir.join("build-cost.json");
    fs::create_dir_all(&dir).with_context(|| format!("{}: cannot be made", dir.display()))?;
    fs::write(&json, serde_json::to_string_pretty(&report)? + "\n")
        .with_context(|| format!("{}: cannot be written", json.display()))?;
    Ok((outcome, report.section()))
}

fn measure(session: &Session, with: &Path, without: &Path) -> Result<Report> {
    let mut step = session.progress.step("build cost");
    step.expect(Some(2 * (RUNS as u64 + 1)));
    let aside = tempfile::Builder::new()
        .prefix("build-cost-")
        .tempdir_in(&session.places.build)?;
    let trees = [with, without];
    let mut commands = Vec::new();
    for out in trees {
        let line = rustc_line(&recorded(out)?, aside.path());
        commands.push(line.with_context(|| format!("{}: no call of rustc", out.display()))?);
    }
    let mut runs = [Vec::new(), Vec::new()];
    for number in 0..=RUNS {
        for ((line, out), runs) in commands.iter().zip(trees).zip(&mut runs) {
            step.advance("rustc, the kernel crate");
            let run = run_rustc(line, out)?;
            if number > 0 {
                runs.push(run);
            }
        }
    }
    step.done(&format!("{RUNS} runs each"));
    let [with_runs, without_runs] = runs;
    let cost = |out, runs| -> Result<Cost> {
        let lines = lines(out)?;
        Ok(Cost { lines, runs })
    };
    Ok(Report {
        with: cost(with, with_runs)?,
        without: cost(without, without_runs)?,
    })
}

impl Report {
    fn ratio(&self, (_, _, of): Figure) -> f64 {
        of(&self.with) / of(&self.without)
    }

    fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        let [lines, cpu, memory] = [LINES, CPU, MEMORY].map(|figure| self.ratio(figure));
        outcome.check(cpu <= lines * MORE_TIME, || {
            format!(
                "rustc takes {cpu:.2} times as long for {lines:.2} times the lines: more than {MORE_TIME} times that \
                 (find the slow pass with -Ztime-passes)"
            )
        });
        outcome.check(memory <= MORE_MEMORY, || {
            format!("rustc takes {memory:.2} times the memory: more than {MORE_MEMORY} times")
        });
        outcome
    }

    fn section(&self) -> Section {
        Section {
            id: "build-cost".to_string(),
            heading: "Cost of building".to_string(),
            parts: vec![Part::Table(self.table())],
        }
    }

    fn table(&self) -> Table {
        let row = |figure: Figure| {
            let (name, digits, of) = figure;
            let cell = |cost| format!("{:.digits$}", of(cost));
            let ratio = format!("{:.3}", self.ratio(figure));
            vec![
                name.to_string(),
                cell(&self.without),
                cell(&self.with),
                ratio,
            ]
        };
        let caption = format!(
            "rustc on the kernel crate, nothing of which uses the abstraction (median of {RUNS} runs each, in turn)"
        );
        let rows = [LINES, CPU, WALL, MEMORY].into_iter().map(row);
        Table::new(&caption, &["", "without", "with", "ratio"], rows)
    }
}

impl Cost {
    fn median(&self, of: fn(&Run) -> f64) -> f64 {
        let mut sorted: Vec<f64> = self.runs.iter().map(of).collect();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }
}

/// Kbuild's record of the kernel crate: the command, and the files that it depends on.
fn recorded(out: &Path) -> Result<String> {
    let file = out.join("rust/.kernel.o.cmd");
    fs::read_to_string(&file).with_context(|| format!("{}: cannot be read", file.display()))
}

/// Runs rustc once, in a build directory.
fn run_rustc(line: &str, out: &Path) -> Result<Run> {
    let mut cmd = crate::proc::command("sh");
    cmd.arg("-c")
        .arg(line)
        .current_dir(out)
        // As kbuild has it.
        .env("RUSTC_BOOTSTRAP", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    let mut child = cmd.spawn().context("sh: cannot be run")?;
    let used = child.wait4().context("rustc was lost")?;
    let wall_seconds = start.elapsed().as_secs_f64();
    if !used.status.success() {
        bail!("{}: rustc fails when it is run again", out.display());
    }
    Ok(Run {
        cpu_seconds: (used.rusage.utime + used.rusage.stime).as_secs_f64(),
        wall_seconds,
        memory_kib: used.rusage.maxrss / 1024,
    })
}

/// The first command that made kernel.o, with everything that it writes put aside.
fn rustc_line(text: &str, aside: &Path) -> Option<String> {
    let (_, command) = text.lines().next()?.split_once(":= ")?;
    let rustc = command.split(';').next()?.trim();
    let words = rustc.split_whitespace().map(|word| match emitted(word) {
        Some((kind, name)) => format!("{kind}='{}'", aside.join(name).display()),
        None => word.to_string(),
    });
    let line = words.collect::<Vec<_>>().join(" ");
    line.contains("--crate-name kernel ").then_some(line)
}

/// `--emit=KIND=DIRECTORY/NAME` in two.
fn emitted(word: &str) -> Option<(&str, &str)> {
    let (kind, path) = word.rsplit_once('=')?;
    kind.starts_with("--emit=")
        .then(|| (kind, path.rsplit('/').next().unwrap_or(path)))
}

/// Lines of code in all files of the crate.
fn lines(out: &Path) -> Result<usize> {
    let mut count = 0;
    for path in sources(&recorded(out)?) {
        // Generated files are relative to the build directory.
        let text = fs::read_to_string(out.join(path))
            .with_context(|| format!("{path}: cannot be read"))?;
        count += lines_of_code(&text);
    }
    Ok(count)
}

/// The crate's own files among what kernel.o depends on.
fn sources(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(|line| line.trim_end_matches('\\').trim())
        .filter(|line| {
            line.contains("rust/kernel/") && line.ends_with(".rs") && !line.contains(' ')
        })
}

fn lines_of_code(text: &str) -> usize {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CMD: &str = "savedcmd_rust/kernel.o :=  OBJTREE=/o rustc -Cx=y --emit=dep-info=rust/.kernel.o.d \
                       --emit=llvm-bc=rust/kernel.bc --crate-name kernel /l/rust/kernel/lib.rs ;llvm-link a; clang b\n\n\
                       deps_rust/kernel.o := \\\n  /l/rust/kernel/mm/vma.rs \\\n  rust/kernel/made.rs \\\n  rust/x.rmeta \\\n\
                       rust/kernel.o: $(deps_rust/kernel.o)\n";

    #[test]
    fn rustc_call_writes_elsewhere() {
        let line = rustc_line(CMD, Path::new("/t")).unwrap();
        assert_eq!(
            line,
            "OBJTREE=/o rustc -Cx=y --emit=dep-info='/t/.kernel.o.d' --emit=llvm-bc='/t/kernel.bc' \
             --crate-name kernel /l/rust/kernel/lib.rs"
        );
        assert_eq!(
            rustc_line("savedcmd_a := ld -o a b ; c\n", Path::new("/t")),
            None
        );
        let files: Vec<&str> = sources(CMD).collect();
        assert_eq!(files, ["/l/rust/kernel/mm/vma.rs", "rust/kernel/made.rs"]);
        assert_eq!(
            lines_of_code("// a\n\nfn f() {\n    // b\n    g();\n}\n"),
            3
        );
    }

    fn cost(lines: usize, cpu: [f64; 3], memory_kib: u64) -> Cost {
        let run = |cpu_seconds| Run {
            cpu_seconds,
            wall_seconds: 2.0 * cpu_seconds,
            memory_kib,
        };
        Cost {
            lines,
            runs: cpu.map(run).to_vec(),
        }
    }

    #[test]
    fn time_is_judged_by_lines() {
        let failures = |lines, cpu, memory| {
            let without = cost(1000, [4.0, 1.0, 2.0], 1000);
            let with = cost(lines, [cpu; 3], memory);
            Report { with, without }.judge().failures
        };
        assert!(failures(1300, 2.9, 1100).is_empty());
        assert!(
            failures(1300, 3.1, 1100)[0].contains("1.55 times as long for 1.30 times the lines")
        );
        assert!(failures(1300, 2.0, 1200)[0].contains("1.20 times the memory"));
    }

    #[test]
    fn the_table_shows_medians() {
        let report = Report {
            with: cost(1300, [9.0, 3.0, 2.0], 2048),
            without: cost(1000, [2.0; 3], 1024),
        };
        let table = report.table().text();
        let row = |name: &str| -> Vec<String> {
            let line = table.lines().find(|line| line.starts_with(name)).unwrap();
            line[13..].split_whitespace().map(str::to_string).collect()
        };
        assert_eq!(row("CPU seconds"), ["2.00", "3.00", "1.500"]);
        assert_eq!(row("memory, MiB"), ["1.0", "2.0", "2.000"]);
        assert_eq!(row("lines of code"), ["1000", "1300", "1.300"]);
    }
}
