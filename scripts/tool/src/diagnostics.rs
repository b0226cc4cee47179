// SPDX-License-Identifier: GPL-2.0

//! Compiler messages in a build log: warnings about our own files, and all errors.

use std::path::Path;

/// A warning with the file it is about.
#[derive(Debug, PartialEq, Eq)]
pub struct Warning {
    pub file: String,
    pub text: String,
}

/// The warnings about the files of `ours` (paths relative to the tree), each once.
pub fn about(log: &str, ours: &[String]) -> Vec<Warning> {
    let mut found: Vec<Warning> = Vec::new();
    for block in blocks(log, "warning") {
        let is_about = |file: &&String| place(block).is_some_and(|place| is_at(place, file));
        if let Some(file) = ours.iter().find(is_about) {
            let (file, text) = (file.clone(), format!("{block}\n"));
            let warning = Warning { file, text };
            if !found.contains(&warning) {
                found.push(warning);
            }
        }
    }
    found
}

/// The errors that are shown at most.
const SHOWN: usize = 20;

/// Every error, once, with the compiler's whole message.
pub fn errors(log: &str) -> String {
    let mut errors: Vec<String> = Vec::new();
    for block in blocks(log, "error") {
        let summaries = ["error: aborting", "error: could not compile"];
        let is_summary = summaries.iter().any(|summary| block.starts_with(summary));
        let lines = block.lines().take(40).map(|line| format!("{line}\n"));
        let error: String = lines.collect();
        if !is_summary && !errors.contains(&error) {
            errors.push(error);
        }
    }
    let more = errors.len().saturating_sub(SHOWN);
    errors.truncate(SHOWN);
    if more > 0 {
        errors.push(format!("... and {more} errors more\n"));
    }
    errors.join("\n")
}

/// Every error, once, as a line: the message, and the place that it is about.
pub fn heads(log: &str) -> Vec<String> {
    let mut heads: Vec<String> = Vec::new();
    for block in blocks(log, "error") {
        let message = block.lines().next().unwrap_or_default();
        let mut lines = block.lines().map(str::trim_start);
        // The compiler for C has the place in the message.
        let head = match lines.find_map(|line| line.strip_prefix("--> ")) {
            Some(place) => format!("{place}: {message}"),
            None => message.to_string(),
        };
        if !message.starts_with("error: aborting") && !heads.contains(&head) {
            heads.push(head);
        }
    }
    heads
}

/// A text with the paths of a kernel tree as a reader in the checkout would type them: our files are those of the
/// checkout, from which the tree has copies.
pub fn in_checkout(text: &str, tree: &Path, shown_tree: &str, ours: &[String]) -> String {
    let from_tree = format!("{}/", tree.display());
    let mut text = text.replace(&from_tree, &format!("{shown_tree}/"));
    for file in ours {
        text = text.replace(&format!("{shown_tree}/{file}:"), &format!("{file}:"));
    }
    text
}

/// The messages of a log of one kind. Each begins where a compiler's message does and ends before a blank line, a line of
/// the build or the next message.
fn blocks<'a>(log: &'a str, kind: &str) -> Vec<&'a str> {
    let mut blocks = Vec::new();
    let (mut start, mut position) = (None, 0);
    for line in log.split_inclusive('\n').chain([""]) {
        let begins = ["warning", "error"].iter().find(|kind| begins(line, kind));
        if begins.is_some() || line.trim().is_empty() || is_build_line(line) {
            let from = std::mem::replace(&mut start, begins.map(|kind| (kind, position)));
            if let Some((_, from)) = from.filter(|(found, _)| **found == kind) {
                blocks.push(log[from..position].trim_end());
            }
        }
        position += line.len();
    }
    blocks
}

/// Rustc begins a line with the kind of a message, clang with a place.
fn begins(line: &str, kind: &str) -> bool {
    let rest = line.strip_prefix(kind);
    let is_rust = rest.is_some_and(|rest| rest.starts_with(": ") || rest.starts_with('['));
    is_rust || line.contains(&format!(": {kind}: "))
}

fn is_build_line(line: &str) -> bool {
    let step = line.strip_prefix("  ").filter(|rest| rest.len() > 2);
    let is_step = step.is_some_and(|s| s.chars().take(2).all(|c| c.is_ascii_uppercase()));
    is_step || line.starts_with("make")
}

/// The file that a message is about: after rustc's arrow, or at the start of clang's first line.
fn place(block: &str) -> Option<&str> {
    let mut lines = block.lines().map(str::trim_start);
    let arrow = lines.find_map(|line| line.strip_prefix("--> "));
    let first = block
        .lines()
        .next()
        .filter(|line| line.contains(": warning: "));
    arrow.or(first)?.split(':').next().map(str::trim)
}

fn is_at(place: &str, file: &str) -> bool {
    let front = place.strip_suffix(file);
    front.is_some_and(|front| front.is_empty() || front.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "  CC      a.o\n\
        warning: unused thing\n   --> /t/rust/kernel/mm/vma/x.rs:3:4\n    |\n3   | thing\n    | ^^^^^\n\n\
        warning: not ours\n  --> rust/kernel/other.rs:1:1\n\n\
        /t/rust/helpers/vma.c:9:2: warning: odd [-Wodd]\n    9 | odd\n\
        \x20 CC      b.o\n\
        error[E0277]: wrong lock\n  --> rust/kernel/mm/vma/x.rs:5:6\n   = note: take the other\n\n\
        error: aborting\n";

    fn ours() -> Vec<String> {
        ["rust/kernel/mm/vma/x.rs", "rust/helpers/vma.c"]
            .map(str::to_string)
            .into()
    }

    #[test]
    fn warning_about_our_files_counts_once() {
        let found = about(&LOG.repeat(2), &ours());
        let files: Vec<&str> = found.iter().map(|w| w.file.as_str()).collect();
        assert_eq!(files, ours());
        let [rust, c] = &found[..] else { panic!() };
        assert!(
            rust.text.contains("^^^^^") && !c.text.contains("CC"),
            "{found:?}"
        );
        assert!(about(LOG, &["kernel/mm/vma/y.rs".to_string()]).is_empty());
        assert!(about(LOG, &["x.rs.c".to_string()]).is_empty());
    }

    #[test]
    fn head_of_an_error_is_its_place_and_message() {
        let heads = heads(&LOG.repeat(2));
        assert_eq!(
            heads,
            ["rust/kernel/mm/vma/x.rs:5:6: error[E0277]: wrong lock"]
        );
    }

    #[test]
    fn every_error_is_shown_whole_and_once() {
        let second = "b.c:1:2: error: odd\n    1 | odd\n";
        let shown = errors(&format!("{LOG}\n{second}\n{second}\n"));
        let is_whole = shown.starts_with("error[E0277]") && shown.contains("take the other");
        assert!(is_whole && !shown.contains("aborting"), "{shown}");
        assert_eq!(shown.matches(second).count(), 1);
        assert_eq!(errors("all is well\n"), "");
        let many: String = (0..25)
            .map(|n| format!("x.c:{n}:1: error: odd\n"))
            .collect();
        assert!(errors(&many).ends_with("... and 5 errors more\n"));
    }

    #[test]
    fn paths_are_those_of_the_checkout() {
        let tree = Path::new("/r/build/linux");
        for (text, shown) in [
            (
                "  --> /r/build/linux/rust/kernel/mm/vma/x.rs:5:6",
                "  --> rust/kernel/mm/vma/x.rs:5:6",
            ),
            ("/r/build/linux/mm/mmap.c:1:2", "build/linux/mm/mmap.c:1:2"),
            ("rust/helpers/vma.c:9: odd", "rust/helpers/vma.c:9: odd"),
        ] {
            assert_eq!(in_checkout(text, tree, "build/linux", &ours()), shown);
        }
    }
}
