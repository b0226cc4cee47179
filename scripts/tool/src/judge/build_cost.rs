// SPDX-License-Identifier: GPL-2.0

//! The command that made kernel.o is run again, with what it writes put aside: to check the crate without `RUST_VMA_MM`,
//! and for the cost of the overlay in a kernel with Rust that does not use it, the time and the memory that rustc takes for
//! the `kernel` crate, with the overlay and without. It is run again and again in turn on both trees. No compiler cache is
//! between: kbuild has none for rustc.

use super::bounds::BOUNDS;
use super::{Spread, Table, cells, check, ratio};
use crate::proc;
use crate::report::Outcome;
use anyhow::{Context, Result, bail};
use fs_err as fs;
use itertools::Itertools;
use serde::Serialize;
use std::io::{Read, Seek};
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;
use wait4::Wait4;

/// The option that drivers select, and what selects it in the kernel crate.
const WITHOUT_MM: [&str; 2] = ["CONFIG_RUST_VMA_MM", "CONFIG_RUST_VMA_KUNIT_TEST"];

fn aside(out: &Path) -> Result<tempfile::TempDir> {
    Ok(tempfile::Builder::new().prefix("aside-").tempdir_in(out)?)
}

/// Kbuild's record of the kernel crate.
fn record(out: &Path) -> Result<String> {
    Ok(fs::read_to_string(out.join("rust/.kernel.o.cmd"))?)
}

/// Its first command.
fn words(record: &str) -> Result<Vec<&str>> {
    let line = record
        .lines()
        .next()
        .and_then(|line| line.split_once(":= "));
    let command = line.map_or("", |(_, rest)| rest.split(';').next().unwrap_or(rest));
    match command.contains("--crate-name kernel") {
        true => Ok(command.split_whitespace().collect()),
        false => bail!("no call of rustc for kernel.o"),
    }
}

/// With everything that it writes put aside: `--emit=KIND=DIRECTORY/NAME`.
fn emitting(words: &[&str], aside: &str) -> String {
    let mut words = words.iter().map(|word| match word.rsplit_once('=') {
        Some((kind, file)) if kind.starts_with("--emit=") => {
            let name = file.rsplit('/').next().unwrap_or(file);
            format!("{kind}='{aside}/{name}'")
        }
        _ => word.to_string(),
    });
    words.join(" ")
}

/// With the options that are put aside and without code.
fn checking(words: &[&str], aside: &str) -> String {
    let words = words.iter().filter(|word| !word.starts_with("--emit="));
    let mut words = words.map(|word| match word.ends_with("/generated/rustc_cfg") {
        true => format!("'@{aside}/rustc_cfg'"),
        false => word.to_string(),
    });
    words.join(" ") + &format!(" --emit=metadata='{aside}/kernel.rmeta'")
}

#[derive(Serialize)]
struct Cost {
    cpu_seconds: f64,
    wall_seconds: f64,
    memory_kib: f64,
}

/// Runs rustc once, in a build directory. Returns whether it succeeded, what it said, and its cost.
fn rustc(command: &str, out: &Path) -> Result<(bool, String, Cost)> {
    let mut said = tempfile::tempfile()?;
    // As kbuild has it.
    let mut sh = proc::command("sh");
    sh.args(["-c", command])
        .current_dir(out)
        .env("RUSTC_BOOTSTRAP", "1");
    sh.stdout(Stdio::null()).stderr(said.try_clone()?);
    let start = Instant::now();
    let ended = sh
        .spawn()
        .context("sh: cannot be run")?
        .wait4()
        .context("rustc was lost")?;
    let (wall_seconds, used) = (start.elapsed().as_secs_f64(), ended.rusage);
    let mut text = String::new();
    said.rewind()?;
    said.read_to_string(&mut text)?;
    let cost = Cost {
        cpu_seconds: (used.utime + used.stime).as_secs_f64(),
        wall_seconds,
        memory_kib: used.maxrss as f64 / 1024.0,
    };
    Ok((ended.status.success(), text, cost))
}

/// Has rustc look at the `kernel` crate again, without `RUST_VMA_MM`, which drivers select.
pub fn judge_without_mm(out: &Path) -> Result<Outcome> {
    let options = fs::read_to_string(out.join("include/generated/rustc_cfg"))?;
    let is_other = |line: &&str| !WITHOUT_MM.iter().any(|option| line.contains(option));
    let others = options.lines().filter(is_other).collect_vec();
    let (aside, record) = (aside(out)?, record(out)?);
    fs::write(aside.path().join("rustc_cfg"), others.join("\n"))?;
    let command = checking(&words(&record)?, &aside.path().to_string_lossy());
    let (success, said, _) = rustc(&command, out)?;
    let mut outcome = Outcome::default();
    check!(
        outcome,
        others.len() < options.lines().count(),
        "RUST_VMA_MM=n: the kernel is without it already"
    );
    outcome.check(success && said.is_empty(), || {
        let said = said.lines().take(20).join("\n");
        format!("RUST_VMA_MM=n: the kernel crate does not build without a warning:\n{said}")
    });
    Ok(outcome)
}

/// The content of build/bench/build-cost.json.
#[derive(Serialize)]
pub struct Report {
    with: Tree,
    without: Tree,
}

#[derive(Serialize)]
struct Tree {
    /// Of code.
    lines: usize,
    runs: Vec<Cost>,
}

/// The crate's own files among what kernel.o depends on. Those that are generated are relative to the build directory.
fn sources(record: &str) -> impl Iterator<Item = &str> {
    let words = record
        .lines()
        .map(|line| line.trim_end_matches('\\').trim());
    let is_source = |word: &&str| word.contains("rust/kernel/") && word.ends_with(".rs");
    words.filter(|word| !word.contains(' ')).filter(is_source)
}

fn lines_of_code(source: &str) -> usize {
    let lines = source.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}

/// A row of the table: its name, and the number with its decimals.
type Row = (&'static str, usize, fn(&Tree) -> f64);

const ROWS: [Row; 4] = [
    ("lines of code", 0, |tree| tree.lines as f64),
    ("CPU seconds", 2, |tree| tree.least(|run| run.cpu_seconds)),
    ("seconds", 2, |tree| tree.least(|run| run.wall_seconds)),
    ("memory, MiB", 1, |tree| {
        tree.least(|run| run.memory_kib / 1024.0)
    }),
];

impl Tree {
    fn least(&self, of: fn(&Cost) -> f64) -> f64 {
        Spread::of(self.runs.iter().map(of)).low
    }
}

impl Report {
    pub fn measure(with: &Path, without: &Path) -> Result<Self> {
        let (aside, outs) = (aside(with)?, [with, without]);
        let mut runs = [Vec::new(), Vec::new()];
        for number in 0..=BOUNDS.build_cost.runs {
            for (out, runs) in outs.iter().zip(&mut runs) {
                let record = record(out)?;
                let command = emitting(&words(&record)?, &aside.path().to_string_lossy());
                let (success, _, cost) = rustc(&command, out)?;
                if !success {
                    bail!("{}: rustc fails when it is run again", out.display());
                }
                // The one before the others does not count.
                runs.extend((number > 0).then_some(cost));
            }
        }
        let tree = |out: &Path, runs| {
            let record = record(out)?;
            let lines = sources(&record)
                .map(|file| Ok(lines_of_code(&fs::read_to_string(out.join(file))?)));
            let lines = lines.sum::<Result<_>>()?;
            anyhow::Ok(Tree { lines, runs })
        };
        let [of_with, of_without] = runs;
        Ok(Self {
            with: tree(with, of_with)?,
            without: tree(without, of_without)?,
        })
    }

    fn ratio(&self, of: fn(&Tree) -> f64) -> f64 {
        ratio(of(&self.with), of(&self.without))
    }

    pub fn judge(&self) -> Outcome {
        let (mut outcome, bounds) = (Outcome::default(), &BOUNDS.build_cost);
        let [lines, cpu, _, memory] = ROWS.map(|(_, _, of)| self.ratio(of));
        outcome.check(cpu <= lines * bounds.time, || {
            let most = bounds.time;
            format!(
                "rustc takes {cpu:.2} times as long for {lines:.2} times the lines: more than {most} times that \
                 (find the slow pass with -Ztime-passes)"
            )
        });
        outcome.check(memory - 1.0 <= (lines - 1.0) * bounds.memory, || {
            let most = bounds.memory;
            format!(
                "rustc takes {memory:.2} times the memory for {lines:.2} times the lines: more than {most} times an \
                 average line's for each line more (-Zmeta-stats shows what grew)"
            )
        });
        outcome
    }

    pub fn table(&self) -> Table {
        let row = |(name, digits, of): Row| {
            let [without, with] =
                [&self.without, &self.with].map(|tree| format!("{:.digits$}", of(tree)));
            cells![name, without, with, format!("{:.3}", self.ratio(of))]
        };
        let runs = BOUNDS.build_cost.runs;
        Table::new(
            format!(
                "rustc on the kernel crate, nothing of which uses the abstraction (the least of {runs} runs each, in turn)"
            ),
            " | without | with | ratio",
            ROWS.into_iter().map(row),
        )
    }
}

#[cfg(test)]
#[rustfmt::skip] // A case of a table is a line.
mod tests {
    use super::*;

    const RECORD: &str = "savedcmd_rust/kernel.o :=  OBJTREE=/o rustc -Cx=y @./include/generated/rustc_cfg \
                          --emit=dep-info=rust/.kernel.o.d --emit=llvm-bc=rust/kernel.bc --crate-name kernel \
                          /l/rust/kernel/lib.rs ;llvm-link a; clang b\n\ndeps_rust/kernel.o := \\\n  \
                          /l/rust/kernel/mm/vma.rs \\\n  rust/kernel/made.rs \\\n  rust/x.rmeta \\\n\
                          rust/kernel.o: $(deps_rust/kernel.o)\n";

    #[test]
    fn rustc_call_writes_elsewhere() {
        let words = words(RECORD).unwrap();
        assert_eq!(
            emitting(&words, "/t"),
            "OBJTREE=/o rustc -Cx=y @./include/generated/rustc_cfg --emit=dep-info='/t/.kernel.o.d' \
             --emit=llvm-bc='/t/kernel.bc' --crate-name kernel /l/rust/kernel/lib.rs"
        );
        assert_eq!(
            checking(&words, "/t"),
            "OBJTREE=/o rustc -Cx=y '@/t/rustc_cfg' --crate-name kernel /l/rust/kernel/lib.rs \
             --emit=metadata='/t/kernel.rmeta'"
        );
        assert!(super::words("savedcmd_a := ld -o a b ; c\n").is_err());
        let sources = sources(RECORD).collect_vec();
        assert_eq!(sources, ["/l/rust/kernel/mm/vma.rs", "rust/kernel/made.rs"]);
        assert_eq!(lines_of_code("// a\n\nfn f() {\n    // b\n    g();\n}\n"), 3);
    }

    fn tree(lines: usize, cpu: [f64; 3], memory_kib: f64) -> Tree {
        let run = |cpu_seconds| Cost { cpu_seconds, wall_seconds: 2.0 * cpu_seconds, memory_kib };
        let runs = cpu.map(run).into();
        Tree { lines, runs }
    }

    #[test]
    fn cost_is_judged_by_lines() {
        for (cpu, memory, said) in [
            (2.9, 1140.0, None),
            (3.1, 1140.0, Some("1.55 times as long for 1.30 times the lines")),
            (2.0, 1160.0, Some("1.16 times the memory for 1.30 times the lines")),
        ] {
            let (with, without) = (tree(1300, [9.0, cpu, 9.0], memory), tree(1000, [4.0, 3.0, 2.0], 1000.0));
            let failures = Report { with, without }.judge().failures;
            assert_eq!(failures.len(), usize::from(said.is_some()));
            assert!(failures.concat().contains(said.unwrap_or("")), "{failures:?}");
        }
    }

    #[test]
    fn the_table_shows_the_least() {
        let (with, without) = (tree(1300, [9.0, 3.0, 4.0], 2048.0), tree(1000, [2.0; 3], 1024.0));
        let rows = Report { with, without }.table().rows;
        let rows = rows.iter().map(|row| row.join(" ")).collect_vec();
        let expected = [
            "lines of code 1000 1300 1.300",
            "CPU seconds 2.00 3.00 1.500",
            "seconds 4.00 6.00 1.500",
            "memory, MiB 1.0 2.0 2.000",
        ];
        assert_eq!(rows, expected);
    }
}
