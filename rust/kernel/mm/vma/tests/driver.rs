// SPDX-License-Identifier: GPL-2.0

//! VMAs that a driver owns: a device made for the tests, whose files are really mapped.

mod access;
mod anon_file;
mod bound;
mod bound_gate;
mod by_c;
mod claimed;
mod claimed_memory;
mod decrypted;
pub(super) mod device;
mod device_buffer;
mod device_memory;
mod dma_buffers;
mod dma_memory;
mod dma_pages;
mod faults;
mod frame_slots;
mod gem;
mod gem_frames;
mod hooks;
mod hugetlb;
pub(super) mod inserting;
mod io_mem;
mod l1tf;
mod memfd_pages;
mod memory_type;
mod mixed;
mod noncoherent_memory;
mod nowhere;
mod operations;
mod page_block;
mod pfn;
mod pieces;
pub(super) mod pinning;
mod private_data;
mod reserved_memory;
mod seed;
mod shared_buffer;
mod shared_page;
mod shmem_file;
mod syscalls;
