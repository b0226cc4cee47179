// SPDX-License-Identifier: GPL-2.0

//! Decoding `vm_refcnt`: each value that the kernel documents, and the edges between them.
#![cfg(CONFIG_PER_VMA_LOCK)]

use crate::{
    bindings,
    mm::vma::VmRefcnt,
    prelude::*, //
};

const FLAG: i32 = bindings::VM_REFCNT_EXCLUDE_READERS_FLAG as i32;
const LIMIT: i32 = bindings::VM_REFCNT_LIMIT as i32;

#[kunit_tests(rust_vma_refcnt)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_state() {
        let states = [
            (0, VmRefcnt::Detached),
            (
                1,
                VmRefcnt::Attached {
                    write_locked: false,
                },
            ),
            (
                2,
                VmRefcnt::Readers {
                    readers: 1,
                    write_locked: false,
                },
            ),
            (
                LIMIT,
                VmRefcnt::Readers {
                    readers: LIMIT as u32 - 1,
                    write_locked: false,
                },
            ),
            (FLAG, VmRefcnt::Detaching),
            (FLAG + 1, VmRefcnt::ExcludingReaders { readers: 0 }),
            (FLAG + 3, VmRefcnt::ExcludingReaders { readers: 2 }),
            (
                i32::MAX,
                VmRefcnt::ExcludingReaders {
                    readers: LIMIT as u32 - 1,
                },
            ),
            (i32::MIN, VmRefcnt::Saturated),
            (-1, VmRefcnt::Saturated),
        ];

        for (refcnt, state) in states {
            assert_eq!(VmRefcnt::decode(refcnt, false), state);
        }
    }

    #[test]
    fn sequence_numbers_tell_write_locked() {
        assert_eq!(
            VmRefcnt::decode(1, true),
            VmRefcnt::Attached { write_locked: true }
        );
        assert_eq!(
            VmRefcnt::decode(3, true),
            VmRefcnt::Readers {
                readers: 2,
                write_locked: true
            }
        );
        // A detached VMA's numbers mean nothing.
        assert_eq!(VmRefcnt::decode(0, true), VmRefcnt::Detached);
    }
}
