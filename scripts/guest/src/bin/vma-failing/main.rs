// SPDX-License-Identifier: GPL-2.0

//! KUnit suites of the kernel, run again and again with one allocation failing each time.
//!
//! A test may fail then. The kernel must not have anything to say about it, and afterwards each
//! suite must pass as it did before. Prints a line for each suite, and `wrong: ` lines.

mod suite;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Result;
use std::process::ExitCode;
use suite::Suite;
use vma_guest::failing::OfAnyTask;
use vma_guest::init;
use vma_guest::random::Random;

const SEED: &str = "VMA_FAILING_SEED";

/// The number of runs of each suite with each kind of allocation.
const RUNS: usize = 4;

/// The start of the names of suites that forget guards on purpose. A test that fails in between ends
/// its task, which still has the lock.
const FORGETFUL: &str = "rust_vma_attacks";

fn main() -> ExitCode {
    init::main("vma-failing", || match run() {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(e) => {
            println!("wrong: {e}");
            2
        }
    })
}

/// Returns whether all went well.
fn run() -> Result<bool> {
    let seed = init::number(SEED, 1)?;
    let kinds = OfAnyTask::open()?;
    let mut suites = Suite::all()?;
    suites.retain(|suite| !suite.name.starts_with(FORGETFUL));
    let mut good = !suites.is_empty();
    for suite in &suites {
        // The same places also if only some suites are run.
        let mut name = DefaultHasher::new();
        suite.name.hash(&mut name);
        let mut random = Random::new(seed, name.finish());
        let (mut failed, mut injected) = (0, 0);
        for kind in &kinds {
            let (ran, taken) = kind.measured(|| suite.run())?;
            ran?;
            if !suite.has_passed()? {
                println!("wrong: {suite}: fails when nothing does");
                good = false;
            }
            for part in 0..RUNS {
                let space = point(taken, part, &mut random);
                println!("progress {suite} {kind} {space}");
                let (ran, is_injected) = kind.failing(space, || suite.run())?;
                ran?;
                failed += usize::from(!suite.has_passed()?);
                injected += usize::from(is_injected);
            }
        }
        println!("{suite}  {injected}  {failed}");
        suite.run()?;
        if !suite.has_passed()? {
            println!("wrong: {suite}: fails after the runs");
            good = false;
        }
    }
    Ok(good)
}

/// A place in one of [`RUNS`] equal parts of what a suite allocates.
fn point(taken: usize, part: usize, random: &mut Random) -> usize {
    let start = |part: usize| taken * part / RUNS;
    start(part) + random.below((start(part + 1) - start(part)).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_spread_over_the_suite() {
        let mut random = Random::new(1, 0);
        for taken in [1, 5, 1000] {
            let points: Vec<usize> = (0..RUNS)
                .map(|part| point(taken, part, &mut random))
                .collect();
            assert!(points.is_sorted() && points.iter().all(|point| *point <= taken));
        }
        let last = point(1000 * RUNS, RUNS - 1, &mut random);
        assert_eq!(last / 1000, RUNS - 1);
    }
}
