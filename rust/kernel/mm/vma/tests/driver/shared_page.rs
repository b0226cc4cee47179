// SPDX-License-Identifier: GPL-2.0

//! Memory that is shared with user space: its words, and its bounds.

use super::super::{
    address_space::AddressSpace,
    second_task::SecondTask, //
};
use crate::{
    bindings,
    mm::vma::driver::{
        PfnRegion,
        SharedPage, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Relaxed,
            Release, //
        },
        Arc, //
    },
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};
use core::mem::MaybeUninit;

/// How many messages a producer sends. With one processor each takes two time slices.
const MESSAGES: u32 = if cfg!(CONFIG_SMP) { 20_000 } else { 50 };

/// The number of the last message, and its payload: in another cache line, as is usual.
const LAST: usize = 0;
const PAYLOAD: usize = 128;
/// The number of the last message that was received.
const RECEIVED: usize = 256;

/// The content of a page.
static FULL: [u8; PAGE_SIZE] = [0xff; PAGE_SIZE];

/// Half of a payload tells the other half.
fn payload_of(number: u32) -> usize {
    const HALF: u32 = usize::BITS / 2;
    let low = |number: u32| number as usize & (usize::MAX >> HALF);

    low(number) << HALF | low(!number)
}

/// Waits until the word at `offset` is `number`; `EPIPE` if it becomes another one than this and
/// that before.
fn wait_for(page: &SharedPage, offset: usize, number: u32) -> Result {
    loop {
        match page.load::<u32>(offset, Acquire)? {
            seen if seen == number => return Ok(()),
            seen if seen.wrapping_add(1) == number => {
                // SAFETY: May be called in process context; no lock is held.
                unsafe { bindings::schedule() };
            }
            _ => return Err(EPIPE),
        }
    }
}

#[kunit_tests(rust_vma_shared_page)]
mod tests {
    use super::*;

    /// Also if the allocator hands out what was just freed, and whatever the flags say.
    #[test]
    fn a_page_is_zero_at_first() -> Result {
        for flags in [
            GFP_KERNEL,
            GFP_KERNEL | __GFP_HIGHMEM,
            !__GFP_ZERO,
            !GFP_KERNEL,
        ] {
            for _ in 0..2 {
                let mut pages = KVec::new();
                for _ in 0..16 {
                    let page = SharedPage::new(flags)?;
                    for offset in (0..PAGE_SIZE).step_by(size_of::<usize>()) {
                        assert_eq!(page.load::<usize>(offset, Relaxed), Ok(0));
                        page.store(offset, usize::MAX, Relaxed)?;
                    }
                    pages.push(page, GFP_KERNEL)?;
                }
            }
        }
        Ok(())
    }

    #[test]
    fn bytes_are_in_bounds() -> Result {
        let page = SharedPage::new(GFP_KERNEL)?;
        let value = |byte: &MaybeUninit<u8>| {
            // SAFETY: All bytes here are made by `new()`, or were initialised from the page.
            unsafe { byte.assume_init() }
        };
        // Of every alignment, and of more than a word, or fewer bytes than one.
        for (offset, len) in [
            (0, 1),
            (3, 2),
            (5, 70),
            (64, 64),
            (PAGE_SIZE - 131, 131),
            (PAGE_SIZE, 0),
        ] {
            page.write(0, &FULL)?;
            page.fill_zero(offset, len)?;
            let mut bytes = KVec::from_elem(MaybeUninit::new(1), PAGE_SIZE, GFP_KERNEL)?;
            page.read_uninit(0, &mut bytes)?;
            for (at, byte) in bytes.iter().enumerate() {
                let zeroed = (offset..offset + len).contains(&at);
                assert_eq!(value(byte), if zeroed { 0 } else { 0xff });
            }
            page.write(offset, &[7; 131][..len])?;
            page.read_uninit(offset, &mut bytes[..len])?;
            assert!(bytes[..len].iter().all(|byte| value(byte) == 7));
        }
        for (offset, len) in [
            (PAGE_SIZE, 1),
            (1, PAGE_SIZE),
            (usize::MAX, 2),
            (8, usize::MAX),
        ] {
            assert_eq!(page.fill_zero(offset, len), Err(EINVAL));
        }
        let mut bytes = [MaybeUninit::new(9); 2];
        for offset in [PAGE_SIZE - 1, PAGE_SIZE, usize::MAX] {
            assert_eq!(page.read_uninit(offset, &mut bytes), Err(EINVAL));
        }
        assert!(bytes.iter().all(|byte| value(byte) == 9));
        Ok(())
    }

    #[test]
    fn user_memory_is_copied_to_a_page() -> Result {
        let page = SharedPage::new(GFP_KERNEL)?;
        let from = AddressSpace::of_this_case()?.map(2)?.start;
        for (at, byte) in [(0, 1), (PAGE_SIZE, 2)] {
            UserSlice::new(UserPtr::from_addr(from + at), 1)
                .writer()
                .write_slice(&[byte])?;
        }

        let mut reader = UserSlice::new(UserPtr::from_addr(from), 2 * PAGE_SIZE).reader();
        // Over the end of a page of the user's.
        page.copy_from_user(&mut reader, 0, PAGE_SIZE - 1)?;
        page.copy_from_user(&mut reader, 100, 3)?;
        let mut bytes = [0; 3];
        page.read(0, &mut bytes)?;
        assert_eq!(bytes, [1, 0, 0]);
        page.read(100, &mut bytes)?;
        assert_eq!(bytes, [0, 2, 0]);
        // Nothing is read if it has no room.
        for (offset, len) in [(PAGE_SIZE, 1), (1, PAGE_SIZE), (usize::MAX, 2)] {
            assert_eq!(page.copy_from_user(&mut reader, offset, len), Err(EINVAL));
        }
        assert_eq!(reader.len(), PAGE_SIZE - 2);
        assert_eq!(
            page.copy_from_user(&mut reader, 0, PAGE_SIZE - 1),
            Err(EFAULT)
        );
        page.copy_from_user(&mut reader, 0, PAGE_SIZE - 2)?;

        let mut reader = UserSlice::new(UserPtr::from_addr(from + 2 * PAGE_SIZE), 8).reader();
        assert_eq!(page.copy_from_user(&mut reader, 0, 8), Err(EFAULT));
        assert_eq!(reader.len(), 8);
        Ok(())
    }

    #[test]
    fn words_are_in_bounds_and_aligned() -> Result {
        let page = SharedPage::new(GFP_KERNEL)?;
        let last = PAGE_SIZE - size_of::<u32>();

        page.store(last, 0x0102_0304_u32, Relaxed)?;
        assert_eq!(page.load(last, Acquire), Ok(0x0102_0304_u32));
        page.store(8, usize::MAX, Release)?;
        assert_eq!(page.load(8, Relaxed), Ok(usize::MAX));
        // The word, and nothing beside it.
        let mut bytes = [0; 24];
        page.read(0, &mut bytes)?;
        assert_eq!(bytes[..8], [0; 8]);
        assert!(bytes[8 + size_of::<usize>()..]
            .iter()
            .all(|byte| *byte == 0));

        for offset in [
            last + 1,
            last + 3,
            PAGE_SIZE,
            PAGE_SIZE + 4,
            usize::MAX,
            usize::MAX - 3,
        ] {
            assert_eq!(page.load::<u32>(offset, Relaxed), Err(EINVAL));
            assert_eq!(page.store(offset, 0u32, Release), Err(EINVAL));
        }
        for offset in [
            1,
            2,
            3,
            size_of::<usize>() - 1,
            size_of::<usize>() / 2,
            PAGE_SIZE,
        ] {
            assert_eq!(page.load::<usize>(offset, Acquire), Err(EINVAL));
            assert_eq!(page.store(offset, 1usize, Relaxed), Err(EINVAL));
        }
        assert_eq!(page.load(last, Relaxed), Ok(0x0102_0304_u32));
        Ok(())
    }

    #[test]
    fn words_of_a_region() -> Result {
        let region = Arc::pin_init(PfnRegion::alloc(2, GFP_KERNEL, ()), GFP_KERNEL)?;
        let frames = region.frames();
        let last = 2 * PAGE_SIZE - size_of::<usize>();

        for offset in [0, PAGE_SIZE - 4, PAGE_SIZE] {
            frames.store(offset, offset as u32 + 1, Release)?;
            assert_eq!(frames.load(offset, Acquire), Ok(offset as u32 + 1));
            let mut bytes = [0; 4];
            frames.read(offset, &mut bytes)?;
            assert_eq!(u32::from_ne_bytes(bytes), offset as u32 + 1);
        }
        frames.store(last, usize::MAX, Relaxed)?;
        assert_eq!(frames.load(last, Relaxed), Ok(usize::MAX));
        // The word, and nothing beside it.
        let mut bytes = [0; 2 * size_of::<usize>()];
        frames.read(last - size_of::<usize>(), &mut bytes)?;
        let (before, word) = bytes.split_at(size_of::<usize>());
        assert!(before.iter().all(|byte| *byte == 0) && word.iter().all(|byte| *byte == 0xff));

        for offset in [last + 1, 2 * PAGE_SIZE, usize::MAX, 1] {
            assert_eq!(frames.load::<usize>(offset, Acquire), Err(EINVAL));
            assert_eq!(frames.store(offset, 0usize, Release), Err(EINVAL));
        }
        Ok(())
    }

    #[test]
    fn second_task_receives_messages_in_order() -> Result {
        let page = Arc::new(SharedPage::new(GFP_KERNEL)?, GFP_KERNEL)?;
        let sent = page.clone();
        let producer = SecondTask::spawn(move || -> Result {
            for number in 1..=MESSAGES {
                sent.store(PAYLOAD, payload_of(number), Relaxed)?;
                sent.store(LAST, number, Release)?;
                wait_for(&sent, RECEIVED, number)?;
            }
            Ok(())
        })?;

        let consumed = (1..=MESSAGES).try_for_each(|number| {
            wait_for(&page, LAST, number)?;
            let payload: usize = page.load(PAYLOAD, Relaxed)?;
            // In any case: the producer waits for it.
            page.store(RECEIVED, number, Release)?;
            if payload == payload_of(number) {
                Ok(())
            } else {
                Err(EBADMSG)
            }
        });
        if consumed.is_err() {
            // Ends the producer's wait.
            page.store(RECEIVED, u32::MAX, Relaxed)?;
        }
        assert_eq!(producer.join()?, Ok(()));
        assert_eq!(consumed, Ok(()));
        Ok(())
    }
}
