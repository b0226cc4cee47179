// SPDX-License-Identifier: GPL-2.0

//! The system calls that the standard library does not have, and all of this crate's `unsafe`.
//!
//! Addresses are plain numbers here: what is mapped is looked at by the kernel only, never through
//! a reference. The one exception is [`memory`], which has addresses of its own.

pub mod memory;
pub mod process;

pub use rustix::fs::SealFlags;
use rustix::fs::{
    FallocateFlags, FileType, MemfdFlags, Mode, fallocate, fcntl_add_seals, memfd_create, mknodat,
};
use rustix::io::Errno;
pub use rustix::ioctl::opcode::{
    none as encode_io, read as encode_ior, read_write as encode_iowr, write as encode_iow,
};
use rustix::mm::MprotectFlags;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
pub use rustix::param::page_size;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::system::{RebootCommand, delete_module, finit_module, reboot};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use std::ffi::CStr;
use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::ptr::without_provenance_mut;
use std::sync::LazyLock;

/// `MADV_GUARD_INSTALL`, since Linux 6.13.
pub const MADV_GUARD_INSTALL: i32 = 102;

/// Returns the number of processors.
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
    // SAFETY: A new mapping, which never replaces one that exists, touches nobody's memory.
    Ok(unsafe { mmap_raw(addr, len, prot, flags | fixed, file) }?.addr())
}

/// # Safety
///
/// With `MAP_FIXED`, no object may be in the range.
unsafe fn mmap_raw(
    addr: usize,
    len: usize,
    prot: i32,
    flags: i32,
    file: Option<(RawFd, i64)>,
) -> Result<*mut libc::c_void> {
    let (fd, offset, kind) = match file {
        Some((fd, offset)) => (fd, offset, 0),
        None => (-1, 0, libc::MAP_ANONYMOUS),
    };
    // SAFETY: Guaranteed by the caller.
    let at = unsafe {
        libc::mmap(
            without_provenance_mut(addr),
            len,
            prot,
            flags | kind,
            fd,
            offset,
        )
    };
    match at {
        libc::MAP_FAILED => Err(Error::last_os_error()),
        at => Ok(at),
    }
}

fn protection(prot: i32) -> MprotectFlags {
    MprotectFlags::from_bits_retain(prot as u32)
}

/// Unmaps `len` bytes that [`mmap()`] gave.
pub fn munmap(addr: usize, len: usize) -> Result<()> {
    // SAFETY: Callers pass what they got from `mmap()`; no reference to it is ever made.
    Ok(unsafe { rustix::mm::munmap(without_provenance_mut(addr), len) }?)
}

/// Changes the protection of memory that [`mmap()`] gave.
pub fn mprotect(addr: usize, len: usize, prot: i32) -> Result<()> {
    // SAFETY: As for `munmap()`.
    Ok(unsafe { rustix::mm::mprotect(without_provenance_mut(addr), len, protection(prot)) }?)
}

/// Advises about memory that [`mmap()`] gave.
pub fn madvise(addr: usize, len: usize, advice: i32) -> Result<()> {
    // SAFETY: As for `munmap()`.
    check(unsafe { libc::madvise(without_provenance_mut(addr), len, advice) })
}

/// Keeps memory that [`mmap()`] gave from being swapped out.
pub fn mlock(addr: usize, len: usize) -> Result<()> {
    // SAFETY: This changes no memory.
    Ok(unsafe { rustix::mm::mlock(without_provenance_mut(addr), len) }?)
}

/// Makes a file that lives in memory only.
pub fn memfd(name: &CStr) -> Result<File> {
    Ok(memfd_create(name, MemfdFlags::CLOEXEC)?.into())
}

/// Makes a file that lives in memory only, has this size, and cannot be made smaller. Other seals can
/// be added.
pub fn memfd_that_stays(name: &CStr, len: usize) -> Result<File> {
    let file: File = memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?.into();
    file.set_len(len as u64)?;
    seal(&file, SealFlags::SHRINK)?;
    Ok(file)
}

/// Adds seals to such a file.
pub fn seal(file: &File, seals: SealFlags) -> Result<()> {
    Ok(fcntl_add_seals(file, seals)?)
}

/// Makes a hole of this range of a file.
pub fn punch_hole(file: &File, offset: usize, len: usize) -> Result<()> {
    let how = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    Ok(fallocate(file, how, offset as u64, len as u64)?)
}

/// Makes a file of memory that the kernel itself has no mapping of.
pub fn memfd_secret() -> Result<File> {
    // SAFETY: The call has no pointers. Its result is a new descriptor, or -1.
    unsafe {
        let file = libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) as RawFd;
        check(file.min(0))?;
        Ok(File::from_raw_fd(file))
    }
}

/// Makes a pipe: what is written to the second file is read from the first.
pub fn pipe() -> Result<(File, File)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((read.into(), write.into()))
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
    ioctl_on(file, number, addr).map(drop)
}

/// The same, or an ioctl on a number. Returns what the driver does.
pub fn ioctl_on(file: &File, number: u32, argument: usize) -> Result<usize> {
    // SAFETY: No reference is ever made to what is mapped at such an address.
    let result = unsafe {
        libc::ioctl(
            file.as_raw_fd(),
            libc::Ioctl::from(number),
            without_provenance_mut::<u8>(argument),
        )
    };
    usize::try_from(result).map_err(|_| Error::last_os_error())
}

/// Reads from the start of the file to an address that is wrong, or to memory that [`mmap()`] gave.
pub fn read_to(file: &File, addr: usize, len: usize) -> Result<()> {
    read_at(file, addr, len, 0).map(drop)
}

/// Reads from a position of the file to an address that is wrong, or to memory that [`mmap()`] gave.
/// Returns how much was read.
pub fn read_at(file: &File, addr: usize, len: usize, position: i64) -> Result<usize> {
    let to = without_provenance_mut(addr);
    // SAFETY: No reference is ever made to what is mapped at such an address.
    let read = unsafe { libc::pread(file.as_raw_fd(), to, len, position) };
    usize::try_from(read).map_err(|_| Error::last_os_error())
}

/// Makes a dma-buf of an object of a DRM device, to be read and written.
pub fn export_dma_buf(device: &File, handle: u32) -> Result<File> {
    // The object, the flags of the new descriptor, and the descriptor.
    type Argument = [u32; 3];
    let number = encode_iowr::<Argument>(b'd', 0x2d);
    let flags = libc::O_CLOEXEC | libc::O_RDWR;
    let mut words = [u64::from(handle) | (flags as u64) << 32, 0];

    ioctl_words(device, number, &mut words)?;
    // SAFETY: The kernel has made the descriptor for this.
    Ok(unsafe { File::from_raw_fd(words[1] as i32) })
}

const fn encoded_size(number: u32) -> usize {
    (number >> 16 & 0x3fff) as usize
}

/// Mounts a file system that needs no device.
pub fn mount(kind: &str, at: &str) -> Result<()> {
    Ok(rustix::mount::mount(
        kind,
        at,
        kind,
        MountFlags::empty(),
        None,
    )?)
}

/// Gives this process mounts of its own: those of others stay as they are, whatever it mounts.
pub fn own_mounts() -> Result<()> {
    // SAFETY: The thread shares its descriptors and its memory as before, only not its mounts.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    let all = MountPropagationFlags::REC | MountPropagationFlags::PRIVATE;
    Ok(rustix::mount::mount_change("/", all)?)
}

/// Unmounts what is mounted there: when it is no longer in use, if `detach`, or else only if it
/// is not in use now.
pub fn unmount(at: &str, detach: bool) -> Result<()> {
    let flags = if detach {
        UnmountFlags::DETACH
    } else {
        UnmountFlags::empty()
    };
    Ok(rustix::mount::unmount(at, flags)?)
}

/// Makes another node of a character device, of which a file is open.
pub fn make_node(at: &str, device: &File) -> Result<()> {
    let (number, mode) = (device.metadata()?.rdev(), Mode::RUSR | Mode::WUSR);
    Ok(mknodat(
        rustix::fs::CWD,
        at,
        FileType::CharacterDevice,
        mode,
        number,
    )?)
}

/// Loads a module of the kernel.
pub fn load_module(module: &File) -> Result<()> {
    Ok(finit_module(module, c"", 0)?)
}

/// Unloads a module, unless it is in use: then this fails with `EWOULDBLOCK`.
pub fn unload_module(name: &CStr) -> Result<()> {
    Ok(delete_module(name, libc::O_NONBLOCK)?)
}

/// Waits until a terminal has got everything. Other files have it already.
pub fn drain(terminal: impl AsFd) {
    let _ = rustix::termios::tcdrain(terminal);
}

/// Restarts the machine. Returns only if that failed.
pub fn restart() -> Errno {
    rustix::fs::sync();
    match reboot(RebootCommand::Restart) {
        Ok(()) => Errno::INVAL,
        Err(e) => e,
    }
}
