// SPDX-License-Identifier: GPL-2.0

//! A shell in a guest, with the demo and the map of a process at hand.

use crate::boot::{self, Processors};
use crate::initramfs::{self, Initramfs};
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::proc;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::Stdio;

const INIT: &str = "#!/bin/busybox sh\n\
    /bin/busybox mkdir -p /sbin /usr/bin /usr/sbin\n/bin/busybox --install -s\n\
    mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev\n\
    echo; echo 'The demo is /bin/vma-demo; /bin/vma-map PID shows a map; exit or Ctrl-D ends the guest.'\n\
    setsid cttyhack sh\nreboot -f\n";

/// Boots the kernel into an interactive shell.
pub fn run(kernel: &Kernel, config: Config, demo: &Path, map: &Path) -> Result<()> {
    let Some(busybox) = proc::find("busybox").filter(|file| is_static(file)) else {
        bail!("the shell needs a static busybox: install busybox-static and run again");
    };
    let init = kernel.places.out(config.name).join("shell-init");
    initramfs::write(&init, INIT.as_bytes())?;
    let initramfs = Initramfs::new(&init)
        .with("/bin/busybox", &busybox)
        .with("/bin/vma-demo", demo)
        .with("/bin/vma-map", map)
        .pack(kernel, config, "shell")?;
    let append = "console=ttyS0 kunit.enable=0 quiet panic=-1";
    let mut cmd = boot::qemu(kernel, config, Processors::Parallel(2), append);
    cmd.arg("-initrd").arg(&initramfs);
    cmd.args(["-serial", "mon:stdio"]).stdin(Stdio::inherit());
    let status = cmd.status().context("qemu-system-x86_64: cannot be run")?;
    if !status.success() {
        bail!("the guest ended badly: {status}");
    }
    Ok(())
}

fn is_static(file: &Path) -> bool {
    // A dynamic program names its loader.
    let Ok(bytes) = fs::read(file) else {
        return false;
    };
    !bytes.windows(8).any(|window| window == b"/ld-linu")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_program_will_not_do_for_the_shell() {
        assert!(!is_static(Path::new("/bin/ls")));
        assert!(!is_static(Path::new("/no/such/file")));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x");
        fs::write(&file, b"\x7fELF and nothing else").unwrap();
        assert!(is_static(&file));
    }
}
