// SPDX-License-Identifier: GPL-2.0

//! Shows the memory mappings of a process, and how the driver has locked them: `vma-map PID`, and
//! `vma-map PID 1000` after reading them a thousand times.

use std::env;
use std::io::{self, Error, Result, Write};
use std::process::ExitCode;
use vma_guest::device::map::{Histogram, Map};
use vma_guest::errno;

const USAGE: &str = "usage: vma-map PID [READINGS]";

/// The size of a read: more than most maps have.
const PIECE: usize = 1 << 16;

/// The length of the longest bar.
const WIDTH: u64 = 50;

fn main() -> ExitCode {
    let arguments = env::args().skip(1).collect::<Vec<_>>();
    let done = parse(&arguments).and_then(|(pid, readings)| {
        show(pid, readings).map_err(|e| match e.raw_os_error() {
            Some(number) => Error::other(format!("process {pid}: {}", errno::name(number))),
            None => e,
        })
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("vma-map: {e}");
            ExitCode::FAILURE
        }
    }
}

/// The number of the process, and how often its map is to be read.
fn parse(arguments: &[String]) -> Result<(i64, u64)> {
    let (pid, readings) = match arguments {
        [pid] => (pid, "1"),
        [pid, readings] => (pid, readings.as_str()),
        _ => return Err(Error::other(USAGE)),
    };
    let not_a_number = |text: &str| Error::other(format!("{text}: not a number; {USAGE}"));
    Ok((
        pid.parse().map_err(|_| not_a_number(pid))?,
        readings.parse().map_err(|_| not_a_number(readings))?,
    ))
}

fn show(pid: i64, readings: u64) -> Result<()> {
    let map = Map::open()?;
    let (mut text, mut locked) = (Vec::new(), Histogram::default());
    for _ in 0..readings {
        text.clear();
        map.select(pid)?;
        map.read_to(PIECE, &mut text)?;
        locked.add(map.histogram()?);
    }
    let mut out = io::stdout().lock();
    out.write_all(&text)?;
    out.write_all(histogram(locked, readings).as_bytes())
}

/// A bar for each way to lock.
fn histogram(locked: Histogram, readings: u64) -> String {
    let all = locked.all();
    let mut out = format!("\n{all} VMAs in {readings} readings were locked\n");
    for (how, number) in [
        ("without the mmap lock, at once", locked.rcu),
        ("after another look", locked.retried),
        ("by way of the mmap lock", locked.mmap_lock),
    ] {
        // Every number but zero has a bar.
        let bar = (number * WIDTH).div_ceil(all.max(1)) as usize;
        let line = format!("{how:>31} {number:>10} {}", "#".repeat(bar));
        out += line.trim_end();
        out += "\n";
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<(i64, u64)> {
        parse(
            &arguments
                .iter()
                .map(|&word| word.into())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn arguments() {
        assert_eq!(parsed(&["17"]).unwrap(), (17, 1));
        assert_eq!(parsed(&["-1", "9"]).unwrap(), (-1, 9));
        for bad in [&[][..], &["x"], &["1", "many"], &["1", "2", "3"]] {
            assert!(parsed(bad).unwrap_err().to_string().contains(USAGE));
        }
    }

    #[test]
    fn the_bars_are_in_proportion() {
        let text = histogram(
            Histogram {
                rcu: 75,
                retried: 24,
                mmap_lock: 1,
            },
            10,
        );
        let bars = text.lines().skip(2).map(|line| line.matches('#').count());
        assert_eq!(bars.collect::<Vec<_>>(), [38, 12, 1]);
        assert!(text.starts_with("\n100 VMAs in 10 readings were locked\n"));
    }

    #[test]
    fn nothing_has_no_bar() {
        assert!(!histogram(Histogram::default(), 1).contains('#'));
    }
}
