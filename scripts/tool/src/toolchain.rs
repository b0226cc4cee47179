// SPDX-License-Identifier: GPL-2.0

//! The compilers: a rustc with the library's source, an LLVM with all its parts, whether the two are of one LLVM, and
//! a bindgen that is new enough.

use crate::host::Packages;
use crate::lock::Lock;
use crate::places::Places;
use crate::proc;
use crate::progress::Progress;
use crate::version::Version;
use anyhow::{Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// A rustc that can build the kernel.
#[derive(Clone, Debug)]
pub struct Rust {
    pub rustc: PathBuf,
    pub version: Version,
    pub llvm_major: u32,
}

impl Rust {
    /// A tool that came with this rustc, such as `rustfmt`.
    pub fn beside(&self, tool: &str) -> Option<PathBuf> {
        let file = self.rustc.with_file_name(tool);
        proc::is_program(&file).then_some(file)
    }
}

/// An LLVM: every tool the kernel calls, with this suffix (`-22`, or none).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Llvm {
    pub suffix: String,
    pub major: u32,
}

impl Llvm {
    /// The value of kbuild's `LLVM=`.
    pub fn option(&self) -> &str {
        if self.suffix.is_empty() {
            "1"
        } else {
            &self.suffix
        }
    }

    pub fn clang(&self) -> String {
        self.program("clang")
    }

    /// One of its tools, such as `llvm-objdump`.
    pub fn program(&self, tool: &str) -> String {
        format!("{tool}{}", self.suffix)
    }
}

/// The first rustc that fits: the caller's, the distribution's, whatever PATH has. The error says why the first one
/// looked at does not.
pub fn find_rust(given: Option<&Path>, minimum: &Version) -> Result<Rust, String> {
    if let Some(rustc) = given {
        return inspect_rust(rustc, minimum);
    }
    let mut first_error = None;
    for rustc in rustc_candidates() {
        match inspect_rust(&rustc, minimum) {
            Ok(rust) => return Ok(rust),
            Err(why) => drop(first_error.get_or_insert(why)),
        }
    }
    Err(first_error.unwrap_or_else(|| "no rustc was found".to_string()))
}

fn rustc_candidates() -> Vec<PathBuf> {
    let distribution = Some(PathBuf::from("/usr/bin/rustc")).filter(|file| file.exists());
    [distribution, proc::find("rustc")]
        .into_iter()
        .flatten()
        .collect()
}

/// The LLVM version of the rustc that will be taken, whatever that still lacks.
pub fn llvm_of_rustc(given: Option<&Path>) -> Option<u32> {
    let rustc = given
        .map(Path::to_path_buf)
        .or_else(|| rustc_candidates().into_iter().next())?;
    let mut cmd = proc::command(rustc);
    cmd.arg("-vV");
    field(&proc::text(cmd)?, "LLVM version").map(|version| version.major())
}

/// A version in what `rustc -vV` prints.
fn field(about: &str, name: &str) -> Option<Version> {
    about
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))?
        .parse()
        .ok()
}

fn inspect_rust(rustc: &Path, minimum: &Version) -> Result<Rust, String> {
    let shown = rustc.display();
    let ask = |args: &[&str]| {
        let mut cmd = proc::command(rustc);
        cmd.args(args);
        proc::text(cmd)
    };
    let Some(about) = ask(&["-vV"]) else {
        return Err(format!("{shown} does not run: pass RUSTC= one that does"));
    };
    let (version, llvm) = (field(&about, "release"), field(&about, "LLVM version"));
    let (Some(version), Some(llvm)) = (version, llvm) else {
        return Err(format!(
            "{shown} does not say its version as rustc does: pass RUSTC= a rustc"
        ));
    };
    if version < *minimum {
        return Err(format!(
            "{shown} is {version} and the kernel needs {minimum}: pass RUSTC= a newer one"
        ));
    }
    let sysroot = ask(&["--print", "sysroot"]).unwrap_or_default();
    let source = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core/src/lib.rs");
    if !source.exists() {
        return Err(format!(
            "{shown} has no library source: install the rust-src of {version} (rust-web-src or rust-src with apt, \
             `rustup component add rust-src` with rustup) or pass RUSTC= one that has it"
        ));
    }
    Ok(Rust {
        rustc: rustc.to_path_buf(),
        version,
        llvm_major: llvm.major(),
    })
}

/// The LLVM of the wanted version if it is complete, else the newest complete one.
pub fn find_llvm(wanted: u32, minimum: u32) -> Option<Llvm> {
    let mut found: Vec<Llvm> = Vec::new();
    let complete = |suffix: &str| {
        let tools = [
            "clang",
            "ld.lld",
            "llvm-ar",
            "llvm-nm",
            "llvm-objcopy",
            "llvm-strip",
            "llvm-link",
        ];
        tools
            .iter()
            .all(|tool| proc::find(&format!("{tool}{suffix}")).is_some())
    };
    for major in minimum..minimum + 40 {
        let suffix = format!("-{major}");
        if complete(&suffix) {
            found.push(Llvm { suffix, major });
        }
    }
    if complete("") {
        let mut cmd = proc::command("clang");
        cmd.arg("--version");
        let version = proc::text(cmd).and_then(|text| Version::find(&text));
        found.extend(
            version
                .map(|v| Llvm {
                    suffix: String::new(),
                    major: v.major(),
                })
                .filter(|l| l.major >= minimum),
        );
    }
    found
        .iter()
        .find(|l| l.major == wanted)
        .or(found.iter().max_by_key(|l| l.major))
        .cloned()
}

/// bindgen's own dynamic loading of libclang is told where that of the chosen LLVM is.
pub fn libclang_dir(llvm: &Llvm) -> Option<PathBuf> {
    let dir = PathBuf::from(format!("/usr/lib/llvm-{}/lib", llvm.major));
    let mut entries = fs::read_dir(&dir).ok()?.flatten();
    entries
        .any(|e| e.file_name().to_string_lossy().starts_with("libclang"))
        .then_some(dir)
}

/// A bindgen that is new enough: the distribution's, the cache's, or one built into the cache now.
pub fn bindgen(
    places: &Places,
    packages: &Packages,
    cargo: &Path,
    progress: &Progress,
) -> Result<PathBuf> {
    let minimum = packages.minimum_bindgen();
    let root = places.cache.join("tools");
    let built = root.join("bin/bindgen");
    let ready = || {
        let candidates = [proc::find("bindgen"), Some(built.clone())]
            .into_iter()
            .flatten();
        candidates
            .filter_map(|file| Some((bindgen_version(&file)?, file)))
            .find(|(version, _)| *version >= minimum)
    };
    let mut step = progress.step("bindgen");
    if let Some((version, file)) = ready() {
        step.done(&format!("{version}"));
        return Ok(file);
    }
    let _lock = Lock::wait(&places.cache.join(".lock-tools"), |owner| {
        step.doing(&format!("waiting for process {owner} to build it"));
    })?;
    if let Some((version, file)) = ready() {
        step.done(&format!("{version}"));
        return Ok(file);
    }
    let log = places.log("bindgen");
    let target = root.join("target");
    let mut cmd = proc::command(cargo);
    cmd.args([
        "install",
        "--locked",
        "--version",
        &packages.bindgen.version,
        "--root",
    ])
    .arg(&root)
    .arg(&packages.bindgen.name)
    .args(quick_profile(&packages.bindgen.optimised))
    // Kept until it is built, so that an interrupted build goes on.
    .env("CARGO_TARGET_DIR", &target)
    .env("CARGO_TERM_COLOR", "never");
    let ended = proc::Logged {
        log: &log,
        append: false,
        timeout: None,
    }
    .run(cmd, |event| match event {
        proc::Event::Line(line) => match line.trim().split_once(' ') {
            Some(("Compiling", what)) => step.advance(what),
            _ => step.doing(line.trim()),
        },
        proc::Event::Quiet => step.doing("compiling"),
    })?;
    if !ended.status.success() {
        eprint!("{}", proc::tail(&log, 20));
        bail!(
            "bindgen {} could not be built: connect to the network (or install bindgen {minimum} or newer) and run again; log: {}",
            packages.bindgen.version,
            places.show(&log)
        );
    }
    let _ = fs::remove_dir_all(&target);
    match ready() {
        Some((version, file)) => {
            step.done(&format!("{version} built"));
            Ok(file)
        }
        None => bail!(
            "{}: the bindgen just built does not run: remove it and run again",
            built.display()
        ),
    }
}

/// Options for cargo that compile nothing with optimisation but the crates named.
fn quick_profile(optimised: &[String]) -> Vec<String> {
    let each = optimised
        .iter()
        .map(|name| format!("profile.release.package.{name}.opt-level=1"));
    let settings = std::iter::once("profile.release.opt-level=0".to_string()).chain(each);
    settings
        .flat_map(|setting| ["--config".to_string(), setting])
        .collect()
}

fn bindgen_version(file: &Path) -> Option<Version> {
    let mut cmd = proc::command(file);
    cmd.arg("--version");
    Version::find(&proc::text(cmd)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn fake_rustc(dir: &Path, release: &str, sysroot: &Path) -> PathBuf {
        let file = dir.join("rustc");
        let text = format!(
            "#!/bin/sh\ncase \"$1\" in\n-vV) printf 'release: {release}\\nLLVM version: 19.1.7\\n' ;;\n\
             --print) echo {} ;;\nesac\n",
            sysroot.display()
        );
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    #[test]
    fn a_rustc_without_library_source_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let minimum = "1.85.0".parse().unwrap();
        let rustc = fake_rustc(dir.path(), "1.90.0", dir.path());
        let why = find_rust(Some(&rustc), &minimum).unwrap_err();
        assert!(
            why.contains("no library source") && why.contains("rust-src of 1.90.0"),
            "{why}"
        );
        let core = dir.path().join("lib/rustlib/src/rust/library/core/src");
        fs::create_dir_all(&core).unwrap();
        fs::write(core.join("lib.rs"), "").unwrap();
        let rust = find_rust(Some(&rustc), &minimum).unwrap();
        assert_eq!(
            (rust.llvm_major, rust.version.to_string().as_str()),
            (19, "1.90.0")
        );
    }

    #[test]
    fn a_rustc_that_is_too_old_or_none_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let minimum = "1.85.0".parse().unwrap();
        let rustc = fake_rustc(dir.path(), "1.63.0", dir.path());
        let why = find_rust(Some(&rustc), &minimum).unwrap_err();
        assert!(
            why.contains("is 1.63.0 and the kernel needs 1.85.0"),
            "{why}"
        );
        let why = find_rust(Some(&dir.path().join("none")), &minimum).unwrap_err();
        assert!(why.contains("does not run"), "{why}");
    }

    #[test]
    fn llvm_is_named_as_kbuild_wants_it() {
        let llvm = Llvm {
            suffix: "-22".into(),
            major: 22,
        };
        assert_eq!((llvm.option(), llvm.clang().as_str()), ("-22", "clang-22"));
        let plain = Llvm {
            suffix: String::new(),
            major: 21,
        };
        assert_eq!((plain.option(), plain.clang().as_str()), ("1", "clang"));
    }
}
