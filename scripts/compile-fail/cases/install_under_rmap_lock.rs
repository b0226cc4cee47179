// SPDX-License-Identifier: GPL-2.0
//! An rmap lock alone does not permit to install page table entries: they would be lost with their
//! table.

#[cfg(misuse)]
use kernel::mm::vma::Rmap as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::Read as Held;
use kernel::mm::vma::{LockOrder, Vma};

fn make_table(vma: &Vma<Held>, addr: usize) -> bool {
    vma.with_pte_alloc(&mut LockOrder::new(), addr, |_| ()).is_ok() //~ E0277 "an rmap lock alone permits to walk and to zap"
}
