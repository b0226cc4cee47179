// SPDX-License-Identifier: GPL-2.0

//! The compiler of a kernel build, asked about a crate that is not complete.

use crate::{Compiler, Kind, Mistake, Source, mentioned};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles the kernel crate, and the examples in its comments, as a build has done it.
pub struct Rustc<'a> {
    pub rustc: PathBuf,
    /// The `O=` directory of a build of everything.
    pub build: PathBuf,
    /// A copy of the tree's rust/, which is written to.
    pub source: PathBuf,
    /// For what the compiler leaves behind.
    pub scratch: PathBuf,
    /// The kernel's files with insertions, after some patches.
    pub inserted: &'a dyn Fn(usize) -> Result<Vec<(String, Vec<u8>)>>,
    /// Another configuration's build of what is below rust/, because its crate has to compile without a warning, too.
    pub other: Option<PathBuf>,
    /// Fields that nothing reads are left where they are: a later patch may read them.
    pub keeps_fields: bool,
    /// The warnings about these.
    pub tolerated: BTreeSet<String>,
    /// The files that have compiled without the tests, so that it need not again when only tests have changed.
    pub compiled: Option<BTreeMap<String, String>>,
    /// How many patches there were then.
    pub patches: usize,
}

/// The options of a command of kbuild, without what names its input and its output.
pub fn arguments(saved: &str) -> Result<Vec<String>> {
    let line = saved.lines().next().unwrap_or_default();
    let (_, command) = line.split_once(":=").context("no command of kbuild")?;
    // Where helpers are inlined, their bitcode is linked next.
    let command = command.split(';').next().unwrap_or_default();
    let words = command.split_whitespace().skip_while(|word| {
        let is_rustc = ["rustc", "clippy-driver"]
            .iter()
            .any(|name| word.ends_with(name));
        !is_rustc
    });
    let mut arguments = Vec::new();
    let mut words = words.skip(1).peekable();
    while let Some(word) = words.next() {
        let is_ours = [
            "--emit=",
            "--remap-path",
            "--out-dir",
            "-Wclippy",
            "-Aclippy",
            "-Dclippy",
        ];
        let is_file = word.ends_with(".rs");
        let has_value = ["--out-dir", "--crate-name", "--crate-type"].contains(&word);
        if has_value || word == "--extern" && words.peek() == Some(&"kernel") {
            words.next();
        } else if !is_file && !is_ours.iter().any(|option| word.starts_with(option)) {
            arguments.push(word.replace('\'', ""));
        }
    }
    ensure!(!arguments.is_empty(), "no command of kbuild for rustc");
    Ok(arguments)
}

/// One compilation of the crate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Without the tests, in less time.
    Plain,
    Whole,
    /// In the other configuration.
    Other,
}

/// The options that only the abstraction itself looks at, so that it can be compiled without them, too.
const OWN_OPTIONS: [&str; 2] = ["CONFIG_RUST_VMA_KUNIT_TEST", "CONFIG_RUST_VMA_MM"];

impl Rustc<'_> {
    fn write(&self, patches: usize, files: &BTreeMap<String, String>) -> Result<()> {
        let rust = files.iter().filter(|(path, _)| path.starts_with("rust/"));
        let mut wanted: BTreeMap<&str, &[u8]> = rust
            .map(|(path, text)| (path.as_str(), text.as_bytes()))
            .collect();
        let inserted = (self.inserted)(patches)?;
        let inserted = inserted
            .iter()
            .filter(|(path, _)| path.starts_with("rust/"));
        wanted.extend(inserted.map(|(path, content)| (path.as_str(), content.as_slice())));
        for (path, content) in &wanted {
            let file = self.source.join(path);
            if fs::read(&file).ok().as_deref() != Some(content) {
                fs::create_dir_all(file.parent().context("a path has a directory")?)?;
                fs::write(&file, content).with_context(|| file.display().to_string())?;
            }
        }
        // A file that is not there yet must not be found.
        for dir in ["rust/kernel/mm", "rust/kernel/drm"] {
            self.remove_others(&self.source.join(dir), &wanted)?;
        }
        Ok(())
    }

    fn remove_others(&self, dir: &Path, wanted: &BTreeMap<&str, &[u8]>) -> Result<()> {
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.is_dir() {
                self.remove_others(&path, wanted)?;
                continue;
            }
            let name = path
                .strip_prefix(&self.source)?
                .to_string_lossy()
                .into_owned();
            let is_ours = self.is_ours(&name);
            if is_ours && !wanted.contains_key(name.as_str()) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    fn is_ours(&self, name: &str) -> bool {
        let ours = [
            "rust/kernel/mm/vma",
            "rust/kernel/mm/untyped",
            "rust/kernel/drm/faux",
            "rust/kernel/drm/mmap",
        ];
        ours.iter().any(|start| name.starts_with(start))
    }

    /// A command of kbuild; with other `options` of the configuration than it had, if they are given.
    fn command(&self, build: &Path, name: &str, options: Option<&Path>) -> Result<Command> {
        let file = build.join("rust").join(name);
        let saved = fs::read_to_string(&file);
        let saved = saved.with_context(|| format!("{}: build the kernel first", file.display()))?;
        let mut cmd = Command::new(&self.rustc);
        let arguments = arguments(&saved)?.into_iter();
        cmd.args(arguments.map(|argument| match options {
            Some(file) if argument.starts_with("@./include/") => format!("@{}", file.display()),
            _ => argument,
        }))
        .current_dir(build)
        .env("OBJTREE", build)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUST_MODFILE", "kernel")
        .arg("--error-format=json");
        Ok(cmd)
    }

    fn crate_mistakes(&self, pass: Pass) -> Result<Vec<Mistake>> {
        let (name, build) = match (pass, &self.other) {
            (Pass::Plain, _) => ("without", &self.build),
            (Pass::Whole, _) => ("with", &self.build),
            (Pass::Other, None) => return Ok(Vec::new()),
            (Pass::Other, Some(build)) => ("other", build),
        };
        let file = self.scratch.join("rustc_cfg");
        let options = (pass == Pass::Plain).then_some(file.as_path());
        if let Some(file) = options {
            let options = fs::read_to_string(self.build.join("include/generated/rustc_cfg"))?;
            let is_other = |line: &&str| !OWN_OPTIONS.iter().any(|option| line.contains(option));
            let options: Vec<&str> = options.lines().filter(is_other).collect();
            fs::write(file, options.join("\n"))?;
        }
        let mut cmd = self.command(build, ".kernel.o.cmd", options)?;
        let out = self.scratch.join(name);
        fs::create_dir_all(&out)?;
        cmd.arg(format!("--emit=metadata={}/libkernel.rmeta", out.display()))
            .args(["--crate-name", "kernel", "--crate-type", "rlib"])
            .arg(format!("-Cincremental={}/incremental", out.display()))
            .arg(self.source.join("rust/kernel/lib.rs"));
        let mut mistakes = Vec::new();
        for message in messages(cmd)? {
            self.add(&message, &mut mistakes)?;
        }
        Ok(important(mistakes))
    }

    fn add(&self, message: &Value, mistakes: &mut Vec<Mistake>) -> Result<()> {
        let level = message["level"].as_str().unwrap_or_default();
        if !["error", "warning"].contains(&level) {
            return Ok(());
        }
        let text = message["message"].as_str().unwrap_or_default();
        let code = message["code"]["code"].as_str().unwrap_or_default();
        let spans = message["spans"].as_array().cloned().unwrap_or_default();
        let primary: Vec<&Value> = spans.iter().filter(|s| s["is_primary"] == true).collect();
        if primary.is_empty() {
            let is_summary = text.starts_with("aborting due to") || text.contains("emitted");
            ensure!(is_summary, "rustc: {text}");
            return Ok(());
        }
        for span in primary {
            let (file, offset) = self.place(span);
            if level == "warning" && !self.is_ours(&file) {
                continue;
            }
            mistakes.push(Mistake {
                file,
                offset,
                code: format!("{level} {code}").trim_end().to_string(),
                text: text.to_string(),
                is_example: false,
            });
        }
        Ok(())
    }

    /// Where the code is that was written: a macro is called there.
    fn place(&self, span: &Value) -> (String, usize) {
        let mut found = (String::new(), 0);
        let mut span = span;
        loop {
            let file = span["file_name"].as_str().unwrap_or_default();
            let below = Path::new(file).strip_prefix(&self.source);
            if let Ok(file) = below {
                let offset = span["byte_start"].as_u64().unwrap_or_default() as usize;
                found = (file.to_string_lossy().into_owned(), offset);
            }
            match &span["expansion"]["span"] {
                Value::Null => return found,
                outer => span = outer,
            }
        }
    }

    fn example_mistakes(&self, files: &BTreeMap<String, String>) -> Result<Vec<Mistake>> {
        let generated = self.build.join("rust/doctests_kernel_generated.rs");
        let generated = fs::read_to_string(&generated)
            .with_context(|| format!("{}: build the kernel first", generated.display()))?;
        let mut text = head(&generated);
        let mut places = Vec::new();
        for (path, content) in files.iter().filter(|(path, _)| self.is_ours(path)) {
            let source = Source::new(path, content)?;
            for item in source
                .items
                .iter()
                .filter(|item| item.kind == Kind::Example)
            {
                let from = text.len();
                text.push_str(&example(&content[item.range.clone()], places.len()));
                places.push((from..text.len(), path.clone(), item.range.end - 1));
            }
        }
        let file = self.scratch.join("examples.rs");
        fs::write(&file, &text)?;
        let mut cmd = self.command(&self.build, ".doctests_kernel_generated.o.cmd", None)?;
        cmd.args(["--crate-name", "examples", "--crate-type", "rlib"])
            .arg(format!(
                "--emit=metadata={}/libexamples.rmeta",
                self.scratch.display()
            ))
            .arg(format!(
                "--extern=kernel={}/with/libkernel.rmeta",
                self.scratch.display()
            ))
            .arg(&file);
        let mut mistakes = Vec::new();
        for message in messages(cmd)? {
            if message["level"] != "error" {
                continue;
            }
            let spans = message["spans"].as_array().cloned().unwrap_or_default();
            for span in spans.iter().filter(|span| span["is_primary"] == true) {
                let mut span = span;
                while !span["expansion"]["span"].is_null() {
                    span = &span["expansion"]["span"];
                }
                let at = span["byte_start"].as_u64().unwrap_or_default() as usize;
                let code = message["code"]["code"].as_str().unwrap_or_default();
                let text = message["message"].as_str().unwrap_or_default();
                let place = places.iter().find(|(range, _, _)| range.contains(&at));
                let place = place.with_context(|| format!("an example: {text}"))?;
                mistakes.push(Mistake {
                    file: place.1.clone(),
                    offset: place.2,
                    code: code.to_string(),
                    text: text.to_string(),
                    is_example: true,
                });
            }
        }
        Ok(mistakes)
    }
}

impl Compiler for Rustc<'_> {
    fn check(&mut self, patches: usize, files: &BTreeMap<String, String>) -> Result<Vec<Mistake>> {
        if self.patches != patches {
            self.compiled = None;
            self.patches = patches;
        }
        self.write(patches, files)?;
        let mut others = files.clone();
        others.retain(|path, _| !path.contains("/vma/tests"));
        for pass in [Pass::Plain, Pass::Whole, Pass::Other] {
            let is_plain = pass == Pass::Plain;
            if is_plain && self.compiled.as_ref() == Some(&others) {
                continue;
            }
            let mut mistakes = self.crate_mistakes(pass)?;
            mistakes.retain(|mistake| {
                let is_field = mistake.text.starts_with("field");
                let is_dead = mistake.code.ends_with("dead_code");
                let is_tolerated = self.keeps_fields && is_dead && is_field;
                if is_tolerated {
                    let text = format!("{}: {}", mistake.file, mistake.text);
                    self.tolerated.insert(format!("{patches}: {text}"));
                }
                !is_tolerated
            });
            if !mistakes.is_empty() {
                return Ok(mistakes);
            }
            if is_plain {
                self.compiled = Some(others.clone());
            }
        }
        self.example_mistakes(files)
    }

    fn inserted_names(&self, patches: usize) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for (path, content) in (self.inserted)(patches)? {
            if path.ends_with(".rs") {
                let text = String::from_utf8_lossy(&content);
                names.extend(mentioned(&text).into_iter().map(str::to_string));
            }
        }
        Ok(names)
    }
}

/// Errors about parts of implementations that their trait has not, if there are some: others may follow from them.
fn important(mistakes: Vec<Mistake>) -> Vec<Mistake> {
    let is = |codes: &[&str], m: &Mistake| codes.iter().any(|code| m.code.ends_with(code));
    let has_error = mistakes.iter().any(|m| m.code.starts_with("error"));
    let mut mistakes = mistakes;
    if has_error {
        mistakes.retain(|m| m.code.starts_with("error"));
    }
    // Parts that the trait does not have now: functions, and constants that a macro adds for them.
    if mistakes.iter().any(|m| is(&["E0407"], m)) {
        mistakes.retain(|m| !is(&["E0437", "E0438"], m));
    }
    if mistakes.iter().any(|m| !is(&["E0282", "E0283"], m)) {
        mistakes.retain(|m| !is(&["E0282", "E0283"], m));
    }
    mistakes
}

/// The messages of the compiler.
fn messages(mut cmd: Command) -> Result<Vec<Value>> {
    let output = cmd.output().context("rustc cannot be started")?;
    let text = String::from_utf8_lossy(&output.stderr);
    let mut messages = Vec::new();
    for line in text.lines() {
        match serde_json::from_str(line) {
            Ok(message) => messages.push(message),
            Err(_) if line.trim().is_empty() => {}
            Err(_) => bail!("rustc: {line}"),
        }
    }
    let has_error = messages.iter().any(|m: &Value| m["level"] == "error");
    ensure!(
        output.status.success() || has_error,
        "rustc: failed without an error"
    );
    Ok(messages)
}

const HEAD: &str = "//! Examples.\n\
#![allow(unused, missing_docs, unreachable_pub, rust_2018_idioms)]\n";

/// The lines that kbuild's file of examples has before the first of them.
fn head(generated: &str) -> String {
    let lines = generated.lines();
    let lines = lines.take_while(|line| !line.starts_with("/// Generated "));
    let lines = lines.filter(|line| !line.starts_with("//!"));
    HEAD.to_string() + &lines.map(|line| format!("{line}\n")).collect::<String>()
}

/// An example as a function, as rustdoc makes it.
fn example(comment: &str, number: usize) -> String {
    let lines = comment.lines().map(|line| line.trim_start());
    let lines = lines.map(|line| {
        line.strip_prefix("///")
            .or(line.strip_prefix("//!"))
            .unwrap_or(line)
    });
    let lines = lines.map(|line| line.strip_prefix(' ').unwrap_or(line));
    let code = lines.skip_while(|line| !line.starts_with("```")).skip(1);
    let code = code.take_while(|line| !line.starts_with("```"));
    let code = code.map(|line| match line.trim_start() {
        "#" => "",
        words => words.strip_prefix("# ").unwrap_or(line),
    });
    let code: Vec<&str> = code.collect();
    let has_main = code.iter().any(|line| line.starts_with("fn main()"));
    let last = code.iter().rev().find(|line| !line.trim().is_empty());
    let is_result = last.is_some_and(|line| line.trim_start().starts_with("Ok::<"));
    let returns = match is_result && !has_main {
        true => " -> core::result::Result<(), impl core::fmt::Debug>",
        false => "",
    };
    let code = code.join("\n");
    format!(
        "fn example_{number}() {{\nuse ::kernel::prelude::*;\nfn inner(){returns} {{\n{code}\n}}\n}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn options_of_a_build_are_taken_over() {
        let saved = "savedcmd_rust/kernel.o := OBJTREE=/o /b/clippy-driver --edition=2021 -Wmissing_docs -Wclippy::all \
            -Zcrate-attr='feature(a,b)' @./cfg --extern ffi --extern kernel --emit=obj=k.o --out-dir rust/ --crate-type rlib \
            -L./rust --crate-name kernel /t/rust/kernel/lib.rs --sysroot=/dev/null\n\ndeps := x\n";
        let expected = "--edition=2021 -Wmissing_docs -Zcrate-attr=feature(a,b) @./cfg --extern ffi -L./rust \
            --sysroot=/dev/null";
        assert_eq!(arguments(saved).unwrap().join(" "), expected);
        let linked = saved.replace("\n\n", "; llvm-link --internalize k.bc\n\n");
        assert_eq!(arguments(&linked).unwrap(), arguments(saved).unwrap());
        assert!(arguments("savedcmd_x := ld -o x\n").is_err());
        assert!(arguments("").is_err());
    }

    #[test]
    fn an_example_is_a_function() {
        let comment = "    /// ```\n    /// one()?;\n    ///     # #[cfg(A)]\n    /// # Ok::<(), Error>(())\n    /// ```\n";
        let text = example(comment, 3);
        assert!(text.contains("fn example_3() {"), "{text}");
        assert!(
            text.contains("fn inner() -> core::result::Result<"),
            "{text}"
        );
        assert!(
            text.contains("one()?;\n#[cfg(A)]\nOk::<(), Error>(())\n"),
            "{text}"
        );
        let generated = "//! Tests.\n\nconst A: u8 = 1;\n\n/// Generated `one`.\nfn one() {}\n";
        let head = head(generated);
        assert!(head.ends_with("idioms)]\n\nconst A: u8 = 1;\n\n"), "{head}");
        assert!(example("/// ```\n/// one();\n/// ```\n", 1).contains("fn inner() {"));
    }

    fn rustc() -> Rustc<'static> {
        Rustc {
            rustc: "rustc".into(),
            build: "/o".into(),
            source: "/s".into(),
            scratch: "/x".into(),
            inserted: &|_| Ok(Vec::new()),
            other: None,
            keeps_fields: true,
            tolerated: BTreeSet::new(),
            compiled: None,
            patches: 0,
        }
    }

    #[test]
    fn a_mistake_is_where_a_macro_is_called() {
        let inner = json!({"file_name": "/s/rust/kernel/mm/vma.rs", "byte_start": 7, "is_primary": true, "expansion": {
            "span": {"file_name": "/s/rust/kernel/mm/vma/level.rs", "byte_start": 9, "expansion": null}}});
        let message = json!({"level": "warning", "message": "unused", "code": {"code": "dead_code"}, "spans": [inner]});
        let mut mistakes = Vec::new();
        rustc().add(&message, &mut mistakes).unwrap();
        let [
            Mistake {
                file,
                offset: 9,
                code,
                ..
            },
        ] = &mistakes[..]
        else {
            panic!("{mistakes:?}");
        };
        assert_eq!(
            (&**file, &**code),
            ("rust/kernel/mm/vma/level.rs", "warning dead_code")
        );
        // A warning about a file of others is none of ours.
        let other = json!({"file_name": "/s/rust/kernel/page.rs", "byte_start": 7, "is_primary": true, "expansion": null});
        let message = json!({"level": "warning", "message": "unused", "spans": [other]});
        rustc().add(&message, &mut mistakes).unwrap();
        assert_eq!(mistakes.len(), 1);
        // Without a place, it is not known what to leave out.
        let message = json!({"level": "error", "message": "no crate", "spans": []});
        assert!(rustc().add(&message, &mut mistakes).is_err());
    }

    #[test]
    fn errors_that_follow_from_others_are_left() {
        let mistake = |code: &str| Mistake {
            file: String::new(),
            offset: 0,
            code: code.into(),
            text: String::new(),
            is_example: false,
        };
        let left = |codes: &[&str]| {
            let mistakes = important(codes.iter().map(|code| mistake(code)).collect());
            mistakes.into_iter().map(|m| m.code).collect::<Vec<_>>()
        };
        assert_eq!(
            left(&["error E0407", "error E0438", "warning x"]),
            ["error E0407"]
        );
        assert_eq!(left(&["error E0438"]), ["error E0438"]);
        assert_eq!(left(&["error E0282", "error E0425"]), ["error E0425"]);
        assert_eq!(left(&["error E0282"]), ["error E0282"]);
        assert_eq!(left(&["warning x"]), ["warning x"]);
    }
}
