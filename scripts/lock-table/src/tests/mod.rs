// SPDX-License-Identifier: GPL-2.0

use crate::*;

#[test]
fn real() {
    let t = LockTable::read(Path::new("../../rust/kernel/mm/vma")).unwrap();
    println!("{t:#?}");
}
