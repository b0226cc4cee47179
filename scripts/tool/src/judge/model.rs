// SPDX-License-Identifier: GPL-2.0

//! The models of the locks: spin makes a program of each property, which looks at every state there is. Most must find
//! nothing; those that are broken on purpose must find what they are broken for.

pub mod transitions;

use super::{check, emptied};
use crate::places::Places;
use crate::proc::{self, Logged};
use crate::progress::Progress;
use crate::report::{self, Outcome};
use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use itertools::Itertools;
use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::Path;
use std::process::Command;
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
#[derive(Clone, Deserialize, Serialize)]
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
    /// A part of what spin says of an error, to tell it from others.
    says: Option<String>,
    /// The largest number of times that one call gives up all it has, where that is counted.
    backoffs: Option<u64>,
    /// The largest number of locks that somebody has while it waits, likewise.
    kept: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Safety,
    Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Finding {
    None,
    Assertion,
    Deadlock,
    Starvation,
}

/// The name of each, and how spin's own words for it begin.
const FINDINGS: [(Finding, &str, &str); 4] = [
    (Finding::None, "nothing", ""),
    (
        Finding::Assertion,
        "a violated assertion",
        "assertion violated",
    ),
    (Finding::Deadlock, "a deadlock", "invalid end state"),
    (
        Finding::Starvation,
        "a cycle without progress",
        "acceptance cycle",
    ),
];

/// The result of an exploration.
#[derive(Serialize)]
struct Found {
    finding: Finding,
    /// Spin's own words.
    error: Option<String>,
    states: u64,
    backoffs: Option<u64>,
    kept: Option<u64>,
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
    let (mut outcome, mut all) = (Outcome::default(), Vec::new());
    for (number, run) in (1..).zip(runs) {
        step.advance(&run.name);
        let dir = places.build.join(format!("model/{number:02}"));
        let checked = check(places, run, &dir)?;
        let verdict = if checked.ok { "passed" } else { "failed" };
        let (Run { name, model, .. }, detail) = (&checked.run, &checked.detail);
        progress.hidden(|| println!("{verdict}  {model:9}  {name:46}  {detail}"));
        check!(outcome, checked.ok, "{name}: {detail}");
        if let (false, Some(trail)) = (checked.ok, &checked.trail) {
            for line in steps(places, &checked.run, &places.repo.join(trail)) {
                progress.say(&format!("    {line}"));
            }
        }
        all.push(checked);
    }
    let (passed, failed) = (outcome.passed, outcome.failed);
    let report = json!({"passed": passed, "failed": failed, "properties": all});
    report::write_json(&places.build.join("model.json"), &report)?;
    Ok(step.ended(outcome))
}

fn load(repo: &Path) -> Result<Vec<Run>> {
    let text = fs::read_to_string(repo.join("scripts/model/runs.toml"))?;
    let runs: Runs = toml::from_str(&text).context("runs.toml: wrong")?;
    Ok(runs.run)
}

/// Spin in a directory, to which the model follows.
fn spin(run: &Run, dir: &Path) -> Command {
    let mut spin = proc::command("spin");
    spin.current_dir(dir);
    spin.args(run.defines.iter().map(|define| format!("-D{define}")));
    spin
}

/// Makes the program of a property in a directory of its own, where its trail stays, and runs it.
fn check(places: &Places, run: Run, dir: &Path) -> Result<Checked> {
    emptied(dir)?;
    let is_safety = run.kind == Kind::Safety;
    let model = format!("{}.pml", run.model);
    let mut made = spin(&run, dir);
    made.arg("-a")
        .arg(places.repo.join("scripts/model").join(&model));
    make(places, made, dir, "spin")?;

    // Unoptimised: compiling takes longer than what it gains.
    let mut gcc = proc::command("gcc");
    gcc.args(["-O0", "-w", "-o", "pan", "pan.c"])
        .current_dir(dir);
    gcc.arg(format!("-DMEMLIM={MEMORY}"));
    gcc.arg(if is_safety { "-DSAFETY" } else { "-DNFAIR=3" });
    make(places, gcc, dir, "gcc")?;

    let log = dir.join("pan.log");
    let mut pan = proc::command(dir.join("pan"));
    pan.args([format!("-m{DEPTH}"), format!("-w{SLOTS}")]);
    pan.args(if is_safety { &[][..] } else { &["-a", "-f"] });
    pan.args(&run.options).current_dir(dir);
    let logged = Logged {
        log: &log,
        append: false,
        timeout: Some(TIMEOUT),
    };
    let found = match logged.run(pan, |_| ())?.timed_out {
        true => Err(anyhow::anyhow!("not done in {} s", TIMEOUT.as_secs())),
        false => found(&fs::read_to_string(&log)?),
    };
    let trail = dir.join(model + ".trail");
    let trail = trail.is_file().then(|| places.show(&trail));
    let (ok, mut detail) = match &found {
        Err(why) => (false, format!("{why}: see {}", places.show(&log))),
        Ok(found) => match judge(&run, found) {
            Err(why) => (false, why.to_string()),
            Ok(detail) => (true, detail),
        },
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
fn make(places: &Places, cmd: Command, dir: &Path, name: &str) -> Result<()> {
    let log = dir.join(format!("{name}.log"));
    let (success, output) = proc::watched(&log, cmd, |_| ())?;
    let shown = places.show(&log);
    // Spin's own exit code is 0 for some of its errors.
    if !success || !dir.join("pan.c").is_file() {
        eprint!("{}", proc::tail(&log, 10));
        bail!("{name} fails on a model: see {shown}");
    }
    ensure!(
        !output.contains("dubious use of"),
        "{name} doubts a model: see {shown}"
    );
    Ok(())
}

/// Reads what the program printed. Fails if it did not look at all there is, and found nothing.
fn found(output: &str) -> Result<Found> {
    let error = output.lines().find_map(|line| line.strip_prefix("pan:1: "));
    let finding = match error {
        None => Finding::None,
        Some(error) => {
            let mut known = FINDINGS[1..].iter();
            let known = known.find(|(_, _, start)| error.starts_with(start));
            known.with_context(|| format!("spin says: {error}"))?.0
        }
    };
    for why in [
        "max search depth too small",
        "reached -DMEMLIM bound",
        "out of memory",
    ] {
        ensure!(
            !output.contains(why),
            "not all states were looked at ({why})"
        );
    }
    let number = |pattern: &str| -> Option<u64> {
        let pattern = Regex::new(pattern).expect("a constant");
        let all = pattern.captures_iter(output);
        all.filter_map(|found| found[1].parse().ok()).max()
    };
    let errors = number(r"depth reached \d+, errors: (\d+)");
    let states = number(r"(?m)^ *(\d+) states, stored");
    let both = errors.zip(states);
    let (errors, states) = both.context("spin's program did not come to its end")?;
    let is_consistent = (errors == 0) == (finding == Finding::None);
    ensure!(
        is_consistent,
        "spin counts {errors} errors that are not understood"
    );
    Ok(Found {
        finding,
        error: error.map(str::to_string),
        states,
        backoffs: number(r"(?m)^most back-offs: (\d+)$"),
        kept: number(r"(?m)^most kept while waiting: (\d+)$"),
    })
}

/// Compares the result with the expectation, and explains a difference.
fn judge(run: &Run, found: &Found) -> Result<String> {
    let expected = FINDINGS.iter().find(|(finding, ..)| *finding == run.expect);
    let expected = expected.map_or("", |(_, title, _)| title);
    let said = found.error.as_deref().unwrap_or("no error");
    ensure!(
        found.finding == run.expect,
        "{said}, where {expected} was expected"
    );
    let says = run.says.as_deref().unwrap_or_default();
    ensure!(said.contains(says), "{said}, where {says} was expected");
    let mut detail = match &found.error {
        None => format!("{} states", found.states),
        Some(error) => format!("{error}, as it must"),
    };
    for (what, expected, counted) in [
        ("back-offs", run.backoffs, found.backoffs),
        ("locks kept while waiting", run.kept, found.kept),
    ] {
        let Some(expected) = expected else { continue };
        let counted = counted.with_context(|| format!("{what} were not counted"))?;
        ensure!(counted == expected, "{counted} {what}, not {expected}");
        detail += &format!(", {what}: at most {counted}");
    }
    Ok(detail)
}

/// The last steps of a trail; none if spin cannot replay it.
fn steps(places: &Places, run: &Run, trail: &Path) -> Vec<String> {
    let mut spin = spin(run, trail.parent().unwrap_or(trail));
    spin.arg("-T").arg("-k").arg(trail);
    spin.arg(places.repo.join(format!("scripts/model/{}.pml", run.model)));
    let output = proc::text(spin).unwrap_or_default();
    let steps = output.lines().filter_map(told).collect_vec();
    steps[steps.len().saturating_sub(SHOWN)..].to_vec()
}

/// A step in the model's own words.
fn told(line: &str) -> Option<String> {
    line.trim().strip_prefix("MSC: ").map(str::to_string)
}

#[cfg(test)]
#[rustfmt::skip] // A case of a table is a line.
mod tests {
    use super::*;

    const NOTHING: &str = "State-vector 76 byte, depth reached 952, errors: 0\n     4111 states, stored\n";
    const COUNTED: &str = "most kept while waiting: 0\nmost back-offs: 1\nmost back-offs: 2\n";

    fn judged(expect: Finding, backoffs: Option<u64>, output: &str) -> Result<String> {
        let run = Run {
            name: "a".to_string(),
            model: "many".to_string(),
            defines: Vec::new(),
            kind: Kind::Safety,
            options: Vec::new(),
            expect,
            says: None,
            backoffs,
            kept: None,
        };
        judge(&run, &found(output)?)
    }

    fn with_error(error: &str) -> String {
        format!("pan:1: {error}\npan: wrote many.pml.trail\nState-vector 8 byte, depth reached 9, errors: 1\n       37 states, stored\n")
    }

    #[test]
    fn only_the_expected_finding_passes() {
        use Finding::{Assertion, Deadlock, None as Nothing, Starvation};
        let all = |start: &str| start.to_string() + NOTHING;
        for (expect, backoffs, output, said) in [
            (Deadlock, None, with_error("invalid end state (at depth 9)"), Ok("as it must")),
            (Assertion, None, with_error("assertion violated (n==0) (at depth 9)"), Ok("as it must")),
            (Starvation, None, with_error("acceptance cycle (at depth 9)"), Ok("as it must")),
            (Nothing, None, with_error("acceptance cycle (at depth 9)"), Err("where nothing was expected")),
            (Nothing, None, with_error("VECTORSZ is too small"), Err("spin says: VECTORSZ")),
            (Nothing, None, all(""), Ok("4111 states")),
            (Deadlock, None, all(""), Err("no error, where a deadlock was expected")),
            // A search that is not complete shows nothing.
            (Nothing, None, all("error: max search depth too small\n"), Err("not all states")),
            (Nothing, None, all("pan: reached -DMEMLIM bound\n"), Err("not all states")),
            (Nothing, None, String::new(), Err("did not come to its end")),
            (Nothing, None, NOTHING.replace("errors: 0", "errors: 1"), Err("spin counts 1 errors")),
            // The largest count is taken and compared.
            (Nothing, Some(2), all(COUNTED), Ok("4111 states, back-offs: at most 2")),
            (Nothing, Some(1), all(COUNTED), Err("2 back-offs, not 1")),
            (Nothing, Some(1), all(""), Err("back-offs were not counted")),
        ] {
            match (judged(expect, backoffs, &output), said) {
                (Ok(detail), Ok(said)) => assert!(detail.contains(said), "{detail}"),
                (Err(error), Err(said)) => assert!(error.to_string().contains(said), "{error}"),
                (result, _) => panic!("{result:?}, not {said:?}"),
            }
        }
        let found = found(&all(COUNTED)).unwrap();
        assert_eq!((found.states, found.backoffs, found.kept), (4111, Some(2), Some(0)));
    }

    #[test]
    fn steps_are_what_the_model_tells() {
        assert_eq!(told("      MSC: reader 0: holds 2 VMAs").as_deref(), Some("reader 0: holds 2 VMAs"));
        assert_eq!(told("spin: trail ends after 9 steps"), None);
    }

    #[test]
    fn the_data_file_is_sound() {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let runs = load(&repo).unwrap();
        assert!(FINDINGS.iter().all(|(finding, ..)| runs.iter().any(|run| run.expect == *finding)));
        for run in &runs {
            let text = fs::read_to_string(repo.join(format!("scripts/model/{}.pml", run.model))).unwrap();
            let mut names = run.defines.iter().map(|define| define.split('=').next().unwrap());
            assert!(names.all(|name| text.contains(name)), "{}", run.name);
            let counts = run.defines.iter().any(|define| define == "COUNT");
            assert_eq!(counts, run.backoffs.is_some(), "{}", run.name);
        }
        for wrong in ["[[run]]\nname = 'x'\n", "[[run]]\nx = 1\n"] {
            assert!(toml::from_str::<Runs>(wrong).is_err());
        }
    }
}
