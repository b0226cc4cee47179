// SPDX-License-Identifier: GPL-2.0

//! The search for the next VMA where there are no VMA locks: every VMA needs the mmap lock.

use super::{
    super::super::VmaGuard,
    NeedsMmapLock, //
};
use crate::mm::MmWithUser;

#[inline]
pub(super) fn try_lock_next(
    _mm: &MmWithUser,
    _addr: usize,
    _gap: bool,
) -> Result<Option<VmaGuard<'_>>, NeedsMmapLock> {
    Err(NeedsMmapLock)
}
