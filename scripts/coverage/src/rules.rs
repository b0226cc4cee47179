// SPDX-License-Identifier: GPL-2.0

//! The data file: which safe call replaces a C call, or why none does.

use crate::scan::Site;
use anyhow::{Context, Result};
use glob::{MatchOptions, Pattern};
use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The data file, as messages name it.
pub const FILE: &str = "scripts/coverage/calls.toml";

/// An answer for call sites: exactly one of the first three.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    /// The safe calls and types that replace the C call.
    #[serde(default)]
    rust: Vec<String>,
    /// Why there is no safe call.
    reason: Option<String>,
    /// Why the site has nothing to do with a VMA.
    elsewhere: Option<String>,
    /// A remark on the replacement.
    note: Option<String>,
}

/// The state of a call site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Safe,
    Reason,
    /// Not one of the calls, which does not count.
    Elsewhere,
    Unclassified,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    answer: String,
    call: String,
    files: Option<Vec<String>>,
    function: Option<String>,
    series: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    answers: BTreeMap<String, Answer>,
    rules: Vec<Rule>,
}

/// A rule that can be applied.
struct Matcher {
    rule: Rule,
    call: Regex,
    files: Vec<Pattern>,
}

/// All rules, in their order.
pub struct Rules {
    answers: BTreeMap<String, Answer>,
    rules: Vec<Matcher>,
}

/// A call site with its answer.
#[derive(Debug, Serialize)]
pub struct Row {
    #[serde(flatten)]
    pub site: Site,
    pub state: State,
    /// The name of the answer.
    pub answer: Option<String>,
    /// The safe calls, or the reason.
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Rules {
    pub fn read(repo: &Path) -> Result<Self> {
        let file = repo.join(FILE);
        let text = fs::read_to_string(&file).with_context(|| format!("{FILE}: cannot be read"))?;
        Self::parse(&text).context(FILE)
    }

    pub fn parse(text: &str) -> Result<Self> {
        let data: Data = toml::from_str(text)?;
        let rules = data.rules.into_iter().map(Matcher::new);
        Ok(Self {
            answers: data.answers,
            rules: rules.collect::<Result<_>>()?,
        })
    }

    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// The safe calls and types that answers name, each once.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.answers.values().flat_map(|answer| &answer.rust);
        let names: BTreeSet<&str> = names.map(String::as_str).collect();
        names.into_iter()
    }

    /// The errors of the file itself.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, answer) in &self.answers {
            let texts = [&answer.reason, &answer.elsewhere];
            let given = texts.iter().filter(|text| text.is_some()).count();
            let is_empty =
                |text: &Option<String>| text.as_ref().is_some_and(|t| t.trim().is_empty());
            if given + usize::from(!answer.rust.is_empty()) != 1 || texts.into_iter().any(is_empty)
            {
                problems.push(format!(
                    "answers.{name}: has to have one of rust, reason and elsewhere"
                ));
            }
            if !self.rules.iter().any(|rule| rule.rule.answer == *name) {
                problems.push(format!("answers.{name}: no rule gives this answer"));
            }
        }
        for Matcher { rule, .. } in &self.rules {
            if !self.answers.contains_key(&rule.answer) {
                problems.push(format!("{}: there is no such answer", rule.show()));
            }
        }
        problems
    }

    /// Gives each site its answer. Adds sites without a rule, and rules without a site, to the problems.
    pub fn classify(&self, sites: Vec<Site>, series: &str, problems: &mut Vec<String>) -> Vec<Row> {
        let rules: Vec<&Matcher> = self
            .rules
            .iter()
            .filter(|rule| rule.is_of(series))
            .collect();
        let mut used = vec![BTreeSet::new(); rules.len()];
        let mut rows = Vec::new();
        for site in sites {
            let mut matching = rules.iter().enumerate();
            let found = matching.find_map(|(at, rule)| Some((at, rule.matches(&site)?)));
            let answer = found.and_then(|(at, file)| {
                used[at].insert(file);
                self.answers.get_key_value(&rules[at].rule.answer)
            });
            if found.is_none() {
                let Site {
                    file, line, call, ..
                } = &site;
                problems.push(format!(
                    "{file}:{line}: {call}: nobody has said which safe call replaces it; add a rule to {FILE}"
                ));
            }
            let (state, text) = match answer {
                Some((_, answer)) => answer.say(),
                None => (State::Unclassified, String::new()),
            };
            rows.push(Row {
                site,
                state,
                answer: answer.map(|(name, _)| name.clone()),
                text,
                note: answer.and_then(|(_, answer)| answer.note.clone()),
            });
        }
        for (Matcher { rule, files, .. }, used) in rules.iter().zip(&used) {
            if used.is_empty() {
                problems.push(format!(
                    "{}: no site is left for this rule: it is stale",
                    rule.show()
                ));
                continue;
            }
            let unused = files
                .iter()
                .enumerate()
                .filter(|(at, _)| !used.contains(at));
            for (_, file) in unused {
                problems.push(format!(
                    "{}: no site is left in {file}: it is stale",
                    rule.show()
                ));
            }
        }
        rows
    }
}

impl Answer {
    fn say(&self) -> (State, String) {
        match (&self.reason, &self.elsewhere) {
            (Some(reason), _) => (State::Reason, reason.trim().to_string()),
            (_, Some(elsewhere)) => (State::Elsewhere, elsewhere.trim().to_string()),
            _ => (State::Safe, self.rust.join(", ")),
        }
    }
}

impl Matcher {
    fn new(rule: Rule) -> Result<Self> {
        let context = || rule.show();
        let call = Regex::new(&format!("^(?:{})", rule.call)).with_context(context)?;
        let files = rule.files.iter().flatten().map(|file| Pattern::new(file));
        let files = files.collect::<Result<_, _>>().with_context(context)?;
        Ok(Self { rule, call, files })
    }

    fn is_of(&self, series: &str) -> bool {
        let listed = self.rule.series.as_ref();
        listed.is_none_or(|listed| listed.iter().any(|one| one == series))
    }

    /// Returns the position of the glob that matches the site's file, zero if there are none.
    fn matches(&self, site: &Site) -> Option<usize> {
        let options = MatchOptions {
            require_literal_separator: true,
            ..MatchOptions::default()
        };
        let mut files = self.files.iter();
        let file = match self.rule.files {
            None => 0,
            Some(_) => files.position(|file| file.matches_with(&site.file, options))?,
        };
        let call = self.call.is_match(&site.call);
        let function = self.rule.function.is_none() || self.rule.function == site.function;
        (call && function).then_some(file)
    }
}

impl Rule {
    /// The rule as messages name it.
    fn show(&self) -> String {
        let files = match self.files.as_deref() {
            None => String::new(),
            Some([]) => " in no file".to_string(),
            Some([one]) => format!(" in {one}"),
            Some([first, rest @ ..]) => format!(" in {first} and {} more", rest.len()),
        };
        format!("{FILE}: {}: {}{files}", self.answer, self.call)
    }
}
