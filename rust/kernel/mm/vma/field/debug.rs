// SPDX-License-Identifier: GPL-2.0

//! `Debug` of a view.

use super::super::{
    level::ReadFields,
    Vma, //
};
use crate::fmt;

impl<L: ReadFields> fmt::Debug for Vma<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Vma<{}> {{ {:#x}..{:#x}, pgoff: {:#x}, flags: {:?}, file: {}, refcnt: ",
            L::NAME,
            self.start(),
            self.end(),
            self.pgoff(),
            self.flags(),
            self.file().is_some(),
        )?;
        match self.refcnt() {
            Some(refcnt) => write!(f, "{refcnt:?} }}"),
            None => f.write_str("none }"),
        }
    }
}
