// SPDX-License-Identifier: GPL-2.0
//! The kernel does not count page frames, so those that a VMA maps have to be its data's: memory
//! that something else frees would stay mapped.

#[cfg(misuse)]
type Memory = kernel::sync::Arc<usize>;
#[cfg(not(misuse))]
type Memory = kernel::sync::Arc<kernel::mm::vma::driver::PfnRegion<usize>>;
use kernel::mm::vma::{
    driver::{
        DriverVma, Fault, FaultOutcome, HugeFault, HugeFaultOutcome, Mapped, OperationsTable,
        PfnMap, ViaMmap, VmaOperations, VmaSetup,
    },
    MmapRead,
};
use kernel::mm::vma::LockOrder;
use kernel::prelude::*;

fn insert<T>(vma: &DriverVma<T, MmapRead>, addr: usize) -> Result
where
    T: VmaOperations<PageKind = PfnMap, Data = Memory>,
{
    vma.insert_pfn(&mut LockOrder::new(), addr, 0) //~ E0277 "`Arc<usize>` has no page frames"
}

fn fault<T>(fault: Fault<'_, T>) -> FaultOutcome<'_>
where
    T: VmaOperations<PageKind = PfnMap, Data = Memory>,
{
    fault.insert_pfn(0) //~ E0277 "no frames that stay for as long as they are mapped"
}

fn huge_fault<T>(fault: HugeFault<'_, T>) -> HugeFaultOutcome<'_>
where
    T: VmaOperations<PageKind = PfnMap, Data = Memory>,
{
    fault.insert_pfn_pmd(0) //~ E0277 "say `type Data = Arc<PfnRegion<..>>`, or `Arc<DeviceMemory<..>>`"
}

fn mmap<T>(vma: VmaSetup<'_, PfnMap>, memory: Memory, addr: usize) -> Result<Mapped<'_>>
where
    T: OperationsTable<PageKind = PfnMap, Hook = ViaMmap, Data = Memory>,
{
    vma.remap_pfn_range::<T>(memory, addr, 0, 1) //~ E0277 "`Arc<usize>` has no page frames"
}
