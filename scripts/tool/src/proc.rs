// SPDX-License-Identifier: GPL-2.0

//! Runs other programs: their output goes to a log, each line to a callback. None is left running after an interruption.

use crate::places::Places;
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

static CHILDREN: Mutex<Vec<Pid>> = Mutex::new(Vec::new());
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static VERBOSE: AtomicBool = AtomicBool::new(false);
/// A child of the terminal's makes use of Ctrl-C.
static INTERACTIVE: AtomicBool = AtomicBool::new(false);

/// Variables of the calling make, and those with which a user's shell could bend a kernel build.
const UNWANTED: &str = "ARCH AR BINDGEN CASE CC CONFIG CROSS_COMPILE FILTER GNUMAKEFLAGS HOSTCC KBUILD_OUTPUT KCFLAGS \
    KCONFIG_CONFIG KDIR KRUSTFLAGS LD LLVM MAKEFLAGS MAKELEVEL MAKEOVERRIDES MFLAGS O RUSTC RUSTC_WRAPPER \
    RUSTC_WORKSPACE_WRAPPER RUSTDOC RUSTFLAGS V VERBOSE W";

/// Shows the children's output in addition to logging it.
pub fn set_verbose(on: bool) {
    VERBOSE.store(on, Ordering::Relaxed);
}

/// A command whose environment does not depend on the caller's.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut cmd = Command::new(program);
    for name in UNWANTED.split_whitespace() {
        cmd.env_remove(name);
    }
    cmd.env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    cmd
}

/// Cargo in the workspace of the host's tools.
pub fn cargo(cargo: &Path, places: &Places) -> Command {
    let mut cmd = command(cargo);
    cmd.current_dir(places.repo.join("scripts"))
        .env("CARGO_TARGET_DIR", places.build.join("target"))
        .env("CARGO_TERM_COLOR", "never");
    cmd
}

/// An event of a running child.
pub enum Event<'a> {
    Line(&'a str),
    /// No output for a fifth of a second.
    Quiet,
}

/// The end of a child.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub timed_out: bool,
}

/// Runs a command to its end with its output into a new `log`, each line of it shown for a moment by `show`. Returns
/// whether it succeeded, and its output.
pub fn watched(log: &Path, cmd: Command, mut show: impl FnMut(&str)) -> Result<(bool, String)> {
    let run = Logged {
        log,
        append: false,
        timeout: None,
    };
    let ended = run.run(cmd, |event| {
        if let Event::Line(line) = event {
            show(line);
        }
    })?;
    let output = fs::read(log).with_context(|| format!("{}: has gone", log.display()))?;
    Ok((
        ended.status.success(),
        String::from_utf8_lossy(&output).into_owned(),
    ))
}

/// Runs a command to its end with stdout and stderr into `log`, which is begun anew unless `append`.
pub struct Logged<'a> {
    pub log: &'a Path,
    pub append: bool,
    pub timeout: Option<Duration>,
}

impl Logged<'_> {
    pub fn run(&self, mut cmd: Command, mut on: impl FnMut(Event)) -> Result<Ended> {
        let shown = self.log.display();
        let mut log = open_log(self.log, self.append)?;
        let deadline = self.timeout.map(|t| Instant::now() + t);
        let name = cmd.get_program().to_string_lossy().into_owned();
        let flags = rustix::pipe::PipeFlags::CLOEXEC;
        let (output, writer) = rustix::pipe::pipe_with(flags).context("no pipe")?;
        cmd.stdout(writer.try_clone().context("no pipe")?)
            .stderr(writer);
        // It has a process group of its own, with everything it starts.
        let mut children = CHILDREN.lock().expect("no child is spawned in a panic");
        let spawned = cmd.process_group(0).spawn();
        let mut child = spawned.with_context(|| format!("{name}: cannot be run"))?;
        let running = Running(Pid::from_child(&child));
        children.push(running.0);
        drop((children, cmd));
        let (sender, lines) = channel();
        let reader = thread::spawn(move || {
            let lines = BufReader::new(File::from(output))
                .split(b'\n')
                .map_while(|line| line.ok());
            lines
                .map(|line| sender.send(line))
                .take_while(Result::is_ok)
                .for_each(drop);
        });
        let mut timed_out = false;
        loop {
            match lines.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => {
                    let written = log.write_all(&line).and_then(|()| log.write_all(b"\n"));
                    written.with_context(|| format!("{shown}: cannot write"))?;
                    let text = String::from_utf8_lossy(&line);
                    let text = text.trim_end_matches('\r');
                    if VERBOSE.load(Ordering::Relaxed) {
                        eprintln!("{text}");
                    }
                    on(Event::Line(text));
                }
                Err(RecvTimeoutError::Timeout) => on(Event::Quiet),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if deadline.is_some_and(|d| Instant::now() >= d) && !timed_out {
                timed_out = true;
                let _ = kill_process_group(running.0, Signal::KILL);
            }
        }
        let status = child.wait().context("a child was lost")?;
        let _ = reader.join();
        stop_here_if_interrupted();
        Ok(Ended { status, timed_out })
    }
}

/// A child that an interruption has to end.
struct Running(Pid);

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(mut children) = CHILDREN.lock() {
            children.retain(|pid| *pid != self.0);
        }
    }
}

/// Runs a short command and takes its output; neither logged nor timed.
pub fn output(mut cmd: Command) -> Result<Output> {
    let output = cmd.process_group(0).output();
    stop_here_if_interrupted();
    output.with_context(|| format!("{}: cannot be run", cmd.get_program().to_string_lossy()))
}

/// The output of a short command that succeeds, as text.
pub fn text(cmd: Command) -> Option<String> {
    let output = output(cmd).ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The last lines of a log, for the user to see.
pub fn tail(log: &Path, lines: usize) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    let last = all[all.len().saturating_sub(lines)..].iter();
    last.map(|line| format!("{line}\n")).collect()
}

/// Looks a program up as the shell would.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(name))
        .find(|file| is_program(file))
}

pub fn is_program(file: &Path) -> bool {
    file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Kills every child on Ctrl-C or a termination request and ends the run. What was built stays for the next one.
pub fn end_children_on_signals() -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])
        .context("cannot handle signals")?;
    thread::spawn(move || {
        let is_for_us = |signal: &i32| *signal != SIGINT || !INTERACTIVE.load(Ordering::SeqCst);
        if signals.forever().any(|signal| is_for_us(&signal)) {
            INTERRUPTED.store(true, Ordering::SeqCst);
            end_children();
            eprintln!("\nerror: interrupted: the same command continues where this one stopped");
            std::process::exit(130);
        }
    });
    Ok(())
}

/// Runs a command on the terminal, which gets Ctrl-C in our place.
pub fn interactive(mut cmd: Command) -> Result<ExitStatus> {
    INTERACTIVE.store(true, Ordering::SeqCst);
    let status = cmd.stdin(Stdio::inherit()).status();
    INTERACTIVE.store(false, Ordering::SeqCst);
    status.with_context(|| format!("{}: cannot be run", cmd.get_program().to_string_lossy()))
}

/// Ends every child with all it started: asked first, then killed.
pub fn end_children() {
    let running = || CHILDREN.lock().map(|c| c.clone()).unwrap_or_default();
    let send = |signal| {
        for pid in running() {
            // Gone already is as good as killed.
            let _ = kill_process_group(pid, signal);
        }
    };
    send(Signal::TERM);
    let patience = Instant::now() + Duration::from_secs(3);
    while !running().is_empty() && Instant::now() < patience {
        thread::sleep(Duration::from_millis(20));
    }
    send(Signal::KILL);
}

/// After an interruption only the signal's own thread speaks: a child's death is then no news.
fn stop_here_if_interrupted() {
    while INTERRUPTED.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_secs(1));
    }
}

fn open_log(log: &Path, append: bool) -> Result<File> {
    let cannot = || format!("{}: cannot be written", log.display());
    fs::create_dir_all(log.parent().unwrap_or(log)).with_context(cannot)?;
    let mut options = File::options();
    options
        .create(true)
        .write(true)
        .append(append)
        .truncate(!append);
    options.open(log).with_context(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut cmd = command("sh");
        cmd.arg("-c").arg(script);
        cmd
    }

    /// Runs a command with a log in a new directory; its end, the log's path and the lines that were seen.
    fn run(cmd: Command, timeout: Option<Duration>) -> Result<(Ended, String, Vec<String>)> {
        let dir = tempfile::tempdir().unwrap();
        let log = &dir.path().join("sub/x.log");
        let append = false;
        let mut seen = Vec::new();
        let ended = Logged {
            log,
            append,
            timeout,
        }
        .run(cmd, |event| {
            if let Event::Line(line) = event {
                seen.push(line.to_string());
            }
        })?;
        assert_eq!(
            tail(log, 1),
            seen.last().map_or(String::new(), |l| format!("{l}\n"))
        );
        Ok((ended, fs::read_to_string(log)?, seen))
    }

    #[test]
    fn lines_and_log_agree() {
        let (ended, log, seen) = run(sh("echo one; echo two >&2; exit 3"), None).unwrap();
        assert_eq!(ended.status.code(), Some(3));
        assert_eq!(
            (seen.join(" "), &*log),
            ("one two".to_string(), "one\ntwo\n")
        );
    }

    #[test]
    fn hanging_child_is_killed_with_its_children() {
        let start = Instant::now();
        let limit = Some(Duration::from_millis(400));
        let (ended, ..) = run(sh("sleep 60 & sleep 60"), limit).unwrap();
        assert!(ended.timed_out && !ended.status.success());
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(command("no-such-program-here"), None).unwrap_err();
        assert!(
            error.to_string().contains("no-such-program-here"),
            "{error}"
        );
    }

    #[test]
    fn make_variables_do_not_reach_children() {
        let cmd = command("true");
        let is_removed = |name: &str| cmd.get_envs().any(|env| env == (name.as_ref(), None));
        assert!(is_removed("MAKEFLAGS") && is_removed("ARCH") && is_removed("W"));
    }
}
