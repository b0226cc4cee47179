// SPDX-License-Identifier: GPL-2.0

//! Judges the diagnostics for a file of items, item by item.
//!
//! An error of one kind can keep rustc from looking for those of another. So an item that is complained about otherwise
//! than expected is judged and taken out, and the others are compiled again, until nothing but what is expected is said.

use super::items::{Expected, Item};
use crate::diagnostic::{Complaint, Outcome};
use crate::judge::quote;

#[cfg(test)]
mod tests;

/// The verdict on an item.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    /// True if the access can be had there, if rustc's output shows it.
    pub allowed: Option<bool>,
    /// The error; empty if there is none.
    pub wrong: String,
}

/// The verdicts, in the order of the items, and complaints that belong to none of them.
pub(crate) struct Judged {
    pub verdicts: Vec<Verdict>,
    pub elsewhere: Vec<String>,
}

/// Judges items by what `compile` says of a file that has those on these lines, `first` being the line of the first one.
pub(crate) fn judge<E>(
    items: &[&Item],
    first: usize,
    mut compile: impl FnMut(&[Option<&Item>]) -> Result<Outcome, E>,
) -> Result<Judged, E> {
    let mut verdicts = vec![None; items.len()];
    loop {
        let lines: Vec<Option<&Item>> = items
            .iter()
            .zip(&verdicts)
            .map(|(item, verdict)| verdict.is_none().then_some(*item))
            .collect();
        let outcome = compile(&lines)?;
        let (mut of_item, mut elsewhere) = (vec![Vec::new(); items.len()], Vec::new());
        for complaint in &outcome.complaints {
            let lines = complaint.lines.iter().filter_map(|l| l.checked_sub(first));
            let mut at = lines.filter(|at| matches!(verdicts.get(*at), Some(None)));
            match (at.next(), complaint.lines.len()) {
                (Some(at), 1) => of_item[at].push(complaint),
                _ => elsewhere.push(quote(complaint)),
            }
        }
        let mut taken_out = false;
        for (at, complaints) in of_item.iter().enumerate() {
            let as_expected = match complaints[..] {
                [] => true,
                [one] => fits(items[at], one),
                _ => false,
            };
            if !as_expected {
                verdicts[at] = Some(unexpected(items[at], complaints));
                taken_out = true;
            }
        }
        if taken_out {
            continue;
        }
        if !outcome.success && outcome.complaints.iter().all(|c| !c.error) {
            let said = outcome.other.as_deref().unwrap_or("nothing");
            elsewhere.push(format!("rustc failed without an error and said: {said}"));
        }
        let left = verdicts.into_iter().zip(of_item).zip(items);
        let verdicts = left
            .map(|((verdict, complaints), item)| {
                verdict.unwrap_or_else(|| rest(item, &complaints, &elsewhere))
            })
            .collect();
        return Ok(Judged {
            verdicts,
            elsewhere,
        });
    }
}

/// Of an item about which nothing unexpected was said.
fn rest(item: &Item, complaints: &[&Complaint], elsewhere: &[String]) -> Verdict {
    let unknown = || Verdict {
        allowed: None,
        wrong: format!("rustc did not get to it: {}", elsewhere.join("; ")),
    };
    match (&item.expected, complaints.is_empty(), elsewhere.is_empty()) {
        (Expected::Compiles, true, true) => Verdict {
            allowed: Some(true),
            wrong: String::new(),
        },
        (_, true, false) => unknown(),
        (_, true, true) => Verdict {
            allowed: Some(true),
            wrong: "compiles, but must not".to_string(),
        },
        (_, false, _) => Verdict {
            allowed: Some(false),
            wrong: String::new(),
        },
    }
}

fn unexpected(item: &Item, complaints: &[&Complaint]) -> Verdict {
    let said: Vec<String> = complaints.iter().map(|c| quote(c)).collect();
    let said = said.join("; ");
    // Where there is no other, this is what a level that lacks a capability looks like.
    let lacks = |c: &&&Complaint| c.code == "E0277" || c.code == "E0599";
    let refused = complaints.iter().filter(lacks).count() == complaints.len();
    let wrong = match &item.expected {
        Expected::Compiles => format!("does not compile, but must: {said}"),
        _ if complaints.iter().any(|c| fits(item, c)) => format!("more than one complaint: {said}"),
        Expected::Lacks { message, label } => {
            format!("no E0277 with {message:?} and {label:?}, but {said}")
        }
        Expected::NoMethod(name) => format!("no E0599 for the method {name}, but {said}"),
    };
    Verdict {
        allowed: refused.then_some(false),
        wrong,
    }
}

/// Returns true if it is the complaint that is expected.
fn fits(item: &Item, complaint: &Complaint) -> bool {
    if !complaint.error {
        return false;
    }
    match &item.expected {
        Expected::Compiles => false,
        Expected::Lacks { message, label } => {
            complaint.code == "E0277"
                && says(&complaint.message, message, &item.column)
                && complaint.texts.contains(label)
        }
        Expected::NoMethod(name) => {
            let said = format!("no method named `{name}` found ");
            complaint.code == "E0599" && complaint.message.starts_with(&said)
        }
    }
}

/// Returns true if a message is that of the capability, with the level in the place of each `{Self}`, or the level's path.
fn says(message: &str, pattern: &str, level: &str) -> bool {
    let mut parts = pattern.split("{Self}");
    let Some(mut rest) = parts.next().and_then(|start| message.strip_prefix(start)) else {
        return false;
    };
    for part in parts {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
        let (path, after) = rest.split_at(end.unwrap_or(rest.len()));
        if path.rsplit("::").next() != Some(level) {
            return false;
        }
        let Some(after) = after.strip_prefix(part) else {
            return false;
        };
        rest = after;
    }
    rest.is_empty()
}
