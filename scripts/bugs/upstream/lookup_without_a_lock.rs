// SPDX-License-Identifier: GPL-2.0
//! A VMA is looked up without a lock.

use kernel::mm::MmWithUser;

fn end(mm: &MmWithUser, addr: usize) -> Option<usize> {
    Some(mm.vma_lookup(addr)?.end()) //~ E0599 "no method named `vma_lookup` found for reference `&MmWithUser`"
}
