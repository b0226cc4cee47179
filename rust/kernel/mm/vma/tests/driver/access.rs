// SPDX-License-Identifier: GPL-2.0

#![cfg(CONFIG_HAVE_IOREMAP_PROT)]

//! Accesses of another process to memory that cannot be pinned.

use super::{
    super::{
        address_space::{
            AddressSpace,
            Mapping, //
        },
        holds::holds, //
    },
    device::{
        give_page,
        with_hook,
        Bench,
        Counted,
        Hook, //
    },
};
use crate::{
    bindings,
    mm::vma::{
        driver::{
            AccessBuffer,
            DriverVma,
            Fault,
            FaultOutcome,
            Plain,
            SetupFlags,
            ViaMmap,
            VmaOperations, //
        },
        MmapRead, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::Relaxed, //
};

/// The byte that a buffer is filled with before an access.
const POISON: u8 = 0x6b;
const FILL: u8 = 0x5a;

/// Reads and writes three bytes at once, and all that are read at the first address of the VMA.
struct AccessOps;

crate::vm_operations!(AccessOps);

#[vtable]
impl VmaOperations for AccessOps {
    type Data = Counted;
    type PageKind = Plain;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        give_page(fault)
    }

    fn access(
        vma: &DriverVma<Self, MmapRead>,
        addr: usize,
        buffer: &mut AccessBuffer<'_>,
    ) -> Result {
        vma.data().has_happened();
        match buffer {
            AccessBuffer::Read(reply) => {
                // Never more than what is mapped here.
                holds(addr + reply.room() <= vma.end())?;
                let all = addr == vma.start();
                let bytes = [FILL; 8];
                let len = if all { reply.room() } else { 3 };

                reply.append(&bytes[..len])?;
                // There is no room for these, so they are not counted.
                holds(reply.append(&bytes) == Err(EINVAL))?;
            }
            AccessBuffer::Write(bytes) => {
                let left = bytes.remaining().len();
                holds(bytes.take(left + 1).err() == Some(EINVAL))?;
                if let Ok(taken) = bytes.take(3) {
                    holds(taken == [POISON; 3])?;
                    holds(bytes.remaining().len() == left - 3)?;
                }
            }
        }
        // An access that has failed tells nothing.
        match addr % PAGE_SIZE {
            0x800 => Err(EIO),
            _ => Ok(()),
        }
    }
}

/// A device whose pages cannot be pinned.
fn with_io() -> Result<Bench> {
    with_hook(
        1,
        Hook::Mmap(|data, mut setup| {
            setup.set_flags(SetupFlags::IO);
            Ok(setup.with_ops::<AccessOps>(data.clone()))
        }),
    )
}

/// A mapping of one page, with some protection, shared or not.
fn map((mm, _, _, file): &Bench, prot: u32, flags: u32) -> Result<Mapping> {
    mm.map_file_as(file, 0, 1, prot, flags, 0)
}

/// Accesses eight bytes. Returns how many C has got, and the buffer.
///
/// C asks again for what the driver has left.
fn access(mm: &AddressSpace, addr: usize, flags: u32) -> (c_int, [u8; 8]) {
    let mut bytes = [POISON; 8];
    // SAFETY: The mm has users, and the buffer is as long as it says.
    let done = unsafe {
        bindings::access_remote_vm(
            mm.as_raw(),
            addr,
            bytes.as_mut_ptr().cast(),
            bytes.len() as c_int,
            flags,
        )
    };
    (done, bytes)
}

#[kunit_tests(rust_vma_access)]
mod tests {
    use super::*;

    const FORCE: u32 = bindings::FOLL_FORCE;
    const WRITE: u32 = bindings::FOLL_WRITE;
    const NOTHING: (c_int, [u8; 8]) = (0, [POISON; 8]);

    #[test]
    fn debuggers_reach_what_cannot_be_pinned() -> Result {
        let bench = with_io()?;
        let mapping = map(&bench, bindings::PROT_READ, bindings::MAP_SHARED)?;

        assert_eq!(access(&bench.0, mapping.start, 0), (8, [FILL; 8]));
        // Up to the end of the mapping.
        assert_eq!(access(&bench.0, mapping.end() - 3, 0).0, 3);
        Ok(())
    }

    #[test]
    fn only_what_was_appended_is_returned() -> Result {
        let bench = with_io()?;
        let mapping = map(&bench, bindings::PROT_READ, bindings::MAP_SHARED)?;

        // Three, three, and then there is no room for three.
        let (done, bytes) = access(&bench.0, mapping.start + 1, 0);
        assert_eq!(done, 6);
        assert_eq!(bytes[..6], [FILL; 6]);
        assert_eq!(bytes[6..], [POISON; 2]);
        assert_eq!(bench.1.events.load(Relaxed), 3);

        // Some bytes were appended before this failed.
        assert_eq!(access(&bench.0, mapping.start + 0x800, 0).0, 0);
        Ok(())
    }

    #[test]
    fn shared_writable_mapping_counts_as_written() -> Result {
        let bench = with_io()?;
        let (mm, shared) = (&bench.0, &bench.1);
        let both = bindings::PROT_READ | bindings::PROT_WRITE;

        for (prot, flags) in [
            (bindings::PROT_READ, bindings::MAP_SHARED),
            (bindings::PROT_READ, bindings::MAP_PRIVATE),
            (both, bindings::MAP_PRIVATE),
        ] {
            let mapping = map(&bench, prot, flags)?;
            assert_eq!(access(mm, mapping.start, WRITE), NOTHING);
            assert_eq!(access(mm, mapping.start, WRITE | FORCE), NOTHING);
        }
        assert_eq!(shared.events.load(Relaxed), 0);

        let mapping = map(&bench, both, bindings::MAP_SHARED)?;
        // Three, three, and then three are not there.
        assert_eq!(access(mm, mapping.start, WRITE).0, 6);
        assert_eq!(shared.events.load(Relaxed), 3);
        Ok(())
    }

    #[test]
    fn access_needs_may_read() -> Result {
        let bench = with_hook(
            1,
            Hook::Mmap(|data, mut setup| {
                setup.try_clear_mayread()?;
                setup.set_flags(SetupFlags::IO);
                Ok(setup.with_ops::<AccessOps>(data.clone()))
            }),
        )?;
        let mapping = map(&bench, bindings::PROT_NONE, bindings::MAP_SHARED)?;
        assert_eq!(access(&bench.0, mapping.start, FORCE), NOTHING);

        // This one could.
        let bench = with_io()?;
        let mapping = map(&bench, bindings::PROT_NONE, bindings::MAP_SHARED)?;
        assert_eq!(access(&bench.0, mapping.start, FORCE), (8, [FILL; 8]));
        Ok(())
    }
}
