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
    for block in blocks(log) {
        let Some(file) = place(block).and_then(|place| ours.iter().find(|file| is_at(place, file)))
        else {
            continue;
        };
        let warning = Warning {
            file: file.clone(),
            text: format!("{block}\n"),
        };
        if is_warning(block) && !found.contains(&warning) {
            found.push(warning);
        }
    }
    found
}

/// The errors that are shown at most.
const SHOWN: usize = 20;

/// Every error, once, with the compiler's whole message.
pub fn errors(log: &str) -> String {
    let is_error = |block: &&str| {
        let first = block.lines().next().unwrap_or_default();
        let is_summary = ["error: aborting", "error: could not compile"]
            .iter()
            .any(|summary| first.starts_with(summary));
        let starts = ["error: ", "error["]
            .iter()
            .any(|word| first.starts_with(word));
        (starts || first.contains(": error: ")) && !is_summary
    };
    let mut errors: Vec<String> = Vec::new();
    for block in blocks(log).into_iter().filter(is_error) {
        let lines: Vec<&str> = block.lines().take(40).collect();
        let error = lines.join("\n") + "\n";
        if !errors.contains(&error) {
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

/// The log cut into messages: each begins where a compiler's message does and ends before a blank line, a line of the
/// build or the next message.
fn blocks(log: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    let mut start = None;
    let mut position = 0;
    for line in log.split_inclusive('\n') {
        let begins = begins_message(line);
        let ends =
            begins || line.trim().is_empty() || line.starts_with("make") || is_build_line(line);
        if let Some(from) = start.filter(|_| ends) {
            blocks.push(log[from..position].trim_end());
            start = None;
        }
        if begins {
            start = Some(position);
        }
        position += line.len();
    }
    if let Some(from) = start {
        blocks.push(log[from..].trim_end());
    }
    blocks
}

fn begins_message(line: &str) -> bool {
    let rust = ["warning: ", "warning[", "error: ", "error["];
    rust.iter().any(|word| line.starts_with(word))
        || line.contains(": warning: ")
        || line.contains(": error: ")
}

fn is_build_line(line: &str) -> bool {
    line.strip_prefix("  ")
        .is_some_and(|rest| rest.chars().take(2).all(|c| c.is_ascii_uppercase()) && rest.len() > 2)
}

fn is_warning(block: &str) -> bool {
    let first = block.lines().next().unwrap_or_default();
    first.starts_with("warning") || first.contains(": warning: ")
}

/// The file that a message is about: after rustc's arrow, or at the start of clang's first line.
fn place(block: &str) -> Option<&str> {
    let arrow = block
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("--> "));
    let spot = arrow.or_else(|| {
        block
            .lines()
            .next()
            .filter(|line| line.contains(": warning: "))
    })?;
    spot.split(':').next().map(str::trim)
}

fn is_at(place: &str, file: &str) -> bool {
    place == file
        || place
            .strip_suffix(file)
            .is_some_and(|front| front.ends_with('/'))
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
        vec![
            "rust/kernel/mm/vma/x.rs".to_string(),
            "rust/helpers/vma.c".to_string(),
        ]
    }

    #[test]
    fn only_warnings_about_our_files_count() {
        let found = about(LOG, &ours());
        let files: Vec<&str> = found.iter().map(|w| w.file.as_str()).collect();
        assert_eq!(files, ["rust/kernel/mm/vma/x.rs", "rust/helpers/vma.c"]);
        assert!(
            found[0].text.contains("^^^^^") && !found[1].text.contains("CC"),
            "{found:?}"
        );
        assert!(about(LOG, &["kernel/mm/vma/y.rs".to_string()]).is_empty());
        assert!(about(LOG, &["x.rs.c".to_string()]).is_empty());
    }

    #[test]
    fn every_error_is_shown_whole_and_once() {
        let second = "b.c:1:2: error: odd\n    1 | odd\n";
        let log = format!("{LOG}\n{second}\n{second}\n");
        let shown = errors(&log);
        assert!(
            shown.starts_with("error[E0277]") && shown.contains("take the other"),
            "{shown}"
        );
        assert!(!shown.contains("aborting"), "{shown}");
        assert_eq!(
            shown.matches("b.c:1:2: error: odd\n    1 | odd\n").count(),
            1
        );
        assert_eq!(errors("all is well\n"), "");
        let many: String = (0..25)
            .map(|n| format!("x.c:{n}:1: error: odd\n"))
            .collect();
        assert!(errors(&many).ends_with("... and 5 errors more\n"));
    }

    #[test]
    fn paths_are_those_of_the_checkout() {
        let tree = Path::new("/r/build/linux");
        let shown = |text: &str| in_checkout(text, tree, "build/linux", &ours());
        assert_eq!(
            shown("  --> /r/build/linux/rust/kernel/mm/vma/x.rs:5:6"),
            "  --> rust/kernel/mm/vma/x.rs:5:6"
        );
        assert_eq!(
            shown("/r/build/linux/mm/mmap.c:1:2"),
            "build/linux/mm/mmap.c:1:2"
        );
        assert_eq!(
            shown("rust/helpers/vma.c:9: odd"),
            "rust/helpers/vma.c:9: odd"
        );
    }

    #[test]
    fn a_repeated_warning_counts_once() {
        let twice = format!("{LOG}{LOG}");
        assert_eq!(about(&twice, &ours()).len(), 2);
    }
}
