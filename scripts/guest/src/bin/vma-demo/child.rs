// SPDX-License-Identifier: GPL-2.0

//! A child process with the same open file.
//!
//! The driver keeps a list between reads. Whoever gets hold of the open file must not read in it
//! where another process has its memory.

use crate::abi::Record;
use crate::mappings::Made;
use std::fs::File;
use std::io::Result;
use std::os::unix::fs::FileExt;
use vma_guest::sys;
use vma_guest::sys::process::{self, End};

/// Returns true if a child that continues to read where its parent stopped reads its own list.
///
/// `gone` is unmapped in the child, and must not be the first VMA of the parent.
pub fn reads_its_own_list(device: &File, gone: &Made) -> Result<bool> {
    let mut buffer = vec![0; 1 << 16];

    let mut lists_it = || -> Result<bool> {
        // Not the first record, so not the start of a list.
        let len = device.read_at(&mut buffer, size_of::<Record>() as u64)?;
        let start = gone.start.to_ne_bytes();
        Ok(buffer[..len]
            .chunks_exact(size_of::<Record>())
            .any(|record| record.starts_with(&start)))
    };
    if !lists_it()? {
        return Ok(false);
    }
    let still_lists_it = process::fork(|| {
        let len = usize::try_from(gone.end - gone.start).expect("a size in memory");
        let start = usize::try_from(gone.start).expect("an address of this process");
        u8::from(!matches!(
            sys::munmap(start, len).and_then(|()| lists_it()),
            Ok(false)
        ))
    })?;
    Ok(still_lists_it.wait()? == End::Exited(0))
}
