// SPDX-License-Identifier: GPL-2.0

//! Upstream's `kernel::mm`: the programs that compile with it, and the C names that it does not use.

use super::data::{Answer, Verdict};
use anyhow::Result;
use compile_fail::Snippet;
use fs_err as fs;
use std::path::Path;

/// The files of the API, in the kernel tree.
const FILES: [&str; 2] = ["rust/kernel/mm.rs", "rust/kernel/mm/virt.rs"];

/// The code of the API, without its comments.
pub fn code(tree: &Path) -> Result<String> {
    let mut code = String::new();
    for file in FILES {
        let text = fs::read_to_string(tree.join(file))?;
        let lines = text.lines().filter(|l| !l.trim_start().starts_with("//"));
        lines.for_each(|line| code += &format!("{line}\n"));
    }
    Ok(code)
}

/// The difference between an answer and what was found.
pub fn problem(name: &str, answer: &Answer, found: Option<&Snippet>, code: &str) -> Option<String> {
    if let Some(used) = answer.lacks.iter().find(|name| has_word(code, name)) {
        return Some(format!("upstream.{name}: the API has {used} in its code"));
    }
    if !answer.snippet {
        return None;
    }
    let wanted = answer.verdict == Verdict::Rejects;
    match found {
        None => Some(format!("upstream.{name}: there is no such program")),
        Some(snippet) if snippet.rejected != wanted => {
            let verdict = answer.verdict.text();
            Some(format!(
                "upstream.{name}: the program says otherwise than {verdict}"
            ))
        }
        _ => None,
    }
}

fn has_word(code: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    code.split(|c| !is_part(c)).any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(verdict: Verdict, snippet: bool, lacks: &[&str]) -> Answer {
        Answer {
            snippet,
            lacks: lacks.iter().map(|name| name.to_string()).collect(),
            verdict,
            why: String::new(),
        }
    }

    fn program(rejected: bool) -> Snippet {
        Snippet {
            name: "x".to_string(),
            rejected,
            detail: String::new(),
            source: String::new(),
            said: String::new(),
        }
    }

    #[test]
    fn a_verdict_is_that_of_the_program() {
        use Verdict::{Compiles, Rejects};
        for (verdict, rejected, fails) in [
            (Compiles, false, false),
            (Compiles, true, true),
            (Rejects, true, false),
            (Rejects, false, true),
        ] {
            let found = problem(
                "x",
                &answer(verdict, true, &[]),
                Some(&program(rejected)),
                "",
            );
            assert_eq!(found.is_some(), fails);
        }
        let missing = problem("x", &answer(Compiles, true, &[]), None, "");
        assert!(missing.unwrap().contains("no such program"));
    }

    #[test]
    fn a_name_that_the_api_has_is_found() {
        let lacks = answer(Verdict::NoCall, false, &["mmap_write_lock", "vm_file"]);
        let code = "mmap_read_lock(mm); a.vm_file_count = mmap_write_lock_killable";
        assert_eq!(problem("x", &lacks, None, code), None);
        let found = problem("x", &lacks, None, "(*vma).vm_file").unwrap();
        assert!(found.contains("has vm_file"), "{found}");
    }
}
