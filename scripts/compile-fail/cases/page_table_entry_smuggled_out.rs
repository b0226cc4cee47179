// SPDX-License-Identifier: GPL-2.0
//! An entry does not leave by a variable of the caller's, where its lock is released.

use kernel::mm::vma::{MmapRead, Vma};

fn smuggled(vma: &Vma<MmapRead>, addr: usize) -> bool {
    let mut kept = None;
    let found = vma.with_pte(addr, |entry| {
        #[cfg(not(misuse))]
        let entry = entry.get();
        kept = Some(entry); //~ E0521 "borrowed data escapes outside of closure"
    });
    found.is_ok() && kept.is_some()
}
