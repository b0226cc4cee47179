// SPDX-License-Identifier: GPL-2.0
//! Without a lock the file of a VMA may be freed, so only whether there is one can be asked. Nor are
//! there page tables, or anything to write.

use kernel::mm::vma::{SpeculativeVma, VmaFlags};

fn look(vma: SpeculativeVma<'_>, addr: usize) -> (VmaFlags, bool) {
    #[cfg(misuse)]
    let has_file = vma.file().is_some(); //~ E0599 "no method named `file` found for struct `SpeculativeVma"
    #[cfg(misuse)]
    vma.with_pte(addr, |_| ()); //~ E0599 "no method named `with_pte` found for struct `SpeculativeVma"
    #[cfg(misuse)]
    vma.start_write(); //~ E0599 "no method named `start_write` found for struct `SpeculativeVma"
    #[cfg(not(misuse))]
    let has_file = vma.has_file() && vma.start() <= addr;
    (vma.flags(), has_file)
}
