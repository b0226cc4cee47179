// SPDX-License-Identifier: GPL-2.0

//! The README's table of kernels and machines. `scripts/results.toml` keeps what ran: for each kernel, host and compilers, how
//! many tests of each suite passed. `make table` adds the results of runs to it, and writes the table anew.

use crate::places::Places;
use crate::tiers::{self, Row};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

const RECORD: &str = "scripts/results.toml";
const README: &str = "README.md";
/// The lines of the README that the table stands between.
const MARKS: [&str; 2] = ["<!-- By `make table`. -->", "<!-- The table ends. -->"];
const LICENCE: &str = "# SPDX-License-Identifier: GPL-2.0\n#\n# By `make table`, but for the reasons: \
	the tests that passed on each kernel.\n\n";
/// The suites that have a column. That of another name is the same one, on a kernel that is for it.
const COLUMNS: [(&str, &str); 4] = [
    ("kunit", "kcsan"),
    ("compile-fail", ""),
    ("conformance", ""),
    ("drivers", ""),
];

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    #[serde(default)]
    reason: Vec<Reason>,
    #[serde(default)]
    run: Vec<Run>,
}

/// Why a suite does not run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    /// The only series of kernels that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    linux: Option<String>,
    /// The kernels that it is for, all if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    kernels: Vec<String>,
    suites: Vec<String>,
    why: String,
}

/// Results of one kernel, with the same compilers and host.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    linux: String,
    kernel: String,
    architecture: String,
    rustc: String,
    clang: String,
    host: String,
    passed: BTreeMap<String, u64>,
}

impl Run {
    /// Point releases and what is fetched with them come and go.
    fn is_successor_of(&self, other: &Run) -> bool {
        let key = |run: &Run| {
            let series = series(&run.linux).to_string();
            (
                series,
                run.kernel.clone(),
                run.host.clone(),
                run.rustc.clone(),
            )
        };
        key(self) == key(other)
    }
}

impl Reason {
    fn is_for(&self, run: &Run, suite: &str) -> bool {
        let linux = self.linux.as_ref();
        linux.is_none_or(|linux| linux == series(&run.linux))
            && (self.kernels.is_empty() || self.kernels.contains(&run.kernel))
            && self.suites.iter().any(|name| name == suite)
    }
}

/// The column of a suite.
fn column(suite: &str) -> Option<&'static str> {
    let mut columns = COLUMNS.iter();
    let found = columns.find(|(name, other)| [*name, *other].contains(&suite));
    found.map(|(name, _)| *name)
}

/// `7.3` of `7.3.4`.
fn series(version: &str) -> &str {
    let end = version.match_indices('.').nth(1);
    &version[..end.map_or(version.len(), |(end, _)| end)]
}

/// Adds results to the record, and writes the table.
pub fn make(places: &Places, files: &[PathBuf]) -> Result<u8> {
    let record_file = places.repo.join(RECORD);
    let mut record = read(&record_file)?;
    for file in files {
        let shown = places.show(file);
        let text = fs::read(file).with_context(|| format!("{shown}: cannot be read"))?;
        let value = serde_json::from_slice(&text).with_context(|| format!("{shown}: no JSON"))?;
        for run in runs(&value).with_context(|| shown.clone())? {
            record.add(run);
        }
    }
    // Also if something is missing for a table: the rest may come from another host.
    let text = format!("{LICENCE}{}", toml::to_string(&record)?);
    fs::write(&record_file, text).with_context(|| format!("{RECORD}: cannot be written"))?;
    let readme_file = places.repo.join(README);
    let readme = fs::read_to_string(&readme_file).context("README.md: cannot be read")?;
    let readme = with_table(&readme, &record.table(&tiers::load(&places.repo)?)?)?;
    fs::write(&readme_file, readme).context("README.md: cannot be written")?;
    println!(
        "{} rows in README.md, {} files of results added",
        record.run.len(),
        files.len()
    );
    Ok(0)
}

fn read(file: &Path) -> Result<Record> {
    let text = fs::read_to_string(file).with_context(|| format!("{RECORD}: cannot be read"))?;
    toml::from_str(&text).with_context(|| RECORD.to_string())
}

/// The results of a run's kernels, as [`super::kcidb`] has written them. A suite that failed is an error.
fn runs(report: &Value) -> Result<Vec<Run>> {
    let list = |name: &str| report[name].as_array().cloned().unwrap_or_default();
    if report["checkouts"][0]["misc"]["whole"] == false {
        bail!("some of the tests only: run it without FILTER= and CASE=");
    }
    let mut runs = Vec::new();
    for build in list("builds") {
        let text = |value: &Value| value.as_str().map(str::to_string);
        // Suites that need no kernel have none.
        let Some(linux) = text(&build["misc"]["kernel_version"]) else {
            continue;
        };
        let [kernel, architecture, rustc, clang] = [
            &build["config_name"],
            &build["architecture"],
            &build["misc"]["rustc"],
            &build["misc"]["clang"],
        ]
        .map(|value| text(value).unwrap_or_default());
        let (mut host, mut passed) = (String::new(), BTreeMap::new());
        for test in list("tests") {
            let name = test["path"].as_str().context("a test without a path")?;
            let (true, Some(column)) = (test["build_id"] == build["id"], column(name)) else {
                continue;
            };
            if test["status"] != "PASS" {
                bail!("{name} {kernel} did not pass: mend that, and run it again");
            }
            host = text(&test["environment"]["comment"]).context("a test without a host")?;
            let count = test["misc"]["passed"]
                .as_u64()
                .context("a test without a count")?;
            passed.insert(column.to_string(), count);
        }
        if !passed.is_empty() {
            runs.push(Run {
                linux,
                kernel,
                architecture,
                rustc,
                clang,
                host,
                passed,
            });
        }
    }
    Ok(runs)
}

impl Record {
    fn add(&mut self, mut run: Run) {
        if let Some(at) = self.run.iter().position(|old| run.is_successor_of(old)) {
            let old = self.run.remove(at);
            for (suite, count) in old.passed {
                run.passed.entry(suite).or_insert(count);
            }
        }
        self.run.push(run);
        let key = |run: &Run| {
            let newest_first = std::cmp::Reverse(series(&run.linux).to_string());
            (
                newest_first,
                run.host.clone(),
                run.rustc.clone(),
                run.kernel.clone(),
            )
        };
        self.run.sort_by_key(key);
    }

    /// The lines of the table. A cell is a number or a reason, and each kernel of TESTING.md has a row.
    fn table(&self, rows: &[Row]) -> Result<String> {
        let tested = rows.iter().filter(|row| column(row.suite()).is_some());
        let kernels: BTreeSet<&str> = tested.filter_map(|row| Some(row.kernel?.name)).collect();
        let has_row = |kernel: &&&str| self.run.iter().any(|run| run.kernel == **kernel);
        if let Some(kernel) = kernels.iter().find(|kernel| !has_row(kernel)) {
            bail!(
                "{RECORD}: nothing ran on {kernel}: run `make kunit CONFIG={kernel}`, then `make table`"
            );
        }
        let mut table = String::from("| Linux | kernel | host, rustc and clang |");
        for (suite, _) in COLUMNS {
            write!(table, " {suite} |")?;
        }
        table += "\n|---|---|---|";
        table += &"---|".repeat(COLUMNS.len());
        table.push('\n');
        let mut notes: Vec<&str> = Vec::new();
        for run in &self.run {
            let (linux, kernel, rustc, clang) = (&run.linux, &run.kernel, &run.rustc, &run.clang);
            write!(
                table,
                "| {linux} | `{kernel}` | {}, {rustc}, {clang} |",
                short(&run.host)
            )?;
            for (suite, _) in COLUMNS {
                let reason = || self.reason.iter().find(|reason| reason.is_for(run, suite));
                let cell = match (run.passed.get(suite), reason()) {
                    (Some(count), _) => count.to_string(),
                    (None, Some(reason)) => {
                        let known = notes.iter().position(|note| *note == reason.why);
                        let note = known.unwrap_or(notes.len());
                        if known.is_none() {
                            notes.push(&reason.why);
                        }
                        format!("({})", letter(note))
                    }
                    (None, None) => bail!(
                        "{RECORD}: {suite} did not run on {kernel} of Linux {linux}, {}: run it, or add a reason",
                        run.host
                    ),
                };
                write!(table, " {cell} |")?;
            }
            table.push('\n');
        }
        table.push('\n');
        for (note, why) in notes.iter().enumerate() {
            let end = if note + 1 == notes.len() { "." } else { ";" };
            writeln!(table, "({}) {why}{end}", letter(note))?;
        }
        Ok(table)
    }
}

fn letter(note: usize) -> char {
    char::from(b'a' + u8::try_from(note % 26).expect("below 26"))
}

/// `Debian 12` of its long name.
fn short(host: &str) -> String {
    let host = host.replace(" GNU/Linux", "");
    host.split(" (").next().unwrap_or_default().to_string()
}

fn with_table(readme: &str, table: &str) -> Result<String> {
    let [begin, end] = MARKS;
    let parts = readme.split_once(begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(end)?;
        Some((before, after))
    });
    let Some((before, after)) = parts else {
        bail!("README.md: the lines {begin:?} and {end:?} are missing: put them around the table");
    };
    Ok(format!("{before}{begin}\n\n{table}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiers::Tier;
    use serde_json::json;

    fn report(kernel: &str, passed: u64, status: &str) -> Value {
        json!({
            "builds": [
                { "id": "1", "config_name": "none" },
                { "id": "2", "config_name": kernel, "architecture": "x86_64", "misc": {
                    "kernel_version": "7.3.4", "rustc": "1.96.0", "clang": "22.1.8",
                } },
            ],
            "tests": [
                { "build_id": "1", "path": "lint", "status": "FAIL" },
                {
                    "build_id": "2", "path": "kunit", "status": status, "misc": { "passed": passed },
                    "environment": { "comment": "Debian GNU/Linux 12 (bookworm)" },
                },
            ],
        })
    }

    fn reason() -> Reason {
        Reason {
            linux: Some("7.3".to_string()),
            kernels: Vec::new(),
            suites: ["compile-fail", "conformance", "drivers"]
                .map(str::to_string)
                .to_vec(),
            why: "not today".to_string(),
        }
    }

    fn record(passed: u64) -> Record {
        let mut record = Record::default();
        for run in runs(&report("um", passed, "PASS")).unwrap() {
            record.add(run);
        }
        record
    }

    fn row(kernel: &str) -> Row {
        Row {
            name: format!("kunit {kernel}"),
            tier: Tier::All,
            kernel: Some(crate::kconfig::Config::by_name(kernel).unwrap()),
        }
    }

    #[test]
    fn cells_are_numbers_or_reasons() {
        let mut record = record(7);
        let error = record.table(&[row("um")]).unwrap_err().to_string();
        assert!(error.contains("compile-fail did not run on um"), "{error}");
        record.reason.push(reason());
        let table = record.table(&[row("um")]).unwrap();
        assert!(
            table.contains("| 7.3.4 | `um` | Debian 12, 1.96.0, 22.1.8 | 7 | (a) | (a) | (a) |\n"),
            "{table}"
        );
        assert!(table.ends_with("\n\n(a) not today.\n"), "{table}");
        let error = record
            .table(&[row("um"), row("arm64")])
            .unwrap_err()
            .to_string();
        assert!(error.contains("nothing ran on arm64"), "{error}");
    }

    #[test]
    fn newer_results_replace_older_ones() {
        let mut record = record(7);
        record.run[0].passed.insert("drivers".to_string(), 3);
        for run in runs(&report("um", 8, "PASS")).unwrap() {
            record.add(run);
        }
        let [run] = &record.run[..] else {
            panic!("{record:?}")
        };
        assert_eq!((run.passed["kunit"], run.passed["drivers"]), (8, 3));
        let part = json!({ "checkouts": [{ "misc": { "whole": false } }] });
        let error = runs(&part).unwrap_err().to_string();
        assert!(error.contains("run it without FILTER="), "{error}");
        let error = runs(&report("um", 8, "FAIL")).unwrap_err().to_string();
        assert!(error.contains("kunit um did not pass"), "{error}");
        assert_eq!(
            (series("7.3.4"), series("7.4"), series("7.4-rc1")),
            ("7.3", "7.4", "7.4-rc1")
        );
    }

    #[test]
    fn readme_has_the_table_of_the_record() {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let record = read(&repo.join(RECORD)).unwrap();
        let readme = fs::read_to_string(repo.join(README)).unwrap();
        let table = record.table(&tiers::load(&repo).unwrap()).unwrap();
        assert!(
            with_table(&readme, &table).unwrap() == readme,
            "run `make table`"
        );
        assert!(with_table("no marks", &table).is_err());
    }
}
