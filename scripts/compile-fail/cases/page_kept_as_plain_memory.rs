// SPDX-License-Identifier: GPL-2.0
//! A page that is shared with user space is only copied from and to: a reference to its contents
//! would say that nobody else changes them. That it has never been anything else is for unsafe code.

use kernel::mm::vma::driver::{Fault, FaultOutcome, Plain, SharedPage, VmaOperations};
use kernel::page::{Page, PAGE_SIZE};
use kernel::prelude::*;

#[cfg(misuse)]
fn share(page: Page) -> SharedPage {
    SharedPage::from_page(page) //~ E0133 "call to unsafe function"
}
#[cfg(not(misuse))]
fn share(_page: Page) -> Result<SharedPage> {
    Ok(SharedPage::new(GFP_KERNEL)?)
}

#[cfg(misuse)]
fn wrap(page: Page) -> SharedPage {
    SharedPage(page) //~ E0423 "cannot initialize a tuple struct which contains private fields"
}

#[cfg(misuse)]
fn memory(page: &SharedPage) -> *const [u8; PAGE_SIZE] {
    page.as_raw().cast() //~ E0624 "method `as_raw` is private"
}
#[cfg(not(misuse))]
fn memory(page: &SharedPage) -> Result<[u8; 8]> {
    let mut bytes = [0; 8];
    page.read(PAGE_SIZE - 8, &mut bytes)?;
    Ok(bytes)
}

fn fault<'a, T>(fault: Fault<'a, T>, page: &SharedPage) -> FaultOutcome<'a>
where
    T: VmaOperations<PageKind = Plain>,
{
    fault.page(page)
}
