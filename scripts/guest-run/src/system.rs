// SPDX-License-Identifier: GPL-2.0

//! What process 1 does besides: it makes the system usable, and ends it.

use crate::run::MARK;
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, reboot};
use rustix::termios::tcdrain;
use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsFd;

/// The variable that names the terminal for what the programs say. The kernel's command line sets it.
const OUTPUT: &str = "VMA_DEMO_OUTPUT";

/// Whether this is the first process of the system.
pub fn is_init() -> bool {
    std::process::id() == 1
}

/// Runs `work`, which returns its exit code, as the first process, and ends the system. The console
/// has two lines of this, among what the kernel says there, for the host to read.
pub fn run(work: impl FnOnce(&File) -> u8) -> ! {
    let mut console = io::stdout();
    // Without a console there is nobody to tell.
    let mut report = |line: &str| drop(writeln!(console, "{MARK} {line}"));
    report("begin");
    let code = match mount_all().and_then(|()| output()) {
        Ok(output) => {
            let code = work(&output);
            // What is no terminal has got it already.
            let _ = tcdrain(&output);
            code
        }
        Err(message) => {
            report(&message);
            crate::NOT_STARTED
        }
    };
    report(&format!("exit {code}"));
    let _ = tcdrain(io::stdout());
    if let Err(e) = reboot(RebootCommand::Restart) {
        report(&format!("cannot restart: {e}"));
    }
    // Process 1 must not end: the kernel would panic, and the host would take that for the result.
    loop {
        std::thread::park();
    }
}

/// Mounts what programs need. It may be there already, and a kernel need not have a debugfs.
fn mount_all() -> Result<(), String> {
    const MOUNTS: [(&str, &str); 5] = [
        ("proc", "/proc"),
        ("sysfs", "/sys"),
        ("devtmpfs", "/dev"),
        ("tmpfs", "/tmp"),
        ("debugfs", "/sys/kernel/debug"),
    ];
    for (kind, at) in MOUNTS {
        if kind == "debugfs" && !fs::exists(at).is_ok_and(|is| is) {
            continue;
        }
        fs::create_dir_all(at).map_err(|e| format!("cannot make the directory {at}: {e}"))?;
        match mount(kind, at, kind, MountFlags::empty(), None) {
            Ok(()) | Err(Errno::BUSY) => (),
            Err(e) => return Err(format!("cannot mount {at}: {e}")),
        }
    }
    Ok(())
}

fn output() -> Result<File, String> {
    let Some(path) = env::var_os(OUTPUT) else {
        let copy = io::stdout().as_fd().try_clone_to_owned();
        return copy.map(File::from).map_err(|e| format!("no output: {e}"));
    };
    let shown = path.to_string_lossy();
    File::options()
        .write(true)
        .open(&path)
        .map_err(|e| format!("cannot write to {shown}, which {OUTPUT} names: {e}"))
}
