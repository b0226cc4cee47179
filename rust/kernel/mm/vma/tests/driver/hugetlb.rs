// SPDX-License-Identifier: GPL-2.0

#![cfg(CONFIG_HUGETLBFS)]
#![cfg(CONFIG_MEMFD_CREATE)]
#![cfg(CONFIG_ARCH_HAS_PTE_SPECIAL)]

//! Files of hugetlb: their page tables have other rules, so all that do not know these refuse them.

use super::{
    super::address_space::{
        AddressSpace,
        Mapping, //
    },
    memfd_pages::owned,
};
use crate::{
    bindings,
    fs::File,
    mm::vma::{
        driver::{
            FilePages,
            Pieces, //
        },
        page_table::{
            Pmd,
            PteError, //
        },
        LockOrder, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::aref::ARef, //
};

/// The pages of two huge ones.
const PAGES: usize = 2 * Pmd::SIZE / PAGE_SIZE;

/// A file, and a mapping of it. None of its pages is there.
fn mapped(mm: &AddressSpace) -> Result<(ARef<File>, Mapping)> {
    // SAFETY: It is a new file.
    let file = unsafe { owned(bindings::vma_kunit_hugetlb_file(PAGES * PAGE_SIZE)) }?;
    let rw = bindings::PROT_READ | bindings::PROT_WRITE;
    let flags = bindings::MAP_SHARED | bindings::MAP_NORESERVE;
    let mapping = mm.map_file_as(&file, 0, PAGES, rw, flags, 0)?;
    Ok((file, mapping))
}

#[kunit_tests(rust_vma_hugetlb)]
mod tests {
    use super::*;

    #[test]
    fn page_tables_are_neither_walked_nor_zapped() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (_, mapping) = mapped(&mm)?;
        let (start, end) = (mapping.start, mapping.end());
        let mut locks = mm.vma_locks();
        let mut vma = locks.lock_vma(start).ok_or(ENOENT)?;
        let (vma, mut order) = vma.nest();

        let huge = Err(PteError::Huge);
        assert_eq!(vma.with_pte(start, |_| ()), huge);
        assert_eq!(vma.with_pmd(start, |_| ()), huge);
        assert_eq!(vma.with_pte_alloc(&mut order, start, |_| ()), huge);
        for range in [start..end, start..start + Pmd::SIZE, end - PAGE_SIZE..end] {
            // SAFETY: The memory is this test's.
            assert_eq!(unsafe { vma.zap(range) }, huge);
        }
        Ok(())
    }

    /// C stops the kernel if a part of a huge page is unmapped (`__unmap_hugepage_range()`).
    #[test]
    fn file_is_not_unmapped() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (file, _) = mapped(&mm)?;
        for len in [PAGE_SIZE, Pmd::SIZE] {
            let refused = FilePages::of(&file).unmap(&mut LockOrder::new(), 0..len as u64);
            assert_eq!(refused, Err(EINVAL));
        }
        Ok(())
    }

    #[test]
    fn pages_of_a_memfd_are_not_pinned() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (file, _) = mapped(&mm)?;
        // SAFETY: The file is one of hugetlb, and nobody else has it.
        unsafe { bindings::vma_kunit_set_seals(file.as_ptr(), bindings::F_SEAL_SHRINK) };

        let mut pieces = Pieces::new();
        let refused = pieces.push_memfd(&mut LockOrder::new(), &file, 0, 1);
        assert_eq!(refused, Err(EOPNOTSUPP));
        assert_eq!(pieces.count(), 0);
        Ok(())
    }
}
