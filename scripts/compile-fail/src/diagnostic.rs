// SPDX-License-Identifier: GPL-2.0

//! Diagnostics of rustc, from its JSON.

use serde::Deserialize;
use std::collections::BTreeSet;

/// An error or a warning.
#[derive(Debug)]
pub(crate) struct Complaint {
    pub error: bool,
    /// The code, the lint's name, or `error`.
    pub code: String,
    pub message: String,
    /// Message, labels, notes and helps.
    pub texts: Vec<String>,
    /// Lines of the case that it points to.
    pub lines: BTreeSet<usize>,
}

/// One run of rustc.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub success: bool,
    pub complaints: Vec<Complaint>,
    /// The last line that was no diagnostic.
    pub other: Option<String>,
    /// All of it, as a user would see it.
    pub rendered: String,
}

#[derive(Deserialize)]
struct Message {
    message: String,
    level: String,
    #[serde(default)]
    code: Option<Code>,
    #[serde(default)]
    spans: Vec<Span>,
    #[serde(default)]
    children: Vec<Message>,
    #[serde(default)]
    rendered: Option<String>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: usize,
    line_end: usize,
    is_primary: bool,
    label: Option<String>,
    expansion: Option<Box<Expansion>>,
}

#[derive(Deserialize)]
struct Expansion {
    span: Span,
}

impl Span {
    /// Lines of the file, those of the macro call there for code that a macro made.
    fn lines(&self, file: &str) -> BTreeSet<usize> {
        match &self.expansion {
            _ if self.file_name == file => (self.line_start..=self.line_end).collect(),
            Some(expansion) => expansion.span.lines(file),
            None => BTreeSet::new(),
        }
    }
}

impl Outcome {
    /// From what rustc wrote to its standard error while it compiled a file.
    pub fn parse(success: bool, stderr: &str, file: &str) -> Self {
        let (mut complaints, mut other) = (Vec::new(), None);
        let mut rendered = String::new();
        for line in stderr.lines().filter(|l| !l.trim().is_empty()) {
            match serde_json::from_str::<Message>(line) {
                Ok(message) => {
                    complaints.extend(complaint(&message, file));
                    rendered.extend(message.rendered);
                }
                Err(_) => other = Some(line.to_string()),
            }
        }
        Self {
            success,
            complaints,
            other,
            rendered,
        }
    }
}

fn complaint(message: &Message, file: &str) -> Option<Complaint> {
    let error = match message.level.as_str() {
        "warning" => false,
        level if level.starts_with("error") => true,
        _ => return None,
    };
    // "aborting due to 2 previous errors", "1 warning emitted"
    if message.spans.is_empty() && message.code.is_none() && is_summary(&message.message) {
        return None;
    }
    let primary = message.spans.iter().filter(|s| s.is_primary);
    let mut lines: BTreeSet<usize> = primary.flat_map(|s| s.lines(file)).collect();
    if lines.is_empty() {
        // An error inside a library, as of a `const` evaluated there, still says where it came from.
        let everywhere = message
            .spans
            .iter()
            .chain(message.children.iter().flat_map(|c| &c.spans));
        lines = everywhere.flat_map(|s| s.lines(file)).collect();
    }
    let mut texts = Vec::new();
    collect_texts(message, &mut texts);
    let code = message
        .code
        .as_ref()
        .map_or("error", |c| &c.code)
        .to_string();
    Some(Complaint {
        error,
        code,
        message: message.message.replace('\n', " "),
        texts,
        lines,
    })
}

fn is_summary(message: &str) -> bool {
    message.starts_with("aborting due to ")
        || message.ends_with(" warning emitted")
        || message.ends_with(" warnings emitted")
}

fn collect_texts(message: &Message, texts: &mut Vec<String>) {
    texts.push(message.message.clone());
    texts.extend(message.spans.iter().filter_map(|s| s.label.clone()));
    for child in &message.children {
        collect_texts(child, texts);
    }
}
