// SPDX-License-Identifier: GPL-2.0

//! The arguments in the source: the SAFETY comment of a block or an implementation, the `# Safety` section of a
//! function or a trait.

use crate::source::{Kind, Part, Place, Source, docs, section, walk};
use anyhow::Result;

/// An `unsafe`, and why it is right.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Site {
    /// The file and the path of the item in it, such as `driver/fault/page.rs Fault::set_page`.
    pub item: String,
    pub kind: Kind,
    /// Empty if there is none.
    pub argument: String,
    #[serde(skip)]
    pub line: usize,
}

/// Every `unsafe` of a file.
pub fn sites(source: &Source) -> Result<Vec<Site>> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut sites = Vec::new();
    walk(source.tokens()?, &mut |place: &Place, part| {
        let Part::Unsafe { kind, before, line } = part else {
            return;
        };
        let argument = match kind {
            Kind::Block | Kind::Impl => comment(&lines, line),
            Kind::Fn | Kind::Trait => section(&docs(before), "# Safety").or_else(|| {
                let name = place.path.last()?;
                let of_trait = place.of_trait.as_ref()?;
                Some(format!("As for `{of_trait}::{name}()`."))
            }),
        };
        // The pattern of a macro that makes functions; what it is used for has its own entries.
        if kind == Kind::Fn && place.path.last().is_some_and(|name| name.starts_with('$')) {
            return;
        }
        sites.push(Site {
            item: format!("{} {}", source.name, place.name()),
            kind,
            argument: argument.unwrap_or_default(),
            line,
        });
    });
    Ok(sites)
}

/// The SAFETY comment above the statement that has line `line`, counted from one.
fn comment(lines: &[&str], line: usize) -> Option<String> {
    let mut at = line - 1;
    loop {
        at = at.checked_sub(1)?;
        let text = lines[at].trim();
        if text.starts_with("///") || text.starts_with("//!") {
            return None;
        }
        if text.starts_with("//") {
            break;
        }
        let is_attribute = text.starts_with("#[");
        if !is_attribute && (text.is_empty() || text.ends_with([';', '{', '}', ','])) {
            return None;
        }
    }
    let mut first = at;
    while first > 0 && is_comment(lines[first - 1]) {
        first -= 1;
    }
    let block = lines[first..=at]
        .iter()
        .map(|line| line.trim().trim_start_matches('/').trim());
    let mut text = Vec::new();
    let mut in_argument = false;
    for line in block {
        if let Some(rest) = line.strip_prefix("SAFETY:") {
            in_argument = true;
            text.push(rest.trim());
        } else if ["INVARIANT:", "CAST:", "PANIC:"]
            .iter()
            .any(|word| line.starts_with(word))
        {
            in_argument = false;
        } else if in_argument {
            text.push(line);
        }
    }
    Some(text.join(" ").trim().to_string()).filter(|text| !text.is_empty())
}

fn is_comment(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("//") && !line.starts_with("///") && !line.starts_with("//!")
}

/// Sentences that name no obligation.
const EMPTY: [&str; 12] = [
    "the caller answers for it",
    "the caller answers for them",
    "the caller answers for that",
    "guaranteed by the caller",
    "by the caller",
    "the caller guarantees it",
    "the caller guarantees this",
    "as the caller says",
    "this is safe",
    "it is safe",
    "safe",
    "todo",
];

/// Returns whether an argument names no obligation at all.
pub fn is_empty(argument: &str) -> bool {
    let mut sentences = argument
        .split(". ")
        .map(|sentence| sentence.trim().trim_end_matches(['.', ':']).to_lowercase())
        .filter(|sentence| !sentence.is_empty());
    sentences.all(|sentence| EMPTY.contains(&sentence.as_str()))
}
