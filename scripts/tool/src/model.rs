// SPDX-License-Identifier: GPL-2.0

//! The models of locking several VMAs: spin makes a program of each property, which looks at every state there is. Most must
//! find nothing; those that are broken on purpose must find what they are broken for.

use crate::places::Places;
use crate::proc::{self, Logged};
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::{Context, Result, bail};
use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// In MiB, and for one property.
const MEMORY: u32 = 1500;
const DEPTH: u32 = 2_000_000;
/// The binary logarithm of the slots of its hash table.
const SLOTS: u32 = 22;
const TIMEOUT: Duration = Duration::from_secs(300);
/// Steps of a trail that a failure shows.
const SHOWN: usize = 12;

/// The content of runs.toml.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Runs {
    run: Vec<Run>,
}

/// One property.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Run {
    name: String,
    model: String,
    defines: Vec<String>,
    kind: Kind,
    /// Of the program that looks at the states.
    #[serde(default)]
    options: Vec<String>,
    expect: Finding,
    /// The largest number of times that one call gives up all it has, where that is counted.
    backoffs: Option<u32>,
    /// The largest number of locks that somebody has while it waits, likewise.
    kept: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Safety,
    Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Finding {
    None,
    Assertion,
    Deadlock,
    Starvation,
}

impl Finding {
    fn text(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::Assertion => "a violated assertion",
            Self::Deadlock => "a deadlock",
            Self::Starvation => "a cycle without progress",
        }
    }
}

/// The result of an exploration.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Found {
    finding: Finding,
    /// Spin's own words.
    error: Option<String>,
    states: u64,
    backoffs: Option<u32>,
    kept: Option<u32>,
}

/// A property and its result, as JSON.
#[derive(Serialize)]
struct Checked {
    #[serde(flatten)]
    run: Run,
    found: Option<Found>,
    trail: Option<String>,
    ok: bool,
    detail: String,
}

/// Checks every property, prints a line for each, and writes them down.
pub fn run(places: &Places, progress: &Progress) -> Result<Outcome> {
    let mut step = progress.step("model");
    let runs = load(&places.repo)?;
    step.expect(Some(runs.len() as u64));
    let mut outcome = Outcome::default();
    let mut all = Vec::new();
    for (number, run) in runs.into_iter().enumerate() {
        step.advance(&run.name);
        let dir = places.build.join(format!("model/{:02}", number + 1));
        let checked = check(places, run, &dir)?;
        progress.hidden(|| println!("{}", line(&checked)));
        let name = &checked.run.name;
        outcome.check(checked.ok, || format!("{name}: {}", checked.detail));
        if let (false, Some(trail)) = (checked.ok, &checked.trail) {
            for line in steps(places, &checked.run, &places.repo.join(trail)) {
                progress.say(&format!("    {line}"));
            }
        }
        all.push(checked);
    }
    let file = places.build.join("model.json");
    let text = serde_json::to_string_pretty(&serde_json::json!({
        "passed": outcome.passed,
        "failed": outcome.failed,
        "properties": all,
    }))?;
    fs::write(&file, text + "\n")
        .with_context(|| format!("{}: cannot be written", file.display()))?;
    if outcome.failed == 0 {
        step.done(&outcome.counts());
    }
    Ok(outcome)
}

fn load(repo: &Path) -> Result<Vec<Run>> {
    let path = repo.join("scripts/model/runs.toml");
    let text =
        fs::read_to_string(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let runs: Runs = toml::from_str(&text).with_context(|| format!("{}: wrong", path.display()))?;
    Ok(runs.run)
}

fn source(places: &Places, run: &Run) -> PathBuf {
    places.repo.join(format!("scripts/model/{}.pml", run.model))
}

fn defines(run: &Run) -> impl Iterator<Item = String> {
    run.defines.iter().map(|define| format!("-D{define}"))
}

/// Makes the program of a property in a directory of its own, where its trail stays, and runs it.
fn check(places: &Places, run: Run, dir: &Path) -> Result<Checked> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("{}: cannot be removed", dir.display()))?;
    }
    fs::create_dir_all(dir).with_context(|| format!("{}: cannot be made", dir.display()))?;
    let mut spin = proc::command("spin");
    spin.arg("-a").args(defines(&run)).arg(source(places, &run));
    made(places, spin, dir, "spin")?;

    // Unoptimised: compiling takes longer than what it gains.
    let mut gcc = proc::command("gcc");
    gcc.args(["-O0", "-w", "-o", "pan", "pan.c"])
        .arg(format!("-DMEMLIM={MEMORY}"))
        .arg(match run.kind {
            Kind::Safety => "-DSAFETY",
            Kind::Progress => "-DNFAIR=3",
        });
    made(places, gcc, dir, "gcc")?;

    let log = dir.join("pan.log");
    let mut pan = proc::command(dir.join("pan"));
    pan.args([format!("-m{DEPTH}"), format!("-w{SLOTS}")])
        .current_dir(dir);
    if run.kind == Kind::Progress {
        pan.args(["-a", "-f"]);
    }
    pan.args(&run.options);
    let logged = Logged {
        log: &log,
        append: false,
        timeout: Some(TIMEOUT),
    };
    let ended = logged.run(pan, |_| ())?;
    let output =
        fs::read_to_string(&log).with_context(|| format!("{}: cannot be read", log.display()))?;
    let found = match ended.timed_out {
        true => Err(format!("not done in {} s", TIMEOUT.as_secs())),
        false => found(&output),
    };
    let verdict = found
        .as_ref()
        .map_err(|why| format!("{why}: see {}", places.show(&log)))
        .and_then(|found| judge(&run, found));
    let trail = dir.join(format!("{}.pml.trail", run.model));
    let trail = trail.is_file().then(|| places.show(&trail));
    let (ok, mut detail) = match verdict {
        Ok(detail) => (true, detail),
        Err(detail) => (false, detail),
    };
    if let (false, Some(trail)) = (ok, &trail) {
        detail += &format!(": see {trail}");
    }
    Ok(Checked {
        found: found.ok(),
        trail,
        ok,
        detail,
        run,
    })
}

/// Runs what must not fail.
fn made(places: &Places, mut cmd: std::process::Command, dir: &Path, name: &str) -> Result<()> {
    cmd.current_dir(dir);
    let log = dir.join(format!("{name}.log"));
    let (success, output) = proc::watched(&log, cmd, |_| ())?;
    // Spin's own exit code is 0 for some of its errors.
    if !success || !dir.join("pan.c").is_file() {
        eprint!("{}", proc::tail(&log, 10));
        bail!("{name} fails on a model: see {}", places.show(&log));
    }
    if output.contains("dubious use of") {
        bail!("{name} doubts a model: see {}", places.show(&log));
    }
    Ok(())
}

/// Reads what the program printed; `Err` if it did not look at all there is, and found nothing.
fn found(output: &str) -> std::result::Result<Found, String> {
    let error = output
        .lines()
        .find_map(|line| line.strip_prefix("pan:1: "))
        .map(str::to_string);
    let finding = match &error {
        None => Finding::None,
        Some(error) if error.starts_with("assertion violated") => Finding::Assertion,
        Some(error) if error.starts_with("invalid end state") => Finding::Deadlock,
        Some(error) if error.starts_with("acceptance cycle") => Finding::Starvation,
        Some(error) => return Err(format!("spin says: {error}")),
    };
    let incomplete = [
        "max search depth too small",
        "reached -DMEMLIM bound",
        "out of memory",
    ];
    if let Some(why) = incomplete.iter().find(|why| output.contains(*why)) {
        return Err(format!("not all states were looked at ({why})"));
    }
    let number = |pattern: &str| -> Option<u64> {
        let pattern = Regex::new(pattern).expect("a constant");
        let all = pattern.captures_iter(output);
        all.filter_map(|found| found[1].parse().ok()).max()
    };
    let small = |pattern: &str| number(pattern).and_then(|number| u32::try_from(number).ok());
    let errors = number(r"depth reached \d+, errors: (\d+)");
    let states = number(r"(?m)^ *(\d+) states, stored");
    let (Some(errors), Some(states)) = (errors, states) else {
        return Err("spin's program did not come to its end".to_string());
    };
    if (errors == 0) != (finding == Finding::None) {
        return Err(format!(
            "spin counts {errors} errors that are not understood"
        ));
    }
    Ok(Found {
        finding,
        error,
        states,
        backoffs: small(r"(?m)^most back-offs: (\d+)$"),
        kept: small(r"(?m)^most kept while waiting: (\d+)$"),
    })
}

/// Compares the result with the expectation, and explains a difference.
fn judge(run: &Run, found: &Found) -> std::result::Result<String, String> {
    let said = found.error.as_deref().unwrap_or("no error");
    if found.finding != run.expect {
        return Err(format!("{said}, where {} was expected", run.expect.text()));
    }
    let counts = [
        ("back-offs", run.backoffs, found.backoffs),
        ("locks kept while waiting", run.kept, found.kept),
    ];
    let mut detail = match &found.error {
        None => format!("{} states", found.states),
        Some(error) => format!("{error}, as it must"),
    };
    for (what, expected, counted) in counts {
        let Some(expected) = expected else { continue };
        match counted {
            Some(counted) if counted == expected => {
                detail += &format!(", {what}: at most {counted}");
            }
            Some(counted) => return Err(format!("{counted} {what}, not {expected}")),
            None => return Err(format!("{what} were not counted")),
        }
    }
    Ok(detail)
}

fn line(checked: &Checked) -> String {
    let verdict = if checked.ok { "passed" } else { "failed" };
    let (model, name) = (&checked.run.model, &checked.run.name);
    format!("{verdict}  {model:8}  {name:46}  {}", checked.detail)
}

/// The last steps of a trail, in the model's own words; none if spin cannot replay it.
fn steps(places: &Places, run: &Run, trail: &Path) -> Vec<String> {
    let mut spin = proc::command("spin");
    spin.arg("-T").args(defines(run)).arg("-k").arg(trail);
    spin.arg(source(places, run));
    if let Some(dir) = trail.parent() {
        spin.current_dir(dir);
    }
    let output = proc::text(spin).unwrap_or_default();
    let lines: Vec<String> = output.lines().filter_map(told).collect();
    lines[lines.len().saturating_sub(SHOWN)..].to_vec()
}

fn told(line: &str) -> Option<String> {
    line.trim().strip_prefix("MSC: ").map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: &str =
        "State-vector 76 byte, depth reached 952, errors: 0\n     4111 states, stored\n";

    fn run(expect: Finding) -> Run {
        Run {
            name: "a".to_string(),
            model: "many".to_string(),
            defines: Vec::new(),
            kind: Kind::Safety,
            options: Vec::new(),
            expect,
            backoffs: None,
            kept: None,
        }
    }

    fn with_error(error: &str) -> String {
        format!(
            "pan:1: {error}\npan: wrote many.pml.trail\nState-vector 8 byte, depth reached 9, errors: 1\n       37 states, stored\n"
        )
    }

    #[test]
    fn each_kind_of_error_is_told_from_the_others() {
        let cases = [
            ("invalid end state (at depth 9)", Finding::Deadlock),
            ("assertion violated (n==0) (at depth 9)", Finding::Assertion),
            ("acceptance cycle (at depth 9)", Finding::Starvation),
        ];
        for (error, finding) in cases {
            let found = found(&with_error(error)).unwrap();
            assert_eq!((found.finding, found.states), (finding, 37));
            assert!(judge(&run(finding), &found).is_ok());
            assert!(judge(&run(Finding::None), &found).is_err());
        }
        assert!(found(&with_error("VECTORSZ is too small")).is_err());
    }

    #[test]
    fn broken_variant_that_passes_fails() {
        let found = found(NOTHING).unwrap();
        assert_eq!((found.finding, found.states), (Finding::None, 4111));
        assert_eq!(judge(&run(Finding::None), &found).unwrap(), "4111 states");
        assert!(judge(&run(Finding::Deadlock), &found).is_err());
    }

    #[test]
    fn incomplete_search_proves_nothing() {
        assert!(found(&format!("error: max search depth too small\n{NOTHING}")).is_err());
        assert!(found(&format!("pan: reached -DMEMLIM bound\n{NOTHING}")).is_err());
        assert!(found("").is_err());
        let unknown = NOTHING.replace("errors: 0", "errors: 1");
        assert!(found(&unknown).is_err());
    }

    #[test]
    fn the_largest_count_is_taken_and_compared() {
        let output =
            format!("most kept while waiting: 0\nmost back-offs: 1\nmost back-offs: 2\n{NOTHING}");
        let found = found(&output).unwrap();
        assert_eq!((found.backoffs, found.kept), (Some(2), Some(0)));
        let expecting = |backoffs| Run {
            backoffs,
            ..run(Finding::None)
        };
        assert!(judge(&expecting(Some(2)), &found).is_ok());
        assert!(judge(&expecting(Some(1)), &found).is_err());
        let silent = super::found(NOTHING).unwrap();
        assert!(judge(&expecting(Some(1)), &silent).is_err());
    }

    #[test]
    fn steps_are_what_the_model_tells() {
        assert_eq!(
            told("      MSC: reader 0: holds 2 VMAs").as_deref(),
            Some("reader 0: holds 2 VMAs")
        );
        assert_eq!(told("spin: trail ends after 9 steps"), None);
    }

    #[test]
    fn the_data_file_is_sound() {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let runs = load(&repo).unwrap();
        for finding in [
            Finding::None,
            Finding::Assertion,
            Finding::Deadlock,
            Finding::Starvation,
        ] {
            assert!(runs.iter().any(|run| run.expect == finding));
        }
        for run in &runs {
            let model = repo.join(format!("scripts/model/{}.pml", run.model));
            let text = fs::read_to_string(model).unwrap();
            for define in &run.defines {
                let name = define.split('=').next().unwrap();
                assert!(text.contains(name), "{}: no {name}", run.name);
            }
            let counts = run.defines.iter().any(|define| define == "COUNT");
            assert_eq!(counts, run.backoffs.is_some(), "{}", run.name);
        }
    }
}
