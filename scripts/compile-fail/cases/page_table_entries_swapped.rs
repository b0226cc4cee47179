// SPDX-License-Identifier: GPL-2.0
//! Of two nested closures, each has an entry whose lock is released at its own end.

use kernel::mm::vma::{MmapRead, Vma};

fn nested(a: &Vma<MmapRead>, b: &Vma<MmapRead>, addr: usize) -> bool {
    let same = a.with_pte(addr, |outer| {
        let mut last = outer.get();
        #[cfg(misuse)]
        let mut outer = outer;
        let found = b.with_pte(addr, |inner| {
            last = inner.get();
            #[cfg(misuse)]
            {
                outer = inner; //~ E0521 "borrowed data escapes outside of closure"
            }
        });
        found.is_ok() && outer.get() == last
    });
    same == Ok(true)
}
