// SPDX-License-Identifier: GPL-2.0

//! Compilers' messages picked out of a build log: those about our own files, and the first error.

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

/// The first error with all that its compiler has to say about it.
pub fn first_error(log: &str) -> Option<String> {
    let is_error = |block: &&str| {
        let first = block.lines().next().unwrap_or_default();
        first.starts_with("error: ") || first.starts_with("error[") || first.contains(": error: ")
    };
    blocks(log).into_iter().find(is_error).map(|block| {
        let lines: Vec<&str> = block.lines().take(40).collect();
        lines.join("\n") + "\n"
    })
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

/// Where a message points: after rustc's arrow, or at the front of clang's first line.
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
    fn the_first_error_is_whole() {
        let error = first_error(LOG).unwrap();
        assert!(
            error.starts_with("error[E0277]") && error.contains("take the other"),
            "{error}"
        );
        assert!(!error.contains("aborting"), "{error}");
        assert_eq!(first_error("all is well\n"), None);
    }

    #[test]
    fn a_repeated_warning_counts_once() {
        let twice = format!("{LOG}{LOG}");
        assert_eq!(about(&twice, &ours()).len(), 2);
    }
}
