// SPDX-License-Identifier: GPL-2.0

//! Keeps a module from being unloaded while the kernel may call its functions.

use crate::{
    bindings,
    module::this_module,
    ModuleMetadata, //
};

/// A reference to a module (C: `__module_get()`).
///
/// # Invariants
///
/// `module` is null, for code that is built in, or a reference to it is owned.
pub(super) struct ModuleRef {
    module: *mut bindings::module,
}

// SAFETY: A reference belongs to no task.
unsafe impl Send for ModuleRef {}
// SAFETY: A shared reference permits nothing.
unsafe impl Sync for ModuleRef {}

impl ModuleRef {
    /// Takes a reference.
    ///
    /// To be called by code of the module `M`, while it cannot be unloaded.
    pub(super) fn new<M: ModuleMetadata>() -> Self {
        let module = this_module::<M>().as_ptr();
        // SAFETY: The module of the caller is there: it runs.
        unsafe { bindings::vma_module_get(module) };
        // INVARIANT: The reference was just taken.
        Self { module }
    }
}

impl Drop for ModuleRef {
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe { bindings::vma_module_put(self.module) };
    }
}
