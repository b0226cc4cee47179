// SPDX-License-Identifier: GPL-2.0

//! Binder's devices, each made for one test, and their mappings.

use crate::wire::{self, Message};
use std::fs::{self, File};
use std::io::{Error, Result};
use std::os::fd::AsRawFd;
use vma_guest::sys::{self, memory};

const DIRECTORY: &str = "/tmp/vma-binder";

/// The number of bytes of a mapping.
pub const SIZE: usize = 1 << 20;

/// `_IOWR('b', 1, struct binderfs_device)`
const CTL_ADD: u32 = sys::encode_iowr::<[u64; 33]>(b'b', 1);
/// `_IOWR('b', 1, struct binder_write_read)`
const WRITE_READ: u32 = sys::encode_iowr::<[u64; 6]>(b'b', 1);
/// `_IOW('b', 7, __s32)`
const SET_CONTEXT_MGR: u32 = 1 << 30 | 4 << 16 | (b'b' as u32) << 8 | 7;

/// The place of what goes to the driver, and of what comes from it.
const OUT: usize = 60;
const IN: usize = 61;
const BUFFER: usize = 4096;

/// Mounts Binder's file system.
pub fn mount() -> Result<()> {
    fs::create_dir_all(DIRECTORY)?;
    sys::mount("binder", "/tmp/vma-binder")
}

/// Makes a device.
pub fn add(name: &str) -> Result<()> {
    let control = File::open(format!("{DIRECTORY}/binder-control"))?;
    let mut words = [0; 33];
    for (at, byte) in name.bytes().enumerate() {
        words[at / 8] |= u64::from(byte) << (at % 8 * 8);
    }
    sys::ioctl_words(&control, CTL_ADD, &mut words)
}

/// An open file of a device, in the process that opened it.
pub struct Binder(File);

impl Binder {
    /// Opens a device.
    pub fn open(name: &str) -> Result<Self> {
        memory::map_anonymous(memory::place(OUT), BUFFER)?;
        memory::map_anonymous(memory::place(IN), BUFFER)?;
        let path = format!("{DIRECTORY}/{name}");
        let file = File::options().read(true).write(true).open(path)?;
        Ok(Self(file))
    }

    /// Maps it, as the memory that the data of messages arrives in.
    pub fn map(&self, at: usize, prot: i32) -> Result<()> {
        self.map_bytes(at, SIZE, prot)
    }

    /// The same with a size in bytes.
    pub fn map_bytes(&self, at: usize, size: usize, prot: i32) -> Result<()> {
        let file = Some((self.0.as_raw_fd(), 0));
        memory::map(at, size, prot, libc::MAP_PRIVATE, file)
    }

    /// Becomes the one that messages to handle 0 go to.
    pub fn become_manager(&self) -> Result<()> {
        sys::ioctl_words(&self.0, SET_CONTEXT_MGR, &mut [0])
    }

    /// Sends commands.
    pub fn send(&self, bytes: &[u8]) -> Result<()> {
        let at = memory::place(OUT);
        assert!(bytes.len() <= BUFFER);
        for (offset, byte) in bytes.iter().enumerate() {
            memory::set_byte(at + offset, *byte);
        }
        let mut words = [bytes.len() as u64, 0, at as u64, 0, 0, 0];
        sys::ioctl_words(&self.0, WRITE_READ, &mut words)?;
        match words[1] == bytes.len() as u64 {
            true => Ok(()),
            false => Err(Error::other("not all of it was taken")),
        }
    }

    /// Waits for messages until one is of those that are wanted.
    pub fn wait_for(&self, wanted: &[u32]) -> Result<Message> {
        loop {
            for message in self.receive()? {
                if wanted.contains(&message.kind) {
                    return Ok(message);
                }
            }
        }
    }

    fn receive(&self) -> Result<Vec<Message>> {
        let at = memory::place(IN);
        let mut words = [0, 0, 0, BUFFER as u64, 0, at as u64];
        sys::ioctl_words(&self.0, WRITE_READ, &mut words)?;
        let bytes: Vec<u8> = (0..words[4] as usize)
            .map(|offset| memory::byte(at + offset))
            .collect();
        wire::messages(&bytes).ok_or_else(|| Error::other("half a message"))
    }
}
