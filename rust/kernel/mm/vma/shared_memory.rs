// SPDX-License-Identifier: GPL-2.0

//! Copies from and to memory that user space accesses at the same time.

use crate::bindings;

/// Calls `f` with the address of a page, which is mapped for as long.
///
/// # Safety
///
/// The caller must have a reference to the page.
pub(super) unsafe fn with_mapped(page: *mut bindings::page, f: impl FnOnce(*mut u8)) {
    // SAFETY: The page is valid, and is unmapped below in the reverse order of any that `f` maps.
    unsafe {
        let memory = bindings::kmap_local_page(page);
        f(memory.cast());
        bindings::kunmap_local(memory);
    }
}

/// Copies from memory that user space may be writing.
///
/// Each load is volatile, and of a word where that is aligned, as those of `READ_ONCE()`.
///
/// # Safety
///
/// `from` must be readable for the length of `to`.
pub(super) unsafe fn copy_from_shared(mut from: *const u8, to: &mut [u8]) {
    const WORD: usize = size_of::<usize>();
    let head = from.align_offset(WORD).min(to.len());
    let (head, rest) = to.split_at_mut(head);

    for byte in head {
        // SAFETY: It is in what the caller says is readable, of which the end may be next.
        unsafe {
            *byte = from.read_volatile();
            from = from.add(1);
        }
    }
    let mut words = rest.chunks_exact_mut(WORD);
    for word in &mut words {
        // SAFETY: As above; and it is aligned after the head.
        let value = unsafe {
            let value = from.cast::<usize>().read_volatile();
            from = from.add(WORD);
            value
        };
        word.copy_from_slice(&value.to_ne_bytes());
    }
    for byte in words.into_remainder() {
        // SAFETY: As above.
        unsafe {
            *byte = from.read_volatile();
            from = from.add(1);
        }
    }
}

/// Copies to memory that user space may be reading and writing.
///
/// Each store is volatile, and of a word where that is aligned, as those of `WRITE_ONCE()`.
///
/// # Safety
///
/// `to` must be writable for the length of `from`.
pub(super) unsafe fn copy_to_shared(mut to: *mut u8, from: &[u8]) {
    const WORD: usize = size_of::<usize>();
    let head = to.align_offset(WORD).min(from.len());
    let (head, rest) = from.split_at(head);

    for byte in head {
        // SAFETY: It is in what the caller says is writable, of which the end may be next.
        unsafe {
            to.write_volatile(*byte);
            to = to.add(1);
        }
    }
    let words = rest.chunks_exact(WORD);
    let tail = words.remainder();
    for word in words {
        let mut value = [0; WORD];
        value.copy_from_slice(word);
        // SAFETY: As above; and it is aligned after the head.
        unsafe {
            to.cast::<usize>()
                .write_volatile(usize::from_ne_bytes(value));
            to = to.add(WORD);
        }
    }
    for byte in tail {
        // SAFETY: As above.
        unsafe {
            to.write_volatile(*byte);
            to = to.add(1);
        }
    }
}
