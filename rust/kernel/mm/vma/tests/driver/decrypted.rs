// SPDX-License-Identifier: GPL-2.0

#![cfg(CONFIG_X86_64)]
#![cfg(not(CONFIG_UML))]
#![cfg(not(CONFIG_RUST_INLINE_HELPERS))]

//! Memory of devices, and what the kernel has decrypted, is mapped as memory that is not encrypted.
//!
//! No machine of the suites encrypts memory. So the helper of `pgprot_decrypted()` is replaced by
//! one that sets a bit which entries do not use.

use super::{
    super::{
        address_space::{
            peek,
            unmap,
            AddressSpace, //
        },
        holds::holds, //
    },
    device::{
        Device,
        Hook,
        Shared, //
    },
    nowhere,
    pieces::{
        scattered,
        Ops,
        PreparedOps,
        Scattered, //
    },
};
use crate::{
    bindings,
    mm::vma::driver::{
        Frames,
        MemoryType,
        Pieces, //
    },
    page::PAGE_SIZE,
    prelude::*, //
};

const PAGES: usize = 2;

/// The ways in which frames come into a mapping.
const HOOKS: [fn() -> Hook<Scattered>; 4] = [
    || Hook::Mmap(|memory, setup| Ok(setup.pfnmap()?.with_ops::<Ops>(memory.clone()))),
    || Hook::MmapPrepare(|memory, desc| Ok(desc.pfnmap()?.with_ops::<PreparedOps>(memory))),
    || {
        Hook::Mmap(|memory, setup| {
            let start = setup.start();
            let setup = setup.pfnmap()?;
            setup.remap_pfn_range::<Ops>(memory.clone(), start, 0, PAGES)
        })
    },
    || {
        Hook::MmapPrepare(|memory, desc| {
            let start = desc.start();
            let desc = desc.pfnmap()?;
            desc.remap_pfn_range::<PreparedOps>(memory, start, 0, PAGES)
        })
    },
];

/// Maps frames in each way. Their entries must have the bit that says that they are not encrypted,
/// or must not. The protection of the VMA does not keep it (C: `vma_set_page_prot()`).
fn check(
    mm: &AddressSpace,
    frames: fn() -> Result<Frames>,
    bit: usize,
    is_decrypted: bool,
) -> Result {
    for hook in HOOKS {
        let mut pieces = Pieces::new();
        pieces.push(frames()?, GFP_KERNEL)?;
        let device = Device::new(scattered(pieces, &Shared::new(0)?)?, hook())?;
        let mapping = mm.map_file(&*device.open()?, 0, PAGES)?;

        for addr in [mapping.start, mapping.start + PAGE_SIZE] {
            peek(addr)?;
            let mut locks = mm.vma_locks();
            let vma = locks.lock_vma(addr).ok_or(ENOENT)?;
            let pte = vma.with_pte(addr, |slot| slot.get()).map_err(|_| ENOENT)?;
            holds(is_decrypted == (pte.into_raw().pte & bit != 0))?;
        }
        unmap(mapping.start, mapping.len)?;
    }
    Ok(())
}

#[kunit_tests(rust_vma_decrypted)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_encrypted_as_it_is_for_the_kernel() -> Result {
        let mm = AddressSpace::of_this_case()?;
        // SAFETY: This is a KUnit case.
        let bit = unsafe { bindings::vma_kunit_encrypt_memory() };

        check(&mm, || Frames::alloc(PAGES, GFP_KERNEL), bit, false)?;
        check(&mm, || Frames::alloc_decrypted(PAGES), bit, true)?;
        check(
            &mm,
            || {
                let first = nowhere::first()?;
                // SAFETY: There is nothing, or memory that nobody else has.
                Ok(unsafe { Frames::from_io_frames(first, PAGES, MemoryType::Noncached) })
            },
            bit,
            true,
        )
    }
}
