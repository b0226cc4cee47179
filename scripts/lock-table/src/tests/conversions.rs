// SPDX-License-Identifier: GPL-2.0

//! The conversions of this checkout are right, and what would make them wrong is noticed.

use crate::{LockTable, parsed, sources};
use std::path::{Path, PathBuf};

fn vma_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rust/kernel/mm/vma")
}

/// The errors after a text is replaced in one file.
fn problems(file: &str, from: &str, to: &str) -> Vec<String> {
    let mut files = sources(&vma_dir()).unwrap();
    let text = files.get_mut(file).unwrap();
    assert!(text.contains(from), "{from:?} is not in {file}");
    *text = text.replacen(from, to, 1);
    let files = parsed(&files).unwrap();
    let table = LockTable::new(&files).unwrap();
    table.problems_in(&files).unwrap()
}

#[track_caller]
fn is_noticed(file: &str, from: &str, to: &str, said: &[&str]) {
    let problems = problems(file, from, to);
    let found = problems
        .iter()
        .any(|problem| said.iter().all(|part| problem.contains(part)));
    assert!(found, "none of these says {said:?}: {problems:#?}");
}

/// With a function put before the first `impl` of a file.
#[track_caller]
fn new_code_is_noticed(file: &str, code: &str, said: &[&str]) {
    is_noticed(file, "\nimpl", &format!("\n{code}\n\nimpl"), said);
}

#[test]
fn conversions_gain_no_rights() {
    let table = LockTable::read(&vma_dir()).unwrap();
    let problems = table.problems(&vma_dir()).unwrap();
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn as_read_on_any_readable_level_fails() {
    let from = "pub fn as_read(&self) -> &Vma<Read>\n    where\n        L: ReadHeld,";
    let to = from.replace("ReadHeld", "ReadFields");
    let said = [
        "Vma::as_read: turns ",
        " into Read, which has InstallEntries",
    ];
    is_noticed("../vma.rs", from, &to, &said);
}

#[test]
fn a_level_that_gets_too_much_is_noticed() {
    let is = |to: &str, said: &[&str]| {
        is_noticed("level.rs", "unsafe impl ReadHeld for VmaRead {}", to, said);
    };
    is(
        "unsafe impl ReadHeld for VmaRead {}\nunsafe impl ReadHeld for Closing {}",
        &["Vma::as_read: turns Closing into Read, which has InstallEntries and Closing has not"],
    );
    // Neither does a lock make up for what a level is denied.
    is(
        "unsafe impl ReadHeld for VmaRead {}\nunsafe impl MmapWriteHeld for Opening {}",
        &["Vma::start_write: turns Opening into VmaWrite: Opening is denied"],
    );
}

#[test]
fn guard_deref_to_a_higher_level_fails() {
    let from = "type Target = Vma<VmaRead>;";
    let to = "type Target = Vma<MmapRead>;";
    let said = ["lock/vma_guard.rs: VmaGuard::Target: turns VmaRead into MmapRead"];
    is_noticed("lock/vma_guard.rs", from, to, &said);
    let said = ["VmaSetup::deref: turns Setup into MmapWrite"];
    is_noticed(
        "driver/setup.rs",
        "fn deref(&self) -> &Vma<Setup>",
        "fn deref(&self) -> &Vma<MmapWrite>",
        &said,
    );
    let said = ["IMmapVmas::Item: turns Rmap into MmapRead"];
    let (from, to) = (
        "type Item = &'g Vma<Rmap>;",
        "type Item = &'g Vma<MmapRead>;",
    );
    is_noticed("rmap/i_mmap.rs", from, to, &said);
}

#[test]
fn a_new_function_has_to_be_classified() {
    new_code_is_noticed(
        "lock/scope.rs",
        "impl VmaLocks<'_> { pub fn peek(&self, at: usize) -> Option<&Vma<Read>> { None } }",
        &["lock/scope.rs: VmaLocks::peek: gives a view at the level Read and takes none"],
    );
    new_code_is_noticed(
        "lock/scope.rs",
        "pub fn with_vma<R>(mm: &MmWithUser, f: impl FnOnce(&Vma<MmapRead>) -> R) -> R { f() }",
        &["lock/scope.rs: with_vma: gives a view at the level MmapRead and takes none"],
    );
    new_code_is_noticed(
        "lock/scope.rs",
        "pub fn with_vma<F>(mm: &MmWithUser, f: F) where F: Fn(&Vma<MmapRead>) { f() }",
        &["lock/scope.rs: with_vma: gives a view at the level MmapRead and takes none"],
    );
    new_code_is_noticed(
        "lock/scope.rs",
        "impl VmaLocks<'_> { fn look(&self) { let _ = unsafe { Vma::<Read>::from_raw(p) }; } }",
        &["VmaLocks::look: makes a view that its signature does not show"],
    );
}

#[test]
fn a_conversion_of_a_driver_is_one_too() {
    new_code_is_noticed(
        "driver/driver_vma.rs",
        "impl<T: VmaOperations, L: Stable> DriverVma<T, L> {
            pub fn fixed(&self) -> &DriverVma<T, MmapRead> { self.view() }
        }",
        &["DriverVma::fixed: turns ", " into MmapRead, which has "],
    );
    let (from, to) = (
        "pub fn vma(&self) -> &DriverVma<T, Read> {",
        "pub fn vma(&self) -> &DriverVma<T, VmaRead> {",
    );
    // In a macro.
    let said =
        ["driver/fault/context.rs: fault::vma: turns Read into VmaRead, whose locks are not held"];
    is_noticed("driver/fault/context.rs", from, to, &said);
}

#[test]
fn callable_decoy_fails() {
    let with = |code: &str| format!("\n{code}\n\ndecoys!");
    for (file, code, said) in [
        (
            "lock/missing_lock.rs",
            "impl MmapLocked for &Mm {}",
            "MmapLocked",
        ),
        (
            "withheld.rs",
            "impl<L: WriteAll> WritesExtent for &Vma<L> {}",
            "WritesExtent",
        ),
    ] {
        let said = format!("{said} is implemented");
        is_noticed(file, "\ndecoys!", &with(code), &[&said]);
    }
    is_noticed(
        "../vma.rs",
        "unsafe impl<L: HeldByAnyTask> Send",
        "unsafe impl HeldByAnyTask for Rmap {} unsafe impl<L: HeldByAnyTask> Send",
        &["HeldByAnyTask is implemented"],
    );
}

#[test]
fn a_callback_at_another_level_is_noticed() {
    is_noticed(
        "driver/operations.rs",
        "fn close(_vma: &DriverVma<Self, Closing>)",
        "fn close(_vma: &DriverVma<Self, MmapRead>)",
        &["callback close: is handed MmapRead, and its C callers hold Closing"],
    );
    is_noticed(
        "driver/operations.rs",
        "fn close(_vma: &DriverVma<Self, Closing>)",
        "fn shut(_vma: &DriverVma<Self, Closing>)",
        &["callback shut: a new callback"],
    );
}

#[test]
fn a_lock_that_is_not_taken_is_noticed() {
    is_noticed(
        "lock/scope.rs",
        "pub fn read(&mut self) -> MmapGuard<'_, MmapRead>",
        "pub fn read(&mut self) -> MmapGuard<'_, MmapWrite>",
        &["VmaLocks::read: takes a lock from nothing, and does not hold what MmapWrite stands for"],
    );
    is_noticed(
        "lock/mmap_guard.rs",
        "pub fn downgrade(self) -> MmapGuard<'s, MmapRead>",
        "pub fn downgrade(&self) -> MmapGuard<'s, MmapRead>",
        &["MmapGuard::downgrade: gives a lock up and does not consume its guard"],
    );
    is_noticed(
        "lock/scope.rs",
        "pub fn read_trylock(",
        "pub fn try_read(",
        &["lock/scope.rs: VmaLocks::read_trylock: is listed as one that takes a lock"],
    );
}

#[test]
fn a_method_that_reaches_a_field_is_in_its_row() {
    let block = |of: &str, body: &str| {
        format!("impl{of} {{ fn peek(&self) -> usize {{ unsafe {{ {body} }} }} }}")
    };
    let said = "Vma::peek: reaches vm_mm, and is in no row of a table";
    for (of, body) in [
        ("<L: Level> Vma<L>", "(*self.as_raw()).vm_mm.addr()"),
        (
            "<L: Level> super::Vma<L>",
            "addr_of!((*self.as_raw()).vm_mm).read_volatile().addr()",
        ),
        (
            "<L: Level> Peek for Vma<L>",
            "self.as_raw().read().vm_mm as usize",
        ),
        (" UnstableVma<'_>", "(*self.as_raw()).vm_mm.addr()"),
    ] {
        new_code_is_noticed("lock/vma_write.rs", &block(of, body), &[said]);
    }
    let said = ["lock/vma_write.rs: peek!: reaches vm_mm, and is in no row of a table"];
    new_code_is_noticed("lock/vma_write.rs", "peek! { |vma| (*vma).vm_mm }", &said);
    // Two methods, each in the row of the other.
    is_noticed(
        "field.rs",
        "`vm_start` | `start` | withheld |\n/// | `vm_end`   | `end`   |",
        "`vm_start` | `end` | withheld |\n/// | `vm_end`   | `start`   |",
        &["Vma::start: reaches vm_start, and is in the row vm_end"],
    );
    is_noticed(
        "mm/grabbed.rs",
        "Mm::from_raw((*self.as_raw()).vm_mm)",
        "Mm::from_raw(self.mm_raw())",
        &["mm/grabbed.rs: Vma::mm: is listed in REACH, and reaches no field"],
    );
}
