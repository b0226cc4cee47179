// SPDX-License-Identifier: GPL-2.0

//! C functions that are not exported to modules: code of the abstraction that modules have a copy of calls none.

use super::facts::HELPER;
use super::object::Object;
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::report::Outcome;
use anyhow::{Context, Result};
use soundness::Call;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Judges the functions of the checkout by the symbols of a kernel in which helpers are called.
pub fn exports(kernel: &Kernel, config: Config) -> Result<Outcome> {
    let out = kernel.places.out(config.name);
    let symbols = Symbols {
        all: column(&out.join("System.map"), ' ', 2)?,
        exported: column(&out.join("Module.symvers"), '\t', 1)?,
        helpers: callees(&Object::read(&out.join("rust/helpers/helpers.o"))?),
    };
    Ok(judge(&symbols, &soundness::calls(&kernel.places.repo)?))
}

/// One column of a table.
fn column(path: &Path, separator: char, at: usize) -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("{}: cannot be read", path.display()))?;
    let cells = text
        .lines()
        .filter_map(|line| line.split(separator).nth(at));
    Ok(cells.map(str::to_string).collect())
}

/// The symbols that each function of an object names.
fn callees(object: &Object) -> BTreeMap<String, BTreeSet<String>> {
    let functions = object.functions.iter();
    functions
        .map(|f| (f.name.clone(), f.names().map(str::to_string).collect()))
        .collect()
}

struct Symbols {
    all: BTreeSet<String>,
    exported: BTreeSet<String>,
    helpers: BTreeMap<String, BTreeSet<String>>,
}

impl Symbols {
    /// The first symbol that is not exported, of those that a module needs if it has a copy of what calls this.
    fn missing(&self, name: &str) -> Option<&str> {
        let helper = self.helpers.get_key_value(&format!("{HELPER}{name}"));
        match helper {
            Some((helper, _)) => self.missing_in(helper, &mut BTreeSet::new()),
            None => self.is_missing(name),
        }
    }

    fn missing_in<'a>(&'a self, name: &'a str, seen: &mut BTreeSet<&'a str>) -> Option<&'a str> {
        if !seen.insert(name) {
            return None;
        }
        let mut names = self.helpers[name].iter();
        names.find_map(|name| match self.helpers.contains_key(name) {
            true => self.missing_in(name, seen),
            false => self.is_missing(name),
        })
    }

    fn is_missing(&self, name: &str) -> Option<&str> {
        let symbol = self.all.get(name)?;
        (!self.exported.contains(name)).then_some(symbol)
    }
}

fn judge(symbols: &Symbols, calls: &[Call]) -> Outcome {
    let mut outcome = Outcome::default();
    for Call {
        item,
        name,
        in_modules,
    } in calls
    {
        if let Some(missing) = symbols.missing(name) {
            outcome.check(!in_modules, || {
                format!(
                    "{item}: {name}() needs {missing}, which is not exported to modules: call it in a function that is \
                     not generic and has #[inline(never)]"
                )
            });
        }
    }
    if outcome.passed == 0 {
        outcome.fail("no function is found that calls what is not exported".to_string());
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    fn failures(calls: &[(&str, bool)]) -> Vec<String> {
        let helpers = [
            ("rust_helper_safe", ["exported", ".rodata"]),
            ("rust_helper_direct", ["exported", "hidden"]),
            ("rust_helper_deep", ["local", ".text"]),
            ("local", ["local", "rust_helper_direct"]),
        ];
        let symbols = Symbols {
            all: set(&["exported", "hidden", "own"]),
            exported: set(&["exported"]),
            helpers: helpers
                .map(|(name, of)| (name.to_string(), set(&of)))
                .into(),
        };
        let call = |&(name, in_modules): &(&str, bool)| Call {
            item: "a.rs f".to_string(),
            name: name.to_string(),
            in_modules,
        };
        let calls: Vec<_> = calls.iter().map(call).collect();
        judge(&symbols, &calls).failures
    }

    #[test]
    fn modules_have_only_what_is_exported() {
        let kept = [("direct", false), ("hidden", false), ("deep", false)];
        assert!(failures(&kept).is_empty());
        for name in ["safe", "exported", "a_type"] {
            assert!(failures(&[kept[0], (name, true)]).is_empty(), "{name}");
        }
        for (name, missing) in [("direct", "hidden"), ("deep", "hidden"), ("own", "own")] {
            let [failure] = &failures(&[kept[0], (name, true)])[..] else {
                panic!("{name}");
            };
            let start = format!("a.rs f: {name}() needs {missing}, which is not exported");
            assert!(failure.starts_with(&start), "{failure}");
        }
    }

    #[test]
    fn finding_nothing_is_a_failure() {
        assert_eq!(failures(&[("safe", true)]).len(), 1);
    }
}
