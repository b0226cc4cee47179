// SPDX-License-Identifier: GPL-2.0
//! The answer to a write that has to be permitted is none to a fault, and the other way round:
//! their codes mean different things.

use kernel::mm::vma::driver::{
    Fault, FaultOutcome, HugeFault, HugeFaultOutcome, MkWrite, MkWriteOutcome, VmaOperations,
};
#[cfg(misuse)]
use {FaultOutcome as ForMkWrite, HugeFaultOutcome as ForFault, MkWriteOutcome as ForHugeFault};
#[cfg(not(misuse))]
use {FaultOutcome as ForFault, HugeFaultOutcome as ForHugeFault, MkWriteOutcome as ForMkWrite};

fn fault<T: VmaOperations>(fault: Fault<'_, T>) -> ForFault<'_> {
    fault.no_page() //~ E0308 "expected `HugeFaultOutcome<'_>`, found `FaultOutcome<'_>`"
}

fn huge_fault<T: VmaOperations>(fault: HugeFault<'_, T>) -> ForHugeFault<'_> {
    fault.fallback() //~ E0308 "expected `MkWriteOutcome<'_>`, found `HugeFaultOutcome<'_>`"
}

fn page_mkwrite<T: VmaOperations>(fault: MkWrite<'_, T>) -> ForMkWrite<'_> {
    fault.allow() //~ E0308 "expected `FaultOutcome<'_>`, found `MkWriteOutcome<'_>`"
}
