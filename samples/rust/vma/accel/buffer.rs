// SPDX-License-Identifier: GPL-2.0

//! Memory of a process that the device works on, until the process changes what is mapped there.

use core::{
    mem::forget,
    ops::Range, //
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    dma::DmaAddress,
    mm::{
        vma::{
            notifier::{
                IntervalNotifier,
                Mirror, //
            },
            pin::{
                DmaDirection,
                DmaPages,
                PinFor,
                PinnedPages,
                Writable, //
            }, //
        },
        MmWithUser, //
    },
    prelude::*, //
};

/// True if the pages that are pinned are those that the process has mapped.
struct IsValid(bool);

#[vtable]
impl Mirror for IsValid {
    fn invalidate(&mut self, _range: Range<usize>) {
        self.0 = false;
    }

    fn try_invalidate(&mut self, range: Range<usize>) -> bool {
        self.invalidate(range);
        true
    }
}

pub(crate) struct Buffer {
    is_valid: Pin<KBox<IntervalNotifier<IsValid>>>,
    /// None after an error of the device.
    pages: Option<PinnedPages<Writable>>,
}

impl Buffer {
    /// Pins memory of the current task.
    pub(crate) fn new(mm: &MmWithUser, range: Range<usize>) -> Result<Self> {
        let mut locks = mm.vma_locks();
        let notifier = IntervalNotifier::new(&mut locks, range.clone(), IsValid(false));
        let is_valid = KBox::pin_init(notifier, GFP_KERNEL_ACCOUNT)?;

        loop {
            let attempt = is_valid.read_begin();
            let pages = locks.pin_user_pages_fast(range.clone(), PinFor::LongTerm)?;
            if attempt.commit(|is_valid| is_valid.0 = true).is_ok() {
                return Ok(Self {
                    is_valid,
                    pages: Some(pages),
                });
            }
            // It was changed meanwhile, maybe by pinning it: a page is copied for the first write.
            if current!().signal_pending() {
                return Err(EINTR);
            }
        }
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.pages.is_some() && self.is_valid.with_state(|is_valid| is_valid.0)
    }

    /// Has `copy` work on a range of the memory. It is called for each contiguous part, with the
    /// address, the offset in the range, and the length.
    pub(crate) fn with_mapped<D: DmaDirection<Writable>>(
        &mut self,
        device: &Device<Bound>,
        range: Range<usize>,
        copy: impl FnMut(DmaAddress, usize, usize) -> Result,
    ) -> Result {
        let pages = self.pages.take().ok_or(ENXIO)?;
        // Now, because it allocates memory, which waits for invalidations.
        let pages = pages.map_for_device::<D>(device)?;

        // Each change of the memory waits for the device.
        let done = self.is_valid.read_begin().commit(|is_valid| {
            if !is_valid.0 {
                return Err(ESTALE);
            }
            copy_parts(&pages, range, copy)
        });
        let done = done.unwrap_or(Err(ESTALE));
        match done {
            // The device may still write to it.
            Err(EIO) => forget(pages),
            _ => self.pages = Some(pages.unmap()),
        }
        done
    }
}

fn copy_parts(
    pages: &DmaPages<Writable>,
    range: Range<usize>,
    mut copy: impl FnMut(DmaAddress, usize, usize) -> Result,
) -> Result {
    if range.end > pages.pages().len() {
        return Err(EFAULT);
    }
    let mut done = 0;
    while done < range.len() {
        let (address, len) = part_at(pages, range.start + done)?;
        let len = len.min(range.len() - done);
        copy(address, done, len)?;
        done += len;
    }
    Ok(())
}

/// Returns the address of a byte of the memory, and how many there are from it on.
fn part_at(pages: &DmaPages<Writable>, mut offset: usize) -> Result<(DmaAddress, usize)> {
    // No more than a look: the device cannot be unbound as long as there is a table.
    let table = pages.table().ok_or(ENODEV)?;
    for segment in table.iter() {
        let len = segment.dma_len() as usize;
        if offset < len {
            return Ok((segment.dma_address() + offset as DmaAddress, len - offset));
        }
        offset -= len;
    }
    Err(EFAULT)
}
