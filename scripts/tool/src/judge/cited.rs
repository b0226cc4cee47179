// SPDX-License-Identifier: GPL-2.0

//! The functions of the kernel that the models and the litmus tests stand for: whether they are still those that somebody
//! has compared with the models.

pub mod arguments;

use super::check;
use crate::places::Places;
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::{Context, Result};
use fs_err as fs;
use itertools::Itertools;
use regex_lite::Regex;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

const FUNCTIONS: &str = "scripts/model/functions.toml";

/// For each file of the kernel its functions, each with the digests of the texts that were compared.
#[derive(Deserialize)]
struct Cited(BTreeMap<String, BTreeMap<String, Vec<String>>>);

/// Compares every function with its digests.
pub fn run(places: &Places, tree: &Path, progress: &Progress) -> Result<Outcome> {
    let step = progress.step("cited functions");
    let text = fs::read_to_string(places.repo.join(FUNCTIONS))?;
    let Cited(files) = toml::from_str(&text).context(FUNCTIONS)?;
    let mut outcome = Outcome::default();
    for (path, functions) in files {
        let text = fs::read_to_string(tree.join(&path)).unwrap_or_default();
        let text = without_comments(&text);
        for (name, known) in functions {
            let digest = definition(&text, &name).map(|text| digest(&text));
            let digest = digest.as_deref().unwrap_or("there is no such function");
            check!(
                outcome,
                known.iter().any(|known| known == digest),
                "{path}: {name}() is not the one that was compared with the models: compare it again, and then add its \
                 digest to {FUNCTIONS}: {digest}"
            );
        }
    }
    Ok(step.ended(outcome))
}

fn without_comments(text: &str) -> String {
    let comment = Regex::new(r"(?s)/\*.*?\*/|//[^\n]*").expect("a constant");
    comment.replace_all(text, "").into_owned()
}

/// All definitions of a function or macro, one after the other: there may be one for each configuration. Functions that allocate
/// are defined with an ending of their names, and called by a macro.
fn definition(text: &str, name: &str) -> Option<String> {
    let function = format!(
        r"(?ms)^[a-z_][^;{{}}()#]*\b{name}(?:_noprof)?\([^;{{}}]*\)\s*\{{(?:[^\n{{}}]*\}}|.*?^\}})"
    );
    let by_macro = format!(r"\A#[ \t]*define {name}\b(?:.*\\\n)*.*");
    let regex = |pattern: &str| Regex::new(pattern).expect("a name in a constant");
    let (function, by_macro) = (regex(&function), regex(&by_macro));
    let mut all = BTreeMap::new();
    // Only where the name is, because a regular expression takes long for a whole file.
    for (at, _) in text.match_indices(name) {
        let start = text[..at]
            .rfind([';', '{', '}', '(', ')', '#'])
            .unwrap_or(0);
        let (before, after) = (&text[start..at], &text[at + name.len()..]);
        let found = if before.trim_end().ends_with("define") {
            by_macro.find(&text[start..])
        } else if after.starts_with('(') || after.starts_with("_noprof(") {
            let end = text[at..]
                .find("\n}")
                .map_or(text.len(), |end| at + end + 2);
            function.find(&text[start..end])
        } else {
            None
        };
        all.extend(found.map(|found| (start + found.start(), found.as_str())));
    }
    let words = all.into_values().flat_map(str::split_whitespace).join(" ");
    (!words.is_empty()).then_some(words)
}

/// The first 16 digits of the SHA-256.
fn digest(text: &str) -> String {
    overlay::sha256(text.as_bytes())[..16].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r"
static inline bool other(void)
{
	return start(1);
}

/* start(x) { */
int start(int x)
{
	if (x) {
		return 2;
	}
	return 3;
}
EXPORT_SYMBOL(start);
#define begin(x) \
	do { x; } \
	while (0)
#define end(x) x
static void none(void) {}
#if 1
# define alloc(...) alloc_hooks(alloc_noprof(__VA_ARGS__))
#else
#define alloc alloc_noprof
#endif
void *alloc_noprof(int n)
{
	return start(n);
}
int last(void)
{
	return 0;
}
";

    #[test]
    fn a_definition_is_found_whole() {
        let text = without_comments(TEXT);
        let found = |name| definition(&text, name);
        assert_eq!(
            found("start").as_deref(),
            Some("int start(int x) { if (x) { return 2; } return 3; }")
        );
        let other = found("other").unwrap();
        assert!(other.starts_with("static inline bool other(") && other.ends_with("start(1); }"));
        assert_eq!(
            found("begin").as_deref(),
            Some("#define begin(x) \\ do { x; } \\ while (0)")
        );
        assert_eq!(found("end").as_deref(), Some("#define end(x) x"));
        assert_eq!(found("none").as_deref(), Some("static void none(void) {}"));
        assert_eq!(
            found("alloc").as_deref(),
            Some(
                "# define alloc(...) alloc_hooks(alloc_noprof(__VA_ARGS__)) #define alloc alloc_noprof \
                 void *alloc_noprof(int n) { return start(n); }"
            )
        );
        for name in ["begi", "star", "EXPORT_SYMBOL", "x"] {
            assert_eq!(found(name), None, "{name}");
        }
    }

    #[test]
    fn comments_and_layout_do_not_count() {
        let again = TEXT.replace("\treturn 3;", "\t/* three */\n\n\t  return  3; // three");
        let digest_of = |text: &str| digest(&definition(&without_comments(text), "start").unwrap());
        assert_eq!(digest_of(TEXT), digest_of(&again));
        assert_ne!(
            digest_of(TEXT),
            digest_of(&TEXT.replace("return 3", "return 4"))
        );
        assert_eq!(digest_of(TEXT).len(), 16);
    }
}
