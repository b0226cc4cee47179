// SPDX-License-Identifier: GPL-2.0

//! Locks and the modes in which they are held, in the words of the document.

use anyhow::{Result, bail};
use lock_table::{Held, LockState};
use std::collections::BTreeSet;
use std::fmt;

/// A lock, held in a mode, in the order in which the document lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lock {
    MmapRead,
    MmapWrite,
    VmaRead,
    VmaWrite,
    RmapRead,
    RmapWrite,
    IMmapWrite,
    AnonVmaWrite,
    PageTables,
    SwapSpecific,
    NumabSpecific,
}

const PHRASES: [(Lock, &str); 11] = [
    (Lock::MmapRead, "mmap read"),
    (Lock::MmapWrite, "mmap write"),
    (Lock::VmaRead, "VMA read"),
    (Lock::VmaWrite, "VMA write"),
    (Lock::RmapRead, "rmap read"),
    (Lock::RmapWrite, "rmap write"),
    (Lock::IMmapWrite, "i_mmap write"),
    (Lock::AnonVmaWrite, "anon_vma write"),
    (Lock::PageTables, "page_table_lock"),
    (Lock::SwapSpecific, "swap-specific lock"),
    (Lock::NumabSpecific, "numab-specific lock"),
];

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phrase = PHRASES.iter().find(|(lock, _)| lock == self);
        f.write_str(phrase.map_or("", |(_, phrase)| phrase))
    }
}

/// Locks that are needed together.
pub type Locks = BTreeSet<Lock>;

/// As a cell of the document has them, without the full stop.
pub fn show(locks: &Locks) -> String {
    let phrases: Vec<String> = locks.iter().map(Lock::to_string).collect();
    phrases.join(", ")
}

/// Reads the list of locks in a cell.
pub fn parse(text: &str) -> Result<Locks> {
    let mut locks = Locks::new();
    for phrase in text.trim().trim_end_matches('.').split(',').map(str::trim) {
        let Some((lock, _)) = PHRASES.iter().find(|(_, known)| *known == phrase) else {
            bail!("unknown lock \"{phrase}\"");
        };
        if !locks.insert(*lock) {
            bail!("\"{phrase}\" is listed twice");
        }
    }
    Ok(locks)
}

/// The locks held in a state.
pub fn of_state(state: LockState) -> Locks {
    let modes = [
        (state.mmap, Lock::MmapRead, Lock::MmapWrite),
        (state.vma, Lock::VmaRead, Lock::VmaWrite),
        (state.rmap, Lock::RmapRead, Lock::RmapWrite),
    ];
    modes
        .into_iter()
        .filter_map(|(held, read, write)| match held {
            Held::None => None,
            Held::Read => Some(read),
            Held::Write => Some(write),
        })
        .collect()
}

/// A lock state as `mmap/VMA/rmap`, the name of its row: `W/W/-`.
pub fn show_state(state: LockState) -> String {
    let letter = |held| match held {
        Held::None => '-',
        Held::Read => 'R',
        Held::Write => 'W',
    };
    format!(
        "{}/{}/{}",
        letter(state.mmap),
        letter(state.vma),
        letter(state.rmap)
    )
}

/// Every combination of the three locks, in the order of the document's columns.
pub fn all_states() -> Vec<LockState> {
    let modes = [Held::None, Held::Read, Held::Write];
    let mut states = Vec::new();
    for mmap in modes {
        for vma in modes {
            for rmap in modes {
                states.push(LockState { mmap, vma, rmap });
            }
        }
    }
    states
}

/// Returns true if holding `have` is holding at least `need`.
pub fn covers(have: LockState, need: LockState) -> bool {
    have.mmap >= need.mmap && have.vma >= need.vma && have.rmap >= need.rmap
}
