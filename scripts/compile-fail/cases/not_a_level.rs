// SPDX-License-Identifier: GPL-2.0
//! Only a lock level can be the parameter of a view.

#[cfg(not(misuse))]
use kernel::mm::vma::ReadFields;
use kernel::mm::vma::Vma;

#[cfg(misuse)]
fn view(_: &Vma<u32>) {} //~ E0277 "is not a lock level of a VMA"
#[cfg(not(misuse))]
fn view<L: ReadFields>(_: &Vma<L>) {}
