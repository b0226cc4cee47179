// SPDX-License-Identifier: GPL-2.0

//! Reading and writing a field of a locked VMA. `vma_bench_fields.c` does the same in C.

use kernel::{
    mm::vma::{
        AdviceFlags,
        Vma,
        VmaFlag,
        VmaRead,
        VmaWrite, //
    },
    sync::atomic::Relaxed, //
};

// Under its read lock.

#[inline(never)]
pub(crate) fn prim_read_start(vma: &Vma<VmaRead>) -> u64 {
    vma.start() as u64
}

#[inline(never)]
pub(crate) fn prim_read_end(vma: &Vma<VmaRead>) -> u64 {
    vma.end() as u64
}

#[inline(never)]
pub(crate) fn prim_read_pgoff(vma: &Vma<VmaRead>) -> u64 {
    vma.pgoff() as u64
}

#[inline(never)]
pub(crate) fn prim_read_mm(vma: &Vma<VmaRead>) -> u64 {
    vma.mm().as_raw().addr() as u64 % 64
}

#[inline(never)]
pub(crate) fn prim_read_page_prot(vma: &Vma<VmaRead>) -> u64 {
    vma.page_prot().into_raw().pgprot as u64
}

#[inline(never)]
pub(crate) fn prim_read_flags(vma: &Vma<VmaRead>) -> u64 {
    vma.flags().contains(VmaFlag::WRITE).into()
}

#[inline(never)]
pub(crate) fn prim_read_file(vma: &Vma<VmaRead>) -> u64 {
    vma.file().map_or(0, |file| file.flags().into())
}

#[inline(never)]
pub(crate) fn prim_read_ops(vma: &Vma<VmaRead>) -> u64 {
    vma.ops().is_some().into()
}

#[inline(never)]
pub(crate) fn prim_read_private_data(vma: &Vma<VmaRead>) -> u64 {
    (!vma.private_data().is_null()).into()
}

/// With a reference of one's own, as who wants to keep the name needs.
#[inline(never)]
pub(crate) fn prim_read_anon_name(vma: &Vma<VmaRead>) -> u64 {
    vma.anon_name().is_some().into()
}

#[inline(never)]
pub(crate) fn prim_read_userfaultfd_ctx(vma: &Vma<VmaRead>) -> u64 {
    vma.userfaultfd_ctx().is_some().into()
}

#[inline(never)]
pub(crate) fn prim_read_anon_vma(vma: &Vma<VmaRead>) -> u64 {
    vma.anon_vma().is_some().into()
}

#[inline(never)]
pub(crate) fn prim_write_swap_readahead_info(vma: &Vma<VmaRead>) -> u64 {
    let info = vma.swap_readahead_info();
    info.store(0, Relaxed);
    info.load(Relaxed) as u64
}

/// Of a page that is there.
#[inline(never)]
pub(crate) fn prim_read_pte(vma: &Vma<VmaRead>) -> u64 {
    vma.with_pte(vma.start(), |entry| entry.get().is_present())
        .is_ok_and(|present| present)
        .into()
}

// Under its write lock.

#[inline(never)]
pub(crate) fn prim_set_flags(vma: &Vma<VmaWrite>) -> u64 {
    vma.set_flags(AdviceFlags::DONTDUMP);
    0
}

#[inline(never)]
pub(crate) fn prim_clear_flags(vma: &Vma<VmaWrite>) -> u64 {
    vma.clear_flags(AdviceFlags::DONTDUMP).is_err().into()
}

#[inline(never)]
pub(crate) fn prim_update_page_prot(vma: &Vma<VmaWrite>) -> u64 {
    vma.update_page_prot();
    0
}

#[inline(never)]
pub(crate) fn prim_is_write_locked(vma: &Vma<VmaWrite>) -> u64 {
    vma.is_write_locked().into()
}
