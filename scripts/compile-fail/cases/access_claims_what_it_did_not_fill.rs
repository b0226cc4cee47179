// SPDX-License-Identifier: GPL-2.0
//! A reader is told as many bytes as the handler has appended: the handler has neither a number to
//! return nor a slice of the buffer, which holds what the allocator left in it.

use kernel::mm::vma::driver::AccessBuffer;
use kernel::prelude::*;

fn access(buffer: &mut AccessBuffer<'_>, bytes: &[u8]) -> Result {
    match buffer {
        #[cfg(misuse)]
        AccessBuffer::Read(reply) => {
            let slice: &mut [u8] = reply; //~ E0308 "expected `&mut [u8]`"
            Ok(slice.len()) //~ E0308 "expected `()`, found `usize`"
        }
        #[cfg(misuse)]
        AccessBuffer::Write(taken) => {
            taken.taken = bytes.len(); //~ E0616 "field `taken` of struct `AccessBytes` is private"
            Ok(())
        }
        #[cfg(not(misuse))]
        AccessBuffer::Read(reply) => reply.append(bytes),
        #[cfg(not(misuse))]
        AccessBuffer::Write(taken) => taken.take(bytes.len()).map(drop),
    }
}
