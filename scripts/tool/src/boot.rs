// SPDX-License-Identifier: GPL-2.0

//! Booting a kernel under QEMU with a program of ours as its init. The first serial port has the kernel's log, with the
//! program's begin and exit code in it; the second has what the program says to people, so that neither disturbs the
//! other.

use crate::initramfs::Initramfs;
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::proc::{self, Event, Logged};
use crate::report::Outcome;
use crate::splat;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The environment of init: the file for output to the user.
const OUTPUT_VARIABLE: &str = "VMA_DEMO_OUTPUT";

/// The processors of a guest. Always emulated: KVM may be there and not work, and what is the same everywhere is worth
/// more than the second it would save.
#[derive(Clone, Copy)]
pub enum Processors {
    /// This many, concurrently.
    Parallel(u32),
    /// One, for which each instruction takes a nanosecond, whatever it does.
    Counting,
}

impl Processors {
    fn options(self, cmd: &mut Command) {
        match self {
            Self::Parallel(count) => cmd
                .args(["-smp", &count.to_string()])
                .args(["-accel", "tcg,thread=multi"])
                // The memory of a PCI device, for rust_vma_bar.
                .args(["-object", "memory-backend-ram,id=bar,size=4M,share=on"])
                .args(["-device", "ivshmem-plain,memdev=bar"])
                // A device with DMA, for rust_vma_accel.
                .args(["-device", "edu,dma_mask=0xffffffff"]),
            Self::Counting => cmd
                .args(["-smp", "1", "-accel", "tcg,thread=single"])
                .args(["-icount", "shift=0,sleep=off"]),
        };
    }

    /// The kernel's command line: the frequency of the TSC, which has no other clock to be calibrated by.
    fn append(self) -> &'static str {
        match self {
            Self::Parallel(_) => "",
            Self::Counting => "tsc_early_khz=1000000 tsc=reliable",
        }
    }
}

/// QEMU with the kernel, without any port yet.
pub fn qemu(kernel: &Kernel, config: Config, processors: Processors, append: &str) -> Command {
    let machine = config.machine;
    let mut cmd = proc::command(machine.qemu);
    cmd.args(["-nodefaults", "-no-user-config"])
        .args(machine.options)
        .args(["-m", &config.memory_mib.to_string()]);
    processors.options(&mut cmd);
    cmd.arg("-kernel")
        .arg(kernel.places.out(config.name).join(machine.image));
    cmd.arg("-append")
        .arg(format!("{}{append}", machine.append));
    cmd.args(["-display", "none", "-no-reboot"]);
    cmd
}

/// A guest to boot.
pub struct Guest<'a> {
    /// The name of its logs and its initramfs.
    pub name: &'a str,
    pub files: Initramfs,
    /// The name that its init has on the console.
    pub init: &'a str,
    /// More of the kernel's command line.
    pub append: &'a str,
    pub processors: Processors,
    /// Texts in lines of the kernel's log that a program causes on purpose.
    pub reports: Vec<String>,
    /// A plugin of QEMU, with its options.
    pub plugin: Option<String>,
    pub timeout: Duration,
}

/// A guest that has ended.
pub struct Boot {
    /// The lines on the second port, without empty ones.
    pub output: Vec<String>,
    /// The exit code that init reported.
    pub code: Option<u8>,
    /// Failures: unexpected kernel warnings, and a timeout.
    pub outcome: Outcome,
    pub timed_out: bool,
    /// The log of the kernel, as the user would type its path.
    pub shown: String,
}

impl Boot {
    /// Returns a complaint about an exit code other than 0.
    pub fn wrong_code(&self) -> Option<String> {
        let is = match self.code {
            Some(0) => return None,
            Some(code) => format!("is {code}"),
            None => "is missing".to_string(),
        };
        Some(format!("the exit code {is}: see {}", self.shown))
    }
}

impl<'a> Guest<'a> {
    /// A guest with one program, its init, and two processors.
    pub fn new(name: &'a str, init: &'a str, program: &Path, timeout: Duration) -> Self {
        Self {
            name,
            files: Initramfs::new(program),
            init,
            append: "",
            processors: Processors::Parallel(2),
            reports: Vec::new(),
            plugin: None,
            timeout,
        }
    }

    /// QEMU with the guest, the second port of which is stdout.
    pub fn command(&self, kernel: &Kernel, config: Config, kernel_log: &Path) -> Result<Command> {
        let initramfs = self.files.pack(kernel, config, self.name)?;
        let (processors, more) = (self.processors.append(), self.append);
        let (console, name) = (config.machine.console, config.name);
        let programs = config.machine.programs;
        let programs = programs.with_context(|| format!("{name}: it has no programs"))?;
        let output = format!("{OUTPUT_VARIABLE}={}", programs.port);
        let append =
            format!("console={console} kunit.enable=0 panic=-1 {output} {processors} {more}");
        let mut cmd = qemu(kernel, config, self.processors, append.trim_end());
        cmd.arg("-initrd").arg(&initramfs);
        let log = format!("file:{}", kernel_log.display());
        cmd.args(["-serial", &log])
            .args(programs.options)
            .args(["-monitor", "none"]);
        if let Some(plugin) = &self.plugin {
            cmd.args(["-plugin", plugin]);
        }
        Ok(cmd)
    }

    /// Boots the kernel; `show` is given each line of the second port, or none after a time of silence.
    pub fn boot(
        &self,
        kernel: &Kernel,
        config: Config,
        show: &mut dyn FnMut(Option<&str>),
    ) -> Result<Boot> {
        let name = format!("{}-{}", self.name, config.name);
        let kernel_log = kernel.places.log(&format!("{name}-kernel"));
        let _ = fs::remove_file(&kernel_log);
        let cmd = self.command(kernel, config, &kernel_log)?;
        let mut output = Vec::new();
        let run = Logged {
            log: &kernel.places.log(&name),
            append: false,
            timeout: Some(self.timeout),
        };
        let ended = run.run(cmd, |event| match event {
            Event::Line(line) => {
                show(Some(line));
                output.extend((!line.trim().is_empty()).then(|| line.to_string()));
            }
            Event::Quiet => show(None),
        })?;
        let said = fs::read(&kernel_log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let mut boot = Boot {
            output,
            code: exit_code(&said, self.init),
            outcome: Outcome::default(),
            timed_out: ended.timed_out,
            shown: kernel.places.show(&kernel_log),
        };
        for (line, text) in unexpected(&said, &self.reports) {
            let complaint = format!("unexpected kernel warning: {}:{line}: {text}", boot.shown);
            boot.outcome.fail(complaint);
        }
        if boot.code.is_none() {
            // Early errors of the program are on the first port.
            eprint!("{}", proc::tail(&kernel_log, 20));
        }
        if ended.timed_out {
            let (limit, shown) = (self.timeout.as_secs(), &boot.shown);
            let failure = format!("the guest did not end within {limit} s: see {shown}");
            boot.outcome.fail(failure);
        }
        Ok(boot)
    }
}

/// The first warnings in the kernel's log that no program causes on purpose, with the numbers of their lines.
fn unexpected(log: &str, reports: &[String]) -> Vec<(usize, String)> {
    let mut warnings = splat::find(log, usize::MAX);
    warnings.retain(|(_, line)| !reports.iter().any(|report| line.contains(report)));
    warnings.truncate(5);
    warnings
}

/// The exit code that an init writes to the console.
fn exit_code(kernel_log: &str, init: &str) -> Option<u8> {
    let words = format!("{init}: exit ");
    let mut codes = kernel_log
        .lines()
        .filter_map(|line| line.trim().strip_prefix(&words));
    codes.find_map(|code| code.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_on_purpose_are_no_warnings() {
        let log = "[ 1.0] page dumped because: the test\n".repeat(9)
            + "[ 1.1] page dumped because: it is bad\n";
        let found = unexpected(&log, &["because: the test".to_string()]);
        assert_eq!(
            found.iter().map(|(line, _)| *line).collect::<Vec<_>>(),
            [10]
        );
        assert_eq!(unexpected(&log, &[]).len(), 5);
    }

    #[test]
    fn the_exit_code_is_found_among_kernel_lines() {
        let log = "[ 1.0] Run /init\r\nvma-demo: begin\r\n[ 1.1] x\nvma-demo: exit 3\r\n";
        assert_eq!(exit_code(log, "vma-demo"), Some(3));
        assert_eq!(exit_code(log, "vma-drivers"), None);
        let begun = "vma-demo: begin\n[ 1.0] Kernel";
        assert_eq!(exit_code(begun, "vma-demo"), None);
    }
}
