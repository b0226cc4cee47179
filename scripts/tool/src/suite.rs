// SPDX-License-Identifier: GPL-2.0

//! `make test` and `make test-all`: the suites of a tier, on every kernel that they need. A suite that fails is counted,
//! and the others run nevertheless. TESTING.md says in which tier each suite is, and why it exists.

use crate::bench::{self, Bench};
use crate::code;
use crate::conformance;
use crate::demo;
use crate::drivers;
use crate::fuzz;
use crate::kbuild::Kernel;
use crate::kconfig::{Config, UM, X86_64, X86_64_BENCH, X86_64_DEBUG};
use crate::kunit;
use crate::ledger;
use crate::lint as linting;
use crate::lockdep_test;
use crate::model;
use crate::objcode;
use crate::page;
use crate::proc;
use crate::progress::Progress;
use crate::report::{Outcome, Report};
use crate::rustdoc;
use crate::selftests;
use crate::source;
use crate::stress;
use crate::targets::{Ready, Session};
use crate::tiers::{self, Tier};
use crate::unchanged::{self, Inputs};
use anyhow::{Context, Result, bail};
use std::cell::{RefCell, RefMut};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread::available_parallelism;
use std::time::Instant;

/// The kernel and programs of a suite. They decide whether its earlier result is still valid.
enum On {
    /// The checkout and the unpatched or patched tree, without a kernel.
    Checkout,
    /// A built kernel, and the checkout.
    Build(Config),
    /// A guest with these programs.
    Guest(Config, &'static [&'static str]),
    /// The kernels of `make bench`.
    Bench,
}

/// One line of TESTING.md, as code.
struct Suite {
    name: &'static str,
    on: On,
    run: fn(&Run) -> Result<Outcome>,
}

const fn suite(name: &'static str, on: On, run: fn(&Run) -> Result<Outcome>) -> Suite {
    Suite { name, on, run }
}

/// Every suite, in the order in which they run: all suites of one kernel together.
const SUITES: &[Suite] = &[
    suite("host tools", On::Checkout, |run| cargo_test(run.session)),
    suite("series", On::Checkout, |run| {
        round_trip(run.session, run.ready)
    }),
    suite("lint", On::Checkout, |run| lint(run.session, run.ready)),
    suite("ledger", On::Checkout, |run| {
        ledger::run(run.session.places, run.session.progress)
    }),
    suite("model", On::Checkout, |run| {
        model::run(run.session.places, run.session.progress)
    }),
    suite("page", On::Checkout, |run| run.page()),
    suite("kunit x86_64", On::Build(X86_64), |run| run.kunit(X86_64)),
    suite("assertions x86_64", On::Build(X86_64), |run| {
        objcode::assertions(run.kernel, X86_64)
    }),
    suite("compile-fail x86_64", On::Build(X86_64), |run| {
        compile_fail(run.session, run.ready, X86_64, true)
    }),
    suite("conformance", On::Build(X86_64), |run| {
        let places = run.session.places;
        conformance::run(run.session, &places.tree(), Some(&places.out(X86_64.name)))
    }),
    suite("documentation", On::Build(X86_64), |run| {
        rustdoc::build(run.kernel, X86_64, run.session.progress)?;
        Ok(passed())
    }),
    suite("demo x86_64", On::Guest(X86_64, &["vma-demo"]), |run| {
        run.demo(X86_64)
    }),
    suite(
        "drivers x86_64",
        On::Guest(X86_64, &[drivers::PROGRAM]),
        |run| run.drivers(X86_64),
    ),
    suite("kunit x86_64-debug", On::Build(X86_64_DEBUG), |run| {
        run.kunit(X86_64_DEBUG)
    }),
    suite("assertions x86_64-debug", On::Build(X86_64_DEBUG), |run| {
        objcode::assertions(run.kernel, X86_64_DEBUG)
    }),
    suite(
        "demo x86_64-debug",
        On::Guest(X86_64_DEBUG, &["vma-demo"]),
        |run| run.demo(X86_64_DEBUG),
    ),
    suite(
        "drivers x86_64-debug",
        On::Guest(X86_64_DEBUG, &[drivers::PROGRAM]),
        |run| run.drivers(X86_64_DEBUG),
    ),
    suite("lockdep-test", On::Guest(X86_64_DEBUG, &[]), |run| {
        lockdep_test::run(run.kernel, None, run.session.progress)
    }),
    suite("fuzz", On::Build(X86_64_DEBUG), |run| {
        let program = run.session.program(fuzz::PROGRAM)?;
        let progress = run.session.progress;
        fuzz::run(run.kernel, X86_64_DEBUG, &program, fuzz::SHORT, progress)
    }),
    suite(
        "stress",
        On::Guest(X86_64_DEBUG, &[stress::PROGRAM]),
        |run| {
            let program = run.session.program(stress::PROGRAM)?;
            let (plan, progress) = (run.session.stress, run.session.progress);
            stress::run(run.kernel, X86_64_DEBUG, &program, plan, progress)
        },
    ),
    suite("selftests", On::Build(X86_64_DEBUG), |run| {
        let own = |name: &str| run.session.program(name);
        selftests::run(run.kernel, X86_64_DEBUG, own, run.session.progress)
    }),
    suite("kunit um", On::Build(UM), |run| run.kunit(UM)),
    suite("compile-fail um", On::Build(UM), |run| {
        compile_fail(run.session, run.ready, UM, false)
    }),
    suite("codegen-check", On::Bench, |run| {
        Ok(code::look(run.session, run.ready, X86_64_BENCH)?.outcome)
    }),
    suite("bench primitives", On::Bench, |run| {
        let calls = run.session.helper_calls(run.kernel)?;
        run.bench().primitives(&run.bench_program()?, &calls)
    }),
    suite("bench compare", On::Bench, |run| {
        let (file, baseline) = run.session.baseline()?;
        run.bench().compare(&file, &baseline)
    }),
    suite("bench cost", On::Bench, |run| {
        run.bench().cost(&run.bench_program()?)
    }),
    suite("bench sizes", On::Bench, |run| {
        run.bench().sizes(&run.bench_program()?)
    }),
    suite("bench writes", On::Bench, |run| {
        let program = run.bench_program()?;
        run.bench().writes(&program, &run.session.plugin()?)
    }),
];

/// The context of suites.
struct Run<'a> {
    session: &'a Session<'a>,
    ready: &'a Ready,
    kernel: &'a Kernel<'a>,
    bench: RefCell<Bench<'a>>,
}

impl<'a> Run<'a> {
    fn kunit(&self, config: Config) -> Result<Outcome> {
        kunit::run(self.kernel, config, None, self.session.progress)
    }

    fn demo(&self, config: Config) -> Result<Outcome> {
        let program = self.session.program("vma-demo")?;
        let progress = self.session.progress;
        Ok(demo::run(self.kernel, config, &program, progress, &mut |_| ())?.outcome)
    }

    fn drivers(&self, config: Config) -> Result<Outcome> {
        let program = self.session.program(drivers::PROGRAM)?;
        drivers::run(self.kernel, config, &program, None, self.session.progress)
    }

    fn page(&self) -> Result<Outcome> {
        let (places, packages) = (self.session.places, &self.ready.packages);
        let progress = self.session.progress;
        page::prove(places, packages, progress)
    }

    fn bench(&self) -> RefMut<'_, Bench<'a>> {
        self.bench.borrow_mut()
    }

    fn bench_program(&self) -> Result<PathBuf> {
        self.session.program(bench::PROGRAM)
    }

    /// Runs a suite, unless the tier allows an earlier success with the same inputs to stand.
    fn unless_unchanged(&self, suite: &Suite, tier: Tier) -> Result<Outcome> {
        let file = suite.name.replace(' ', "-") + ".json";
        let record = self.session.places.build.join("passed").join(file);
        let inputs = self.inputs(suite)?;
        if let (Tier::Test, Some(inputs)) = (tier, &inputs)
            && let Some(outcome) = unchanged::recall(&record, inputs)
        {
            let step = self.session.progress.step(suite.name);
            step.done(&format!("unchanged: {} before", outcome.counts()));
            return Ok(outcome);
        }
        unchanged::forget(&record);
        let outcome = (suite.run)(self)?;
        // Taken before the run: what changed meanwhile was perhaps not tested.
        if let (Some(inputs), 0) = (&inputs, outcome.failed) {
            unchanged::remember(&record, inputs, &outcome)?;
        }
        Ok(outcome)
    }

    /// The kernels that a suite needs.
    fn kernels(&self, suite: &Suite) -> Vec<Config> {
        match suite.on {
            On::Checkout => Vec::new(),
            On::Build(config) | On::Guest(config, _) => vec![config],
            On::Bench => {
                let kernels = bench::kernels(self.kernel).into_iter();
                kernels.map(|(config, _)| config).collect()
            }
        }
    }

    /// Everything that decides how a suite ends, hashed. A suite that measures has none: it always runs.
    fn inputs(&self, suite: &Suite) -> Result<Option<String>> {
        let places = self.session.places;
        let mut inputs = Inputs::new(self.ready, places)?;
        match suite.on {
            On::Bench => return Ok(None),
            On::Checkout => inputs.checkout(places)?,
            On::Build(config) => {
                inputs.checkout(places)?;
                inputs.kernel(places, config)?;
            }
            On::Guest(config, programs) => {
                inputs.kernel(places, config)?;
                for name in programs {
                    inputs.file(&self.session.program(name)?)?;
                }
            }
        }
        Ok(Some(inputs.digest()))
    }
}

/// Runs the suites of a tier. In `Tier::Test`, a suite that passed with the same inputs is not run again.
pub fn run(session: &Session, ready: &Ready, tier: Tier) -> Result<Report> {
    let kernel = session.kernel(ready);
    let listed = tiers::load(&session.places.repo)?;
    let run = Run {
        session,
        ready,
        kernel: &kernel,
        bench: RefCell::new(Bench::new(&kernel, session.progress)),
    };
    let mut steps = Steps {
        progress: session.progress,
        report: Report::default(),
    };
    let mut built: Vec<(Config, bool)> = Vec::new();
    let chosen = SUITES.iter().filter(|suite| {
        let row = listed.iter().find(|row| row.name == suite.name);
        row.is_some_and(|row| tier == Tier::All || row.tier == tier)
    });
    for suite in chosen {
        let mut missing = None;
        for config in run.kernels(suite) {
            let known = built.iter().find(|(other, _)| *other == config);
            let ok = known.map(|(_, ok)| *ok).unwrap_or_else(|| {
                let ok = steps.run(&format!("build {}", config.name), || {
                    kernel.build(config, session.progress)?;
                    Ok(passed())
                });
                built.push((config, ok));
                ok
            });
            missing = missing.or((!ok).then_some(config.name));
        }
        steps.run(suite.name, || match missing {
            Some(name) => bail!("not run: {name} was not built"),
            None => run.unless_unchanged(suite, tier),
        });
    }
    Ok(steps.report)
}

fn passed() -> Outcome {
    Outcome {
        passed: 1,
        ..Outcome::default()
    }
}

struct Steps<'a> {
    progress: &'a Progress,
    report: Report,
}

impl Steps<'_> {
    /// Returns true if the step passed.
    fn run(&mut self, name: &str, work: impl FnOnce() -> Result<Outcome>) -> bool {
        let start = Instant::now();
        let outcome = work().unwrap_or_else(|error| Outcome::failure(format!("{error:#}")));
        for failure in &outcome.failures {
            self.progress.say(&format!("error: {name}: {failure}"));
        }
        let passed = outcome.failed == 0;
        self.report
            .add(name, start.elapsed().as_secs_f64(), outcome);
        passed
    }
}

/// Checks that each misuse is rejected, and that its corrected twin and the README's examples compile; then each access at
/// each level, which is shown on request.
pub fn compile_fail(
    session: &Session,
    ready: &Ready,
    config: Config,
    show: bool,
) -> Result<Outcome> {
    let step = Mutex::new(
        session
            .progress
            .step(&format!("compile-fail {}", config.name)),
    );
    let out = session.places.out(config.name);
    let rustc = &ready.compilers.rust.rustc;
    let mut report = compile_fail::run(
        &session.places.repo.join("scripts/compile-fail/cases"),
        &out,
        rustc,
        session.case,
        available_parallelism().map_or(2, usize::from),
        &|case| step.lock().expect("no panic").advance(&case.name),
    )?;
    let repo = format!("{}/", session.places.repo.display());
    let path = session.places.build.join("diagnostics.md");
    std::fs::write(&path, compile_fail::page(&report.cases, &repo))
        .with_context(|| format!("{}: cannot be written", path.display()))?;
    let mut unsaid = Vec::new();
    if session.case.is_none() {
        let readme = session.places.repo.join("README.md");
        let text = std::fs::read_to_string(&readme).context("README.md cannot be read")?;
        unsaid = compile_fail::unsaid(&text, &report.cases);
        let examples = compile_fail::examples(&readme, &out, rustc)?;
        report.passed += examples.passed;
        report.failed += examples.failed;
        report.cases.extend(examples.cases);
    }
    let matrix = access_matrix(session, config, &out, rustc)?;
    if show && !matrix.rows.is_empty() {
        session.progress.hidden(|| println!("{matrix}\n"));
    }
    let matrix = matrix.report;
    report.passed += matrix.passed;
    report.failed += matrix.failed;
    report.left_out += matrix.left_out;
    report.cases.extend(matrix.cases);
    let mut outcome = Outcome {
        passed: report.passed,
        skipped: report.left_out,
        ..Outcome::default()
    };
    for case in report.cases.iter().filter(|case| !case.ok) {
        outcome.fail(format!(
            "{} ({}): {}",
            case.name, case.revision, case.detail
        ));
    }
    outcome.failed = outcome.failed.max(report.failed);
    outcome.check(unsaid.is_empty(), || {
        format!(
            "README.md quotes what rustc does not say: {}",
            unsaid.join("; ")
        )
    });
    if report.passed + report.failed == 0 {
        outcome.fail(format!(
            "CASE={}: no such case",
            session.case.unwrap_or_default()
        ));
    }
    if outcome.failed == 0 {
        step.into_inner().expect("no panic").done(&outcome.counts());
    }
    Ok(outcome)
}

/// Compiles every access of the lock tables at every level, and compares the result with the tables.
fn access_matrix(
    session: &Session,
    config: Config,
    out: &Path,
    rustc: &Path,
) -> Result<compile_fail::Matrix> {
    let vma_dir = session.places.repo.join("rust/kernel/mm/vma");
    let table = lock_table::LockTable::read(&vma_dir)?;
    let matrix = compile_fail::matrix(&table, out, rustc, session.case)?;
    if session.case.is_none() {
        let name = match config {
            X86_64 => "access-matrix.json".to_string(),
            other => format!("access-matrix-{}.json", other.name),
        };
        matrix.write(&session.places.build.join(name))?;
    }
    Ok(matrix)
}

/// Mechanical checks of the overlay, the series and the tools.
pub fn lint(session: &Session, ready: &Ready) -> Result<Outcome> {
    let (_, patches) = session.write_patches(&ready.overlay, &session.places.tree(), "lint")?;
    let ours: Vec<String> = ready.overlay.files().map(str::to_string).collect();
    let subject = linting::Subject {
        places: session.places,
        rust: &ready.compilers.rust,
        cargo: session.cargo,
        ours: &ours,
        patches: &patches,
    };
    linting::run(&subject, session.progress)
}

fn cargo_test(session: &Session) -> Result<Outcome> {
    let mut step = session.progress.step("cargo test");
    let log = session.places.log("cargo-test");
    let mut cmd = proc::command(session.cargo);
    cmd.current_dir(session.places.repo.join("scripts"))
        .args([
            "test",
            "--release",
            "--locked",
            "--workspace",
            "--no-fail-fast",
        ])
        .env("CARGO_TARGET_DIR", session.places.build.join("target"))
        .env("VMA_SOURCE", session.places.tree())
        .env("CARGO_TERM_COLOR", "never");
    let (success, output) = proc::watched(&log, cmd, |line| step.doing(line))?;
    let outcome = cargo_counts(&output, success);
    match outcome.failed {
        0 => step.done(&outcome.counts()),
        _ => eprint!("{}", proc::tail(&log, 40)),
    }
    Ok(outcome)
}

/// Apply, revert and the series on the real source.
fn round_trip(session: &Session, ready: &Ready) -> Result<Outcome> {
    let places = session.places;
    let series = &ready.overlay.supported_versions;
    let scratch = tempfile::Builder::new()
        .prefix("roundtrip-")
        .tempdir_in(&places.build)?;
    let pristine = match &places.kdir {
        None => source::pristine(places, &ready.packages, series, session.progress)?,
        Some(tree) => {
            // The caller's has the overlay by now, and is not ours to take it out of.
            let copy = scratch.path().join("pristine");
            source::copy_tree(tree, &copy, places, session.progress)?;
            ready.overlay.revert(&copy)?;
            copy
        }
    };
    let step = session.progress.step("round trip");
    let mut outcome = Outcome::default();
    for check in overlay::roundtrip(&pristine, &ready.overlay, &scratch.path().join("work"))? {
        outcome.check(check.ok, || format!("{}: {}", check.name, check.detail));
    }
    if outcome.failed == 0 {
        step.done(&outcome.counts());
    }
    Ok(outcome)
}

/// Adds up the results of the test binaries of a workspace.
fn cargo_counts(text: &str, success: bool) -> Outcome {
    let mut outcome = Outcome::default();
    for line in text.lines() {
        if let Some(result) = line.strip_prefix("test result: ") {
            let figure = |name: &str| -> usize {
                let part = result
                    .split([';', '.'])
                    .find_map(|part| part.trim().strip_suffix(name));
                part.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
            };
            outcome.passed += figure(" passed");
            outcome.skipped += figure(" ignored");
        } else if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            outcome.fail(name.to_string());
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
    use crate::kconfig::X86_64_BENCH_CALLS;

    #[test]
    fn counts_of_all_test_binaries_are_summed() {
        let text = "test a ... ok\ntest b ... FAILED\ntest result: FAILED. 1 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out\n\
                    test result: ok. 40 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n";
        let outcome = cargo_counts(text, false);
        assert_eq!(
            (outcome.passed, outcome.failed, outcome.skipped),
            (41, 1, 2)
        );
        assert_eq!(outcome.failures, ["b"]);
    }

    #[test]
    fn silence_is_not_success() {
        assert_eq!(cargo_counts("error: could not compile\n", false).failed, 1);
        assert_eq!(cargo_counts("", true).failed, 1);
        assert_eq!(
            cargo_counts("test result: ok. 3 passed; 0 failed; 0 ignored\n", true).failed,
            0
        );
    }

    #[test]
    fn a_failing_step_does_not_end_the_run() {
        let progress = Progress::new(true);
        let mut steps = Steps {
            progress: &progress,
            report: Report::default(),
        };
        assert!(!steps.run("one", || bail!("broken")));
        assert!(steps.run("two", || Ok(Outcome {
            passed: 2,
            ..Outcome::default()
        })));
        assert_eq!(steps.report.total().last_line(), "2 passed, 1 failed");
    }

    #[test]
    fn the_table_lists_every_suite_with_its_kernel() {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let rows = tiers::load(&repo).unwrap();
        let rows: Vec<_> = rows
            .iter()
            .map(|r| (r.name.as_str(), r.kernel.as_str()))
            .collect();
        let suites: Vec<_> = SUITES
            .iter()
            .map(|suite| {
                let kernel = match suite.on {
                    On::Checkout => "none",
                    On::Build(config) | On::Guest(config, _) => config.name,
                    On::Bench => X86_64_BENCH.name,
                };
                (suite.name, kernel)
            })
            .collect();
        assert_eq!(rows, suites);
    }

    #[test]
    fn every_configuration_is_tested_or_has_a_target_of_its_own() {
        let own = [
            crate::kconfig::X86_64_KCSAN,
            X86_64_BENCH,
            X86_64_BENCH_CALLS,
        ];
        for config in crate::kconfig::ALL {
            let is_used = SUITES.iter().any(|suite| match suite.on {
                On::Build(used) | On::Guest(used, _) => used == *config,
                _ => false,
            });
            assert!(is_used != own.contains(config), "{}", config.name);
        }
    }
}
