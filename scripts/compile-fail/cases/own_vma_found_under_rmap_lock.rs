// SPDX-License-Identifier: GPL-2.0
//! Under an rmap lock alone a VMA may be closed already, and its data be gone.

#[cfg(not(misuse))]
use kernel::mm::vma::Read as Held;
#[cfg(misuse)]
use kernel::mm::vma::Rmap as Held;
use kernel::mm::vma::{driver::OperationsTable, Vma};

fn is_own<T: OperationsTable>(vma: &Vma<Held>) -> bool {
    vma.downcast::<T>().is_some() //~ E0277 "cannot be read at lock level `Rmap`"
}
