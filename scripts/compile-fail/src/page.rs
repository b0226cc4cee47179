// SPDX-License-Identifier: GPL-2.0

//! All that rustc says about the cases, on one page: to be read as the author of a driver would, who made that mistake.

use crate::{Case, Revision};
use std::fmt::Write;

const SUMMARIES: [&str; 3] = [
    "error: aborting due to ",
    "For more information about ",
    "Some errors have detailed explanations",
];

/// The page, in Markdown. Paths are shown from `root` on.
pub fn page(cases: &[Case], root: &str) -> String {
    let misuses: Vec<&Case> = cases
        .iter()
        .filter(|case| case.revision == Revision::Misuse.name() && !case.said.is_empty())
        .collect();
    let mut page = format!(
        "# What rustc says about misuse\n\n{} cases. Made by `make compile-fail`.\n",
        misuses.len()
    );
    for case in misuses {
        let said = said(&case.said, root);
        let (name, shows) = (&case.name, &case.shows);
        // A String takes all that is written to it.
        let _ = write!(page, "\n## {name}\n\n{shows}\n\n```text\n{said}\n```\n");
    }
    page
}

/// Diagnostics without the number of errors, and without the advice how to read about their codes. Paths are shown from
/// `root` on.
pub fn said(diagnostics: &str, root: &str) -> String {
    let shown = diagnostics.replace(root, "");
    let lines: Vec<&str> = shown
        .lines()
        .filter(|line| !SUMMARIES.iter().any(|start| line.starts_with(start)))
        .collect();
    lines.join("\n").trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::page;
    use crate::Case;

    fn case(revision: &str, said: &str) -> Case {
        Case {
            name: "view_kept".to_string(),
            revision: revision.to_string(),
            ok: true,
            detail: String::new(),
            seconds: 0.0,
            left_out: false,
            shows: "A view is not kept.".to_string(),
            said: said.to_string(),
        }
    }

    #[test]
    fn each_misuse_is_shown_with_what_it_is_about() {
        let cases = [
            case(
                "misuse",
                "error: no\n --> /r/x.rs:1\n\nerror: aborting due to 1 previous error\n\n",
            ),
            case("correct", ""),
            case("misuse", ""),
        ];
        let page = page(&cases, "/r/");
        assert!(page.contains("\n\n1 cases."), "{page}");
        let shown = "## view_kept\n\nA view is not kept.\n\n```text\nerror: no\n --> x.rs:1\n```\n";
        assert!(page.ends_with(shown), "{page}");
    }
}
