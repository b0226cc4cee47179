// SPDX-License-Identifier: GPL-2.0

//! What process 1 does besides: it makes the system usable, and ends it.

use crate::sys;
use std::ffi::CStr;

/// Whether this is the first process of the system.
pub fn is_init() -> bool {
    std::process::id() == 1
}

/// Mounts what the demo needs. It may be there already: the kernel can mount `/dev` itself.
pub fn mount_all() -> Result<(), String> {
    const MOUNTS: [(&CStr, &CStr); 2] = [(c"proc", c"/proc"), (c"devtmpfs", c"/dev")];

    for (kind, at) in MOUNTS {
        let name = at.to_string_lossy();
        if let Err(e) = std::fs::create_dir_all(name.as_ref()) {
            return Err(format!("cannot make the directory {name}: {e}"));
        }
        match sys::mount(kind, at) {
            Err(e) if e.raw_os_error() != Some(libc::EBUSY) => {
                return Err(format!("cannot mount {name}: {e}"));
            }
            _ => (),
        }
    }
    Ok(())
}

/// Tells the host how it went, and ends the system.
pub fn exit(code: u8) -> ! {
    println!("vma-demo: exit {code}");
    if let Err(e) = sys::restart() {
        println!("vma-demo: cannot restart: {e}");
    }
    // Process 1 must not end: the kernel would panic, and the host would take that for the result.
    loop {
        std::thread::park();
    }
}
