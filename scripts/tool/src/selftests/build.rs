// SPDX-License-Identifier: GPL-2.0

//! The kernel's selftests that scripts/selftests.toml lists, built static by their own makefiles. Those write beside
//! their sources, so that a copy of the sources is what they get. A script is taken from there.

use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::places::Places;
use crate::proc::{self, Event, Logged};
use crate::progress::{Progress, Step};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The directories that the makefiles read.
const SOURCES: [&str; 3] = ["tools/testing/selftests", "tools/include", "mm/gup_test.h"];

/// The content of selftests.toml.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    pub program: Vec<Selftest>,
}

/// One run of a program.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selftest {
    pub name: String,
    /// Below tools/testing/selftests; a program without one is ours.
    pub directory: Option<String>,
    /// The file's name, if that is another.
    file: Option<String>,
    #[serde(default)]
    pub arguments: Vec<String>,
    /// The programs that a script calls: this is one then.
    #[serde(default)]
    pub calls: Vec<String>,
    pub seconds: u64,
    /// The reason to run it.
    pub why: String,
    /// True if it is about a driver of ours, which a kernel without the overlay does not have.
    #[serde(default)]
    pub is_ours: bool,
    /// Texts by which a reason to test nothing is known.
    #[serde(default)]
    pub nothing: Vec<String>,
    /// Texts in lines of the kernel's log that it causes on purpose.
    #[serde(default)]
    pub reports: Vec<String>,
    /// Texts in names of tests with a number that another run can have another of.
    #[serde(default)]
    pub varying: Vec<String>,
}

impl List {
    pub fn load(repo: &Path) -> Result<Vec<Selftest>> {
        let text = fs::read_to_string(repo.join("scripts/selftests.toml"));
        let text = text.context("scripts/selftests.toml cannot be read")?;
        let content: Self = toml::from_str(&text).context("scripts/selftests.toml")?;
        Ok(content.program)
    }
}

impl Selftest {
    pub fn file(&self) -> &str {
        self.file.as_deref().unwrap_or(&self.name)
    }

    pub fn is_script(&self) -> bool {
        !self.calls.is_empty()
    }

    /// The files of the kernel tree that it needs, where they are on the host. None of a program of ours.
    pub fn files(&self, places: &Places, config: Config) -> Option<Vec<PathBuf>> {
        let name = self.directory.as_ref()?;
        let script = self.is_script().then(|| {
            let source = source(places, config).join("tools/testing/selftests");
            source.join(name).join(self.file())
        });
        let built = directory(places, config).join(name);
        let built = self.built().map(|file| built.join(file));
        Some(script.into_iter().chain(built).collect())
    }

    /// The programs to build.
    fn built(&self) -> impl Iterator<Item = &str> {
        let own = (!self.is_script()).then(|| self.file());
        own.into_iter().chain(self.calls.iter().map(String::as_str))
    }
}

fn directory(places: &Places, config: Config) -> PathBuf {
    places.out(config.name).join("selftests")
}

/// The copy of the sources.
fn source(places: &Places, config: Config) -> PathBuf {
    directory(places, config).join("source")
}

/// Builds the programs with the headers of the configured kernel.
pub fn build(
    kernel: &Kernel,
    config: Config,
    programs: &[Selftest],
    progress: &Progress,
) -> Result<()> {
    let places = kernel.places;
    let out = places.out(config.name);
    let mut build = Build {
        log: places.log(&format!("selftests-build-{}", config.name)),
        places,
        step: progress.step("build selftests"),
        begun: false,
    };
    let mut headers = kernel.make(config, &out);
    headers.arg("headers");
    build.run(headers, "the headers for programs cannot be made")?;

    let source = source(places, config);
    let make_dir = |dir: &Path| {
        let made = fs::create_dir_all(dir);
        made.with_context(|| format!("{}: cannot be made", dir.display()))
    };
    make_dir(&source)?;
    let mut copy = proc::command("rsync");
    copy.current_dir(places.tree());
    // Files that the makefiles generate among the sources stay, or everything would be built again.
    copy.args("--archive --relative --delete --exclude=local_config.*".split(' '));
    copy.args(SOURCES).arg(&source);
    build.run(copy, "the sources cannot be copied")?;

    let mut directories: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for program in programs {
        if let Some(name) = &program.directory {
            directories.entry(name).or_default().extend(program.built());
        }
    }
    let headers = format!("KHDR_INCLUDES=-isystem {}/usr/include", out.display());
    let count: usize = directories.values().map(BTreeSet::len).sum();
    for (name, files) in directories {
        let output = directory(places, config).join(name);
        make_dir(&output)?;
        let mut make = proc::command("make");
        make.arg("-C")
            .arg(source.join("tools/testing/selftests").join(name));
        make.arg(format!("OUTPUT={}", output.display()));
        make.arg(format!("ARCH={}", config.machine.arch))
            .arg(&headers);
        make.args(["CC=gcc", "USERLDFLAGS=-static"]);
        make.args(files.iter().map(|file| output.join(file)));
        build.run(make, &format!("the selftests of {name} do not build"))?;
    }
    build.step.done(&format!("{count} programs"));
    Ok(())
}

/// The commands of a build, in one log.
struct Build<'a> {
    places: &'a Places,
    log: PathBuf,
    step: Step<'a>,
    begun: bool,
}

impl Build<'_> {
    fn run(&mut self, cmd: Command, failure: &str) -> Result<()> {
        let run = Logged {
            log: &self.log,
            append: self.begun,
            timeout: None,
        };
        self.begun = true;
        let step = &mut self.step;
        let ended = run.run(cmd, |event| {
            if let Event::Line(line) = event {
                step.doing(line.trim());
            }
        })?;
        if !ended.status.success() {
            eprint!("{}", proc::tail(&self.log, 20));
            bail!("{failure}: see {}", self.places.show(&self.log));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_data_file_is_sound() {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let programs = List::load(&repo).unwrap();
        let mut names = HashSet::new();
        for program in &programs {
            assert!(names.insert(&program.name), "{} twice", program.name);
            assert!(!program.why.is_empty(), "{}: why?", program.name);
            assert!(program.seconds > 0, "{}: no time", program.name);
            let name = &program.name;
            assert!(!name.contains(char::is_whitespace), "{name}: not one word");
        }
        assert!(!programs.is_empty());
    }
}
