// SPDX-License-Identifier: GPL-2.0

//! What the overlay costs those who build a kernel with Rust and do not use it: the time and the memory that rustc
//! takes for the `kernel` crate, with the overlay and without. The command is kbuild's own, run again and again in turn
//! on both trees, with its output put aside. No compiler cache is between: kbuild has none for rustc.

use crate::bench::plot::bars::{Bars, Kind, Series};
use crate::bench::plot::rows::{Group, Row, Value};
use crate::bench::plot::{Scale, Tone};
use crate::bench::sheet::{columns, figure};
use crate::code::two_trees::{self, Built};
use crate::page::{self, Part, Section, Table};
use crate::report::Outcome;
use crate::targets::{Ready, Session};
use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use wait4::Wait4;

/// Runs of each that count; one before them does not.
const RUNS: usize = 3;

/// How much more a line of ours may cost rustc than one that was there, on average over the crate. Times vary by some
/// per cent from run to run, on a busy host by more.
const MORE_TIME: f64 = 1.15;
/// How much more memory rustc may take.
const MORE_MEMORY: f64 = 1.15;

/// What rustc took, once.
#[derive(Clone, Copy, Debug, Serialize)]
struct Run {
    cpu_seconds: f64,
    wall_seconds: f64,
    memory_kib: u64,
}

/// What it took for one tree.
#[derive(Debug, Serialize)]
struct Cost {
    /// Lines of the crate, without those that are blank or only a comment.
    lines: usize,
    median: Run,
    runs: Vec<Run>,
}

#[derive(Debug, Serialize)]
struct Report {
    with: Cost,
    without: Cost,
    ratios: Ratios,
}

/// With the overlay to without.
#[derive(Debug, Serialize)]
struct Ratios {
    lines: f64,
    cpu: f64,
    wall: f64,
    memory: f64,
}

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
    session.progress.hidden(|| println!("{}", report.table()));
    let dir = session.places.build.join("bench");
    let json = dir.join("build-cost.json");
    fs::create_dir_all(&dir).with_context(|| format!("{}: cannot be made", dir.display()))?;
    fs::write(&json, serde_json::to_string_pretty(&report)? + "\n")
        .with_context(|| format!("{}: cannot be written", json.display()))?;
    Ok((outcome, report.section()?))
}

fn measure(session: &Session, with: &Built, without: &Built) -> Result<Report> {
    let mut step = session.progress.step("build cost");
    step.expect(Some(2 * (RUNS as u64 + 1)));
    let aside = tempfile::Builder::new()
        .prefix("build-cost-")
        .tempdir_in(&session.places.build)?;
    let commands = [
        Command::read(with, aside.path())?,
        Command::read(without, aside.path())?,
    ];
    let mut runs = [Vec::new(), Vec::new()];
    for number in 0..=RUNS {
        for (command, runs) in commands.iter().zip(&mut runs) {
            step.advance("rustc, the kernel crate");
            let run = command.run()?;
            if number > 0 {
                runs.push(run);
            }
        }
    }
    step.done(&format!("{RUNS} runs each"));
    let [with_runs, without_runs] = runs;
    Ok(Report::of(
        Cost::of(lines(with)?, with_runs),
        Cost::of(lines(without)?, without_runs),
    ))
}

impl Report {
    fn of(with: Cost, without: Cost) -> Self {
        let ratio = |value: fn(&Cost) -> f64| value(&with) / value(&without);
        let ratios = Ratios {
            lines: ratio(|cost| cost.lines as f64),
            cpu: ratio(|cost| cost.median.cpu_seconds),
            wall: ratio(|cost| cost.median.wall_seconds),
            memory: ratio(|cost| cost.median.memory_kib as f64),
        };
        Self {
            with,
            without,
            ratios,
        }
    }

    fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        let Ratios {
            lines, cpu, memory, ..
        } = self.ratios;
        outcome.check(cpu <= lines * MORE_TIME, || {
            format!(
                "rustc takes {cpu:.2} times as long for {lines:.2} times the lines: more than {MORE_TIME} times that \
                 (look for what takes long with -Ztime-passes)"
            )
        });
        outcome.check(memory <= MORE_MEMORY, || {
            format!("rustc takes {memory:.2} times the memory: more than {MORE_MEMORY} times")
        });
        outcome
    }

    fn section(&self) -> Result<Section> {
        let row = |name: &str, digits: usize, ratio: f64, of: fn(&Cost) -> f64| page::Row {
            cells: vec![
                name.to_string(),
                format!("{:.digits$}", of(&self.without)),
                format!("{:.digits$}", of(&self.with)),
                format!("{ratio:.3}"),
            ],
            mark: None,
        };
        let bar = |name: &str, ratio: f64| Row {
            label: name.to_string(),
            values: vec![Some(Value::from(ratio))],
        };
        let Ratios {
            lines,
            cpu,
            wall,
            memory,
        } = self.ratios;
        let drawn = Bars {
            title: "What a kernel crate with the overlay costs rustc".to_string(),
            about: "As a multiple of what it costs without".to_string(),
            unit: "times".to_string(),
            kind: Kind::Beside,
            scale: Scale::Linear,
            series: vec![Series {
                name: "with / without".to_string(),
                tone: Tone::Other(0),
            }],
            groups: vec![Group {
                name: String::new(),
                rows: vec![
                    bar("lines of code", lines),
                    bar("CPU seconds", cpu),
                    bar("seconds", wall),
                    bar("memory", memory),
                ],
            }],
        };
        let table = Table {
            caption: format!("rustc on the kernel crate, median of {RUNS} runs each, in turn"),
            columns: columns(&["", "without", "with", "ratio"]),
            rows: vec![
                row("lines of code", 0, lines, |cost| cost.lines as f64),
                row("CPU seconds", 2, cpu, |cost| cost.median.cpu_seconds),
                row("seconds", 2, wall, |cost| cost.median.wall_seconds),
                row("memory, MiB", 1, memory, |cost| {
                    cost.median.memory_kib as f64 / 1024.0
                }),
            ],
        };
        Ok(Section {
            id: "build-cost".to_string(),
            heading: "What it costs to build".to_string(),
            parts: vec![
                figure(
                    "rustc",
                    drawn.draw()?,
                    "Nothing in this kernel uses the abstraction",
                ),
                Part::Table(table),
            ],
        })
    }

    fn table(&self) -> String {
        let mut text = format!(
            "rustc on the kernel crate, nothing of which uses the abstraction (median of {RUNS} runs each, in turn)\n\
             {:22} {:>10} {:>10} {:>8}\n",
            "", "without", "with", "ratio"
        );
        let mut row = |name: &str, digits: usize, of: fn(&Cost) -> f64, ratio: f64| {
            text += &format!(
                "{name:22} {:>10.digits$} {:>10.digits$} {ratio:>8.3}\n",
                of(&self.without),
                of(&self.with)
            );
        };
        row(
            "lines of code",
            0,
            |cost| cost.lines as f64,
            self.ratios.lines,
        );
        row(
            "CPU seconds",
            2,
            |cost| cost.median.cpu_seconds,
            self.ratios.cpu,
        );
        row(
            "seconds",
            2,
            |cost| cost.median.wall_seconds,
            self.ratios.wall,
        );
        row(
            "memory, MiB",
            1,
            |cost| cost.median.memory_kib as f64 / 1024.0,
            self.ratios.memory,
        );
        text
    }
}

impl Cost {
    fn of(lines: usize, runs: Vec<Run>) -> Self {
        Self {
            lines,
            median: Run {
                cpu_seconds: median(runs.iter().map(|run| run.cpu_seconds)),
                wall_seconds: median(runs.iter().map(|run| run.wall_seconds)),
                memory_kib: median(runs.iter().map(|run| run.memory_kib as f64)) as u64,
            },
            runs,
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// kbuild's call of rustc, as a line for the shell.
struct Command {
    line: String,
    dir: PathBuf,
}

impl Command {
    fn read(built: &Built, aside: &Path) -> Result<Self> {
        let file = built.out.join("rust/.kernel.o.cmd");
        let text = fs::read_to_string(&file)
            .with_context(|| format!("{}: cannot be read", file.display()))?;
        let line = rustc_line(&text, aside)
            .with_context(|| format!("{}: no call of rustc is in it", file.display()))?;
        Ok(Self {
            line,
            dir: built.out.clone(),
        })
    }

    fn run(&self) -> Result<Run> {
        let mut cmd = crate::proc::command("sh");
        cmd.arg("-c")
            .arg(&self.line)
            .current_dir(&self.dir)
            // As kbuild has it.
            .env("RUSTC_BOOTSTRAP", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let start = Instant::now();
        let used = cmd
            .spawn()
            .context("sh: cannot be run")?
            .wait4()
            .context("rustc was lost")?;
        let wall = start.elapsed();
        if !used.status.success() {
            bail!("{}: rustc fails when it is run again", self.dir.display());
        }
        let cpu: Duration = used.rusage.utime + used.rusage.stime;
        Ok(Run {
            cpu_seconds: cpu.as_secs_f64(),
            wall_seconds: wall.as_secs_f64(),
            memory_kib: used.rusage.maxrss / 1024,
        })
    }
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

/// Lines of code in all files that the crate is made of.
fn lines(built: &Built) -> Result<usize> {
    let file = built.out.join("rust/.kernel.o.cmd");
    let text =
        fs::read_to_string(&file).with_context(|| format!("{}: cannot be read", file.display()))?;
    let mut count = 0;
    for path in sources(&text) {
        // Relative ones are generated.
        let text = fs::read_to_string(built.out.join(path))
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
    fn the_call_of_rustc_is_taken_and_writes_elsewhere() {
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
        Cost::of(lines, cpu.map(run).to_vec())
    }

    #[test]
    fn time_is_judged_by_the_lines_and_memory_as_it_is() {
        let failures = |lines, cpu, memory| {
            let without = cost(1000, [4.0, 1.0, 2.0], 1000);
            Report::of(cost(lines, [cpu; 3], memory), without)
                .judge()
                .failures
        };
        assert!(failures(1300, 2.9, 1100).is_empty());
        assert!(
            failures(1300, 3.1, 1100)[0].contains("1.55 times as long for 1.30 times the lines")
        );
        assert!(failures(1300, 2.0, 1200)[0].contains("1.20 times the memory"));
    }

    #[test]
    fn the_table_shows_medians() {
        let report = Report::of(
            cost(1300, [9.0, 3.0, 2.0], 2048),
            cost(1000, [2.0; 3], 1024),
        );
        let table = report.table();
        let row = |name: &str| -> Vec<String> {
            let line = table.lines().find(|line| line.starts_with(name)).unwrap();
            line[22..].split_whitespace().map(str::to_string).collect()
        };
        assert_eq!(row("CPU seconds"), ["2.00", "3.00", "1.500"]);
        assert_eq!(row("memory, MiB"), ["1.0", "2.0", "2.000"]);
        assert_eq!(row("lines of code"), ["1000", "1300", "1.300"]);
    }
}
