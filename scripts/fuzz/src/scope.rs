// SPDX-License-Identifier: GPL-2.0

//! The values that a generated function has at one place, and what they borrow.

use crate::types::Ty;
use std::collections::BTreeMap;

/// A local variable.
#[derive(Clone, Debug)]
pub struct Value {
    pub name: String,
    pub ty: Ty,
    /// True if it can still be used.
    pub is_alive: bool,
    /// The block that moved it, counted from the outermost one.
    moved_in: usize,
    /// Moved, but only in a branch: it may still hold what it held.
    pub may_be_alive: bool,
    /// The variables that it borrows, and whether exclusively.
    pub loans: BTreeMap<usize, bool>,
    /// How many enclosing calls or loops have it: it can be shared, and nothing else.
    pub frozen: usize,
    /// Needed at the end: it is not moved before.
    pub is_kept: bool,
}

/// How a statement uses a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    Shared,
    Mutable,
    Moved,
}

#[derive(Clone, Debug, Default)]
pub struct Scope {
    pub values: Vec<Value>,
    blocks: usize,
}

impl Scope {
    pub fn add(&mut self, name: String, ty: Ty, loans: BTreeMap<usize, bool>) -> usize {
        self.values.push(Value {
            name,
            ty,
            is_alive: true,
            moved_in: 0,
            may_be_alive: false,
            loans,
            frozen: 0,
            is_kept: false,
        });
        self.values.len() - 1
    }

    pub fn alive(&self) -> impl Iterator<Item = (usize, &Value)> {
        self.values
            .iter()
            .enumerate()
            .filter(|(_, value)| value.is_alive)
    }

    /// Returns true if a variable can be used this way.
    pub fn allows(&self, value: usize, how: Use) -> bool {
        let value = &self.values[value];
        match how {
            Use::Shared => value.is_alive,
            Use::Mutable => value.is_alive && value.frozen == 0,
            Use::Moved => value.is_alive && value.frozen == 0 && !value.is_kept,
        }
    }

    /// The variables that end when one is used this way, the innermost first; none if one of them cannot.
    pub fn ended_by(&self, value: usize, how: Use) -> Option<Vec<usize>> {
        let mut ended = Vec::new();
        self.collect(value, how, &mut ended)?;
        Some(ended)
    }

    fn collect(&self, value: usize, how: Use, ended: &mut Vec<usize>) -> Option<()> {
        for (other, borrower) in self.alive() {
            let loan = borrower.loans.get(&value);
            let conflicts = loan.is_some_and(|exclusive| *exclusive || how != Use::Shared);
            if conflicts && !ended.contains(&other) {
                if borrower.frozen > 0 {
                    return None;
                }
                self.collect(other, Use::Moved, ended)?;
                if !ended.contains(&other) {
                    ended.push(other);
                }
            }
        }
        Some(())
    }

    pub fn end(&mut self, value: usize) {
        self.values[value].is_alive = false;
        self.values[value].moved_in = self.blocks;
    }

    /// Enters a block. Returns what [`leave()`](Self::leave) takes.
    pub fn enter(&mut self) -> usize {
        self.blocks += 1;
        self.values.len()
    }

    /// Leaves a block: its variables are gone, and outer ones that it moved may be alive if the block is skipped.
    pub fn leave(&mut self, len: usize) {
        self.values.truncate(len);
        self.blocks -= 1;
        for value in &mut self.values {
            if !value.is_alive && value.moved_in > self.blocks {
                value.moved_in = self.blocks;
                value.may_be_alive = true;
            }
        }
    }

    /// Keeps what the variables from `len` on hold until the end, although nothing uses them.
    pub fn retire(&mut self, len: usize) {
        for value in &mut self.values[len..] {
            value.may_be_alive |= value.is_alive;
            value.is_alive = false;
        }
    }

    /// The variables that may hold something here, which a program cannot use if a branch moved them.
    pub fn perhaps_alive(&self) -> impl Iterator<Item = &Value> {
        self.values
            .iter()
            .filter(|value| value.is_alive || value.may_be_alive || value.frozen > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borrower_is_dropped_first() {
        let mut scope = Scope::default();
        let locks = scope.add("locks".into(), Ty::plain("VmaLocks"), BTreeMap::new());
        let guard = scope.add(
            "guard".into(),
            Ty::plain("Guard"),
            BTreeMap::from([(locks, true)]),
        );
        let vma = scope.add(
            "vma".into(),
            Ty::plain("Vma"),
            BTreeMap::from([(guard, false)]),
        );
        assert_eq!(scope.ended_by(guard, Use::Shared), Some(vec![]));
        assert_eq!(scope.ended_by(guard, Use::Moved), Some(vec![vma]));
        assert_eq!(scope.ended_by(locks, Use::Shared), Some(vec![vma, guard]));
        scope.values[vma].frozen = 1;
        assert_eq!(scope.ended_by(locks, Use::Mutable), None);
    }

    #[test]
    fn guard_dropped_in_branch_may_live_on() {
        let mut scope = Scope::default();
        let guard = scope.add("guard".into(), Ty::plain("Guard"), BTreeMap::new());
        let outer = scope.enter();
        let inner = scope.enter();
        scope.end(guard);
        assert_eq!(scope.perhaps_alive().count(), 0);
        scope.leave(inner);
        assert_eq!(scope.perhaps_alive().count(), 1);
        scope.leave(outer);
        assert_eq!(scope.perhaps_alive().count(), 1);
        assert!(!scope.allows(guard, Use::Shared));
    }
}
