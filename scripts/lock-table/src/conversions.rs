// SPDX-License-Identifier: GPL-2.0

//! Every way from one view of a VMA to another: none may give what its source does not permit.
//!
//! A conversion is a function of the module whose signature has a view, or a guard that dereferences to one, in what it
//! returns or hands to a closure. For every level that its bounds admit, one of the views that go in has to permit all
//! that the view that comes out does: its capabilities are a subset, and what it holds is held. A function that takes a
//! lock is listed in `effects`, with the lock. What is not listed and takes no view is an error, so that a new function
//! is classified when it is written.
//!
//! An `unsafe fn` is left out: its callers answer for the level. A function whose bound is one of the
//! traits `NEVER`, which nothing implements, cannot be called; nor can a method that `decoys!` declares. What a body does by pointer casts is not seen, except for `Vma::from_raw()`.

mod effects;
mod members;
mod signature;

use crate::Files;
use crate::model::{Capability, Held, Level, LockState, LockTable};
use effects::{CALLBACKS, EFFECTS, Effect, INSIDE, NEVER};
use signature::{Function, Mention};
pub use signature::{name_of, words};
use std::collections::BTreeSet;

/// The errors in the conversions in these files.
pub fn check(table: &LockTable, files: &Files) -> syn::Result<Vec<String>> {
    let mut source = signature::read(files)?;
    source.never.extend(NEVER.iter().map(ToString::to_string));
    let levels = Levels { table };
    let mut problems = Vec::new();
    let mut unused: BTreeSet<&str> = EFFECTS.iter().map(|(place, _)| *place).collect();
    for function in source.functions.iter().filter(|f| !f.is_unsafe) {
        if !function.bounds.is_disjoint(&source.never) {
            continue;
        }
        let place = function.place();
        let effect = EFFECTS.iter().find(|(listed, _)| *listed == place);
        if let Some((listed, _)) = effect {
            unused.remove(listed);
        }
        if function.hides_a_view && !INSIDE.contains(&place.as_str()) {
            problems.push(format!(
                "{place}: makes a view that its signature does not show"
            ));
        }
        for target in &function.outputs {
            problems.extend(
                levels
                    .judge(function, target, effect.map(|(_, effect)| effect))
                    .map(|problem| format!("{place}: {problem}")),
            );
        }
    }
    problems.extend(
        source.never.intersection(&source.implemented).map(|name| {
            format!("{name} is implemented, and is one of the traits that nothing has")
        }),
    );
    callbacks(&source.callbacks, &levels, &mut problems);
    problems.extend(unused.iter().map(|place| {
        format!("{place}: is listed as one that takes a lock, and is no conversion of the code")
    }));
    problems.extend(members::check(table, files));
    Ok(problems)
}

/// The views that C callers hand to a driver.
fn callbacks(found: &[(String, Mention)], levels: &Levels<'_>, problems: &mut Vec<String>) {
    for (name, view) in found {
        match CALLBACKS.iter().find(|(callback, _)| callback == name) {
            Some((_, level)) if *level == view.level => {}
            Some((_, level)) => problems.push(format!(
                "callback {name}: is handed {}, and its C callers hold {level}",
                view.level
            )),
            None => problems.push(format!(
                "callback {name}: a new callback: say in CALLBACKS what its C callers hold"
            )),
        }
        if levels.level(&view.level).is_none() {
            problems.push(format!("callback {name}: {} is no level", view.level));
        }
    }
    let missing = CALLBACKS
        .iter()
        .filter(|(name, _)| !found.iter().any(|(found, _)| found == name));
    problems
        .extend(missing.map(|(name, _)| format!("callback {name}: is listed and does not exist")));
}

struct Levels<'a> {
    table: &'a LockTable,
}

impl Levels<'_> {
    fn level(&self, name: &str) -> Option<&Level> {
        self.table.levels.iter().find(|level| level.name == name)
    }

    fn capabilities(&self, level: &Level) -> impl Iterator<Item = &Capability> {
        let name = level.name.clone();
        let all = self.table.capabilities.iter();
        all.filter(move |capability| capability.levels.contains(&name))
    }

    /// The levels that a name stands for: itself, or those that the bounds of a parameter admit.
    fn admitted(&self, function: &Function, name: &str) -> Option<Vec<&Level>> {
        if let Some(level) = self.level(name) {
            return Some(vec![level]);
        }
        let bounds = function.parameters.get(name)?;
        let capabilities = &self.table.capabilities;
        let needed: Vec<_> = capabilities
            .iter()
            .filter(|capability| bounds.contains(&capability.name))
            .collect();
        let levels = self.table.levels.iter();
        Some(
            levels
                .filter(|level| needed.iter().all(|c| c.levels.contains(&level.name)))
                .collect(),
        )
    }

    /// The error in one view that comes out, if any.
    fn judge(
        &self,
        function: &Function,
        target: &Mention,
        effect: Option<&Effect>,
    ) -> Option<String> {
        let Some(targets) = self.admitted(function, &target.level) else {
            return Some(format!(
                "{} is neither a level nor a parameter",
                target.level
            ));
        };
        if function.inputs.is_empty() {
            return match effect {
                None => Some(format!(
                    "gives a view at the level {} and takes none: say in EFFECTS which lock it takes",
                    target.level
                )),
                Some(effect) => targets.iter().find_map(|to| self.taken(None, to, effect)),
            };
        }
        let mut wrong = None;
        for source in &function.inputs {
            let Some(sources) = self.admitted(function, &source.level) else {
                return Some(format!(
                    "{} is neither a level nor a parameter",
                    source.level
                ));
            };
            let found = sources.iter().find_map(|from| {
                let same = source.level == target.level;
                let to: Vec<&Level> = if same { vec![*from] } else { targets.clone() };
                to.iter().find_map(|to| match effect {
                    None => self.kept(from, to),
                    Some(effect) => self.taken(Some((from, function.by_value)), to, effect),
                })
            });
            match found {
                None => return None,
                Some(problem) => wrong = Some(problem),
            }
        }
        wrong
    }

    /// A conversion that takes no lock.
    fn kept(&self, from: &Level, to: &Level) -> Option<String> {
        let extra = self
            .capabilities(to)
            .find(|capability| !capability.levels.contains(&from.name));
        if let Some(capability) = extra {
            return Some(format!(
                "turns {} into {}, which has {} and {0} has not",
                from.name, to.name, capability.name
            ));
        }
        (!covers(&from.alternatives, &to.alternatives)).then(|| {
            format!(
                "turns {} into {}, whose locks are not held",
                from.name, to.name
            )
        })
    }

    /// A conversion that is listed.
    fn taken(&self, from: Option<(&Level, bool)>, to: &Level, effect: &Effect) -> Option<String> {
        let (effect_name, held): (_, Vec<LockState>) = match effect {
            Effect::Takes(locks) => {
                let before = from.map_or(vec![NOTHING], |(from, _)| from.alternatives.clone());
                let with = |state: &LockState| {
                    let more = locks.iter().map(|lock| union(*state, *lock));
                    more.collect::<Vec<_>>()
                };
                ("takes", before.iter().flat_map(with).collect())
            }
            Effect::Exchanges(locks) => {
                if from.is_some_and(|(_, by_value)| !by_value) {
                    return Some("gives a lock up and does not consume its guard".to_string());
                }
                ("exchanges", locks.to_vec())
            }
            Effect::HandsOver(locks) => ("hands over", locks.to_vec()),
        };
        if !covers(&held, &to.alternatives) {
            let level = from.map_or("nothing", |(from, _)| &from.name);
            return Some(format!(
                "{effect_name} a lock from {level}, and does not hold what {} stands for",
                to.name
            ));
        }
        let (from, _) = from?;
        // If the source is denied an access although it holds the locks for it, no further lock permits it.
        let denied = self.capabilities(to).find(|capability| {
            let has = |level: &&Level| capability.levels.contains(&level.name);
            let mut with = self.table.levels.iter().filter(has);
            let keeps_state = matches!(effect, Effect::Takes(_));
            keeps_state
                && !capability.levels.contains(&from.name)
                && with.any(|level| covers(&from.alternatives, &level.alternatives))
        });
        denied.map(|capability| {
            format!(
                "turns {} into {}: {0} is denied {} although its locks would do",
                from.name, to.name, capability.name
            )
        })
    }
}

const NOTHING: LockState = LockState {
    mmap: Held::None,
    vma: Held::None,
    rmap: Held::None,
};

fn union(one: LockState, other: LockState) -> LockState {
    LockState {
        mmap: one.mmap.max(other.mmap),
        vma: one.vma.max(other.vma),
        rmap: one.rmap.max(other.rmap),
    }
}

/// Returns true if each of what may be held is enough for one of what is needed.
fn covers(held: &[LockState], needed: &[LockState]) -> bool {
    held.iter().all(|held| {
        needed
            .iter()
            .any(|need| held.mmap >= need.mmap && held.vma >= need.vma && held.rmap >= need.rmap)
    })
}
