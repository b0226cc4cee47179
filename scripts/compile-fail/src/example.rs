// SPDX-License-Identifier: GPL-2.0

//! Examples in a Markdown file: each block of Rust has to compile against the kernel without a
//! warning, because readers will copy it.

use crate::case::CaseFile;
use crate::kernel::Compiler;
use crate::{Case, Report, Revision, judge};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::time::Instant;

/// The module that an example is part of, as for the cases.
const MODULE: &str = include_str!("../cases/support/module.rs");

/// Compiles every block of Rust in `markdown` against the kernel built in `build_dir`.
pub fn examples(markdown: &Path, build_dir: &Path, rustc: &Path) -> Result<Report> {
    let shown = markdown.display();
    let text = fs::read_to_string(markdown).with_context(|| format!("{shown}: cannot be read"))?;
    let blocks = rust_blocks(&text);
    ensure!(
        !blocks.is_empty(),
        "{shown}: no block of Rust (```rust) in it"
    );
    let compiler = Compiler::of_kernel(build_dir, rustc)?;
    let scratch = tempfile::tempdir().context("no directory for temporary files: set TMPDIR")?;
    let file = markdown.file_name().unwrap_or_default().to_string_lossy();

    let mut report = Report::default();
    for (line, block) in blocks {
        let start = Instant::now();
        let path = scratch.path().join(format!("example_{line}.rs"));
        // A crate has to have a description, and one with operations in it is a module; what is part of one is not asked
        // to repeat it.
        let module = if block.contains("#[vtable]") {
            MODULE
        } else {
            ""
        };
        let source = format!("//! An example.\n\n{block}{module}");
        fs::write(&path, source)
            .with_context(|| format!("{}: cannot be written", path.display()))?;
        let nothing_expected = CaseFile::of_an_example(block);
        let outcome =
            compiler.compile(&path, &nothing_expected, Revision::Correct, scratch.path())?;
        let complaints = judge::judge(&nothing_expected, Revision::Correct, &outcome);
        let ok = complaints.is_empty();
        *(if ok {
            &mut report.passed
        } else {
            &mut report.failed
        }) += 1;
        report.cases.push(Case {
            name: format!("{file}:{line}"),
            revision: Revision::Correct.name().to_string(),
            ok,
            detail: complaints.join("; "),
            seconds: start.elapsed().as_secs_f64(),
            left_out: false,
            shows: String::new(),
            said: String::new(),
        });
    }
    Ok(report)
}

/// Returns the messages and labels of rustc that `markdown` quotes although no case produced them.
pub fn unsaid(markdown: &str, cases: &[Case]) -> Vec<String> {
    let quoted = markdown
        .lines()
        .filter_map(|line| match line.rsplit_once('^') {
            Some((_, label)) => Some(label.trim()),
            None => Some(line.trim()).filter(|line| line.starts_with("error[")),
        });
    quoted
        .filter(|text| !cases.iter().any(|case| case.said.contains(text)))
        .map(str::to_string)
        .collect()
}

/// The blocks, each with the number of its first line.
fn rust_blocks(text: &str) -> Vec<(usize, &str)> {
    let mut blocks = Vec::new();
    let (mut at, mut line, mut begun) = (0, 1, None);
    for part in text.split_inclusive('\n') {
        match (part.trim_end(), begun) {
            ("```rust", None) => begun = Some((line + 1, at + part.len())),
            ("```", Some((first, start))) => {
                blocks.push((first, &text[start..at]));
                begun = None;
            }
            _ => (),
        }
        at += part.len();
        line += 1;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blocks_of_rust_are_taken() {
        let text =
            "a\n```sh\nls\n```\n```rust\nfn f() {}\n```\n\n```rust\n```\n```rust\nnever closed\n";
        assert_eq!(rust_blocks(text), [(6, "fn f() {}\n"), (10, "")]);
        assert!(rust_blocks("    ```rust\n").is_empty());
    }

    #[test]
    fn quoted_messages_must_have_been_said() {
        let case = Case {
            name: String::new(),
            revision: String::new(),
            ok: true,
            detail: String::new(),
            seconds: 0.0,
            left_out: false,
            shows: String::new(),
            said: "error[E1]: right\n 1 | a\n   | ^ this label".to_string(),
        };
        let text = |error, label| {
            format!("text\n\n    error[E1]: {error}\n      |\n    9 | a\n      | ^ {label}\n")
        };
        let unsaid = |error, label| unsaid(&text(error, label), std::slice::from_ref(&case));
        assert!(unsaid("right", "this label").is_empty());
        assert_eq!(unsaid("wrong", "this label"), ["error[E1]: wrong"]);
        assert_eq!(unsaid("right", "another"), ["another"]);
    }
}
