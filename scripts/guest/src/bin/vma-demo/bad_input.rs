// SPDX-License-Identifier: GPL-2.0

//! Requests that the driver must refuse, each with the error that its documentation says.

use crate::abi::{self, Describe, Record, locking};
use crate::check;
use crate::device::{self, DESCRIBE, WAYS};
use crate::mappings;
use std::fs::File;
use std::io::Result;
use vma_guest::{errno, sys};

/// A request, and how it ended.
pub struct Case {
    what: String,
    wanted: i32,
    got: std::result::Result<(), i32>,
}

impl Case {
    /// Returns true if it was refused as documented.
    pub fn is_right(&self) -> bool {
        self.got == Err(self.wanted)
    }

    /// One line on what happened.
    pub fn describe(&self) -> String {
        let got = self.got.map_or_else(errno::name, |()| "accepted".into());
        format!("{}: {got}, wanted {}", self.what, errno::name(self.wanted))
    }
}

/// Where nothing is ever mapped in a process, on any x86-64 kernel with four levels of page tables.
const NEVER_MAPPED: [(&str, u64); 6] = [
    ("address 0", 0),
    ("the first address above user space", 0x7fff_ffff_f000),
    ("the first address that is not canonical", 0x8000_0000_0000),
    ("the first address of the kernel", 0xffff_8000_0000_0000),
    ("the vsyscall page", 0xffff_ffff_ff60_0000),
    ("the last address", u64::MAX),
];

/// Makes all requests; `hole` is an address in the middle of a hole, `mapped` one that is mapped.
pub fn run(device: &File, hole: u64, mapped: u64) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    let mut add = |what: &str, wanted, got: std::result::Result<(), i32>| {
        cases.push(Case {
            what: what.into(),
            wanted,
            got,
        });
    };
    let good: Describe = [mapped, locking::ANY, 0, 0, 0, 0, 0, 0, 0, 0];
    let with = |word: usize, value| {
        let mut request = good;
        request[word] = value;
        device::ask(device, request).map(drop)
    };

    for way in [0, WAYS.len() as u64 + 1, u64::MAX] {
        add(&format!("way to lock {way}"), libc::EINVAL, with(1, way));
    }
    for word in [8, 9] {
        for value in [1, 1 << 63] {
            add(
                &format!("reserved word {word} is {value:#x}"),
                libc::EINVAL,
                with(word, value),
            );
        }
    }

    for (what, addr) in NEVER_MAPPED.into_iter().chain([("a hole", hole)]) {
        for way in &WAYS {
            let got = device::describe(device, addr, way).map(drop);
            add(&format!("{what}, {}", way.name), check::no_vma(way), got);
        }
    }

    let number = |result: Result<()>| result.map_err(|e| e.raw_os_error().unwrap_or(0));
    for (what, ioctl) in [
        (
            "an ioctl of another number",
            sys::encode_iowr::<Describe>(abi::IOC_TYPE, abi::DESCRIBE_NR + 1),
        ),
        (
            "an ioctl of another type",
            sys::encode_iowr::<Describe>(abi::IOC_TYPE + 1, abi::DESCRIBE_NR),
        ),
        (
            "an ioctl of another size",
            sys::encode_iowr::<Record>(abi::IOC_TYPE, abi::DESCRIBE_NR),
        ),
    ] {
        let mut words = good;
        add(
            what,
            libc::ENOTTY,
            number(sys::ioctl_words(device, ioctl, &mut words)),
        );
    }

    let unwritable = mappings::make_unwritable(&good)?;
    let in_hole = usize::try_from(hole).expect("an address of this process");
    let bad_pointers = [
        ("no memory", 0),
        ("memory in a hole", in_hole),
        ("memory of the kernel", 0xffff_8000_0000_0000),
        ("memory that cannot be written", unwritable.words),
        ("memory that cannot be read", unwritable.inaccessible),
        (
            "memory of which the end cannot be read",
            unwritable.inaccessible - 8,
        ),
    ];
    for (what, addr) in bad_pointers {
        add(
            &format!("ioctl on {what}"),
            libc::EFAULT,
            number(sys::ioctl_at(device, DESCRIBE, addr)),
        );
        add(
            &format!("read to {what}"),
            libc::EFAULT,
            number(sys::read_to(device, addr, 64)),
        );
    }
    Ok(cases)
}
