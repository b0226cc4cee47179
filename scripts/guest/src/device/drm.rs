// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma-drm`, and the DRM devices that it makes.

use super::Node;
use crate::abi::drm::{self as abi, IOC_TYPE};
use crate::check::Must;
use crate::sys;
use libc::{PROT_READ, PROT_WRITE};
use std::fs::{self, File};
use std::io::{Error, Result};

/// The device.
pub const NODE: Node = Node {
    path: "/dev/rust-vma-drm",
    option: "CONFIG_SAMPLE_RUST_VMA_DRM",
};

/// The kinds of DRM devices.
pub const KIND_SHMEM: u64 = abi::KIND_SHMEM;
pub const KIND_PAGES: u64 = abi::KIND_PAGES;
pub const KIND_FRAMES: u64 = abi::KIND_FRAMES;

/// Numbers of ioctls.
const PLUG: u32 = sys::encode_iowr::<abi::Plug>(IOC_TYPE, abi::PLUG_NR);
const UNPLUG: u32 = sys::encode_io(IOC_TYPE, abi::UNPLUG_NR);
pub const STATS: u32 = sys::encode_ior::<abi::Stats>(IOC_TYPE, abi::STATS_NR);

/// The ioctls of a DRM device.
const CREATE: u32 = drm_command(abi::DRM_CREATE);
const UNMAP: u32 = drm_command(abi::DRM_UNMAP);
const GET_ID: u32 = drm_command(abi::DRM_GET_ID);
const DISCARD: u32 = drm_command(abi::DRM_DISCARD);
const GEM_CLOSE: u32 = sys::encode_iow::<[u32; 2]>(DRM_TYPE, 0x09);

const DRM_TYPE: u8 = b'd';
const DRM_COMMAND_BASE: u8 = 0x40;

const fn drm_command(number: u8) -> u32 {
    sys::encode_iowr::<abi::Create>(DRM_TYPE, DRM_COMMAND_BASE + number)
}

/// An open file: it owns a DRM device, or none.
pub struct Control {
    pub file: File,
}

stats!(
    Control, STATS, objects, pages, made, dropped, devices, faults
);

impl Stats {
    /// Returns how many VMAs there are.
    pub fn vmas(&self) -> u64 {
        self.made.wrapping_sub(self.dropped)
    }
}

impl Control {
    #[track_caller]
    pub fn open() -> Self {
        let file = NODE.open().must();
        Self { file }
    }

    /// Makes a DRM device, and returns its render node.
    pub fn plug(&self, kind: u64) -> Result<String> {
        let mut words: abi::Plug = [kind, 0];
        sys::ioctl_words(&self.file, PLUG, &mut words)?;
        let [_, id] = words;
        for entry in fs::read_dir("/dev/dri")? {
            let path = entry?.path().to_string_lossy().into_owned();
            if path.contains("renderD") && number_of(&path).is_ok_and(|number| number == id) {
                return Ok(path);
            }
        }
        Err(Error::other(format!("no render node of the device {id}")))
    }

    pub fn unplug(&self) -> Result<()> {
        sys::ioctl_at(&self.file, UNPLUG, 0)
    }
}

fn number_of(path: &str) -> Result<u64> {
    let mut words: abi::Create = [0; 2];
    sys::ioctl_words(&open(path)?, GET_ID, &mut words)?;
    Ok(words[1])
}

fn open(path: &str) -> Result<File> {
    File::options().read(true).write(true).open(path)
}

/// An open file of a DRM device.
pub struct Drm {
    pub file: File,
}

/// An object of a DRM device.
#[derive(Clone, Copy)]
pub struct Object {
    pub handle: u32,
    /// Where it is mapped, in pages.
    pub first: u64,
}

impl Drm {
    pub fn open(path: &str) -> Result<Self> {
        let file = open(path)?;
        Ok(Self { file })
    }

    /// Makes an object.
    pub fn create(&self, pages: u32) -> Result<Object> {
        let mut words: abi::Create = [u64::from(pages) << 32, 0];
        sys::ioctl_words(&self.file, CREATE, &mut words)?;
        let [handle, offset] = words;
        Ok(Object {
            handle: handle as u32,
            first: offset / sys::page_size() as u64,
        })
    }

    /// Has the driver unmap an object from all processes.
    pub fn unmap(&self, object: Object) -> Result<()> {
        let mut words: abi::Create = [object.handle.into(), 0];
        sys::ioctl_words(&self.file, UNMAP, &mut words)
    }

    /// Has the driver replace the page frames of an object.
    pub fn discard(&self, object: Object) -> Result<()> {
        let mut words: abi::Create = [object.handle.into(), 0];
        sys::ioctl_words(&self.file, DISCARD, &mut words)
    }

    /// Closes the handle of an object.
    pub fn close(&self, object: Object) -> Result<()> {
        sys::ioctl_words(&self.file, GEM_CLOSE, &mut [object.handle.into()])
    }

    /// Exports an object as a dma-buf.
    pub fn export(&self, object: Object) -> Result<File> {
        sys::export_dma_buf(&self.file, object.handle)
    }

    /// Maps the first pages of an object, shared.
    pub fn map(&self, object: Object, at: usize, pages: usize) -> Result<()> {
        super::map_shared(&self.file, at, object.first, pages, PROT_READ | PROT_WRITE)
    }
}
