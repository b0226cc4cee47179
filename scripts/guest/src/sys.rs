// SPDX-License-Identifier: GPL-2.0

//! The system calls that the standard library does not have, and all of this crate's `unsafe`.
//!
//! Addresses are plain numbers here: what is mapped is looked at by the kernel only, never through
//! a reference. The one exception is [`memory`], which has addresses of its own.

pub mod memory;
pub mod process;

use std::ffi::CStr;
use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::ptr::{self, without_provenance_mut};
use std::sync::LazyLock;

/// `MADV_GUARD_INSTALL`, since Linux 6.13.
pub const MADV_GUARD_INSTALL: i32 = 102;

/// How many processors there are.
pub fn processors() -> usize {
    static COUNT: LazyLock<usize> = LazyLock::new(|| {
        // SAFETY: This asks for a number.
        let count = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
        usize::try_from(count).map_or(1, |count| count.max(1))
    });
    *COUNT
}

fn check(result: i32) -> Result<()> {
    if result == -1 {
        Err(Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Where a new mapping goes.
#[derive(Clone, Copy)]
pub enum Place {
    /// Wherever the kernel likes.
    Anywhere,
    /// Here, and nowhere else; nothing may be mapped there yet.
    Exactly(usize),
}

/// Maps memory, of `file` from an offset or anonymous.
pub fn mmap(
    place: Place,
    len: usize,
    prot: i32,
    flags: i32,
    file: Option<(RawFd, i64)>,
) -> Result<usize> {
    let (addr, fixed) = match place {
        Place::Anywhere => (0, 0),
        Place::Exactly(addr) => (addr, libc::MAP_FIXED_NOREPLACE),
    };
    let (fd, offset, kind) = match file {
        Some((fd, offset)) => (fd, offset, 0),
        None => (-1, 0, libc::MAP_ANONYMOUS),
    };

    // SAFETY: A new mapping, which never replaces one that exists, touches nobody's memory.
    let at = unsafe {
        libc::mmap(
            without_provenance_mut(addr),
            len,
            prot,
            flags | fixed | kind,
            fd,
            offset,
        )
    };
    if at == libc::MAP_FAILED {
        Err(Error::last_os_error())
    } else {
        Ok(at.addr())
    }
}

/// Unmaps `len` bytes that [`mmap()`] gave.
pub fn munmap(addr: usize, len: usize) -> Result<()> {
    // SAFETY: Callers pass what they got from `mmap()`; no reference to it is ever made.
    check(unsafe { libc::munmap(without_provenance_mut(addr), len) })
}

/// Changes the protection of memory that [`mmap()`] gave.
pub fn mprotect(addr: usize, len: usize, prot: i32) -> Result<()> {
    // SAFETY: As for `munmap()`.
    check(unsafe { libc::mprotect(without_provenance_mut(addr), len, prot) })
}

/// Advises about memory that [`mmap()`] gave.
pub fn madvise(addr: usize, len: usize, advice: i32) -> Result<()> {
    // SAFETY: As for `munmap()`.
    check(unsafe { libc::madvise(without_provenance_mut(addr), len, advice) })
}

/// Keeps memory that [`mmap()`] gave from being swapped out.
pub fn mlock(addr: usize, len: usize) -> Result<()> {
    // SAFETY: This changes no memory.
    check(unsafe { libc::mlock(without_provenance_mut(addr), len) })
}

/// Makes a file that lives in memory only.
pub fn memfd(name: &CStr) -> Result<File> {
    // SAFETY: The name is a C string.
    let fd = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
    check(fd)?;

    // SAFETY: The descriptor is new, and nobody else has it.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// Makes a pipe: what is written to the second file is read from the first.
pub fn pipe() -> Result<(File, File)> {
    let mut ends = [-1; 2];
    // SAFETY: There is room for both ends.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;

    // SAFETY: The descriptors are new, and nobody else has them.
    let [read, write] = ends.map(|end| unsafe { File::from_raw_fd(end) });
    Ok((read, write))
}

/// Makes an ioctl on words that the driver reads and writes, not more than the ioctl's number says.
pub fn ioctl_words<const N: usize>(file: &File, number: u32, words: &mut [u64; N]) -> Result<()> {
    assert!(encoded_size(number) <= size_of::<[u64; N]>());

    // SAFETY: The driver reads and writes as much as the number says, which is not more than there
    // is.
    check(unsafe {
        libc::ioctl(
            file.as_raw_fd(),
            libc::Ioctl::from(number),
            words.as_mut_ptr(),
        )
    })
}

/// Makes an ioctl on an address that is wrong, or on memory that [`mmap()`] gave.
pub fn ioctl_at(file: &File, number: u32, addr: usize) -> Result<()> {
    // SAFETY: No reference is ever made to what is mapped at such an address.
    check(unsafe {
        libc::ioctl(
            file.as_raw_fd(),
            libc::Ioctl::from(number),
            without_provenance_mut::<u8>(addr),
        )
    })
}

/// Reads from the start of the file to an address that is wrong, or to memory that [`mmap()`] gave.
pub fn read_to(file: &File, addr: usize, len: usize) -> Result<()> {
    // SAFETY: No reference is ever made to what is mapped at such an address.
    let read = unsafe { libc::pread(file.as_raw_fd(), without_provenance_mut(addr), len, 0) };
    if read == -1 {
        Err(Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Reads from a position of the file to an address that is wrong, or to memory that [`mmap()`] gave.
/// Returns how much was read.
pub fn read_at(file: &File, addr: usize, len: usize, position: i64) -> Result<usize> {
    let to = without_provenance_mut(addr);
    // SAFETY: No reference is ever made to what is mapped at such an address.
    let read = unsafe { libc::pread(file.as_raw_fd(), to, len, position) };
    usize::try_from(read).map_err(|_| Error::last_os_error())
}

/// The number of an ioctl without an argument (`_IO` of x86, arm64 and most others, as the next).
pub const fn encode_io(kind: u8, number: u8) -> u32 {
    encode(0, kind, number, 0)
}

/// The number of an ioctl that writes `T` for its caller (`_IOR`).
pub const fn encode_ior<T>(kind: u8, number: u8) -> u32 {
    encode(2, kind, number, size_of::<T>())
}

/// The number of an ioctl that reads and writes `T` (`_IOWR`).
pub const fn encode_iowr<T>(kind: u8, number: u8) -> u32 {
    encode(3, kind, number, size_of::<T>())
}

const fn encode(direction: u32, kind: u8, number: u8, size: usize) -> u32 {
    assert!(size < 1 << 14);
    direction << 30 | (size as u32) << 16 | (kind as u32) << 8 | number as u32
}

const fn encoded_size(number: u32) -> usize {
    (number >> 16 & 0x3fff) as usize
}

/// The size of a page.
pub fn page_size() -> usize {
    // SAFETY: This asks for a number.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).expect("every system has a page size")
}

/// Mounts a file system that needs no device.
pub fn mount(kind: &CStr, at: &CStr) -> Result<()> {
    // SAFETY: All are C strings; these file systems take no data.
    check(unsafe { libc::mount(kind.as_ptr(), at.as_ptr(), kind.as_ptr(), 0, ptr::null()) })
}

/// Gives this process mounts of its own: those of others stay as they are, whatever it mounts.
pub fn own_mounts() -> Result<()> {
    let all = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: These act on the mounts, not on this process's memory; NULL is for what is not used.
    unsafe {
        check(libc::unshare(libc::CLONE_NEWNS))?;
        check(libc::mount(
            ptr::null(),
            c"/".as_ptr(),
            ptr::null(),
            all,
            ptr::null(),
        ))
    }
}

/// Unmounts what is mounted there: when it is not in use any more, if `detach`, or else only if it
/// is not in use now.
pub fn unmount(at: &CStr, detach: bool) -> Result<()> {
    let flags = if detach { libc::MNT_DETACH } else { 0 };
    // SAFETY: It is a C string.
    check(unsafe { libc::umount2(at.as_ptr(), flags) })
}

/// Makes another node of a character device, of which a file is open.
pub fn make_node(at: &CStr, device: &File) -> Result<()> {
    let number = device.metadata()?.rdev();
    // SAFETY: It is a C string.
    check(unsafe { libc::mknod(at.as_ptr(), libc::S_IFCHR | 0o600, number) })
}

/// Loads a module of the kernel.
pub fn load_module(module: &File) -> Result<()> {
    // SAFETY: The file is open, and the parameters are a C string.
    let result =
        unsafe { libc::syscall(libc::SYS_finit_module, module.as_raw_fd(), c"".as_ptr(), 0) };
    check(result as i32)
}

/// Unloads a module, unless it is in use: then this fails with `EWOULDBLOCK`.
pub fn unload_module(name: &CStr) -> Result<()> {
    // SAFETY: The name is a C string.
    let done = unsafe { libc::syscall(libc::SYS_delete_module, name.as_ptr(), libc::O_NONBLOCK) };
    match done {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}

/// Lets standard output go to `file` from now on.
pub fn make_stdout(file: &File) -> Result<()> {
    // SAFETY: This changes where the standard library's handle writes to, and closes nobody else's.
    check(unsafe { libc::dup2(file.as_raw_fd(), libc::STDOUT_FILENO) })
}

/// Waits until a terminal has got everything.
pub fn drain(terminal: &impl AsRawFd) {
    // What is no terminal has got it already.
    // SAFETY: This waits.
    let _ = unsafe { libc::tcdrain(terminal.as_raw_fd()) };
}

/// Restarts the machine. Returns only if that failed.
pub fn restart() -> Result<()> {
    // SAFETY: These act on the system, not on this process's memory.
    unsafe {
        libc::sync();
        check(libc::reboot(libc::RB_AUTOBOOT))
    }
}
