// SPDX-License-Identifier: GPL-2.0

//! A kernel under gdb: QEMU stops before its first instruction, without address randomization, so that breakpoints can be set on
//! functions of Rust. Then the KUnit suites run, or a program. The scripts of the kernel for gdb are loaded if it was configured
//! with them.

use crate::boot::Guest;
use crate::host;
use crate::kconfig::Config;
use crate::kunit::{self, Boot};
use crate::proc::{self, Logged};
use crate::report::Outcome;
use crate::session::Session;
use crate::shell;
use crate::suite::Run;
use anyhow::{Context, Result, anyhow};
use itertools::Itertools;
use regex_lite::Regex;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The time in which QEMU opens its socket.
const PATIENCE: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(300);

const NO_RANDOM_ADDRESSES: &str = "nokaslr";

/// The check: a generic function of the crate, and the suite that calls it.
const SUITE: &str = "rust_vma_order";
const COMMANDS: &[&str] = &[
    "set pagination off",
    "rbreak mmap_guard::MmapGuard<.*MmapRead>>::lookup$",
    "continue",
    "backtrace 2",
    "kill",
];

/// Lets the user debug the kernel, which runs a program or KUnit. Returns the exit code of gdb.
pub fn interact(run: &Run, config: Config, program: Option<Vec<u8>>) -> Result<u8> {
    let Session {
        places,
        progress,
        arguments,
    } = *run.session;
    let log = |part: &str| places.log(&format!("gdb-{}-{part}", config.name));
    let mut logs = vec![log("guest")];
    let qemu = match &program {
        None => kunit(run, config, arguments.filter.as_deref())?,
        Some(content) => {
            let guest = Guest {
                append: NO_RANDOM_ADDRESSES,
                ..shell::guest(run, config, content)?
            };
            logs.push(log("kernel"));
            guest.command(run.kernel, config, &log("kernel"))?
        }
    };
    let shown = logs.iter().map(|log| places.show(log)).join(" and ");
    progress.say(&format!("  what the guest says is in {shown}"));
    let code = debug(run, config, qemu, proc::interactive)?.code();
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// QEMU with KUnit.
fn kunit(run: &Run, config: Config, filter: Option<&str>) -> Result<Command> {
    let boot = Boot {
        append: NO_RANDOM_ADDRESSES,
        ..Boot::of(config, filter)
    };
    kunit::boot_command(run.kernel, &boot)
}

/// Checks that a breakpoint on a function of Rust is hit, and that the backtrace has the names of Rust.
pub fn check(run: &Run, config: Config) -> Result<Outcome> {
    let places = run.session.places;
    let step = run.session.progress.step(&format!("gdb {}", config.name));
    let log = places.log(&format!("gdb-{}", config.name));
    let qemu = kunit(run, config, Some(SUITE))?;
    debug(run, config, qemu, |mut cmd| {
        cmd.args(["-nx", "-batch"]).stdin(Stdio::null());
        cmd.args(COMMANDS.iter().flat_map(|command| ["-ex", command]));
        let run = Logged {
            log: &log,
            append: false,
            timeout: Some(TIMEOUT),
        };
        run.run(cmd, |_| ())
    })?;
    let said = std::fs::read_to_string(&log).context("the log of gdb has gone")?;
    let mut outcome = Outcome::default();
    for (name, ok) in judged(&said) {
        outcome.check(ok, || format!("{name}: see {}", places.show(&log)));
    }
    Ok(step.ended(outcome))
}

/// Starts a guest that waits for gdb, and runs gdb, whose end is that of the guest.
fn debug<T>(
    run: &Run,
    config: Config,
    mut qemu: Command,
    with_gdb: impl FnOnce(Command) -> Result<T>,
) -> Result<T> {
    let (places, progress) = (run.session.places, run.session.progress);
    host::require(places, &run.ready.packages, "gdb", progress)?;
    let dir = tempfile::tempdir().context("no temporary directory")?;
    let socket = dir.path().join("gdb");
    let chardev = format!("socket,id=gdb,server=on,wait=off,path={}", socket.display());
    qemu.args(["-S", "-chardev", &chardev, "-gdb", "chardev:gdb"]);
    let log = places.log(&format!("gdb-{}-guest", config.name));
    let guest = Logged {
        log: &log,
        append: false,
        timeout: None,
    };
    thread::scope(|scope| {
        let guest = scope.spawn(|| guest.run(qemu, |_| ()));
        let start = Instant::now();
        while !socket.exists() && !guest.is_finished() && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(50));
        }
        let result = match socket.exists() {
            true => with_gdb(gdb(&places.out(config.name), &socket)),
            false => Err(anyhow!(
                "QEMU does not wait for gdb: see {}",
                places.show(&log)
            )),
        };
        // The guest is the only child by now. It need not have ended with gdb.
        proc::end_children();
        let _ = guest.join();
        result
    })
}

/// gdb with the kernel's symbols, connected.
fn gdb(out: &Path, socket: &Path) -> Command {
    let mut cmd = proc::command("gdb");
    // The kernel's scripts for gdb are links in its build directory.
    cmd.arg("-iex")
        .arg(format!("add-auto-load-safe-path {}", out.display()));
    cmd.args([
        "-iex",
        "set debuginfod enabled off",
        "-ex",
        "set print asm-demangle on",
    ]);
    cmd.arg("-ex")
        .arg(format!("target remote {}", socket.display()));
    cmd.arg(out.join("vmlinux"));
    cmd
}

/// The checks of what gdb says at the breakpoint, each with its result.
fn judged(said: &str) -> [(&'static str, bool); 3] {
    let pattern = Regex::new(r"(?m)^#(\d+) +(?:0x[0-9a-f]+ in )?(.*) \(.*\)").expect("a constant");
    let frame = |wanted: &str| -> Option<String> {
        let mut frames = pattern.captures_iter(said);
        let frame = frames.find(|frame| &frame[1] == wanted)?;
        // Without the numbers of crates.
        let number = Regex::new(r"\[[0-9a-f]+\]").expect("a constant");
        Some(number.replace_all(&frame[2], "").into_owned())
    };
    let function = "kernel::mm::vma::lock::mmap_guard::MmapGuard<kernel::mm::vma::level::MmapRead>";
    let caller = "kernel::mm::vma::tests::order::";
    let is_function = |name: &str| name.contains(function) && name.ends_with("::lookup");
    [
        ("no breakpoint was hit", said.contains("hit Breakpoint ")),
        (
            "the function has no name of Rust",
            frame("0").is_some_and(|name| is_function(&name)),
        ),
        (
            "its caller has no name of Rust",
            frame("1").is_some_and(|name| name.contains(caller)),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "Thread 2 hit Breakpoint 2.1, 0xffffffff818648f0 in x ()\n\
        #0  0xffffffff818648f0 in <kernel[f60e]::mm::vma::lock::mmap_guard::MmapGuard<kernel[f60e]::mm::vma::level\
        ::MmapRead>>::lookup ()\n\
        #1  0xffffffff818c2021 in kernel[f60e]::mm::vma::tests::order::tests::kunit_rust_wrapper_everything ()\n";

    fn complaints(said: &str) -> Vec<&'static str> {
        let checks = judged(said).into_iter();
        checks.filter(|(_, ok)| !ok).map(|(name, _)| name).collect()
    }

    #[test]
    fn two_frames_of_rust_are_expected() {
        assert!(complaints(SAID).is_empty());
        assert_eq!(complaints("").len(), 3);
        assert_eq!(
            complaints(&SAID.replace("hit Breakpoint", "exited")).len(),
            1
        );
        let mangled = SAID.replace(
            "<kernel[f60e]::mm::vma::lock",
            "_RNvMNtNtNtNtCsl7L7n58I0Vr_6kernel",
        );
        assert_eq!(complaints(&mangled), ["the function has no name of Rust"]);
        let unknown = SAID.replace("kernel[f60e]::mm::vma::tests::order::tests", "??");
        assert_eq!(complaints(&unknown), ["its caller has no name of Rust"]);
    }

    #[test]
    fn frames_with_lines_are_frames() {
        let said = SAID.replace(
            "::lookup ()",
            "::lookup (self=0x1, addr=2) at rust/kernel/mm/vma.rs:3",
        );
        assert!(complaints(&said).is_empty());
    }
}
