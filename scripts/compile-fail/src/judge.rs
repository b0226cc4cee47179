// SPDX-License-Identifier: GPL-2.0

//! Compares rustc's diagnostics with those that the case expects: all of them, and no others.

use crate::Revision;
use crate::case::{CaseFile, Reason};
use crate::diagnostic::{Complaint, Outcome};

/// The error in the outcome; `None` if the test passed.
pub(crate) fn judge(case: &CaseFile, revision: Revision, outcome: &Outcome) -> Vec<String> {
    let mut wrong = match revision {
        Revision::Misuse => misuse(case, outcome),
        Revision::Correct => outcome
            .complaints
            .iter()
            .map(|c| format!("{} {}", place(c), quote(c)))
            .collect(),
    };
    let errors = outcome.complaints.iter().any(|c| c.error);
    if !outcome.success && !errors {
        let said = outcome.other.as_deref().unwrap_or("nothing");
        wrong.push(format!(
            "rustc failed without an error in the case and said: {said}"
        ));
    } else if outcome.success && revision == Revision::Misuse {
        wrong.insert(0, "compiles".to_string());
    }
    wrong
}

fn misuse(case: &CaseFile, outcome: &Outcome) -> Vec<String> {
    let errors: Vec<&Complaint> = outcome.complaints.iter().filter(|c| c.error).collect();
    let unexpected = errors
        .iter()
        .filter(|e| !case.reasons.iter().any(|r| fits(r, e)));
    let mut wrong: Vec<String> = unexpected
        .map(|e| format!("{} unexpected {}", place(e), quote(e)))
        .collect();
    for reason in case
        .reasons
        .iter()
        .filter(|r| !errors.iter().any(|e| fits(r, e)))
    {
        wrong.push(format!(
            "line {}: no {} with the text {:?}",
            reason.line, reason.code, reason.text
        ));
    }
    for text in case
        .never
        .iter()
        .filter(|text| outcome.rendered.contains(*text))
    {
        wrong.push(format!("rustc says {text:?}, which misleads"));
    }
    wrong
}

/// An error that arises inside the kernel crate, such as a failed `const` assertion, may point to no line
/// of the case at all: then code and text have to do.
fn fits(reason: &Reason, error: &Complaint) -> bool {
    let there = error.lines.is_empty() || error.lines.contains(&reason.line);
    there && error.code == reason.code && error.texts.iter().any(|t| t.contains(&reason.text))
}

fn place(complaint: &Complaint) -> String {
    complaint
        .lines
        .first()
        .map_or("elsewhere:".to_string(), |line| format!("line {line}:"))
}

pub(crate) fn quote(complaint: &Complaint) -> String {
    let level = if complaint.error { "error" } else { "warning" };
    let code = if complaint.code == "error" {
        level.to_string()
    } else {
        format!("{level} {}", complaint.code)
    };
    format!("{code} {:?}", complaint.message)
}
