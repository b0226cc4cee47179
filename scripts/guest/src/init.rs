// SPDX-License-Identifier: GPL-2.0

//! The first process of the system: it mounts file systems, loads modules, runs a program of this
//! crate and ends the system.
//!
//! On the console, among what the kernel says there, are the lines `NAME: begin` and `NAME: exit
//! CODE`, with the program's name, for the host to read. Text for people goes to the terminal
//! that the environment names, or else to the console, too.

use crate::sys;
use anyhow::{Context, Result};
use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;

/// The variable that names the terminal. The kernel's command line sets it.
const OUTPUT: &str = "VMA_DEMO_OUTPUT";

/// Where the modules are.
const MODULES: &str = "/modules";

/// Exit code of a program that could not start.
const NOT_STARTED: u8 = 2;

/// The file systems that programs need, and their mount points.
const MOUNTS: [(&str, &str); 5] = [
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("devtmpfs", "/dev"),
    ("tmpfs", "/tmp"),
    ("debugfs", "/sys/kernel/debug"),
];

/// Returns whether this is the first process of the system.
pub fn is_init() -> bool {
    std::process::id() == 1
}

/// Runs a program, which returns its exit code: as the first process, or as an ordinary one.
pub fn main(name: &str, program: fn() -> u8) -> ExitCode {
    if is_init() {
        run(name, program);
    }
    ExitCode::from(program())
}

/// A number of the environment, which for the first process is from the kernel's command line.
pub fn number(name: &str, default: u64) -> io::Result<u64> {
    match env::var(name) {
        Ok(text) => text
            .parse()
            .map_err(|_| io::Error::other(format!("{name}={text}: not a number"))),
        Err(_) => Ok(default),
    }
}

/// Runs the program of this name, which returns its exit code, and ends the system.
pub fn run(name: &str, program: fn() -> u8) -> ! {
    // Without a console there is nobody to tell.
    let mut console = io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .map(File::from)
        .ok();
    let mut report = |line: &str| {
        console
            .as_mut()
            .map(|console| writeln!(console, "{name}: {line}").ok())
    };

    report("begin");
    let code = match prepare() {
        Ok(()) => program(),
        Err(e) => {
            report(&format!("{e:#}"));
            NOT_STARTED
        }
    };
    sys::drain(io::stdout());
    report(&format!("exit {code}"));
    if let Some(console) = &console {
        sys::drain(console);
    }
    eprintln!("{name}: cannot restart: {}", sys::restart());
    // Process 1 must not end: the kernel would panic, and the host would take that for the result.
    loop {
        std::thread::park();
    }
}

fn prepare() -> Result<()> {
    for (kind, at) in MOUNTS {
        // A kernel need not have a debugfs.
        if kind == "debugfs" && !fs::exists(at)? {
            continue;
        }
        fs::create_dir_all(at).with_context(|| format!("cannot make the directory {at}"))?;
        match sys::mount(kind, at) {
            // The kernel can have mounted /dev itself.
            Err(e) if e.raw_os_error() == Some(libc::EBUSY) => (),
            other => other.with_context(|| format!("cannot mount {at}"))?,
        }
    }

    // The drivers that are not part of the kernel. Other guests have no such directory.
    for module in fs::read_dir(MODULES).into_iter().flatten() {
        let path = module.context("cannot read the modules")?.path();
        let load = File::open(&path).and_then(|file| sys::load_module(&file));
        load.with_context(|| format!("cannot load {}", path.display()))?;
    }

    let Some(path) = env::var_os(OUTPUT) else {
        return Ok(());
    };
    let terminal = File::options().write(true).open(&path);
    terminal
        .and_then(|terminal| Ok(rustix::stdio::dup2_stdout(terminal)?))
        .with_context(|| format!("cannot write to {path:?}, which {OUTPUT} names"))
}
