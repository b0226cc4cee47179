// SPDX-License-Identifier: GPL-2.0

//! What the host must have: the data of packages.toml held against the machine, and what is missing installed, or
//! listed where nothing can be installed.

use crate::apt;
use crate::kbuild;
use crate::places::Places;
use crate::proc;
use crate::progress::{Progress, Step};
use crate::toolchain::{self, Llvm, Rust};
use crate::version::Version;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// The content of packages.toml.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    pub minimum: Minimum,
    pub bindgen: Bindgen,
    pub source: Source,
    pub space: Space,
    rust: Vec<Alternative>,
    llvm: LlvmPackages,
    need: Vec<Need>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Minimum {
    pub rustc: String,
    pub bindgen: String,
    pub llvm: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bindgen {
    #[serde(rename = "crate")]
    pub name: String,
    pub version: String,
    /// Its crates whose speed counts; the others are compiled as fast as can be.
    pub optimised: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub package: String,
    pub suites: Vec<String>,
    pub component: String,
    pub keyring: String,
    pub unpacked_mib: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Space {
    pub kernel_mib: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Alternative {
    packages: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LlvmPackages {
    packages: Vec<String>,
    newest: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Need {
    command: Option<String>,
    file: Option<String>,
    /// Of Python's.
    module: Option<String>,
    packages: Vec<String>,
    /// What alone needs it, and has it installed: everything does, if there is none.
    #[serde(rename = "for")]
    purpose: Option<String>,
    /// Taken along when packages are installed anyway, and not missed otherwise.
    #[serde(default)]
    optional: bool,
}

impl Packages {
    pub fn load(repo: &Path) -> Result<Self> {
        let path = repo.join("scripts/packages.toml");
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{}: cannot be read", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{}: wrong", path.display()))
    }

    pub fn minimum_rustc(&self) -> Version {
        self.minimum.rustc.parse().expect("checked by a test")
    }

    fn llvm_packages(&self, version: u32) -> Vec<String> {
        let names = self.llvm.packages.iter();
        names
            .map(|name| name.replace("{v}", &version.to_string()))
            .collect()
    }

    pub fn minimum_bindgen(&self) -> Version {
        self.minimum.bindgen.parse().expect("checked by a test")
    }

    /// What is not there of all that everything needs, or that one purpose does.
    fn missing(&self, purpose: Option<&str>) -> Vec<&Need> {
        let needs = self.need.iter();
        needs
            .filter(|need| need.purpose.as_deref() == purpose && !need.met())
            .collect()
    }
}

impl Need {
    fn name(&self) -> &str {
        self.command
            .as_deref()
            .or(self.file.as_deref())
            .or(self.module.as_deref())
            .unwrap_or("?")
    }

    fn met(&self) -> bool {
        let file = |name: &str| {
            let prefixes = ["/usr/local", "/usr", "/"];
            Path::new(name).is_absolute() && Path::new(name).exists()
                || prefixes
                    .iter()
                    .any(|prefix| Path::new(prefix).join(name).exists())
        };
        match (&self.command, &self.file, &self.module) {
            (Some(command), ..) => proc::find(command).is_some(),
            (None, Some(name), _) => file(name),
            (None, None, Some(module)) => has_module(module),
            (None, None, None) => false,
        }
    }
}

/// Whether Python, the distribution's if there is one, has a module.
fn has_module(module: &str) -> bool {
    let mut cmd = proc::command(kbuild::python());
    cmd.args(["-B", "-c"]).arg(format!("import {module}"));
    proc::output(cmd).is_ok_and(|output| output.status.success())
}

/// The compilers that were found.
#[derive(Clone, Debug)]
pub struct Compilers {
    pub rust: Rust,
    pub llvm: Llvm,
}

/// Sees to it that the host has everything, and says which compilers it has.
pub fn prepare(
    places: &Places,
    packages: &Packages,
    rustc: Option<&Path>,
    progress: &Progress,
) -> Result<Compilers> {
    let minimum = packages.minimum_rustc();
    if let Some(Err(why)) = rustc.map(|rustc| toolchain::find_rust(Some(rustc), &minimum)) {
        bail!("{why}");
    }
    let mut host = Host {
        packages,
        log: places.log("packages"),
        step: progress.step("host packages"),
        installed: 0,
    };
    let missing = packages.missing(None);
    let required = missing.iter().any(|need| !need.optional);
    let rust = toolchain::find_rust(rustc, &minimum);
    let incomplete = match &rust {
        Ok(rust) => {
            rustc.is_none()
                && !["rustfmt", "clippy-driver"]
                    .iter()
                    .all(|tool| rust.beside(tool).is_some())
        }
        Err(_) => true,
    };
    // Known before the library's source is there, if a rustc is: then one installation does for all.
    let expected = toolchain::llvm_of_rustc(rustc);
    let have_llvm = toolchain::find_llvm(0, packages.minimum.llvm).is_some();
    if required || incomplete || !have_llvm {
        if !apt::available() && (required || rust.is_err() || !have_llvm) {
            bail!("{}", list_of_missing(&missing, rust.err(), packages));
        }
        if apt::available() {
            let wanted = |host: &Host| -> Result<Vec<String>> {
                let mut names: Vec<String> = missing
                    .iter()
                    .flat_map(|need| need.packages.clone())
                    .collect();
                if incomplete {
                    names.extend(rust_packages(packages, &minimum)?);
                }
                if let Some(version) = expected.and_then(|major| host.llvm_to_install(major)) {
                    names.extend(packages.llvm_packages(version));
                }
                Ok(names)
            };
            // Before the lists are fetched they may not know all of it.
            apt::require_right(&wanted(&host).unwrap_or_default())?;
            host.update()?;
            let wanted = wanted(&host)?;
            host.install(&wanted)?;
            host.require_needs(None)?;
        }
    }
    let rust = toolchain::find_rust(rustc, &minimum).map_err(anyhow::Error::msg)?;
    let llvm = host.llvm(rust.llvm_major)?;
    let summary = format!("rustc {}, LLVM {}", rust.version, llvm.major);
    let result = match host.installed {
        0 => format!("all there: {summary}"),
        n => format!("{n} packages installed: {summary}"),
    };
    host.step.done(&result);
    Ok(Compilers { rust, llvm })
}

/// Sees to it that the host has what one purpose needs beside that.
pub fn require(
    places: &Places,
    packages: &Packages,
    purpose: &str,
    progress: &Progress,
) -> Result<()> {
    let missing = packages.missing(Some(purpose));
    if missing.is_empty() {
        return Ok(());
    }
    if !apt::available() {
        bail!("{}", by_hand(&names(&missing)));
    }
    let mut host = Host {
        packages,
        log: places.log("packages"),
        step: progress.step(&format!("{purpose} packages")),
        installed: 0,
    };
    let wanted: Vec<String> = missing
        .iter()
        .flat_map(|need| need.packages.clone())
        .collect();
    apt::require_right(&wanted)?;
    host.update()?;
    host.install(&wanted)?;
    host.require_needs(Some(purpose))?;
    host.step.done(&format!("{} installed", wanted.join(", ")));
    Ok(())
}

/// The machine while it is being completed.
struct Host<'a> {
    packages: &'a Packages,
    log: PathBuf,
    step: Step<'a>,
    installed: usize,
}

impl Host<'_> {
    fn update(&mut self) -> Result<()> {
        let step = &mut self.step;
        apt::update(&self.log, &mut |line| step.doing(line))
    }

    fn install(&mut self, wanted: &[String]) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let step = &mut self.step;
        apt::install(wanted, &self.log, &mut |line| step.doing(line))?;
        self.installed += wanted.len();
        Ok(())
    }

    fn require_needs(&self, purpose: Option<&str>) -> Result<()> {
        let missing = self.packages.missing(purpose);
        match missing.iter().find(|need| !need.optional) {
            None => Ok(()),
            Some(need) => bail!(
                "{} is still missing after its package ({}) was installed",
                need.name(),
                need.packages.join(" ")
            ),
        }
    }

    fn llvm_to_install(&self, wanted: u32) -> Option<u32> {
        let minimum = self.packages.minimum.llvm;
        match toolchain::find_llvm(wanted, minimum) {
            Some(llvm) if llvm.major == wanted => None,
            other => llvm_to_install(
                wanted,
                minimum,
                self.packages.llvm.newest,
                other.is_some(),
                |v| apt::available() && apt::candidate(&format!("clang-{v}")).is_some(),
            ),
        }
    }

    /// The LLVM of rustc's version, installed if it can be; else whichever there is.
    fn llvm(&mut self, wanted: u32) -> Result<Llvm> {
        let minimum = self.packages.minimum.llvm;
        if let Some(version) = self.llvm_to_install(wanted) {
            let installed = self.install(&self.packages.llvm_packages(version));
            // Without the matching one the kernel can still be built, only not with inline helpers.
            if toolchain::find_llvm(wanted, minimum).is_none() {
                installed?;
            }
        }
        match toolchain::find_llvm(wanted, minimum) {
            Some(llvm) => Ok(llvm),
            None => bail!(
                "clang, ld.lld, llvm-ar and libclang of one version are missing: install LLVM {wanted} (that of rustc), or another of at least {minimum}"
            ),
        }
    }
}

/// Which LLVM to install when rustc's own is not there: that one if it is offered, else the newest, else none.
fn llvm_to_install(
    wanted: u32,
    minimum: u32,
    newest: u32,
    have_other: bool,
    offered: impl Fn(u32) -> bool,
) -> Option<u32> {
    if wanted >= minimum && offered(wanted) {
        return Some(wanted);
    }
    if have_other {
        return None;
    }
    (minimum..=newest).rev().find(|v| offered(*v))
}

fn rust_packages(packages: &Packages, minimum: &Version) -> Result<Vec<String>> {
    let offers = packages
        .rust
        .iter()
        .filter_map(|a| Some((apt::candidate(a.packages.first()?)?, a)));
    match offers
        .filter(|(version, _)| version >= minimum)
        .max_by(|a, b| a.0.cmp(&b.0))
    {
        Some((_, alternative)) => Ok(alternative.packages.clone()),
        None => bail!(
            "the distribution has no rustc of at least {minimum} with its library source: pass RUSTC= one that has"
        ),
    }
}

fn list_of_missing(missing: &[&Need], rust: Option<String>, packages: &Packages) -> String {
    let mut names = names(missing);
    if let Some(why) = rust {
        names.push(format!(
            "rustc {} with rust-src, rustfmt and clippy ({why})",
            packages.minimum.rustc
        ));
    }
    if toolchain::find_llvm(0, packages.minimum.llvm).is_none() {
        names.push(format!(
            "clang, lld, llvm and libclang {} or newer",
            packages.minimum.llvm
        ));
    }
    by_hand(&names)
}

/// What has to be there.
fn names(missing: &[&Need]) -> Vec<String> {
    let required = missing.iter().filter(|need| !need.optional);
    required.map(|need| need.name().to_string()).collect()
}

fn by_hand(names: &[String]) -> String {
    format!(
        "there is no apt here, so install these by hand: {}",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages() -> Packages {
        Packages::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap()
    }

    #[test]
    fn the_data_file_is_sound() {
        let packages = packages();
        assert!(packages.minimum_rustc() >= "1.85.0".parse().unwrap());
        assert!(packages.minimum_bindgen() >= "0.71.1".parse().unwrap());
        for need in &packages.need {
            assert!(
                [&need.command, &need.file, &need.module]
                    .into_iter()
                    .flatten()
                    .count()
                    == 1,
                "{}: a command, a file or a module",
                need.name()
            );
            assert!(!need.packages.is_empty(), "{}: no package", need.name());
        }
    }

    #[test]
    fn what_one_purpose_needs_is_asked_for_by_that_alone() {
        let mut packages = packages();
        for need in &mut packages.need {
            (need.command, need.module) = (None, None);
            need.file = Some("no-such-file".to_string());
        }
        let own = packages.missing(Some(crate::page::PURPOSE));
        let rest = packages.missing(None);
        assert!(own.iter().any(|need| need.packages == ["librsvg2-bin"]));
        assert!(rest.iter().all(|need| need.packages != ["librsvg2-bin"]));
        assert_eq!(own.len() + rest.len(), packages.need.len());
    }

    #[test]
    fn what_is_there_is_met_and_what_is_not_is_not() {
        let need = |command: Option<&str>, file: Option<&str>| Need {
            command: command.map(str::to_string),
            file: file.map(str::to_string),
            module: None,
            packages: vec!["x".into()],
            purpose: None,
            optional: false,
        };
        assert!(need(Some("sh"), None).met());
        assert!(need(None, Some("/proc/self")).met());
        assert!(need(None, Some("bin")).met());
        assert!(!need(Some("no-such-program"), None).met());
        assert!(!need(None, Some("include/no-such-header.h")).met());
        let module = |name: &str| Need {
            module: Some(name.to_string()),
            ..need(None, None)
        };
        assert!(module("json").met());
        assert!(!module("no_such_module").met());
    }

    #[test]
    fn llvm_follows_rustc_where_it_can() {
        let offered = |list: &'static [u32]| move |v: u32| list.contains(&v);
        assert_eq!(
            llvm_to_install(22, 17, 30, false, offered(&[19, 22, 23])),
            Some(22)
        );
        assert_eq!(
            llvm_to_install(22, 17, 30, true, offered(&[19, 22])),
            Some(22)
        );
        assert_eq!(
            llvm_to_install(22, 17, 30, false, offered(&[14, 19, 20])),
            Some(20)
        );
        assert_eq!(llvm_to_install(22, 17, 30, true, offered(&[19])), None);
        assert_eq!(llvm_to_install(22, 17, 30, false, offered(&[14])), None);
    }

    #[test]
    fn without_apt_everything_missing_is_in_one_line() {
        let packages = packages();
        let missing: Vec<&Need> = packages.need.iter().collect();
        let line = list_of_missing(&missing, Some("none found".into()), &packages);
        assert!(
            line.contains("flex")
                && line.contains("qemu-system-x86_64")
                && line.contains("rust-src"),
            "{line}"
        );
        assert!(!line.contains("ccache") && !line.contains('\n'), "{line}");
    }
}
