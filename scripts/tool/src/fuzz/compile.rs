// SPDX-License-Identifier: GPL-2.0

//! Compiling generated modules: what the compiler refuses is taken out, by the lines of its errors, until it is content.

use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::proc;
use crate::progress::Progress;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
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
            let first = wrong
                .first()
                .map_or("no error of rustc", |error| &error.text);
            bail!(
                "generated modules do not build: {first}: see {}",
                kernel.places.show(&log)
            );
        }
    }
    bail!("generated modules do not build after {ROUNDS} rounds")
}

/// An error of the compiler's.
struct Error {
    /// Where: the file's stem and the line, of everything that it points at and of macros around that.
    at: Vec<(String, usize)>,
    text: String,
}

fn errors(output: &str) -> Vec<Error> {
    let mut errors = Vec::new();
    for line in output.lines() {
        let Some(start) = line.find('{') else {
            continue;
        };
        let Ok(value) = serde_json::from_str::<Value>(&line[start..]) else {
            continue;
        };
        if value["level"] != "error" {
            continue;
        }
        let mut at = Vec::new();
        for span in value["spans"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|span| span["is_primary"] == true)
        {
            let mut span = span;
            while !span.is_null() {
                let file = span["file_name"].as_str().unwrap_or_default();
                let stem = Path::new(file)
                    .file_stem()
                    .unwrap_or_default()
                    .to_string_lossy();
                at.push((
                    stem.to_string(),
                    span["line_start"].as_u64().unwrap_or(0) as usize,
                ));
                span = &span["expansion"]["span"];
            }
        }
        let text = value["rendered"]
            .as_str()
            .or(value["message"].as_str())
            .unwrap_or_default();
        errors.push(Error {
            at,
            text: text.to_string(),
        });
    }
    errors
}

/// The functions of a module that errors are in.
fn refused(
    errors: &[Error],
    module: &str,
    functions: &[(String, usize, usize)],
) -> BTreeSet<String> {
    let lines = errors
        .iter()
        .flat_map(|error| &error.at)
        .filter(|(stem, _)| stem == module);
    lines
        .filter_map(|(_, line)| {
            functions
                .iter()
                .find(|(_, first, last)| (first..=last).contains(&line))
        })
        .map(|(name, ..)| name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_belong_to_the_function_with_their_line() {
        let output = "  RUSTC [M] x.o\n{\"level\":\"error\",\"message\":\"no\",\"spans\":[{\"is_primary\":true,\
            \"file_name\":\"/a/m.rs\",\"line_start\":12,\"expansion\":null}]}\n{\"level\":\"warning\",\"spans\":[]}\n";
        let errors = errors(output);
        assert_eq!(errors.len(), 1);
        let functions = [("f0".to_string(), 1, 9), ("f1".to_string(), 10, 20)];
        assert_eq!(
            refused(&errors, "m", &functions),
            BTreeSet::from(["f1".to_string()])
        );
        assert!(refused(&errors, "other", &functions).is_empty());
    }
}
