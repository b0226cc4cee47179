// SPDX-License-Identifier: GPL-2.0

//! Runs other programs: their output goes to a log, each line to a callback. None is left running after an interruption.

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

static CHILDREN: Mutex<Vec<Pid>> = Mutex::new(Vec::new());
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static VERBOSE: AtomicBool = AtomicBool::new(false);

/// Variables of the calling make, and those with which a user's shell could bend a kernel build.
const UNWANTED: &[&str] = &[
    "ARCH",
    "AR",
    "BINDGEN",
    "CASE",
    "CC",
    "CONFIG",
    "CROSS_COMPILE",
    "FILTER",
    "GNUMAKEFLAGS",
    "HOSTCC",
    "KBUILD_OUTPUT",
    "KCFLAGS",
    "KCONFIG_CONFIG",
    "KDIR",
    "KRUSTFLAGS",
    "LD",
    "LLVM",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MAKEOVERRIDES",
    "MFLAGS",
    "O",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "V",
    "VERBOSE",
    "W",
];

/// Shows the children's output in addition to logging it.
pub fn set_verbose(on: bool) {
    VERBOSE.store(on, Ordering::Relaxed);
}

/// A command whose environment does not depend on the caller's.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut cmd = Command::new(program);
    for name in UNWANTED {
        cmd.env_remove(name);
    }
    cmd.env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
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
    pub fn run(&self, cmd: Command, mut on: impl FnMut(Event)) -> Result<Ended> {
        let mut log = open_log(self.log, self.append)?;
        let deadline = self.timeout.map(|t| Instant::now() + t);
        let mut child = Group::spawn(cmd)?;
        let output = child.output.take().expect("made by spawn");
        let (sender, lines) = channel();
        let reader = thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while matches!(output.read_until(b'\n', &mut line), Ok(n) if n > 0) {
                if sender.send(std::mem::take(&mut line)).is_err() {
                    break;
                }
            }
        });
        let mut timed_out = false;
        loop {
            match lines.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => {
                    log.write_all(&line)
                        .with_context(|| format!("{}: cannot write", self.log.display()))?;
                    let text = String::from_utf8_lossy(&line);
                    let text = text.trim_end_matches(['\n', '\r']);
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
                child.signal(Signal::KILL);
            }
        }
        let status = child.wait()?;
        let _ = reader.join();
        stop_here_if_interrupted();
        Ok(Ended { status, timed_out })
    }
}

/// Runs a short command and takes its output; neither logged nor timed.
pub fn output(mut cmd: Command) -> Result<Output> {
    let name = cmd.get_program().to_string_lossy().into_owned();
    let output = cmd
        .process_group(0)
        .output()
        .with_context(|| format!("{name}: cannot be run"));
    stop_here_if_interrupted();
    output
}

/// The output of a short command that succeeds, as text.
pub fn text(cmd: Command) -> Option<String> {
    let output = output(cmd).ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The last lines of a log, for the user to see.
pub fn tail(log: &Path, lines: usize) -> String {
    let Ok(bytes) = fs::read(log) else {
        return String::new();
    };
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    let mut shown = all[all.len().saturating_sub(lines)..].join("\n");
    if !shown.is_empty() {
        shown.push('\n');
    }
    shown
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
        if signals.forever().next().is_some() {
            INTERRUPTED.store(true, Ordering::SeqCst);
            end_children();
            eprintln!("\nerror: interrupted: the same command continues where this one stopped");
            std::process::exit(130);
        }
    });
    Ok(())
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
    if let Some(dir) = log.parent() {
        fs::create_dir_all(dir).with_context(|| format!("{}: cannot be made", dir.display()))?;
    }
    let mut options = File::options();
    options
        .create(true)
        .write(true)
        .append(append)
        .truncate(!append);
    options
        .open(log)
        .with_context(|| format!("{}: cannot be written", log.display()))
}

/// A child with everything it starts, in a process group of its own.
struct Group {
    child: Child,
    output: Option<File>,
    pid: Pid,
}

impl Group {
    fn spawn(mut cmd: Command) -> Result<Self> {
        let name = cmd.get_program().to_string_lossy().into_owned();
        let (read, write) =
            rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).context("no pipe")?;
        cmd.stdout(write.try_clone().context("no pipe")?)
            .stderr(write)
            .process_group(0);
        let mut children = CHILDREN.lock().expect("no child is spawned in a panic");
        let child = cmd
            .spawn()
            .with_context(|| format!("{name}: cannot be run"))?;
        let pid = Pid::from_child(&child);
        children.push(pid);
        Ok(Self {
            child,
            output: Some(read.into()),
            pid,
        })
    }

    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.pid, signal);
    }

    fn wait(mut self) -> Result<ExitStatus> {
        self.child.wait().context("a child was lost")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Ok(mut children) = CHILDREN.lock() {
            children.retain(|pid| *pid != self.pid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut cmd = command("sh");
        cmd.arg("-c").arg(script);
        cmd
    }

    #[test]
    fn lines_and_log_agree() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("sub/x.log");
        let run = Logged {
            log: &log,
            append: false,
            timeout: None,
        };
        let mut seen = Vec::new();
        let ended = run
            .run(sh("echo one; echo two >&2; exit 3"), |event| {
                if let Event::Line(line) = event {
                    seen.push(line.to_string());
                }
            })
            .unwrap();
        assert_eq!(ended.status.code(), Some(3));
        assert_eq!(seen, ["one", "two"]);
        assert_eq!(fs::read_to_string(&log).unwrap(), "one\ntwo\n");
        assert_eq!(tail(&log, 1), "two\n");
    }

    #[test]
    fn a_child_that_hangs_is_ended_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("x.log");
        let run = Logged {
            log: &log,
            append: false,
            timeout: Some(Duration::from_millis(400)),
        };
        let start = Instant::now();
        let ended = run.run(sh("sleep 60 & sleep 60"), |_| ()).unwrap();
        assert!(ended.timed_out && !ended.status.success());
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_missing_program_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("x.log");
        let run = Logged {
            log: &log,
            append: false,
            timeout: None,
        };
        let error = run
            .run(command("no-such-program-here"), |_| ())
            .unwrap_err();
        assert!(
            error.to_string().contains("no-such-program-here"),
            "{error}"
        );
    }

    #[test]
    fn make_variables_do_not_reach_children() {
        let cmd = command("true");
        let removed: Vec<_> = cmd
            .get_envs()
            .filter(|(_, v)| v.is_none())
            .map(|(k, _)| k.to_owned())
            .collect();
        assert!(removed.iter().any(|k| k == "MAKEFLAGS") && removed.iter().any(|k| k == "ARCH"));
    }
}
