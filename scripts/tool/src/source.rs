// SPDX-License-Identifier: GPL-2.0

//! The kernel's source: the distribution's package, fetched and checked by apt in a directory of its own, unpacked once
//! into the cache, and copied into build/ as the tree that is worked on.

use crate::apt;
use crate::host::Packages;
use crate::lock::Lock;
use crate::places::Places;
use crate::proc::{self, Event, Logged};
use crate::progress::{Progress, Step};
use crate::space;
use crate::version::Version;
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The working tree: the caller's with KDIR=, else build/linux, made if it is not there.
pub fn tree(
    places: &Places,
    packages: &Packages,
    series: &[String],
    progress: &Progress,
) -> Result<PathBuf> {
    let tree = places.tree();
    if places.kdir.is_some() {
        return Ok(tree);
    }
    if let Some(version) = tree_version(&tree) {
        progress
            .step("kernel source")
            .done(&format!("{version} in {}", places.show(&tree)));
        return Ok(tree);
    }
    let pristine = pristine(places, packages, series, progress)?;
    let temporary = fresh_dir(&places.build, "linux.tmp")?;
    copy_tree(&pristine, &temporary, places, packages, progress)?;
    fs::rename(&temporary, &tree)
        .with_context(|| format!("{}: cannot be put in place", tree.display()))?;
    Ok(tree)
}

/// Copies a tree, without its history, to where nothing is yet.
pub fn copy_tree(
    from: &Path,
    to: &Path,
    places: &Places,
    packages: &Packages,
    progress: &Progress,
) -> Result<()> {
    let mut step = progress.step("working tree");
    space::require(to, packages.source.unpacked_mib, "a working tree")?;
    fs::create_dir_all(to).with_context(|| format!("{}: cannot be made", to.display()))?;
    step.doing("copying");
    let mut cp = proc::command("cp");
    cp.args(["-a", "--reflink=auto", "-t"]).arg(to);
    for entry in
        fs::read_dir(from).with_context(|| format!("{}: cannot be read", from.display()))?
    {
        let entry = entry.with_context(|| format!("{}: cannot be read", from.display()))?;
        if entry.file_name() != ".git" {
            cp.arg(entry.path());
        }
    }
    run(
        cp,
        &places.log("tree"),
        &mut step,
        "the source could not be copied",
    )?;
    step.done("copied");
    Ok(())
}

/// The untouched source in the cache, put there first if need be. With it there no network is used.
pub fn pristine(
    places: &Places,
    packages: &Packages,
    series: &[String],
    progress: &Progress,
) -> Result<PathBuf> {
    let root = places.cache.join("source");
    let mut step = progress.step("kernel source");
    if let Some((version, dir)) = cached(&root, series) {
        step.done(&format!("{version} in the cache"));
        return Ok(dir);
    }
    let _lock = Lock::wait(&places.cache.join(".lock-source"), |owner| {
        step.doing(&format!("waiting for process {owner} to fetch it"));
    })?;
    if let Some((version, dir)) = cached(&root, series) {
        step.done(&format!("{version} in the cache"));
        return Ok(dir);
    }
    if !apt::available() || proc::find("dpkg-deb").is_none() {
        bail!("without apt the kernel source cannot be fetched: give a kernel tree with KDIR=");
    }
    space::require(&places.cache, 256, "fetching the kernel source")?;
    let apt = Apt::new(places, packages)?;
    step.doing("asking the archive");
    apt.update(&mut step)?;
    let offer = apt.choose(series)?;
    if offer.series != series[0] {
        progress.say(&format!(
            "  the archive has no {} any more: taking {}",
            series[0], offer.series
        ));
    }
    space::require(
        &places.cache,
        packages.source.unpacked_mib + (offer.size >> 20) * 2,
        "the kernel source",
    )?;
    let work = fresh_dir(&places.cache, "unpack.tmp")?;
    fs::create_dir_all(&work).with_context(|| format!("{}: cannot be made", work.display()))?;
    let deb = apt.download(&offer, &work, &mut step)?;
    let tree = unpack(&deb, &work, &places.log("source"), &mut step)?;
    fs::create_dir_all(&root).with_context(|| format!("{}: cannot be made", root.display()))?;
    let place = root.join(format!("{}_{}", offer.package, offer.version));
    fs::rename(&tree, &place)
        .with_context(|| format!("{}: cannot be put in place", place.display()))?;
    let _ = fs::remove_dir_all(&work);
    match tree_version(&place) {
        Some(version) => step.done(&format!("{version} fetched, signature checked")),
        None => bail!(
            "{}: the package holds no kernel tree: remove it and give one with KDIR=",
            place.display()
        ),
    }
    Ok(place)
}

/// The version in a tree's top Makefile.
pub fn tree_version(tree: &Path) -> Option<Version> {
    let text = fs::read_to_string(tree.join("Makefile")).ok()?;
    let field = |name: &str| {
        let value = text
            .lines()
            .take(20)
            .find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='))?;
        value.trim().parse::<u32>().ok()
    };
    let (version, patch, sub) = (field("VERSION")?, field("PATCHLEVEL")?, field("SUBLEVEL")?);
    format!("{version}.{patch}.{sub}").parse().ok()
}

/// The cached tree of the most preferred series, the newest of them.
fn cached(root: &Path, series: &[String]) -> Option<(Version, PathBuf)> {
    let entries = fs::read_dir(root).ok()?.flatten();
    let mut trees: Vec<(usize, Version, PathBuf)> = entries
        .filter_map(|entry| {
            let version = tree_version(&entry.path())?;
            let rank = series.iter().position(|s| in_series(&version, s))?;
            Some((rank, version, entry.path()))
        })
        .collect();
    trees.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    trees
        .into_iter()
        .next()
        .map(|(_, version, path)| (version, path))
}

fn in_series(version: &Version, series: &str) -> bool {
    version
        .to_string()
        .strip_prefix(series)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// A directory name that nothing is at: what an interrupted run left there is removed.
fn fresh_dir(parent: &Path, name: &str) -> Result<PathBuf> {
    fs::create_dir_all(parent).with_context(|| format!("{}: cannot be made", parent.display()))?;
    let dir = parent.join(name);
    if dir.exists() {
        fs::remove_dir_all(&dir)
            .with_context(|| format!("{}: cannot be removed", dir.display()))?;
    }
    Ok(dir)
}

/// A package the archive has.
#[derive(Debug, PartialEq, Eq)]
struct Offer {
    package: String,
    series: String,
    version: String,
    size: u64,
}

/// apt with sources, lists and cache of its own, so that the system's set-up stays as it is.
struct Apt<'a> {
    dir: PathBuf,
    packages: &'a Packages,
    log: PathBuf,
}

impl<'a> Apt<'a> {
    fn new(places: &Places, packages: &'a Packages) -> Result<Self> {
        let dir = places.cache.join("apt");
        let source = &packages.source;
        if !Path::new(&source.keyring).exists() {
            bail!(
                "{}: the archive's keys are missing: install debian-archive-keyring",
                source.keyring
            );
        }
        let archive = apt::archive()?;
        for sub in ["lists/partial", "cache/archives/partial"] {
            let sub = dir.join(sub);
            fs::create_dir_all(&sub)
                .with_context(|| format!("{}: cannot be made", sub.display()))?;
        }
        let lines: String = source
            .suites
            .iter()
            .map(|suite| {
                format!(
                    "deb [signed-by={}] {archive} {suite} {}\n",
                    source.keyring, source.component
                )
            })
            .collect();
        let list = dir.join("sources.list");
        fs::write(&list, lines)
            .with_context(|| format!("{}: cannot be written", list.display()))?;
        Ok(Self {
            dir,
            packages,
            log: places.log("source"),
        })
    }

    fn command(&self, program: &str) -> Command {
        let mut cmd = proc::command(program);
        let mut option = |name: &str, value: &str| {
            cmd.arg("-o").arg(format!("{name}={value}"));
        };
        let path = |sub: &str| self.dir.join(sub).display().to_string();
        option("Dir::Etc::sourcelist", &path("sources.list"));
        option("Dir::Etc::sourceparts", "/dev/null");
        option("Dir::State::lists", &path("lists"));
        option("Dir::Cache", &path("cache"));
        option("APT::Update::Error-Mode", "any");
        option("APT::Sandbox::User", "");
        option("APT::Get::AllowUnauthenticated", "false");
        option("Acquire::AllowInsecureRepositories", "false");
        option("Acquire::Languages", "none");
        option("Acquire::Retries", "2");
        option("Acquire::http::Timeout", "30");
        option("Acquire::https::Timeout", "30");
        cmd
    }

    fn update(&self, step: &mut Step) -> Result<()> {
        let mut cmd = self.command("apt-get");
        cmd.arg("update");
        if !logged(cmd, &self.log, step)? {
            let text = proc::tail(&self.log, 20);
            eprint!("{text}");
            bail!("{}", why_update_failed(&text));
        }
        Ok(())
    }

    fn choose(&self, series: &[String]) -> Result<Offer> {
        let mut cmd = self.command("apt-cache");
        cmd.args(["pkgnames", &self.packages.source.package]);
        let names = proc::text(cmd).unwrap_or_default();
        let (series, package) = choose(&names, &self.packages.source.package, series)?;
        let mut cmd = self.command("apt-cache");
        cmd.args(["show", "--no-all-versions", &package]);
        let about = proc::text(cmd).unwrap_or_default();
        let field = |name: &str| {
            about
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let version = field("Version")
            .with_context(|| format!("{package}: the archive does not say its version"))?;
        let size = field("Size").and_then(|s| s.parse().ok()).unwrap_or(0);
        Ok(Offer {
            version: version.to_string(),
            size,
            package,
            series,
        })
    }

    fn download(&self, offer: &Offer, work: &Path, step: &mut Step) -> Result<PathBuf> {
        let mut cmd = self.command("apt-get");
        cmd.arg("download")
            .arg(format!("{}={}", offer.package, offer.version))
            .current_dir(work);
        step.expect(Some(offer.size >> 20));
        let so_far = || {
            fs::read_dir(work)
                .into_iter()
                .flatten()
                .flatten()
                .filter_map(|e| e.metadata().ok())
                .map(|m| m.len())
        };
        let ended = Logged {
            log: &self.log,
            append: true,
            timeout: None,
        }
        .run(cmd, |event| match event {
            Event::Line(_) => (),
            Event::Quiet => step.advance_to(so_far().sum::<u64>() >> 20, "MiB fetched"),
        })?;
        let deb = || {
            fs::read_dir(work)
                .ok()?
                .flatten()
                .map(|e| e.path())
                .find(|p| p.extension().is_some_and(|x| x == "deb"))
        };
        match deb() {
            Some(deb) if ended.status.success() => Ok(deb),
            _ => {
                eprint!("{}", proc::tail(&self.log, 20));
                bail!(
                    "{} {} could not be fetched: check the network and run again",
                    offer.package,
                    offer.version
                )
            }
        }
    }
}

fn why_update_failed(log: &str) -> String {
    let unsigned = [
        "NO_PUBKEY",
        "is not signed",
        "EXPKEYSIG",
        "BADSIG",
        "signatures couldn't be verified",
        "signatures were invalid",
    ];
    let missing = [
        "does not have a Release file",
        "no longer has a Release file",
        "404",
    ];
    if unsigned.iter().any(|word| log.contains(word)) {
        "the archive's signature does not check: update debian-archive-keyring, or give a kernel tree with KDIR="
            .to_string()
    } else if missing.iter().any(|word| log.contains(word)) {
        "the host's archive does not have the suite the source is in: give a kernel tree with KDIR="
            .to_string()
    } else {
        "no network: the archive cannot be reached: connect and run again, or give a kernel tree with KDIR=".to_string()
    }
}

/// The package of the most preferred series that the archive has.
fn choose(names: &str, prefix: &str, series: &[String]) -> Result<(String, String)> {
    let offered: Vec<&str> = names
        .lines()
        .filter_map(|line| line.trim().strip_prefix(prefix))
        .collect();
    for wanted in series {
        if offered.contains(&wanted.as_str()) {
            return Ok((wanted.clone(), format!("{prefix}{wanted}")));
        }
    }
    let offered = if offered.is_empty() {
        "none".to_string()
    } else {
        offered.join(", ")
    };
    bail!(
        "the archive has no kernel source of series {} (it has: {offered}): give a kernel tree with KDIR=",
        series.join(" or ")
    )
}

/// Unpacks the package's archive of the tree below `work`, and returns the tree.
fn unpack(deb: &Path, work: &Path, log: &Path, step: &mut Step) -> Result<PathBuf> {
    step.doing("unpacking the package");
    let mut cmd = proc::command("dpkg-deb");
    cmd.arg("-x").arg(deb).arg(work.join("deb"));
    run(
        cmd,
        log,
        step,
        "the package could not be unpacked: is the disk full?",
    )?;
    let _ = fs::remove_file(deb);
    let archive = find_archive(&work.join("deb/usr/src"))?;
    let target = work.join("tree");
    fs::create_dir_all(&target).with_context(|| format!("{}: cannot be made", target.display()))?;

    // Fed by hand, so that it can be seen how far it is.
    let mut file =
        File::open(&archive).with_context(|| format!("{}: cannot be read", archive.display()))?;
    let size = file.metadata().map(|m| m.len()).unwrap_or(0);
    step.expect(Some(size >> 20));
    let mut cmd = proc::command("tar");
    cmd.arg("-xJ")
        .arg("-C")
        .arg(&target)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = cmd.spawn().context("tar: cannot be run")?;
    let mut pipe = child.stdin.take().expect("asked for");
    let mut buffer = vec![0; 1 << 20];
    let mut written = 0;
    let fed = loop {
        let n = match file.read(&mut buffer) {
            Ok(0) => break Ok(()),
            Ok(n) => n,
            Err(e) => break Err(e),
        };
        if let Err(e) = pipe.write_all(&buffer[..n]) {
            break Err(e);
        }
        written += n as u64;
        step.advance_to(written >> 20, "MiB unpacked");
    };
    drop(pipe);
    let result = child.wait_with_output().context("tar was lost")?;
    if !result.status.success() || fed.is_err() {
        bail!(
            "the source could not be unpacked: {}",
            one_line(&result.stderr)
        );
    }
    let mut trees = fs::read_dir(&target)
        .with_context(|| format!("{}: cannot be read", target.display()))?
        .flatten();
    match (trees.next(), trees.next()) {
        (Some(tree), None) => Ok(tree.path()),
        _ => bail!("{}: not one tree: give one with KDIR=", archive.display()),
    }
}

fn find_archive(dir: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path());
    let mut archives = entries.filter(|p| p.to_string_lossy().ends_with(".tar.xz"));
    match archives.next() {
        Some(archive) => Ok(archive),
        None => bail!("the package holds no archive of a tree: give a kernel tree with KDIR="),
    }
}

fn one_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("no reason given")
        .to_string()
}

fn logged(cmd: Command, log: &Path, step: &mut Step) -> Result<bool> {
    let ended = Logged {
        log,
        append: true,
        timeout: None,
    }
    .run(cmd, |event| {
        if let Event::Line(line) = event {
            step.doing(line);
        }
    })?;
    Ok(ended.status.success())
}

fn run(cmd: Command, log: &Path, step: &mut Step, failure: &str) -> Result<()> {
    if !logged(cmd, log, step)? {
        eprint!("{}", proc::tail(log, 20));
        bail!("{failure} (log: {})", log.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| s.to_string()).collect()
    }

    fn make_tree(dir: &Path, version: [u32; 3]) {
        fs::create_dir_all(dir).unwrap();
        let [v, p, s] = version;
        fs::write(
            dir.join("Makefile"),
            format!("# x\nVERSION = {v}\nPATCHLEVEL = {p}\nSUBLEVEL = {s}\n"),
        )
        .unwrap();
    }

    #[test]
    fn the_preferred_series_wins_and_its_newest_release() {
        let dir = tempfile::tempdir().unwrap();
        make_tree(&dir.path().join("a"), [7, 2, 12]);
        make_tree(&dir.path().join("b"), [7, 3, 4]);
        make_tree(&dir.path().join("c"), [7, 3, 10]);
        make_tree(&dir.path().join("d"), [7, 30, 1]);
        fs::create_dir_all(dir.path().join("half")).unwrap();
        let pick = |list: &[&str]| cached(dir.path(), &series(list)).map(|(v, _)| v.to_string());
        assert_eq!(pick(&["7.3", "7.2"]).as_deref(), Some("7.3.10"));
        assert_eq!(pick(&["7.1", "7.2"]).as_deref(), Some("7.2.12"));
        assert_eq!(pick(&["7.1"]), None);
        assert_eq!(cached(&dir.path().join("none"), &series(&["7.3"])), None);
    }

    #[test]
    fn a_package_that_has_gone_is_replaced_or_its_absence_told() {
        let names = "linux-source\nlinux-source-7.2\nlinux-source-7.4\n";
        let (series_taken, package) =
            choose(names, "linux-source-", &series(&["7.3", "7.2"])).unwrap();
        assert_eq!(
            (series_taken.as_str(), package.as_str()),
            ("7.2", "linux-source-7.2")
        );
        let error = choose(names, "linux-source-", &series(&["7.3"]))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("series 7.3 (it has: 7.2, 7.4)") && error.contains("KDIR="),
            "{error}"
        );
        let error = choose("", "linux-source-", &series(&["7.3", "7.2"]))
            .unwrap_err()
            .to_string();
        assert!(error.contains("7.3 or 7.2 (it has: none)"), "{error}");
    }

    #[test]
    fn failures_of_the_archive_are_told_apart() {
        assert!(why_update_failed("Err: could not connect to x").contains("no network"));
        assert!(why_update_failed("W: GPG error: x NO_PUBKEY 12").contains("signature"));
        assert!(
            why_update_failed("E: The repository 'x' does not have a Release file.")
                .contains("suite")
        );
    }

    #[test]
    fn leftovers_of_an_interrupted_run_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("t/deep")).unwrap();
        let fresh = fresh_dir(dir.path(), "t").unwrap();
        assert!(!fresh.exists() && dir.path().exists());
    }
}
