// SPDX-License-Identifier: GPL-2.0

//! The device: it copies between its memory and that of the machine.

use crate::abi;
use kernel::{
    device::{
        Bound,
        Device, //
    },
    dma::DmaAddress,
    io::{
        poll::read_poll_timeout,
        Io, //
    },
    mm::vma::driver::DeviceMemory,
    new_mutex,
    pci,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
    time::Delta, //
};

/// The registers.
const SOURCE: usize = 0x80;
const DESTINATION: usize = 0x88;
const COUNT: usize = 0x90;
const COMMAND: usize = 0x98;
pub(crate) const END: usize = 0xa0;

/// The bits of the command.
const START: u32 = 1;
const FROM_DEVICE: u32 = 2;

/// Where the device has its memory.
const MEMORY: u32 = 0x40000;

pub(crate) type Registers = Arc<DeviceMemory<pci::DevresBar<END>>>;

#[pin_data]
pub(crate) struct Engine {
    pub(crate) registers: Registers,
    /// One transfer at a time. True if one has not ended.
    #[pin]
    is_stuck: Mutex<bool>,
}

impl Engine {
    pub(crate) fn new(registers: Registers) -> impl PinInit<Self> {
        pin_init!(Self {
            registers,
            is_stuck <- new_mutex!(false),
        })
    }

    /// Copies `len` bytes between the address `ram` and the device's memory, and waits for the end.
    ///
    /// # Errors
    ///
    /// `ERANGE` if the device has no such memory. `EIO` if it does not end: the device may access
    /// the machine's memory at any time then.
    pub(crate) fn copy(
        &self,
        device: &Device<Bound>,
        ram: DmaAddress,
        at: usize,
        len: usize,
        from_device: bool,
    ) -> Result {
        let end = at.checked_add(len).filter(|end| *end <= abi::DEVICE_BYTES);
        if end.is_none() || len == 0 {
            return Err(ERANGE);
        }
        let bar = self.registers.resource().access(device)?;
        let mut is_stuck = self.is_stuck.lock();
        if *is_stuck {
            return Err(EIO);
        }

        // The kernel gives a PCI device 32-bit addresses, unless its driver asks for others.
        let (ram, at) = (u32::try_from(ram)?, MEMORY + at as u32);
        let (source, destination, command) = match from_device {
            true => (at, ram, START | FROM_DEVICE),
            false => (ram, at, START),
        };
        bar.write32(source, SOURCE);
        bar.write32(destination, DESTINATION);
        bar.write32(len as u32, COUNT);
        // The device sees what was written to memory before.
        bar.write32(command, COMMAND);

        let (poll, limit) = (Delta::from_millis(5), Delta::from_secs(20));
        let read = || Ok(bar.read32(COMMAND));
        let ended = read_poll_timeout(read, |command| command & START == 0, poll, limit);
        *is_stuck = ended.is_err();
        ended.map(|_| ()).map_err(|_| EIO)
    }
}
