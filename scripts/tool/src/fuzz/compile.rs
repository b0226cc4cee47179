// SPDX-License-Identifier: GPL-2.0

//! Compiling generated modules: what the compiler refuses is taken out, by the lines of its errors, until it is content.

use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::proc;
use crate::progress::Progress;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::iter::successors;
use std::path::Path;
use vma_fuzz::Module;

/// Errors of one kind hide those of another one, so it takes some rounds.
const ROUNDS: usize = 8;

/// Writes and builds the modules in a directory of their own.
pub fn all(
    kernel: &Kernel,
    config: Config,
    dir: &Path,
    modules: &mut [Module],
    progress: &Progress,
) -> Result<()> {
    let mut step = progress.step("fuzz modules");
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).with_context(|| format!("{}: cannot be made", dir.display()))?;
    let objects: String = modules
        .iter()
        .map(|module| format!("obj-m += {}.o\n", module.name))
        .collect();
    fs::write(dir.join("Kbuild"), objects)?;
    for round in 1..=ROUNDS {
        step.doing(&format!("round {round}"));
        let mut lines = BTreeMap::new();
        for module in modules.iter() {
            let (source, functions) = module.source();
            fs::write(dir.join(format!("{}.rs", module.name)), source)?;
            lines.insert(module.name.clone(), functions);
        }
        let out = kernel.places.out(config.name);
        let mut cmd = kernel.make(config, &out);
        cmd.arg(format!("M={}", dir.display())).args([
            "--keep-going",
            "CLIPPY=",
            "KRUSTFLAGS=--error-format=json",
            "modules",
        ]);
        let log = kernel.places.log("fuzz-modules");
        let (success, output) = proc::watched(&log, cmd, |_| ())?;
        if success {
            let (all, made) = modules.iter().fold((0, 0), |(all, made), module| {
                (all + module.generated, made + module.len())
            });
            step.done(&format!("{made} of {all} programs"));
            return Ok(());
        }
        let wrong = errors(&output);
        let mut removed = 0;
        for module in modules.iter_mut() {
            let names = refused(&wrong, &module.name, &lines[&module.name]);
            removed += names.len();
            module.remove(&names);
        }
        if removed == 0 {
            let text = |error: &Message| error.rendered.clone().unwrap_or(error.message.clone());
            let first = wrong.first().map_or("no error of rustc".to_string(), text);
            bail!(
                "generated modules do not build: {first}: see {}",
                kernel.places.show(&log)
            );
        }
    }
    bail!("generated modules do not build after {ROUNDS} rounds")
}

/// A message of rustc's, in JSON.
#[derive(Deserialize)]
struct Message {
    level: String,
    message: String,
    rendered: Option<String>,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: usize,
    #[serde(default)]
    is_primary: bool,
    expansion: Option<Box<Expansion>>,
}

#[derive(Deserialize)]
struct Expansion {
    span: Span,
}

/// The errors in a log of the build.
fn errors(output: &str) -> Vec<Message> {
    let json = output
        .lines()
        .filter_map(|line| Some(&line[line.find('{')?..]));
    let messages = json.filter_map(|json| serde_json::from_str::<Message>(json).ok());
    messages
        .filter(|message| message.level == "error")
        .collect()
}

impl Message {
    /// The lines of a file that it points at, and those of macros around them.
    fn lines<'a>(&'a self, stem: &'a str) -> impl Iterator<Item = usize> + 'a {
        let primary = self.spans.iter().filter(|span| span.is_primary);
        let outward = |span: &&'a Span| span.expansion.as_ref().map(|expansion| &expansion.span);
        let spans = primary.flat_map(move |span| successors(Some(span), outward));
        let is_there = move |file: &str| Path::new(file).file_stem() == Some(stem.as_ref());
        let there = spans.filter(move |span| is_there(&span.file_name));
        there.map(|span| span.line_start)
    }
}

/// The functions of a module that errors are in.
fn refused(
    errors: &[Message],
    module: &str,
    functions: &[(String, usize, usize)],
) -> BTreeSet<String> {
    let lines: BTreeSet<usize> = errors.iter().flat_map(|e| e.lines(module)).collect();
    let has_error = |first: usize, last: usize| lines.range(first..=last).next().is_some();
    let refused = functions
        .iter()
        .filter(|(_, first, last)| has_error(*first, *last));
    refused.map(|(name, ..)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_belongs_to_function_of_its_line() {
        let output = "  RUSTC [M] x.o\n{\"level\":\"error\",\"message\":\"no\",\"spans\":[{\"is_primary\":true,\
            \"file_name\":\"/a/macro.rs\",\"line_start\":1,\"expansion\":{\"span\":{\"file_name\":\"/a/m.rs\",\
            \"line_start\":12,\"expansion\":null}}}]}\n{\"level\":\"warning\",\"message\":\"\",\"spans\":[]}\n";
        let errors = errors(output);
        assert_eq!(errors.len(), 1);
        let functions = [("f0".to_string(), 1, 9), ("f1".to_string(), 10, 20)];
        let found = refused(&errors, "m", &functions);
        assert_eq!(found, BTreeSet::from(["f1".to_string()]));
        assert!(refused(&errors, "other", &functions).is_empty());
    }
}
