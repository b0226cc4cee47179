// SPDX-License-Identifier: GPL-2.0

#![cfg(any(CONFIG_PROVE_LOCKING, all(CONFIG_X86_64, not(CONFIG_UML))))]

//! Cases that do not run everywhere.

use crate::{
    bindings,
    prelude::*, //
};

/// Marks the current case as skipped (C: `kunit_mark_skipped()`).
pub(super) fn skip(reason: &[u8]) -> Result {
    // SAFETY: This task runs a KUnit case, which nobody else writes to.
    let test = unsafe { bindings::kunit_get_current_test().as_mut() }.ok_or(EINVAL)?;
    test.status = bindings::kunit_status_KUNIT_SKIPPED;
    let comment = test.status_comment.get_mut(..reason.len()).ok_or(EINVAL)?;
    comment.copy_from_slice(reason);
    Ok(())
}
