// SPDX-License-Identifier: GPL-2.0

//! What the host must have: the data of packages.toml held against the machine, and what is missing installed, or
//! listed where nothing can be installed.

use crate::apt;
use crate::places::Places;
use crate::proc;
use crate::progress::Progress;
use crate::toolchain::{self, Llvm, Rust};
use crate::version::Version;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fs;
use std::path::Path;

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
    packages: Vec<String>,
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

    pub fn minimum_bindgen(&self) -> Version {
        self.minimum.bindgen.parse().expect("checked by a test")
    }
}

impl Need {
    fn name(&self) -> &str {
        self.command
            .as_deref()
            .or(self.file.as_deref())
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
        match (&self.command, &self.file) {
            (Some(command), _) => proc::find(command).is_some(),
            (None, Some(name)) => file(name),
            (None, None) => false,
        }
    }
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
    let mut step = progress.step("host packages");
    let log = places.log("packages");
    let mut installed = Vec::new();
    let mut install = |wanted: Vec<String>, step: &mut crate::progress::Step| -> Result<()> {
        step.doing(&format!("installing {} packages", wanted.len()));
        apt::install(&wanted, &log, &mut |line| step.doing(line))?;
        installed.extend(wanted);
        Ok(())
    };

    let minimum = packages.minimum_rustc();
    let missing: Vec<&Need> = packages.need.iter().filter(|need| !need.met()).collect();
    let required = missing.iter().filter(|need| !need.optional).count();
    let rust = toolchain::find_rust(rustc, &minimum);
    if let (Some(_), Err(why)) = (rustc, &rust) {
        bail!("{why}");
    }
    if required > 0 || rust.is_err() {
        if !apt::available() {
            bail!("{}", list_of_missing(&missing, rust.err(), packages));
        }
        let mut wanted: Vec<String> = missing
            .iter()
            .flat_map(|need| need.packages.clone())
            .collect();
        if rust.is_err() {
            wanted.extend(rust_packages(packages, &minimum)?);
        }
        install(wanted, &mut step)?;
        if let Some(need) = packages
            .need
            .iter()
            .find(|need| !need.optional && !need.met())
        {
            bail!(
                "{} is still missing after its package ({}) was installed",
                need.name(),
                need.packages.join(" ")
            );
        }
    }
    let rust = toolchain::find_rust(rustc, &minimum).map_err(anyhow::Error::msg)?;

    // LLVM comes second: its version is that of rustc, if the distribution has it.
    let wanted = rust.llvm_major;
    let found = toolchain::find_llvm(wanted, packages.minimum.llvm);
    let llvm = match found {
        Some(llvm) if llvm.major == wanted => llvm,
        other => {
            let fits = |v: u32| apt::available() && apt::candidate(&format!("clang-{v}")).is_some();
            let choice = llvm_to_install(
                wanted,
                packages.minimum.llvm,
                packages.llvm.newest,
                other.is_some(),
                fits,
            );
            match (choice, other) {
                (None, Some(llvm)) => llvm,
                (None, None) => bail!(
                    "clang, ld.lld, llvm-ar and libclang of one version are missing: install LLVM {wanted} (that of rustc), at least {}",
                    packages.minimum.llvm
                ),
                (Some(v), other) => {
                    let names = packages
                        .llvm
                        .packages
                        .iter()
                        .map(|name| name.replace("{v}", &v.to_string()));
                    match (install(names.collect(), &mut step), other) {
                        (Ok(()), _) => toolchain::find_llvm(v, packages.minimum.llvm)
                            .with_context(|| {
                                format!(
                                    "LLVM {v} is still incomplete after its packages were installed"
                                )
                            })?,
                        // Without the matching one the kernel can still be built, only not with inline helpers.
                        (Err(_), Some(llvm)) => llvm,
                        (Err(e), None) => return Err(e),
                    }
                }
            }
        }
    };
    let summary = format!("rustc {}, LLVM {}", rust.version, llvm.major);
    match installed.len() {
        0 => step.done(&format!("all there: {summary}")),
        n => step.done(&format!("{n} packages installed: {summary}")),
    }
    Ok(Compilers { rust, llvm })
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
    let mut names: Vec<String> = missing
        .iter()
        .filter(|need| !need.optional)
        .map(|need| need.name().to_string())
        .collect();
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
                need.command.is_some() != need.file.is_some(),
                "{}: a command or a file",
                need.name()
            );
            assert!(!need.packages.is_empty(), "{}: no package", need.name());
        }
    }

    #[test]
    fn what_is_there_is_met_and_what_is_not_is_not() {
        let need = |command: Option<&str>, file: Option<&str>| Need {
            command: command.map(str::to_string),
            file: file.map(str::to_string),
            packages: vec!["x".into()],
            optional: false,
        };
        assert!(need(Some("sh"), None).met());
        assert!(need(None, Some("/proc/self")).met());
        assert!(need(None, Some("bin")).met());
        assert!(!need(Some("no-such-program"), None).met());
        assert!(!need(None, Some("include/no-such-header.h")).met());
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
