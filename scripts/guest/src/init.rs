// SPDX-License-Identifier: GPL-2.0

//! What process 1 does besides: it makes the system usable, and ends it.
//!
//! On the console, among what the kernel says there, are the lines `NAME: begin` and `NAME: exit
//! CODE`, with the program's name, for the host to read. What is for people goes to the terminal
//! that the environment names, or else to the console, too.

use crate::sys;
use std::env;
use std::ffi::CStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsFd;

/// The variable that names the terminal. The kernel's command line sets it.
const OUTPUT: &str = "VMA_DEMO_OUTPUT";

/// Where the modules are.
const MODULES: &str = "/modules";

/// Exit code of a program that could not start.
const NOT_STARTED: u8 = 2;

/// Whether this is the first process of the system.
pub fn is_init() -> bool {
    std::process::id() == 1
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
            .map(|console| writeln!(console, "{line}").ok())
    };

    report(&format!("{name}: begin"));
    let ready = mount_all()
        .and_then(|()| load_modules())
        .and_then(|()| redirect_output());
    let code = match ready {
        Ok(()) => program(),
        Err(message) => {
            report(&format!("{name}: {message}"));
            NOT_STARTED
        }
    };
    sys::drain(&io::stdout());
    report(&format!("{name}: exit {code}"));
    if let Some(console) = &console {
        sys::drain(console);
    }

    if let Err(e) = sys::restart() {
        eprintln!("{name}: cannot restart: {e}");
    }
    // Process 1 must not end: the kernel would panic, and the host would take that for the result.
    loop {
        std::thread::park();
    }
}

/// Mounts what a program here needs. It may be there already: the kernel can mount `/dev` itself.
fn mount_all() -> Result<(), String> {
    const MOUNTS: [(&CStr, &CStr); 2] = [(c"proc", c"/proc"), (c"devtmpfs", c"/dev")];

    for (kind, at) in MOUNTS {
        let name = at.to_string_lossy();
        fs::create_dir_all(name.as_ref())
            .map_err(|e| format!("cannot make the directory {name}: {e}"))?;
        match sys::mount(kind, at) {
            Err(e) if e.raw_os_error() != Some(libc::EBUSY) => {
                return Err(format!("cannot mount {name}: {e}"));
            }
            _ => (),
        }
    }
    Ok(())
}

/// Loads the drivers that are not part of the kernel. Other guests have no such directory.
fn load_modules() -> Result<(), String> {
    let Ok(modules) = fs::read_dir(MODULES) else {
        return Ok(());
    };
    for module in modules {
        let module = module.map_err(|e| format!("cannot read {MODULES}: {e}"))?;
        File::open(module.path())
            .and_then(|file| sys::load_module(&file))
            .map_err(|e| format!("cannot load {}: {e}", module.path().display()))?;
    }
    Ok(())
}

fn redirect_output() -> Result<(), String> {
    let Some(path) = env::var_os(OUTPUT) else {
        return Ok(());
    };
    File::options()
        .write(true)
        .open(&path)
        .and_then(|terminal| sys::make_stdout(&terminal))
        .map_err(|e| {
            format!(
                "cannot write to {}, which {OUTPUT} names: {e}",
                path.to_string_lossy()
            )
        })
}
