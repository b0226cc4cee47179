// SPDX-License-Identifier: GPL-2.0

//! How a VMA and the state of its lock are printed.

use super::{
    level::{
        Level,
        ReadFields,
        Stable, //
    },
    refcnt::VmRefcnt,
    Vma, //
};
use crate::fmt;

impl<L: Level> Vma<L> {
    /// The state of the VMA lock, or `None` without `CONFIG_PER_VMA_LOCK` (C: `vm_refcnt`).
    #[doc(alias = "vm_refcnt")]
    pub fn refcnt(&self) -> Option<VmRefcnt>
    where
        L: Stable,
    {
        #[cfg(CONFIG_PER_VMA_LOCK)]
        {
            use core::ptr::addr_of;

            let vma = self.as_raw();

            // SAFETY: The VMA is alive and attached, so its mm is alive, too. The three numbers
            // are changed by others at any time, atomically or by `WRITE_ONCE()`; these are
            // volatile loads of aligned 32-bit words.
            let (refcnt, vma_seq, mm_seq) = unsafe {
                let mm = (*vma).vm_mm;

                (
                    addr_of!((*vma).vm_refcnt.refs.counter).read_volatile(),
                    addr_of!((*vma).vm_lock_seq).read_volatile(),
                    addr_of!((*mm).__bindgen_anon_1.mm_lock_seq.sequence).read_volatile(),
                )
            };

            Some(VmRefcnt::decode(refcnt, vma_seq == mm_seq))
        }

        #[cfg(not(CONFIG_PER_VMA_LOCK))]
        None
    }
}

impl<L: ReadFields> fmt::Debug for Vma<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Vma<{}> {{ {:#x}..{:#x}, pgoff: {:#x}, flags: {:?}, file: {}, refcnt: ",
            L::NAME,
            self.start(),
            self.end(),
            self.pgoff(),
            self.flags(),
            self.file().is_some(),
        )?;
        match self.refcnt() {
            Some(refcnt) => write!(f, "{refcnt:?} }}"),
            None => f.write_str("none }"),
        }
    }
}
