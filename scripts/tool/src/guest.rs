// SPDX-License-Identifier: GPL-2.0

//! The demo: its program built as a static init, packed into an initramfs and booted under QEMU. The first serial port
//! has the kernel's log, with the program's begin and exit code in it; the second has what the program says to people,
//! so that neither disturbs the other.

use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::places::Places;
use crate::proc::{self, Event, Logged};
use crate::progress::Progress;
use crate::report::Outcome;
use crate::splat;
use anyhow::{Context, Result, bail};
use regex_lite::Regex;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const TARGET: &str = "x86_64-unknown-linux-gnu";
const TIMEOUT: Duration = Duration::from_secs(120);
/// What the guest's init finds in its environment: where to write what is for the user.
const OUTPUT_VARIABLE: &str = "VMA_DEMO_OUTPUT=/dev/ttyS1";

/// The demo program, static, so that it can be the only file in the guest.
pub fn program(places: &Places, cargo: &Path, progress: &Progress) -> Result<PathBuf> {
    let mut step = progress.step("demo program");
    let log = places.log("demo-build");
    let target = places.build.join("target");
    let mut cmd = proc::command(cargo);
    cmd.current_dir(places.repo.join("scripts"))
        .args([
            "build",
            "--release",
            "--locked",
            "--package",
            "vma-demo",
            "--target",
            TARGET,
        ])
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_TERM_COLOR", "never");
    let ended = Logged {
        log: &log,
        append: false,
        timeout: None,
    }
    .run(cmd, |event| {
        if let Event::Line(line) = event {
            step.doing(line.trim());
        }
    })?;
    if !ended.status.success() {
        eprint!("{}", proc::tail(&log, 20));
        bail!("the demo program does not build: see {}", places.show(&log));
    }
    step.done("static");
    Ok(target.join(TARGET).join("release/vma-demo"))
}

/// Packs an initramfs with the tree's own tool.
fn initramfs(kernel: &Kernel, config: Config, name: &str, list: &str) -> Result<PathBuf> {
    let out = kernel.places.out(config.name);
    let spec = out.join(format!("{name}.list"));
    fs::write(&spec, list).with_context(|| format!("{}: cannot be written", spec.display()))?;
    let mut cmd = proc::command(out.join("usr/gen_init_cpio"));
    cmd.arg(&spec);
    let made = proc::output(cmd)?;
    if !made.status.success() {
        bail!(
            "the initramfs could not be packed: {}",
            String::from_utf8_lossy(&made.stderr).trim()
        );
    }
    let file = out.join(format!("{name}.cpio"));
    fs::write(&file, made.stdout)
        .with_context(|| format!("{}: cannot be written", file.display()))?;
    Ok(file)
}

const DEVICES: &str = "dir /dev 755 0 0\nnod /dev/console 600 0 0 c 5 1\nnod /dev/ttyS0 600 0 0 c 4 64\n\
    nod /dev/ttyS1 600 0 0 c 4 65\ndir /proc 755 0 0\ndir /sys 755 0 0\ndir /tmp 1777 0 0\ndir /run 755 0 0\n";

/// QEMU with the kernel, without any port yet. Always emulated: KVM may be there and not work, and what is the same
/// everywhere is worth more than the second it would save.
pub fn qemu(kernel: &Kernel, config: Config, append: &str) -> Command {
    let mut cmd = proc::command("qemu-system-x86_64");
    cmd.args([
        "-nodefaults",
        "-no-user-config",
        "-m",
        "1024",
        "-smp",
        "2",
        "-accel",
        "tcg,thread=multi",
    ]);
    cmd.arg("-kernel")
        .arg(kernel.places.out(config.name).join("arch/x86/boot/bzImage"));
    cmd.arg("-append").arg(append);
    cmd.args(["-display", "none", "-no-reboot", "-bios", "qboot.rom"]);
    cmd
}

/// What a boot of the demo gave.
pub struct Demo {
    /// Everything the demo printed.
    pub output: Vec<String>,
    pub outcome: Outcome,
}

/// Boots the kernel with the demo as its init; `show` is given each line the demo prints.
pub fn demo(
    kernel: &Kernel,
    config: Config,
    program: &Path,
    progress: &Progress,
    show: &mut dyn FnMut(&str),
) -> Result<Demo> {
    let mut step = progress.step(&format!("demo {}", config.name));
    let list = format!("{DEVICES}file /init {} 755 0 0\n", program.display());
    let initramfs = initramfs(kernel, config, "demo", &list)?;
    let kernel_log = kernel.places.log(&format!("demo-{}-kernel", config.name));
    let log = kernel.places.log(&format!("demo-{}", config.name));
    let _ = fs::remove_file(&kernel_log);
    let append = format!("console=ttyS0 kunit.enable=0 panic=-1 {OUTPUT_VARIABLE}");
    let mut cmd = qemu(kernel, config, &append);
    cmd.arg("-initrd").arg(&initramfs);
    cmd.arg("-serial")
        .arg(format!("file:{}", kernel_log.display()))
        .args(["-serial", "stdio", "-monitor", "none"]);

    let mut output = Vec::new();
    let ended = Logged {
        log: &log,
        append: false,
        timeout: Some(TIMEOUT),
    }
    .run(cmd, |event| match event {
        Event::Line(line) => {
            let line = line.trim_end_matches('\r');
            show(line);
            output.push(line.to_string());
        }
        Event::Quiet => step.doing("booting"),
    })?;
    let bytes = fs::read(&kernel_log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    output.retain(|line| !line.trim().is_empty());

    let mut outcome = Outcome::default();
    let shown = kernel.places.show(&kernel_log);
    for (line, text) in splat::find(&text, 5) {
        outcome.fail(format!("the kernel complains: {shown}:{line}: {text}"));
    }
    let verdict = output.last().and_then(|line| verdict(line));
    let code = exit_code(&text);
    if ended.timed_out {
        eprint!("{}", proc::tail(&kernel_log, 20));
        outcome.fail(format!(
            "the guest did not end within {} s: see {shown}",
            TIMEOUT.as_secs()
        ));
    } else if verdict.is_none() {
        // What the demo says before it has its terminal is on the first port.
        eprint!("{}", proc::tail(&kernel_log, 20));
        outcome.fail(format!("the demo did not come to its end: see {shown}"));
    }
    if let Some((agree, differ)) = verdict {
        outcome.check(agree > 0, || "the demo compared nothing".to_string());
        outcome.check(differ == 0, || {
            format!("{differ} VMAs differ from /proc/self/maps")
        });
        outcome.check(code == Some(0), || match code {
            Some(code) => format!("the demo's exit code is {code}: see {shown}"),
            None => format!("the demo's exit code is missing: see {shown}"),
        });
    }
    if outcome.failed == 0 {
        step.done(output.last().map_or("", |line| line));
    }
    Ok(Demo { output, outcome })
}

/// What the demo's init reports on the console before it ends the system.
fn exit_code(kernel_log: &str) -> Option<u8> {
    kernel_log
        .lines()
        .find_map(|line| line.trim().strip_prefix("vma-demo: exit ")?.parse().ok())
}

fn verdict(line: &str) -> Option<(usize, usize)> {
    let pattern =
        Regex::new(r"^(\d+) VMAs? agree with /proc/self/maps, (\d+) differ$").expect("a constant");
    let found = pattern.captures(line.trim())?;
    Some((found[1].parse().ok()?, found[2].parse().ok()?))
}

const SHELL_INIT: &str = "#!/bin/busybox sh\n\
    /bin/busybox mkdir -p /sbin /usr/bin /usr/sbin\n/bin/busybox --install -s\n\
    mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev\n\
    echo; echo 'The demo is /bin/vma-demo; exit or Ctrl-D ends the guest.'\n\
    setsid cttyhack sh\nreboot -f\n";

/// Boots the kernel into an interactive shell.
pub fn shell(kernel: &Kernel, config: Config, program: Option<&Path>) -> Result<()> {
    let Some(busybox) = proc::find("busybox").filter(|file| is_static(file)) else {
        bail!("the shell needs a static busybox: install busybox-static and run again");
    };
    let init = kernel.places.out(config.name).join("shell-init");
    fs::write(&init, SHELL_INIT)
        .with_context(|| format!("{}: cannot be written", init.display()))?;
    let mut list = format!(
        "{DEVICES}dir /bin 755 0 0\nfile /init {} 755 0 0\n",
        init.display()
    );
    list += &format!("file /bin/busybox {} 755 0 0\n", busybox.display());
    if let Some(program) = program {
        list += &format!("file /bin/vma-demo {} 755 0 0\n", program.display());
    }
    let initramfs = initramfs(kernel, config, "shell", &list)?;
    let mut cmd = qemu(
        kernel,
        config,
        "console=ttyS0 kunit.enable=0 quiet panic=-1",
    );
    cmd.arg("-initrd").arg(&initramfs);
    cmd.args(["-serial", "mon:stdio"])
        .stdin(std::process::Stdio::inherit());
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
    fn the_verdict_is_read_from_the_whole_line() {
        assert_eq!(
            verdict("12 VMAs agree with /proc/self/maps, 0 differ"),
            Some((12, 0))
        );
        assert_eq!(
            verdict("1 VMA agree with /proc/self/maps, 3 differ\r"),
            Some((1, 3))
        );
        assert_eq!(
            verdict("some VMAs agree with /proc/self/maps, 0 differ"),
            None
        );
        assert_eq!(
            verdict("12 VMAs agree with /proc/self/maps, 0 differ or so"),
            None
        );
    }

    #[test]
    fn the_exit_code_is_found_among_kernel_lines() {
        let log = "[ 1.0] Run /init\r\nvma-demo: begin\r\n[ 1.1] x\nvma-demo: exit 3\r\n";
        assert_eq!(exit_code(log), Some(3));
        assert_eq!(exit_code("vma-demo: begin\n[ 1.0] Kernel"), None);
    }

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
