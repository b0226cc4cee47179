// SPDX-License-Identifier: GPL-2.0

//! `make test`: everything there is to test, on every kernel. A step that fails is counted, and the others are run all
//! the same where they can.

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
use crate::misorder;
use crate::model;
use crate::neighbours;
use crate::objcode;
use crate::page;
use crate::proc;
use crate::progress::Progress;
use crate::report::{Outcome, Report};
use crate::rustdoc;
use crate::source;
use crate::stress;
use crate::targets::{Ready, Session};
use anyhow::{Context, Result, anyhow, bail};
use std::path::Path;
use std::sync::Mutex;
use std::thread::available_parallelism;
use std::time::Instant;

/// Runs every step.
pub fn run(session: &Session, ready: &Ready) -> Report {
    let kernel = session.kernel(ready);
    let progress = session.progress;
    let mut steps = Steps {
        progress,
        report: Report::default(),
    };

    steps.run("host tools (cargo test)", || cargo_test(session));
    steps.run("apply, revert, patches", || round_trip(session, ready));
    steps.run("lint", || lint(session, ready));
    steps.run("ledger", || ledger::run(session.places, progress));
    steps.run("model", || model::run(session.places, progress));
    steps.run("page", || {
        let (places, packages) = (session.places, &ready.packages);
        let mut outcome = page::prove(places, packages, progress)?;
        let dir = places.build.join("page/pictures");
        let pictures = bench::every_picture()?;
        outcome.add(page::step(places, packages, &dir, &pictures, progress)?);
        Ok(outcome)
    });
    for config in [X86_64, X86_64_DEBUG, UM] {
        let name = config.name;
        let built = steps.run(&format!("build {name}"), || {
            kernel.build(config, progress)?;
            Ok(passed())
        });
        let with_kernel = |work: &dyn Fn() -> Result<Outcome>| match built {
            true => work(),
            false => bail!("not run: {name} was not built"),
        };
        steps.run(&format!("kunit {name}"), || {
            with_kernel(&|| kunit::run(&kernel, config, None, progress))
        });
        if config != UM {
            steps.run(&format!("assertions {name}"), || {
                with_kernel(&|| objcode::assertions(&kernel, config))
            });
        }
        if config != X86_64_DEBUG {
            steps.run(&format!("compile-fail {name}"), || {
                with_kernel(&|| compile_fail(session, ready, config, config == X86_64))
            });
        }
        if config != UM {
            steps.run(&format!("demo {name}"), || {
                with_kernel(&|| {
                    let program = session.program("vma-demo")?;
                    Ok(demo::run(&kernel, config, &program, progress, &mut |_| ())?.outcome)
                })
            });
        }
        if config != UM {
            steps.run(&format!("drivers {name}"), || {
                with_kernel(&|| {
                    let program = session.program(drivers::PROGRAM)?;
                    drivers::run(&kernel, config, &program, None, progress)
                })
            });
        }
        if config == X86_64_DEBUG {
            steps.run("misorder", || {
                with_kernel(&|| misorder::run(&kernel, None, progress))
            });
            steps.run("stress", || {
                with_kernel(&|| {
                    let program = session.program(stress::PROGRAM)?;
                    stress::run(&kernel, config, &program, session.stress, progress)
                })
            });
            steps.run("fuzz", || {
                with_kernel(&|| {
                    let program = session.program(fuzz::PROGRAM)?;
                    fuzz::run(&kernel, config, &program, fuzz::SHORT, progress)
                })
            });
            steps.run("neighbours", || {
                with_kernel(&|| {
                    neighbours::run(&kernel, config, |name| session.program(name), progress)
                })
            });
        }
        if config == X86_64 {
            steps.run("conformance", || {
                with_kernel(&|| {
                    let out = session.places.out(config.name);
                    conformance::run(session, &session.places.tree(), Some(&out))
                })
            });
            steps.run("documentation", || {
                with_kernel(&|| {
                    rustdoc::build(&kernel, config, progress)?;
                    Ok(passed())
                })
            });
        }
    }
    measure(&mut steps, session, ready, &kernel);
    steps.report
}

/// The parts of the benchmark that come out the same whatever else the host does.
fn measure(steps: &mut Steps, session: &Session, ready: &Ready, kernel: &Kernel) {
    let progress = session.progress;
    let mut built = true;
    for (config, _) in bench::kernels(kernel) {
        built &= steps.run(&format!("build {}", config.name), || {
            kernel.build(config, progress)?;
            Ok(passed())
        });
    }
    steps.run("code", || match built {
        true => Ok(code::look(session, ready, X86_64_BENCH)?.outcome),
        false => bail!("not run: a kernel that is measured was not built"),
    });
    let program = match built {
        true => session.program(bench::PROGRAM),
        false => Err(anyhow!("not run: a kernel that is measured was not built")),
    };
    let program = || program.as_deref().map_err(|error| anyhow!("{error:#}"));
    let mut bench = Bench::new(kernel, progress);
    steps.run("bench primitives", || {
        bench.primitives(program()?, &session.helper_calls(kernel)?)
    });
    steps.run("bench compare", || {
        let (file, baseline) = session.baseline()?;
        bench.compare(&file, &baseline)
    });
    steps.run("bench cost", || bench.cost(program()?));
    steps.run("bench sizes", || bench.sizes(program()?));
    steps.run("bench writes", || {
        bench.writes(program()?, &session.plugin()?)
    });
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
    /// Whether the step passed.
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

/// The misuse that must not compile, its correct twin that must, and so must the README's examples; and what each level
/// may do with each field, which is shown on request.
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
    if session.case.is_none() {
        let readme = session.places.repo.join("README.md");
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

/// Every access of the lock tables at every level, held against what the tables say, and written down.
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

/// What reviewers would say first, about the overlay, the series and the host's own code.
pub fn lint(session: &Session, ready: &Ready) -> Result<Outcome> {
    let (_, patches) = session.write_patches(&ready.overlay, &session.places.tree())?;
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
            source::copy_tree(tree, &copy, places, &ready.packages, session.progress)?;
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

/// Sums up what the test binaries of a workspace say.
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
    fn every_configuration_without_a_target_of_its_own_is_tested() {
        let own = [crate::kconfig::X86_64_KCSAN];
        let tested = [X86_64, X86_64_DEBUG, UM];
        let measured = [X86_64_BENCH, X86_64_BENCH_CALLS];
        assert_eq!(crate::kconfig::ALL, [&tested[..], &own, &measured].concat());
    }
}
