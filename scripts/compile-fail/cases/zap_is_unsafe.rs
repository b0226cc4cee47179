// SPDX-License-Identifier: GPL-2.0
//! The locks do not make the pages of a mapping the caller's: CVE-2026-43434 zapped and inserted where
//! another mapping had taken the place of its own.

use kernel::mm::vma::{Read, Vma};

fn drop_pages(vma: &Vma<Read>) -> bool {
    #[cfg(misuse)]
    let done = vma.zap(vma.start()..vma.end()); //~ E0133 "call to unsafe function"
    #[cfg(not(misuse))]
    // SAFETY: This is only compiled.
    let done = unsafe { vma.zap(vma.start()..vma.end()) };
    done.is_ok()
}
