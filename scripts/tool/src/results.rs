// SPDX-License-Identifier: GPL-2.0

//! The results of a run for other programs: `build/results/TARGET.json` by the schema of KCIDB, and `TARGET.xml` as JUnit
//! has it. Both say on which commit, kernel, compilers and host it ran, and neither has a path or a name of the host.

mod junit;
mod kcidb;
pub mod table;

use crate::judge::baseline::Toolchain;
use crate::kconfig::Config;
use crate::places::Places;
use crate::report::{Report, Step, write_json};
use anyhow::{Context, Result};
use overlay::Revision;
use std::fs;
use std::path::PathBuf;
use std::thread::available_parallelism;

/// A run, and what it ran on.
struct Run<'a> {
    target: &'a str,
    revision: Revision,
    /// The version of the kernel's source, if it is there.
    version: Option<String>,
    kernels: Vec<Kernel>,
    host: Host,
    /// Nobody asked for some of the tests only.
    is_whole: bool,
    report: &'a Report,
    places: &'a Places,
}

/// A kernel of the run.
struct Kernel {
    config: Config,
    /// Missing if it was not built.
    toolchain: Option<Toolchain>,
    config_sha256: Option<String>,
}

struct Host {
    architecture: &'static str,
    processors: usize,
    memory_mib: u64,
    distribution: String,
}

/// Removes the results of an earlier run, which would be taken for those of one that is about to fail.
pub fn forget(places: &Places, target: &str) -> Result<()> {
    for file in files(places, target).iter().filter(|file| file.exists()) {
        fs::remove_file(file)
            .with_context(|| format!("{}: cannot be removed", places.show(file)))?;
    }
    Ok(())
}

pub fn write(places: &Places, target: &str, report: &Report, is_whole: bool) -> Result<()> {
    let mut kernels: Vec<Kernel> = Vec::new();
    for config in report.steps.iter().filter_map(|step| step.kernel) {
        if !kernels.iter().any(|kernel| kernel.config == config) {
            kernels.push(Kernel::read(places, config));
        }
    }
    let version = overlay::kernel_version(&places.tree());
    let run = Run {
        target,
        revision: Revision::of(&places.repo)?,
        version: version.ok().map(|version| version.full),
        kernels,
        host: Host::read()?,
        is_whole,
        report,
        places,
    };
    let [json, xml] = files(places, target);
    fs::create_dir_all(json.parent().expect("below build/"))?;
    write_json(&json, &kcidb::report(&run))?;
    fs::write(&xml, junit::report(&run)?)
        .with_context(|| format!("{}: cannot be written", places.show(&xml)))
}

fn files(places: &Places, target: &str) -> [PathBuf; 2] {
    let dir = places.build.join("results");
    ["json", "xml"].map(|end| dir.join(format!("{target}.{end}")))
}

impl Run<'_> {
    /// The failures of a step: as many as it counts, also if it has no text for one.
    fn failures(&self, step: &Step) -> Vec<String> {
        let outcome = &step.outcome;
        let texts = outcome.failures.iter();
        let mut failures: Vec<String> = texts.map(|text| self.places.without_paths(text)).collect();
        for n in failures.len()..outcome.failed {
            failures.push(format!(
                "failure {} of {}, without a text",
                n + 1,
                outcome.failed
            ));
        }
        failures
    }

    fn kernel(&self, step: &Step) -> Option<&Kernel> {
        self.kernels
            .iter()
            .find(|kernel| Some(kernel.config) == step.kernel)
    }
}

impl Kernel {
    fn read(places: &Places, config: Config) -> Self {
        let out = places.out(config.name);
        let dot_config = fs::read(out.join(".config")).ok();
        Self {
            config,
            toolchain: Toolchain::read(&out).ok(),
            config_sha256: dot_config.map(|text| overlay::sha256(&text)),
        }
    }
}

impl Host {
    fn read() -> Result<Self> {
        let memory = fs::read_to_string("/proc/meminfo").context("/proc/meminfo cannot be read")?;
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        Ok(Self {
            architecture: std::env::consts::ARCH,
            processors: available_parallelism().map_or(1, usize::from),
            memory_mib: total_mib(&memory).context("/proc/meminfo: no MemTotal")?,
            distribution: distribution(&release),
        })
    }
}

fn total_mib(meminfo: &str) -> Option<u64> {
    let mut lines = meminfo.lines();
    let total = lines.find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}

fn distribution(os_release: &str) -> String {
    let mut lines = os_release.lines();
    let name = lines.find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("unknown")
        .trim_matches(['"', '\''])
        .to_string()
}

#[cfg(test)]
mod tests;
