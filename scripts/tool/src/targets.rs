// SPDX-License-Identifier: GPL-2.0

//! The make targets, each a short list of steps. A step that finds its work done says so and does nothing.

use crate::binder;
use crate::bisect_series;
use crate::bugs;
use crate::code;
use crate::conformance;
use crate::coverage;
use crate::demo;
use crate::drivers;
use crate::fuzz;
use crate::kconfig::{
    Config, X86_64, X86_64_BENCH, X86_64_BINDER, X86_64_DEBUG, X86_64_KCSAN, X86_64_SELFTESTS,
};
use crate::kcsan;
use crate::kunit;
use crate::kunit_failing;
use crate::lockdep_test;
use crate::matrix;
use crate::next;
use crate::report::{End, Outcome, Report, Step};
use crate::results;
use crate::rustdoc;
use crate::selftests;
use crate::series_cut;
use crate::session::Session;
use crate::shell::{self, Job};
use crate::stress;
use crate::suite::{self, Run};
use crate::tiers::Tier;
use anyhow::{Context, Result, bail};
use clap::ArgMatches;
use clap::parser::ValueSource;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

pub struct Target {
    pub name: &'static str,
    /// The variables that it takes, in addition to those of every target.
    variables: &'static str,
    work: Work,
}

enum Work {
    /// Returns the exit code.
    Own(fn(&Session) -> Result<u8>),
    /// Without a guest. With a kernel, its build is the work's.
    Host(Option<Config>, fn(&Session) -> Result<Outcome>),
    /// On a built kernel: this one, or the one of CONFIG=.
    Kernel(Config, fn(&Run, Config) -> Result<Outcome>),
    /// The same, if it boots with a guest.
    Guest(Config, fn(&Run, Config) -> Result<Outcome>),
    /// As `Kernel`, if its machine code can be read.
    Code(Config, fn(&Run, Config) -> Result<Outcome>),
    /// On the measured kernels, and with the outcome of all primitives.
    Bench(fn(&Run, Outcome) -> Result<Outcome>),
}

use Work::{Bench, Code, Guest, Host, Kernel, Own};

const fn target(name: &'static str, variables: &'static str, work: Work) -> Target {
    Target {
        name,
        variables,
        work,
    }
}

#[rustfmt::skip]
pub const TARGETS: &[Target] = &[
    target("run", "", Own(run)),
    target("test", "", Own(|session| test(session, "test", Tier::Test))),
    target("test-all", "MATRIX", Own(|session| test(session, "test-all", Tier::All))),
    target("matrix", "MATRIX", Own(matrix)),
    target("table", "RESULTS", Own(table)),
    target("try-next", "", Host(None, next::run)),
    target("apply", "", Own(apply)),
    target("revert", "", Own(revert)),
    target("patches", "", Own(patches)),
    target("series-cut", "", Own(series_cut::run)),
    target("bisect-series", "CASE MATRIX", Host(None, bisect_series::run)),
    target("kunit", "CONFIG FILTER", Kernel(X86_64, kunit::run)),
    target("kunit-failing", "CONFIG FILTER SEED", Guest(X86_64_DEBUG, kunit_failing::run)),
    target("kcsan", "", Kernel(X86_64_KCSAN, kcsan::run)),
    target("lockdep-test", "CASE", Kernel(X86_64_DEBUG, lockdep_test::run)),
    target("bench", "", Bench(bench)),
    target("bench-binder", "", Kernel(X86_64_BINDER, binder::run)),
    target("bench-compare", "BASELINE", Bench(bench_compare)),
    target("bench-baseline", "BASELINE", Bench(bench_baseline)),
    target("disasm", "CONFIG FUNC", Own(disasm)),
    target("codegen-check", "CONFIG", Code(X86_64_BENCH, suite::codegen_check)),
    target("build-cost", "", Host(None, build_cost)),
    target("drivers", "CONFIG CASE", Guest(X86_64_DEBUG, drivers::run)),
    target("stress", "CONFIG SEED OPERATIONS", Guest(X86_64_DEBUG, stress::run)),
    target("fuzz", "SEED MINUTES", Kernel(X86_64_DEBUG, fuzz)),
    target("selftests", "", Kernel(X86_64_SELFTESTS, selftests::run)),
    target("selftests-compare", "", Kernel(X86_64_SELFTESTS, selftests::run_and_compare)),
    target("compile-fail", "CONFIG CASE", Kernel(X86_64, suite::compile_fail)),
    target("bugs", "", Kernel(X86_64_DEBUG, bugs::run)),
    target("conformance", "CONFIG", Host(Some(X86_64), conformance)),
    target("coverage", "", Host(None, coverage)),
    target("ledger", "", Host(None, ledger)),
    target("model", "", Host(None, model)),
    target("litmus", "", Host(None, litmus)),
    target("lint", "", Host(None, lint)),
    target("doc", "", Own(doc)),
    target("shell", "CONFIG PROGRAM", Own(shell)),
    target("gdb", "CONFIG FILTER PROGRAM", Own(gdb)),
    target("clean", "", Own(clean)),
];

const COMMON: &str = "KDIR=, SERIES=, RUSTC= and VERBOSE=";

/// The target of a command line. Refuses a variable that it would ignore.
pub fn chosen(matches: &ArgMatches) -> Result<&'static Target> {
    let name = matches.get_one::<String>("target").context("no target")?;
    let mut targets = TARGETS.iter();
    let target = targets
        .find(|target| target.name == name)
        .context("no such target")?;
    let taken: Vec<&str> = target.variables.split_whitespace().collect();
    for id in matches
        .ids()
        .map(|id| id.as_str())
        .filter(|id| *id != "Arguments")
    {
        let is_given = matches.value_source(id) == Some(ValueSource::CommandLine);
        let is_common = [
            "repo", "cargo", "kdir", "series", "rustc", "verbose", "target",
        ]
        .contains(&id);
        let variable = id.to_uppercase();
        if is_given && !is_common && !taken.contains(&&*variable) {
            let own: String = taken.iter().map(|name| format!("{name}=, ")).collect();
            bail!("make {name}: it takes no {variable}=: only {own}{COMMON}");
        }
    }
    Ok(target)
}

impl Session<'_> {
    /// Does the work of a target; returns the exit code.
    pub fn make(&self, target: &Target) -> Result<u8> {
        results::forget(self.places, target.name)?;
        let mut report = Report::new();
        let (config, outcome) = match target.work {
            Own(work) => return work(self),
            Host(default, work) => {
                let config = default.map(|default| self.config_or(default));
                (config.transpose()?, work(self)?)
            }
            Kernel(default, work) => self.built(self.config_or(default)?, work)?,
            Code(default, work) => self.built(self.code_config(default)?, work)?,
            Guest(default, work) => self.built(self.guest_config(default)?, work)?,
            Bench(rest) => (Some(X86_64_BENCH), measured(self, rest)?),
        };
        for failure in &outcome.failures {
            eprintln!("error: {failure}");
        }
        let name = config.map_or("", |config| config.name);
        report.steps.push(Step {
            name: format!("{} {name}", target.name).trim_end().to_string(),
            seconds: report.seconds(),
            outcome,
            start: report.start,
            kernel: config,
            end: End::Complete,
        });
        self.end(target.name, &report)
    }

    /// Builds a kernel, and works with it.
    fn built(
        &self,
        config: Config,
        work: fn(&Run, Config) -> Result<Outcome>,
    ) -> Result<(Option<Config>, Outcome)> {
        let ready = self.ready()?;
        let kernel = self.kernel(&ready);
        kernel.build(config, self.progress)?;
        let outcome = work(&Run::new(self, &ready, &kernel), config)?;
        Ok((Some(config), outcome))
    }

    /// Leaves the results for other programs. The counts are stdout's last line. Returns the exit code.
    fn end(&self, target: &str, report: &Report) -> Result<u8> {
        let (filter, case) = (&self.arguments.filter, &self.arguments.case);
        let is_whole = filter.is_none() && case.is_none();
        results::write(self.places, target, report, is_whole)?;
        let total = report.total();
        println!("{}", total.last_line());
        Ok(u8::from(total.failed > 0))
    }
}

fn apply(session: &Session) -> Result<u8> {
    let overlay = session.overlay()?;
    let tree = session.tree(&overlay)?;
    println!("{}", session.put_in(&overlay, &tree)?);
    Ok(0)
}

fn revert(session: &Session) -> Result<u8> {
    let tree = session.places.tree();
    let shown = session.places.show(&tree);
    if session.places.kdir.is_none() && !tree.exists() {
        println!("nothing to revert: there is no {shown}");
        return Ok(0);
    }
    let done = session.overlay()?.revert(&tree)?;
    if !done.dirs_kept.is_empty() {
        let dirs = done.dirs_kept.join(", ");
        let text = format!("  kept, because something else is in them: {dirs}");
        session.progress.say(&text);
    }
    let (files, insertions) = (done.files_removed, done.insertions_removed);
    match done.nothing_to_do {
        true => println!("nothing to revert in {shown}"),
        false => println!("{files} files, {insertions} insertions taken out of {shown}"),
    }
    Ok(0)
}

fn patches(session: &Session) -> Result<u8> {
    let overlay = session.overlay()?;
    overlay.refuse_uncommitted()?;
    let tree = session.tree(&overlay)?;
    let patches = session.write_patches(&overlay, &tree)?;
    for patch in &patches {
        println!("{}", session.places.show(patch));
    }
    println!(
        "{} patches and a cover letter in build/patches",
        patches.len() - 1
    );
    Ok(0)
}

fn run(session: &Session) -> Result<u8> {
    let (start, progress) = (Instant::now(), session.progress);
    let ready = session.ready()?;
    let kernel = session.kernel(&ready);
    kernel.build(X86_64, progress)?;
    let mut last = None;
    let run = Run::new(session, &ready, &kernel);
    let demo = demo::run(&run, X86_64, &mut |line| {
        // The last line is shown last, after the times.
        if let Some(line) = last.replace(line.to_string()) {
            progress.hidden(|| println!("{line}"));
        }
    })?;
    let times = progress.times().into_iter();
    for (name, seconds) in times.filter(|(_, seconds)| *seconds >= 0.05) {
        print!("{name} {seconds:.1} s, ");
    }
    println!("all {:.1} s", start.elapsed().as_secs_f64());
    for failure in &demo.outcome.failures {
        eprintln!("error: {failure}");
    }
    let last = demo.output.last();
    println!("{}", last.map_or("the demo said nothing", |line| line));
    Ok(u8::from(demo.outcome.failed > 0))
}

fn test(session: &Session, target: &str, tier: Tier) -> Result<u8> {
    let rows = session.rows(tier)?;
    let ready = session.ready()?;
    let report = suite::run(session, &ready, tier, &rows)?;
    report.write(&session.places.build.join("test.json"))?;
    println!("{}", report.table());
    session.end(target, &report)
}

/// For programs: nothing but JSON on stdout.
fn matrix(session: &Session) -> Result<u8> {
    let cells = matrix::cells(&session.rows(Tier::All)?);
    println!("{}", serde_json::to_string_pretty(&cells)?);
    Ok(0)
}

/// Without files, only writes the table anew.
fn table(session: &Session) -> Result<u8> {
    let files = session.arguments.results.split_whitespace();
    let files: Vec<PathBuf> = files.map(PathBuf::from).collect();
    results::table::make(session.places, &files)
}

fn fuzz(run: &Run, config: Config) -> Result<Outcome> {
    let arguments = run.session.arguments;
    let plan = fuzz::Plan {
        seed: arguments.seed,
        seconds: 60 * arguments.minutes,
        ..fuzz::LONG
    };
    fuzz::run(run, config, plan)
}

/// Builds the kernels that are measured, measures all primitives, and does the rest of the work with their outcome.
fn measured(session: &Session, rest: fn(&Run, Outcome) -> Result<Outcome>) -> Result<Outcome> {
    let ready = session.ready()?;
    let kernel = session.kernel(&ready);
    for (config, _) in crate::bench::kernels(&kernel) {
        kernel.build(config, session.progress)?;
    }
    let run = Run::new(session, &ready, &kernel);
    let outcome = suite::bench_primitives(&run, X86_64_BENCH)?;
    rest(&run, outcome)
}

fn bench(run: &Run, mut outcome: Outcome) -> Result<Outcome> {
    let session = run.session;
    for part in [suite::bench_cost, suite::bench_sizes, suite::bench_writes] {
        outcome.add(part(run, X86_64_BENCH)?);
    }
    outcome.add(run.bench().contention(&run.bench_program()?)?);
    let looked = code::look(session, run.ready, X86_64_BENCH)?;
    outcome.add(looked.outcome.clone());
    let (built, cost) = code::build_cost(session, run.ready)?;
    outcome.add(built);
    let page = run.bench().page(&looked, &cost);
    outcome.add(page.unwrap_or_else(|error| Outcome::failure(format!("{error:#}"))));
    Ok(outcome)
}

fn bench_compare(run: &Run, mut outcome: Outcome) -> Result<Outcome> {
    outcome.add(suite::bench_compare(run, X86_64_BENCH)?);
    Ok(outcome)
}

fn bench_baseline(run: &Run, mut outcome: Outcome) -> Result<Outcome> {
    match outcome.failed {
        0 => outcome.add(run.bench().store(&run.session.baseline_file())?),
        n => {
            let why = format!("nothing was stored, because of {n} failures: mend them first");
            outcome.fail(why);
        }
    }
    Ok(outcome)
}

fn disasm(session: &Session) -> Result<u8> {
    let Some(function) = &session.arguments.func else {
        bail!("FUNC= is missing: make disasm FUNC=mmap-read, or part of a function's name");
    };
    let config = session.code_config(X86_64_BENCH)?;
    let ready = session.ready()?;
    let kernel = session.kernel(&ready);
    kernel.build(config, session.progress)?;
    print!("{}", code::listing(&kernel, config, function)?);
    Ok(0)
}

fn build_cost(session: &Session) -> Result<Outcome> {
    let (outcome, _) = code::build_cost(session, &session.ready()?)?;
    Ok(outcome)
}

fn conformance(session: &Session) -> Result<Outcome> {
    let tree = session.places.tree();
    let config = session.config_or(X86_64)?;
    let out = session.places.out(config.name);
    if session.places.kdir.is_some() && !conformance::is_built(&out) {
        // A tree of the caller's own is read, and not built for this alone.
        let packages = session.packages(&session.overlay()?);
        packages.setup(session.places, &["packages"], session.progress)?;
        conformance::run(session, &tree, None)
    } else {
        let ready = session.ready()?;
        let out = session.kernel(&ready).build(config, session.progress)?;
        conformance::run(session, &tree, Some(&out))
    }
}

/// Needs the kernel's source, and no kernel.
fn coverage(session: &Session) -> Result<Outcome> {
    let tree = session.tree(&session.overlay()?)?;
    coverage::run(session.places, &tree, session.progress)
}

/// Reads the checkout alone.
fn ledger(session: &Session) -> Result<Outcome> {
    crate::ledger::run(session.places, session.progress)
}

/// Needs the host's packages and the kernel's source, and no kernel.
fn model(session: &Session) -> Result<Outcome> {
    let overlay = session.overlay()?;
    let tree = session.tree(&overlay)?;
    let packages = session.packages(&overlay);
    packages.setup(session.places, &["packages"], session.progress)?;
    suite::model(session, &tree)
}

/// Likewise.
fn litmus(session: &Session) -> Result<Outcome> {
    let overlay = session.overlay()?;
    let tree = session.tree(&overlay)?;
    let packages = session.packages(&overlay);
    suite::litmus(session, &packages, &tree)
}

fn lint(session: &Session) -> Result<Outcome> {
    suite::lint(session, &session.ready()?)
}

fn doc(session: &Session) -> Result<u8> {
    let ready = session.ready()?;
    let kernel = session.kernel(&ready);
    kernel.build(X86_64, session.progress)?;
    let page = rustdoc::build(&kernel, X86_64, session.progress)?;
    println!("documentation: {}", session.places.show(&page));
    Ok(0)
}

/// The exit code is that of the program that ran in the guest.
fn shell(session: &Session) -> Result<u8> {
    let config = session.host_config(X86_64)?;
    let job = Job::requested(session.arguments.program.as_deref())?;
    let ready = session.ready()?;
    let kernel = session.kernel(&ready);
    kernel.build(config, session.progress)?;
    shell::run(&Run::new(session, &ready, &kernel), config, job)
}

/// The exit code is that of gdb.
fn gdb(session: &Session) -> Result<u8> {
    let config = session.host_config(X86_64_DEBUG)?;
    let program = match (&session.arguments.program, &session.arguments.filter) {
        (Some(_), Some(_)) => {
            bail!("FILTER= is of KUnit, which does not run with PROGRAM=: give one")
        }
        (Some(file), None) => Some(shell::program(file)?),
        (None, _) => None,
    };
    let ready = session.ready()?;
    let kernel = session.kernel(&ready);
    kernel.build(config, session.progress)?;
    crate::gdb::interact(&Run::new(session, &ready, &kernel), config, program)
}

fn clean(session: &Session) -> Result<u8> {
    let build = &session.places.build;
    let entries = fs::read_dir(build).context("build/ cannot be read")?;
    // The lock stays until the end, so that nobody builds in what is being removed.
    for entry in entries.flatten().filter(|e| e.file_name() != ".lock") {
        let path = entry.path();
        let removed = match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        removed.with_context(|| format!("{}: cannot be removed", path.display()))?;
    }
    fs::remove_dir_all(build).context("build/ cannot be removed")?;
    let cache = session.places.cache.display();
    println!("build/ is gone; downloads and compiler caches are in {cache}: remove it by hand");
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Arguments;
    use clap::CommandFactory;

    fn refusal(words: &str) -> Option<String> {
        let line = format!("vma-tool --repo /r --cargo cargo {words}");
        let matches = Arguments::command().get_matches_from(line.split(' '));
        chosen(&matches).err().map(|error| error.to_string())
    }

    #[test]
    fn ignored_variables_are_refused() {
        assert_eq!(refusal("--config um kunit"), None);
        assert_eq!(refusal("--kdir /k --verbose ledger"), None);
        for (words, text) in [
            ("--config um run", "make run: it takes no CONFIG=: only "),
            (
                "--baseline /x bench",
                "make bench: it takes no BASELINE=: only ",
            ),
            (
                "--seed 2 --case x drivers",
                "make drivers: it takes no SEED=: only CONFIG=, CASE=, ",
            ),
        ] {
            let expected = format!("{text}KDIR=, SERIES=, RUSTC= and VERBOSE=");
            assert_eq!(refusal(words), Some(expected));
        }
    }

    #[test]
    fn targets_take_variables_that_exist() {
        let command = Arguments::command();
        for name in TARGETS.iter().flat_map(|t| t.variables.split_whitespace()) {
            let mut known = command.get_arguments();
            assert!(
                known.any(|known| known.get_id() == &*name.to_lowercase()),
                "{name}"
            );
        }
    }
}
