// SPDX-License-Identifier: GPL-2.0

//! Memory at addresses where nothing else ever is, so that it can be mapped, replaced, moved, taken
//! away and accessed at will.
//!
//! A mapping without an address of its own goes close to the stack, the heap close to the program.
//! The range between [`START`] and [`END`] is far from both, so no object of this program is in it:
//! whatever is done there, the worst is a signal. Everything here refuses other addresses, by
//! panicking.

use super::check;
use rustix::mm::{MremapFlags, mprotect, mremap, mremap_fixed, munlock, munmap};
use std::ffi::CStr;
use std::io::{Error, Result};
use std::os::fd::RawFd;
use std::ptr::{self, without_provenance_mut};
use std::sync::atomic::{AtomicU32, Ordering};

/// The first address.
pub const START: usize = 0x1000_0000_0000;

/// The address after the last one.
pub const END: usize = 0x5000_0000_0000;

/// The distance between [`place()`]s.
pub const STRIDE: usize = 1 << 30;

/// One of the places for mappings, with room after it.
pub fn place(number: usize) -> usize {
    let at = START + number * STRIDE;
    assert!(at < END, "there is no place {number}");
    at
}

#[track_caller]
fn assert_ours(addr: usize, len: usize) {
    assert!(
        (START..END).contains(&addr) && len <= END - addr,
        "{len:#x} bytes at {addr:#x} are not in the range for such memory"
    );
}

/// Maps `file` from an offset, or anonymous memory. Existing mappings are replaced.
pub fn map(
    addr: usize,
    len: usize,
    prot: i32,
    flags: i32,
    file: Option<(RawFd, i64)>,
) -> Result<()> {
    assert_ours(addr, len);
    // SAFETY: No object is in this range.
    let at = unsafe { super::mmap_raw(addr, len, prot, flags | libc::MAP_FIXED, file) }?;
    assert_eq!(at.expose_provenance(), addr);
    Ok(())
}

/// Maps anonymous memory that is private, readable and writable.
pub fn map_anonymous(addr: usize, len: usize) -> Result<()> {
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    map(addr, len, prot, libc::MAP_PRIVATE, None)
}

/// Unmaps whatever is mapped there.
pub fn unmap(addr: usize, len: usize) -> Result<()> {
    assert_ours(addr, len);
    // SAFETY: No object is in this range.
    Ok(unsafe { munmap(without_provenance_mut(addr), len) }?)
}

/// Changes the protection.
pub fn protect(addr: usize, len: usize, prot: i32) -> Result<()> {
    assert_ours(addr, len);
    // SAFETY: No object is in this range.
    Ok(unsafe { mprotect(without_provenance_mut(addr), len, super::protection(prot)) }?)
}

/// Advises the kernel.
pub fn advise(addr: usize, len: usize, advice: i32) -> Result<()> {
    assert_ours(addr, len);
    // SAFETY: No object is in this range.
    check(unsafe { libc::madvise(without_provenance_mut(addr), len, advice) })
}

/// Gives anonymous memory a name.
pub fn name(addr: usize, len: usize, name: &CStr) -> Result<()> {
    assert_ours(addr, len);
    let (option, attribute) = (libc::PR_SET_VMA, libc::PR_SET_VMA_ANON_NAME);
    let attribute = attribute as libc::c_ulong;
    // SAFETY: The name is a C string; this changes no memory.
    check(unsafe { libc::prctl(option, attribute, addr, len, name.as_ptr()) })
}

/// Takes back that memory is locked.
pub fn unlock(addr: usize, len: usize) -> Result<()> {
    assert_ours(addr, len);
    // SAFETY: This changes no memory.
    Ok(unsafe { munlock(without_provenance_mut(addr), len) }?)
}

/// Changes the size of a mapping, without moving it.
pub fn resize(addr: usize, old_len: usize, new_len: usize) -> Result<()> {
    assert_ours(addr, old_len.max(new_len));
    // SAFETY: No object is in this range.
    unsafe {
        mremap(
            without_provenance_mut(addr),
            old_len,
            new_len,
            MremapFlags::empty(),
        )
    }?;
    Ok(())
}

/// Moves mappings, with further `MREMAP_` flags. Mappings at the new place are replaced.
pub fn relocate(
    addr: usize,
    old_len: usize,
    new_addr: usize,
    new_len: usize,
    flags: i32,
) -> Result<()> {
    assert_ours(addr, old_len);
    assert_ours(new_addr, new_len);
    let flags = MremapFlags::from_bits_retain(flags as u32) | MremapFlags::MAYMOVE;
    let (from, to) = (
        without_provenance_mut(addr),
        without_provenance_mut(new_addr),
    );
    // SAFETY: No object is in either range.
    let at = unsafe { mremap_fixed(from, old_len, new_len, flags, to) }?;
    assert_eq!(at.expose_provenance(), new_addr);
    Ok(())
}

/// Has a shared mapping show its file from another page on, without mapping it anew.
pub fn show_other_pages(addr: usize, len: usize, first: usize) -> Result<()> {
    assert_ours(addr, len);
    // SAFETY: No object is in this range.
    check(unsafe { libc::remap_file_pages(without_provenance_mut(addr), len, 0, first, 0) })
}

/// Loads a word. Where there is none, this ends in a signal.
#[track_caller]
pub fn word(addr: usize) -> u64 {
    // SAFETY: No object is there, so this is memory of a device's kind, for volatile accesses. If
    // nothing is mapped there, it ends the process.
    unsafe { address::<u64>(addr).read_volatile() }
}

/// Loads a byte, for the load's sake.
#[track_caller]
pub fn touch(addr: usize) {
    byte(addr);
}

/// Stores a word.
#[track_caller]
pub fn set_word(addr: usize, value: u64) {
    // SAFETY: As for loads.
    unsafe { address::<u64>(addr).write_volatile(value) }
}

/// Loads a byte.
#[track_caller]
pub fn byte(addr: usize) -> u8 {
    // SAFETY: As for words.
    unsafe { address::<u8>(addr).read_volatile() }
}

/// Stores a byte.
#[track_caller]
pub fn set_byte(addr: usize, value: u8) {
    // SAFETY: As for words.
    unsafe { address::<u8>(addr).write_volatile(value) }
}

/// Loads a word of memory that is shared with a driver, before what follows.
#[track_caller]
pub fn load_acquire(addr: usize) -> u32 {
    // SAFETY: As for words. All accesses to it are atomic.
    unsafe { AtomicU32::from_ptr(address(addr)) }.load(Ordering::Acquire)
}

/// Stores a word of memory that is shared with a driver, after what was before.
#[track_caller]
pub fn store_release(addr: usize, value: u32) {
    // SAFETY: As for loads.
    unsafe { AtomicU32::from_ptr(address(addr)) }.store(value, Ordering::Release)
}

/// The address as a pointer, aligned, to our memory.
#[track_caller]
fn address<T>(addr: usize) -> *mut T {
    assert_ours(addr, size_of::<T>());
    assert_eq!(addr % align_of::<T>(), 0, "{addr:#x} is not aligned");
    ptr::with_exposed_provenance_mut(addr)
}

/// Has the kernel write memory to a file, from its start: an access that fails where another would
/// end in a signal.
pub fn write_from(file: RawFd, addr: usize, len: usize) -> Result<usize> {
    // SAFETY: The kernel only reads from there.
    let written = unsafe { libc::pwrite(file, without_provenance_mut(addr), len, 0) };
    usize::try_from(written).map_err(|_| Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_mapped_moved_and_gone() {
        let page = crate::sys::page_size();
        let (here, there) = (place(0), place(1));
        map_anonymous(here, 2 * page).unwrap();
        set_word(here + page, 7);
        relocate(here, 2 * page, there, 2 * page, 0).unwrap();
        assert_eq!((word(there), word(there + page)), (0, 7));
        assert_eq!(byte(there + page), 7);
        assert_eq!(
            protect(here, page, libc::PROT_READ)
                .unwrap_err()
                .raw_os_error(),
            Some(libc::ENOMEM)
        );
        unmap(there, 2 * page).unwrap();
    }

    #[test]
    fn other_addresses_are_refused() {
        for (addr, len) in [
            (0, 1),
            (START - 1, 1),
            (END, 0),
            (END - 1, 2),
            (START, usize::MAX),
        ] {
            let refused = std::panic::catch_unwind(|| assert_ours(addr, len));
            assert!(refused.is_err(), "{len:#x} bytes at {addr:#x}");
        }
    }
}
