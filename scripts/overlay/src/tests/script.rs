// SPDX-License-Identifier: GPL-2.0

//! Runs the cases of cases.txt: a command on each line, and what has to come of it.

use crate::roundtrip::HURRIED;
use crate::snapshot::{Snapshot, Stamps, stamps};
use crate::tree::{Hooks, Stop};
use crate::{Overlay, manifest, roundtrip};
use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

#[test]
fn cases() {
    let text = include_str!("cases.txt");
    let mut wrong = Vec::new();
    let (mut title, mut script) = ("", Ok(Script::new()));
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(next) = line.strip_prefix("## ") {
            (title, script) = (next, Ok(Script::new()));
        } else if let (Ok(case), false) = (&mut script, line.is_empty() || line.starts_with('#')) {
            if let Err(error) = case.line(line) {
                wrong.push(format!("line {number}: {title}: {line}: {error:#}"));
                script = Err(());
            }
        }
    }
    assert!(text.matches("\n## ").count() > 70);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A small repository and a small kernel tree of our own wording.
const BASE: &str = r"write repo/rust/kernel/mm/new.rs //! The new module.\n
write repo/rust/kernel/mm/new/part.rs //! A part of it.\n
write repo/samples/rust/new/Kconfig config NEW\n
write repo/samples/rust/new/Makefile obj-y += new.o
write repo/Documentation/fresh/deep/text.rst Text\n====\n
write tree/Makefile # comment\nVERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION =\n
write tree/Kbuild # nothing\n
write tree/Kconfig # nothing\n
write tree/rust/kernel/mm.rs //! Memory.\n\nmod old;\nmod other;\n\nfn f() {}\n// last\n
write tree/rust/kernel/mm/old.rs //! Old.\n
write tree/samples/rust/Kconfig if RUST\n\nconfig ONE\n\nendif\n
write tree/Documentation/index.rst Index\n
write tree/LIST ALPHA\nthe beginning\n\nZULU\nthe end\n";

/// A directory with a repository and a kernel tree, and what is remembered of it.
pub struct Script {
    dir: TempDir,
    kept: HashMap<String, (PathBuf, Snapshot, Stamps)>,
}

impl Script {
    pub fn new() -> Self {
        // In memory where the system has a place for that: these tests are nothing but small writes.
        let dir = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new());
        let (dir, kept) = (dir.unwrap(), HashMap::new());
        let mut script = Self { dir, kept };
        put(
            &script.path("repo/scripts/overlay.toml"),
            include_str!("overlay.toml"),
        );
        script.lines(BASE);
        script
    }

    pub fn lines(&mut self, lines: &str) {
        lines.lines().for_each(|line| self.line(line).unwrap());
    }

    pub fn tree(&self) -> PathBuf {
        self.path("tree")
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.tree()).unwrap()
    }

    fn line(&mut self, line: &str) -> Result<()> {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let (path, bytes) = (self.path(name), unescaped(text));
        match command {
            "write" => put(&path, bytes),
            "mkdir" => fs::create_dir_all(path)?,
            "rm" if path.is_dir() && !path.is_symlink() => fs::remove_dir_all(path)?,
            "rm" => fs::remove_file(path)?,
            "mode" => fs::set_permissions(path, mode(text)?)?,
            "symlink" => symlink(self.path(text), path)?,
            "hardlink" => fs::hard_link(self.path(text), path)?,
            "move" => {
                fs::create_dir_all(self.path(text).parent().context("a file")?)?;
                fs::rename(path, self.path(text))?;
            }
            "edit" => self.edit(name, text)?,
            "config" => self.edit("repo/scripts/overlay.toml", rest)?,
            "manifest" => {
                let text = serde_json::json!({ "format": 2, "files": { name: [text] },
                    "insertions": {}, "dirs": [] });
                put(&self.path("tree").join(manifest::NAME), text.to_string());
            }
            "commit" => {
                let repo = self.path("repo");
                for args in [
                    "init -q -b main",
                    "config user.name A_U_Thor",
                    "config user.email author@example.invalid",
                    "add -A",
                    "commit -q -m all --date 2001-02-03T04:05:06+0700",
                ] {
                    self.git(&repo, args)?;
                }
            }
            "history" => {
                let tree = self.path("tree");
                for args in [
                    "init -q",
                    "add -f -A",
                    "commit -q -m pristine",
                    "tag pristine",
                ] {
                    self.git(&tree, args)?;
                }
            }
            "git" => self.git(&path, text)?,
            "keep" => {
                let (name, path) = rest.split_once(' ').unwrap_or((rest, "tree"));
                self.keep(name, path)?;
            }
            "refused" => self.refused(rest)?,
            "bad-config" => self.bad_config(rest)?,
            "apply" | "revert" | "patches" | "committed" | "load" | "roundtrip" | "status"
            | "files" => self.succeeds(command, rest)?,
            "attempt" => drop(self.run(name, "tree")),
            "killed" => {
                let stop = Some((text.parse()?, Stop::Kill));
                let (overlay, tree) = (self.overlay()?, self.path("tree"));
                let hooks = Hooks { stop, ..HURRIED };
                ensure!(match name {
                    "apply" => overlay.apply_with(&tree, &hooks).is_err(),
                    _ => overlay.revert_with(&tree, &hooks).is_err(),
                });
            }
            _ => self.check(command, name, text)?,
        }
        Ok(())
    }

    /// Compares the world with the line.
    fn check(&self, command: &str, name: &str, text: &str) -> Result<()> {
        let path = self.path(name);
        let content = || fs::read(self.path(name)).with_context(|| name.to_string());
        let contains = |text: &[u8]| -> Result<bool> {
            Ok(content()?.windows(text.len()).any(|part| part == text))
        };
        match command {
            "is" => expect(&content()?, &unescaped(text)),
            "has" | "lacks" => {
                let found = contains(&unescaped(text))?;
                ensure!(found == (command == "has"));
                Ok(())
            }
            "gone" => {
                ensure!(path.symlink_metadata().is_err());
                Ok(())
            }
            "mode-is" => {
                let found = path.metadata()?.permissions().mode() & 0o777;
                expect(&format!("{found:o}"), &text.to_string())
            }
            "entries" => {
                let found = Snapshot::of(&path)?;
                expect(&found.paths(), &text.replace(' ', "\n"))
            }
            "same" => {
                let (path, kept, _) = &self.kept[name];
                let without = match text {
                    "but-manifest" => manifest::NAME,
                    _ => "",
                };
                let [now, kept] = [Snapshot::of(path)?, kept.clone()].map(|s| s.without(without));
                now.same_as(&kept)
            }
            "untouched" => expect(&self.touched(name)?, &String::new()),
            "touched" => expect(&self.touched(name)?, &text.to_string()),
            _ => bail!("no such command"),
        }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub fn overlay(&self) -> Result<Overlay> {
        Overlay::load(&self.path("repo"))
    }

    fn edit(&self, path: &str, change: &str) -> Result<()> {
        let (from, to) = replacement(change)?;
        let text = fs::read_to_string(self.path(path))?;
        let [from, to] = [from, to].map(|text| String::from_utf8(unescaped(text)).expect("text"));
        ensure!(text.contains(&from), "{from:?} is not in {text}");
        put(&self.path(path), text.replacen(&from, &to, 1));
        Ok(())
    }

    /// Runs git, whose output is perhaps given.
    fn git(&self, dir: &Path, args: &str) -> Result<()> {
        let (args, expected) = match replacement(args) {
            Ok((args, expected)) => (args, Some(expected)),
            Err(_) => (args, None),
        };
        let mut git = Command::new("git");
        git.env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        git.env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "A U Thor");
            git.env(format!("GIT_{role}_EMAIL"), "author@example.invalid");
        }
        let args = args.split(' ').map(|word| word.replace('_', " "));
        let out = git.arg("-C").arg(dir).args(args).output()?;
        ensure!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        expected.map_or(Ok(()), |text| expect(&out.stdout, &unescaped(text)))
    }

    fn keep(&mut self, name: &str, path: &str) -> Result<()> {
        let path = self.path(path);
        let kept = (path.clone(), Snapshot::of(&path)?, stamps(&path)?);
        self.kept.insert(name.to_string(), kept);
        Ok(())
    }

    /// The files that were written since.
    fn touched(&self, name: &str) -> Result<String> {
        let (path, _, before) = &self.kept[name];
        let now = stamps(path)?;
        let mut names = Vec::new();
        for (file, _) in now.iter().filter(|(f, at)| before.get(*f) != Some(at)) {
            if file.is_file() {
                names.push(file.strip_prefix(path)?.display().to_string());
            }
        }
        ensure!(before.keys().all(|file| now.contains_key(file)), "removed");
        Ok(names.join(" "))
    }

    /// Runs a command of the overlay; its result as text.
    fn run(&self, command: &str, dir: &str) -> Result<String> {
        let (overlay, tree) = (self.overlay()?, self.path(dir));
        Ok(match command {
            "load" => String::new(),
            "files" => overlay.files().collect::<Vec<_>>().join(" "),
            "apply" => serde_json::to_string(&overlay.apply_with(&tree, &HURRIED)?)?,
            "revert" => serde_json::to_string(&overlay.revert_with(&tree, &HURRIED)?)?,
            "status" => format!("{:?}", overlay.status(&tree)?),
            "committed" => overlay.refuse_uncommitted().map(|()| String::new())?,
            "patches" => format!("{:?}", overlay.patches(&tree, &self.path("build/patches"))?),
            "roundtrip" => {
                let checks = roundtrip(&tree, &overlay, &self.path("work"))?;
                let failed = checks.iter().filter(|check| !check.ok);
                let failed: Vec<_> = failed.map(|check| &*check.name).collect();
                format!("{} {}", checks.len(), failed.join(", "))
            }
            _ => bail!("{command}: no such command"),
        })
    }

    /// The command succeeds, and its result is the one of the line, or has the fields of the line.
    fn succeeds(&self, command: &str, rest: &str) -> Result<()> {
        let (dirs, fields): (Vec<_>, Vec<_>) = rest.split(' ').partition(|w| !w.contains('='));
        if ["apply", "revert"].contains(&command) {
            let dir = if dirs[..] == ["link"] { "link" } else { "tree" };
            let said: serde_json::Value = serde_json::from_str(&self.run(command, dir)?)?;
            for (name, value) in fields.iter().filter_map(|field| field.split_once('=')) {
                let found = said[name].to_string();
                expect(&found.trim_matches('"'), &value)?;
            }
            return Ok(());
        }
        let before = stamps(&self.path("tree"))?;
        let said = self.run(command, "tree")?;
        ensure!(
            stamps(&self.path("tree"))? == before,
            "the tree was written to"
        );
        match rest {
            "" => Ok(()),
            rest if command == "status" && rest.contains(" | ") => names(&said, rest),
            rest => expect(&said.trim_end(), &rest),
        }
    }

    /// Each of these commands fails with one line that has all of the texts, and writes nothing.
    fn refused(&self, rest: &str) -> Result<()> {
        let (commands, texts) = rest.split_once(':').context("no text")?;
        let known = [
            "load",
            "apply",
            "revert",
            "status",
            "committed",
            "patches",
            "roundtrip",
        ];
        let (commands, dirs): (Vec<_>, Vec<_>) =
            commands.split(' ').partition(|word| known.contains(word));
        for command in commands {
            let (all, tree) = (self.dir.path(), self.path("tree"));
            let before = (Snapshot::of(all)?, stamps(&tree).ok());
            let Err(error) = self.run(command, dirs.first().unwrap_or(&"tree")) else {
                bail!("was not refused");
            };
            let error = format!("{error:#}");
            ensure!(!error.contains('\n'), "more than one line: {error:?}");
            names(&error, texts.trim_start())?;
            Snapshot::of(all)?.same_as(&before.0)?;
            ensure!(stamps(&tree).ok() == before.1, "the tree was written to");
        }
        Ok(())
    }

    /// The configuration with one thing replaced must be refused.
    fn bad_config(&self, rest: &str) -> Result<()> {
        let (change, texts) = rest.split_once(" ! ").context("no text")?;
        let fresh = Self::new();
        fresh.edit("repo/scripts/overlay.toml", change)?;
        fresh.refused(&format!("load: scripts/overlay.toml | {texts}"))
    }
}

fn put(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn expect<T: PartialEq + std::fmt::Debug + ?Sized>(found: &T, expected: &T) -> Result<()> {
    ensure!(found == expected, "found {found:?}, expected {expected:?}");
    Ok(())
}

/// Checks that a message has these texts.
pub fn names(message: &str, texts: &str) -> Result<()> {
    for text in texts.split(" | ") {
        let text = String::from_utf8(unescaped(text))?;
        ensure!(message.contains(&text), "{text:?} is not in {message:?}");
    }
    Ok(())
}

fn replacement(text: &str) -> Result<(&str, &str)> {
    let (from, to) = text.split_once(" =>").context("no replacement")?;
    Ok((from, to.strip_prefix(' ').unwrap_or(to)))
}

fn mode(octal: &str) -> Result<fs::Permissions> {
    Ok(fs::Permissions::from_mode(u32::from_str_radix(octal, 8)?))
}

/// Replaces \n, \r, \\ and \xff.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match (byte, byte == b'\\') {
            (byte, false) => byte,
            _ => match rest.next().expect("an escape") {
                b'n' => b'\n',
                b'r' => b'\r',
                b'x' => {
                    let hex = [rest.next(), rest.next()].map(|digit| digit.expect("two digits"));
                    u8::from_str_radix(std::str::from_utf8(&hex).expect("ASCII"), 16).expect("hex")
                }
                other => other,
            },
        });
    }
    bytes
}
