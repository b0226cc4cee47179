// SPDX-License-Identifier: GPL-2.0

//! A guest for people: a shell in it, or a program of the host's that runs in it. The sample modules are loaded.

use crate::boot::{self, Guest, Processors};
use crate::demo;
use crate::initramfs::{self, Initramfs};
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::proc;
use crate::suite::Run;
use anyhow::{Context, Result, bail};
use std::fs;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

const PREPARE: &str = "#!/bin/busybox sh\n\
    /bin/busybox mkdir -p /sbin /usr/bin /usr/sbin\n/bin/busybox --install -s\n\
    mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev\n\
    for module in /modules/*.ko; do [ -e \"$module\" ] && insmod \"$module\"; done\n";

const INTERACTIVE: &str = "echo; echo 'The demo is vma-demo; vma-map PID shows a map; exit or Ctrl-D ends the guest.'\n\
    cd /; setsid cttyhack sh\nreboot -f\n";

/// The output goes to the second port, undisturbed by the kernel's log, which gets the exit code.
const ONE_PROGRAM: &str = "cd /; stty -F /dev/ttyS1 -onlcr; /program </dev/null >/dev/ttyS1 2>&1\n\
    echo \"vma-shell: exit $?\" >/dev/console\nreboot -f\n";

const TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// The purpose of the guest.
pub enum Job {
    /// A terminal.
    Interactive,
    /// A static program or a script.
    Program(Vec<u8>),
}

impl Job {
    /// The program that was asked for, or the commands that were piped in: a serial port would lose what arrives before the
    /// guest reads it.
    pub fn requested(program: Option<&Path>) -> Result<Self> {
        if let Some(file) = program {
            return Ok(Self::Program(self::program(file)?));
        }
        let mut input = std::io::stdin();
        if input.is_terminal() {
            return Ok(Self::Interactive);
        }
        let mut script = b"#!/bin/sh\n".to_vec();
        input
            .read_to_end(&mut script)
            .context("stdin cannot be read")?;
        Ok(Self::Program(script))
    }
}

/// The content of `PROGRAM=`.
pub fn program(file: &Path) -> Result<Vec<u8>> {
    let content = fs::read(file).with_context(|| format!("PROGRAM={}", file.display()))?;
    if content.starts_with(b"\x7fELF") && !is_static(&content) {
        bail!(
            "PROGRAM={}: it needs shared libraries, which the guest does not have: link it with -static",
            file.display()
        );
    }
    Ok(content)
}

/// Boots the kernel with our programs in /bin. Returns the exit code of the program, if there is one.
pub fn run(run: &Run, config: Config, job: Job) -> Result<u8> {
    let (kernel, progress) = (run.kernel, run.session.progress);
    let Job::Program(content) = job else {
        let (_, files) = prepared(run, config, INTERACTIVE)?;
        interact(kernel, config, files)?;
        return Ok(0);
    };
    let guest = guest(run, config, &content)?;
    let boot = guest.boot(kernel, config, &mut |line| {
        line.iter()
            .for_each(|line| progress.hidden(|| println!("{line}")));
    })?;
    for failure in &boot.outcome.failures {
        eprintln!("error: {failure}");
    }
    match boot.code {
        None => bail!("the program did not end: see {}", boot.shown),
        Some(0) => Ok(u8::from(boot.outcome.failed > 0)),
        Some(code) => {
            eprintln!("error: the program's exit code is {code}");
            Ok(code)
        }
    }
}

/// A guest that runs one program.
pub fn guest(run: &Run, config: Config, content: &[u8]) -> Result<Guest<'static>> {
    let (init, files) = prepared(run, config, ONE_PROGRAM)?;
    let program = run.kernel.places.out(config.name).join("shell-program");
    initramfs::write(&program, content)?;
    Ok(Guest {
        files: files.with("/program", &program),
        ..Guest::new("shell", "vma-shell", &init, TIMEOUT)
    })
}

/// A guest's init, and its files.
fn prepared(run: &Run, config: Config, rest: &str) -> Result<(PathBuf, Initramfs)> {
    let is_usable = |file: &PathBuf| fs::read(file).is_ok_and(|content| is_static(&content));
    let Some(busybox) = proc::find("busybox").filter(is_usable) else {
        bail!("the guest needs a static busybox: install busybox-static and run again");
    };
    let init = run.kernel.places.out(config.name).join("shell-init");
    let mut files = Initramfs::new(&init).with("/bin/busybox", &busybox);
    for name in [demo::PROGRAM, "vma-map"] {
        files = files.with(&format!("/bin/{name}"), &run.session.program(name)?);
    }
    initramfs::write(&init, format!("{PREPARE}{rest}").as_bytes())?;
    Ok((init, files))
}

fn interact(kernel: &Kernel, config: Config, files: Initramfs) -> Result<()> {
    let initramfs = files.pack(kernel, config, "shell")?;
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

/// A dynamic program names its loader.
fn is_static(content: &[u8]) -> bool {
    !content.windows(8).any(|window| window == b"/ld-linu")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_program_is_refused() {
        assert!(Job::requested(Some(Path::new("/bin/ls"))).is_err());
        assert!(Job::requested(Some(Path::new("/no/such/file"))).is_err());
        let dir = tempfile::tempdir().unwrap();
        for content in [&b"\x7fELF and nothing else"[..], b"#!/bin/sh\n"] {
            let file = dir.path().join("x");
            fs::write(&file, content).unwrap();
            assert!(matches!(
                Job::requested(Some(&file)).unwrap(),
                Job::Program(read) if read == content
            ));
        }
    }
}
