// SPDX-License-Identifier: GPL-2.0

//! `make test` and `make test-all`: the suites of a tier, on every kernel that they need. A suite that fails is counted,
//! and the others run nevertheless. TESTING.md lists all suites in their order, each with its tier and its kernel.

use crate::bench::{self, Bench};
use crate::bugs;
use crate::code;
use crate::conformance;
use crate::coverage;
use crate::demo;
use crate::drivers;
use crate::fuzz;
use crate::gdb;
use crate::host::{self, Packages};
use crate::judge;
use crate::kbuild::Kernel;
use crate::kconfig::{Config, UM, X86_64};
use crate::kcsan;
use crate::kunit;
use crate::kunit_failing;
use crate::ledger;
use crate::lint as linting;
use crate::lockdep_test;
use crate::proc;
use crate::programs;
use crate::progress::Progress;
use crate::report::{End, Outcome, Report, Step};
use crate::rustdoc;
use crate::selftests;
use crate::session::{Ready, Session};
use crate::source;
use crate::stress;
use crate::tiers::{Row, Tier};
use crate::unchanged::{self, Inputs};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::thread::available_parallelism;
use std::time::{Instant, SystemTime};

/// The inputs of a suite. An earlier result is valid for the same inputs.
#[derive(Clone, Copy)]
enum Needs {
    /// The checkout and, if it has one, a kernel.
    Checkout,
    /// A guest with this kernel and this program.
    Guest(Option<&'static str>),
    /// The kernels of `make bench`. A measurement is never valid for another run.
    Bench,
}

use Needs::{Bench as Measured, Checkout, Guest};

type Work = fn(&Run, Config) -> Result<Outcome>;

/// Suites by their name, to which TESTING.md may add the name of a kernel. A suite of no kernel is called with any.
#[rustfmt::skip]
const SUITES: &[(&str, Needs, Work)] = &[
    ("host tools", Checkout, |run, _| cargo_test(run.session)),
    ("series", Checkout, |run, _| round_trip(run.session, run.ready)),
    ("lint", Checkout, |run, _| lint(run.session, run.ready)),
    ("ledger", Checkout, |run, _| ledger::run(run.session.places, run.session.progress)),
    ("coverage", Checkout, |run, _| {
        let places = run.session.places;
        coverage::run(places, &places.tree(), run.session.progress)
    }),
    ("model", Checkout, |run, _| model(run.session, &run.session.places.tree())),
    ("litmus", Checkout, |run, _| {
        litmus(run.session, &run.ready.packages, &run.session.places.tree())
    }),
    ("page", Checkout, |run, _| {
        judge::page::prove(run.session.places, &run.ready.packages, run.session.progress)
    }),
    ("kunit", Checkout, kunit::run),
    ("assertions", Checkout, |run, config| code::assertions(run.kernel, config)),
    ("exports", Checkout, |run, config| code::exports(run.kernel, config)),
    ("compile-fail", Checkout, compile_fail),
    ("conformance", Checkout, |run, config| {
        let places = run.session.places;
        conformance::run(run.session, &places.tree(), Some(&places.out(config.name)))
    }),
    ("documentation", Checkout, |run, config| {
        rustdoc::build(run.kernel, config, run.session.progress).map(|_| Outcome::success())
    }),
    ("demo", Guest(Some(demo::PROGRAM)), |run, config| {
        Ok(demo::run(run, config, &mut |_| ())?.outcome)
    }),
    ("drivers", Guest(Some(drivers::PROGRAM)), drivers::run),
    ("kunit-failing", Guest(Some(kunit_failing::PROGRAM)), kunit_failing::run),
    ("lockdep-test", Guest(None), lockdep_test::run),
    ("fuzz", Checkout, |run, config| fuzz::run(run, config, fuzz::SHORT)),
    ("gdb", Checkout, gdb::check),
    ("stress", Guest(Some(stress::PROGRAM)), stress::run),
    ("selftests", Checkout, selftests::run),
    ("kcsan", Checkout, kcsan::run),
    ("codegen-check", Measured, codegen_check),
    ("build-cost", Measured, |run, _| Ok(code::build_cost(run.session, run.ready)?.0)),
    ("bugs", Checkout, bugs::run),
    ("bench primitives", Measured, bench_primitives),
    ("bench compare", Measured, bench_compare),
    ("bench cost", Measured, bench_cost),
    ("bench sizes", Measured, bench_sizes),
    ("bench writes", Measured, bench_writes),
];

/// The suite of a row of TESTING.md.
fn of_row(row: &Row) -> Result<(Needs, Work)> {
    let suite = SUITES.iter().find(|suite| suite.0 == row.suite());
    let suite = suite.with_context(|| format!("TESTING.md: {}: no such suite", row.name))?;
    Ok((suite.1, suite.2))
}

/// The context of suites.
pub struct Run<'a> {
    pub session: &'a Session<'a>,
    pub ready: &'a Ready,
    pub kernel: &'a Kernel<'a>,
    bench: Mutex<Bench<'a>>,
}

/// The models, and whether the functions of a tree are those that they stand for.
pub fn model(session: &Session, tree: &Path) -> Result<Outcome> {
    let mut outcome = judge::cited::run(session.places, tree, session.progress)?;
    outcome.add(judge::model::run(session.places, session.progress)?);
    Ok(outcome)
}

/// Installs herd7, and runs the litmus tests with the memory model of a tree.
pub fn litmus(session: &Session, packages: &Packages, tree: &Path) -> Result<Outcome> {
    let (places, progress) = (session.places, session.progress);
    let found = packages.setup(places, &["herd"], progress)?;
    let herd = found
        .get("herd")
        .context("scripts/bootstrap.sh does not say herd")?;
    judge::litmus::run(places, tree, Path::new(herd), progress)
}

pub fn codegen_check(run: &Run, config: Config) -> Result<Outcome> {
    Ok(code::look(run.session, run.ready, config)?.outcome)
}

pub fn bench_primitives(run: &Run, _: Config) -> Result<Outcome> {
    let calls = run.session.helper_calls(run.kernel)?;
    run.bench().primitives(&run.bench_program()?, &calls)
}

pub fn bench_compare(run: &Run, _: Config) -> Result<Outcome> {
    let (file, baseline) = run.session.baseline()?;
    run.bench().compare(&file, &baseline)
}

pub fn bench_cost(run: &Run, _: Config) -> Result<Outcome> {
    run.bench().costs("cost", &run.bench_program()?)
}

pub fn bench_sizes(run: &Run, _: Config) -> Result<Outcome> {
    run.bench().costs("sizes", &run.bench_program()?)
}

pub fn bench_writes(run: &Run, _: Config) -> Result<Outcome> {
    let program = run.bench_program()?;
    run.bench().writes(&program, &run.session.plugin()?)
}

impl<'a> Run<'a> {
    pub fn new(session: &'a Session<'a>, ready: &'a Ready, kernel: &'a Kernel<'a>) -> Self {
        let bench = Mutex::new(Bench::new(kernel, session.progress));
        Self {
            session,
            ready,
            kernel,
            bench,
        }
    }

    pub fn bench(&self) -> MutexGuard<'_, Bench<'a>> {
        self.bench.lock().expect("no panic")
    }

    /// One of the guest's programs, built for the machine of a kernel.
    pub fn program(&self, name: &str, config: Config) -> Result<PathBuf> {
        let (session, machine) = (self.session, config.machine);
        let Some((programs, cross)) = machine.programs.and_then(|p| Some((p, p.cross?))) else {
            return session.program(name);
        };
        let (places, progress) = (session.places, session.progress);
        host::require(places, &self.ready.packages, cross.setup, progress)?;
        let cargo = &session.arguments.cargo;
        let rustc = &self.ready.compilers.rust.rustc;
        let target = (programs.target, Some((cross, &**rustc)));
        programs::build(places, cargo, target, name, progress)
    }

    pub fn bench_program(&self) -> Result<PathBuf> {
        self.session.program(bench::PROGRAM)
    }

    /// Runs a suite, unless the tier allows an earlier success with the same inputs to stand.
    fn unless_unchanged(&self, row: &Row, tier: Tier) -> Result<Outcome> {
        let (needs, work) = of_row(row)?;
        let file = row.name.replace(' ', "-") + ".json";
        let record = self.session.places.build.join("passed").join(file);
        let inputs = self.inputs(row, needs)?;
        let known = inputs.as_ref().filter(|_| tier == Tier::Test);
        if let Some(outcome) = known.and_then(|inputs| unchanged::recall(&record, inputs)) {
            let step = self.session.progress.step(&row.name);
            step.done(&format!("unchanged: {} before", outcome.counts()));
            return Ok(outcome);
        }
        unchanged::forget(&record);
        let outcome = work(self, row.kernel.unwrap_or(X86_64))?;
        // Taken before the run: what changed meanwhile was perhaps not tested.
        if let (Some(inputs), 0) = (&inputs, outcome.failed) {
            unchanged::remember(&record, inputs, &outcome)?;
        }
        Ok(outcome)
    }

    /// The kernels that a suite needs.
    fn kernels(&self, row: &Row) -> Result<Vec<Config>> {
        Ok(match of_row(row)?.0 {
            Measured => {
                let kernels = bench::kernels(self.kernel).into_iter();
                kernels.map(|(config, _)| config).collect()
            }
            _ => row.kernel.into_iter().collect(),
        })
    }

    /// Everything that decides how a suite ends, hashed. A suite that measures has none: it always runs.
    fn inputs(&self, row: &Row, needs: Needs) -> Result<Option<String>> {
        let places = self.session.places;
        let mut inputs = Inputs::new(self.ready, places)?;
        match needs {
            Measured => return Ok(None),
            Checkout => inputs.checkout(places)?,
            Guest(None) => (),
            Guest(Some(program)) => {
                inputs.file(&self.program(program, row.kernel.unwrap_or(X86_64))?)?
            }
        }
        if let Some(config) = row.kernel {
            inputs.kernel(places, config)?;
        }
        Ok(Some(inputs.digest()))
    }
}

/// Runs suites. In `Tier::Test`, a suite that passed with the same inputs is not run again.
pub fn run(session: &Session, ready: &Ready, tier: Tier, rows: &[Row]) -> Result<Report> {
    let kernel = session.kernel(ready);
    let run = Run::new(session, ready, &kernel);
    let mut steps = Steps {
        progress: session.progress,
        report: Report::new(),
    };
    let mut built: Vec<(Config, bool)> = Vec::new();
    for row in rows {
        let mut missing = None;
        for config in run.kernels(row)? {
            let known = built.iter().find(|(other, _)| *other == config);
            let ok = known.map(|(_, ok)| *ok).unwrap_or_else(|| {
                let name = format!("build {}", config.name);
                let ok = steps.run(&name, Some(config), End::Build, || {
                    kernel.build(config, session.progress)?;
                    Ok(Outcome::success())
                });
                built.push((config, ok));
                ok
            });
            missing = missing.or((!ok).then_some(config.name));
        }
        match missing {
            Some(name) => steps.run(&row.name, row.kernel, End::NotRun, || {
                bail!("not run: {name} was not built")
            }),
            None => steps.run(&row.name, row.kernel, End::Complete, || {
                run.unless_unchanged(row, tier)
            }),
        };
    }
    Ok(steps.report)
}

struct Steps<'a> {
    progress: &'a Progress,
    report: Report,
}

impl Steps<'_> {
    /// Returns true if the step passed.
    fn run(
        &mut self,
        name: &str,
        kernel: Option<Config>,
        mut end: End,
        work: impl FnOnce() -> Result<Outcome>,
    ) -> bool {
        let (start, clock) = (SystemTime::now(), Instant::now());
        let outcome = work().unwrap_or_else(|error| {
            if end == End::Complete {
                end = End::Broken;
            }
            Outcome::failure(format!("{error:#}"))
        });
        for failure in &outcome.failures {
            self.progress.say(&format!("error: {name}: {failure}"));
        }
        let passed = outcome.failed == 0;
        self.report.steps.push(Step {
            name: name.to_string(),
            seconds: clock.elapsed().as_secs_f64(),
            outcome,
            start,
            kernel,
            end,
        });
        passed
    }
}

/// Checks that each misuse is rejected, and that its corrected twin and the README's examples compile; then each access at
/// each level, which is shown on request.
pub fn compile_fail(run: &Run, config: Config) -> Result<Outcome> {
    let Session {
        places,
        progress,
        arguments,
    } = *run.session;
    let case = arguments.case.as_deref();
    let step = Mutex::new(progress.step(&format!("compile-fail {}", config.name)));
    let out = places.out(config.name);
    let rustc = &run.ready.compilers.rust.rustc;
    let mut report = compile_fail::run(
        &places.repo.join("scripts/compile-fail/cases"),
        &out,
        rustc,
        case,
        available_parallelism().map_or(2, usize::from),
        &|case| step.lock().expect("no panic").advance(&case.name),
    )?;
    let page = compile_fail::page(&report.cases, &format!("{}/", places.repo.display()));
    let path = places.build.join("diagnostics.md");
    std::fs::write(path, page).context("build/diagnostics.md cannot be written")?;
    let mut unsaid = Vec::new();
    if case.is_none() {
        let readme = places.repo.join("README.md");
        let text = std::fs::read_to_string(&readme).context("README.md cannot be read")?;
        unsaid = compile_fail::unsaid(&text, &report.cases);
        merge(&mut report, compile_fail::examples(&readme, &out, rustc)?);
    }
    // Every access of the lock tables at every level, compared with the tables.
    let table = lock_table::LockTable::read(&places.repo.join("rust/kernel/mm/vma"))?;
    let matrix = compile_fail::matrix(&table, &out, rustc, case)?;
    if case.is_none() {
        let name = match config {
            UM => "access-matrix-um.json",
            _ => "access-matrix.json",
        };
        matrix.write(&places.build.join(name))?;
    }
    let is_shown = config != UM || arguments.config.is_some();
    if is_shown && !matrix.rows.is_empty() {
        progress.hidden(|| println!("{matrix}\n"));
    }
    merge(&mut report, matrix.report);
    let mut outcome = Outcome {
        passed: report.passed,
        skipped: report.left_out,
        ..Outcome::default()
    };
    for case in report.cases.iter().filter(|case| !case.ok) {
        let (name, revision, detail) = (&case.name, &case.revision, &case.detail);
        outcome.fail(format!("{name} ({revision}): {detail}"));
    }
    outcome.failed = outcome.failed.max(report.failed);
    outcome.check(unsaid.is_empty(), || {
        format!(
            "README.md quotes what rustc does not say: {}",
            unsaid.join("; ")
        )
    });
    if report.passed + report.failed == 0 {
        outcome.fail(format!("CASE={}: no such case", case.unwrap_or_default()));
    }
    let step = step.into_inner().expect("no panic");
    Ok(step.ended(outcome))
}

fn merge(report: &mut compile_fail::Report, other: compile_fail::Report) {
    report.passed += other.passed;
    report.failed += other.failed;
    report.left_out += other.left_out;
    report.cases.extend(other.cases);
}

/// Mechanical checks of the overlay, the series and the tools.
pub fn lint(session: &Session, ready: &Ready) -> Result<Outcome> {
    let patches = session.patches_to_check(&ready.overlay, &session.places.tree(), "lint")?;
    let ours: Vec<String> = ready.overlay.files().map(str::to_string).collect();
    let subject = linting::Subject {
        places: session.places,
        rust: &ready.compilers.rust,
        cargo: &session.arguments.cargo,
        ours: &ours,
        patches: &patches,
    };
    linting::run(&subject, session.progress)
}

fn cargo_test(session: &Session) -> Result<Outcome> {
    let mut step = session.progress.step("cargo test");
    let log = session.places.log("cargo-test");
    let mut cmd = proc::cargo(&session.arguments.cargo, session.places);
    cmd.args("test --release --locked --workspace --no-fail-fast".split(' '))
        .env("VMA_SOURCE", session.places.tree());
    let (success, output) = proc::watched(&log, cmd, |line| step.doing(line))?;
    let outcome = cargo_counts(&output, success);
    if outcome.failed > 0 {
        eprint!("{}", proc::tail(&log, 40));
    }
    Ok(step.ended(outcome))
}

/// Apply, revert and the series on the real source of each supported kernel.
fn round_trip(session: &Session, ready: &Ready) -> Result<Outcome> {
    let places = session.places;
    let mut builder = tempfile::Builder::new();
    let scratch = builder.prefix("roundtrip-").tempdir_in(&places.build)?;
    let mut sources = Vec::new();
    match &places.kdir {
        None => {
            for series in &ready.overlay.supported_versions {
                let packages = Packages {
                    series: vec![series.clone()],
                    ..ready.packages.clone()
                };
                sources.push(source::pristine(places, &packages, session.progress)?);
            }
        }
        Some(tree) => {
            // The caller's has the overlay by now, and is not ours to take it out of.
            let copy = scratch.path().join("pristine");
            source::copy_tree(tree, &copy, places, session.progress)?;
            ready.overlay.revert(&copy)?;
            sources.push(copy);
        }
    };
    let step = session.progress.step("round trip");
    let mut outcome = Outcome::default();
    for pristine in sources {
        let version = overlay::kernel_version(&pristine)?.full;
        let checks = overlay::roundtrip(&pristine, &ready.overlay, &scratch.path().join("work"))?;
        for check in checks {
            let why = || format!("Linux {version}: {}: {}", check.name, check.detail);
            outcome.check(check.ok, why);
        }
    }
    Ok(step.ended(outcome))
}

/// Adds up the results of the test binaries of a workspace.
fn cargo_counts(text: &str, success: bool) -> Outcome {
    let mut outcome = Outcome::default();
    for line in text.lines() {
        if let Some(result) = line.strip_prefix("test result: ") {
            let figure = |name: &str| -> usize {
                let mut parts = result.split([';', '.']);
                let figure = parts.find_map(|part| part.trim().strip_suffix(name));
                figure.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
            };
            outcome.passed += figure(" passed");
            outcome.skipped += figure(" ignored");
        } else if let Some(rest) = line.strip_prefix("test ") {
            let failed = rest.strip_suffix(" ... FAILED");
            failed
                .iter()
                .for_each(|name| outcome.fail(name.to_string()));
        }
    }
    if !success && outcome.failed == 0 {
        outcome.fail("the host tools' tests do not build or do not end".to_string());
    }
    if success && outcome.passed == 0 {
        outcome.fail("no test of the host tools ran".to_string());
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kconfig::{ALL, X86_64_BENCH_CALLS, X86_64_BINDER};

    #[test]
    fn counts_of_all_test_binaries_are_summed() {
        let good = "test result: ok. 40 passed; 0 failed; 0 ignored; 0 measured; finished in 0.1s";
        let bad = "test result: FAILED. 1 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out";
        let text = format!("test a ... ok\ntest b ... FAILED\n{bad}\n{good}\n");
        let outcome = cargo_counts(&text, false);
        assert_eq!(outcome.counts(), "41 passed, 1 failed, 2 skipped");
        assert_eq!(outcome.failures, ["b"]);
        assert_eq!(cargo_counts(good, true).failed, 0);
        // Silence is not success.
        assert_eq!(cargo_counts("error: could not compile\n", false).failed, 1);
        assert_eq!(cargo_counts("", true).failed, 1);
    }

    #[test]
    fn a_failing_step_does_not_end_the_run() {
        let progress = Progress::new(true);
        let mut steps = Steps {
            progress: &progress,
            report: Report::new(),
        };
        assert!(!steps.run("one", None, End::Complete, || bail!("broken")));
        assert!(steps.run("two", None, End::Complete, || Ok(Outcome::success())));
        assert_eq!(steps.report.total().last_line(), "1 passed, 1 failed");
        let ends: Vec<End> = steps.report.steps.iter().map(|step| step.end).collect();
        assert_eq!(ends, [End::Broken, End::Complete]);
    }

    #[test]
    fn table_lists_suites_and_configurations() {
        let repo = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let rows = crate::tiers::load(&repo).unwrap();
        for row in &rows {
            of_row(row).unwrap();
        }
        for (name, ..) in SUITES {
            assert!(rows.iter().any(|row| row.name.starts_with(name)), "{name}");
        }
        let is_listed = |config: &Config| rows.iter().any(|row| row.kernel == Some(*config));
        let unlisted: Vec<&Config> = ALL.iter().filter(|config| !is_listed(config)).collect();
        assert_eq!(unlisted, [&X86_64_BINDER, &X86_64_BENCH_CALLS]);
    }
}
