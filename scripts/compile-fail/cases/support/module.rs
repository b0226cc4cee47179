// SPDX-License-Identifier: GPL-2.0

// The module that a case with a `#[vtable]` would be part of.

struct LocalModule;

impl kernel::ModuleMetadata for LocalModule {
    const NAME: &'static kernel::str::CStr = c"case";
    // SAFETY: A module that is built in has none.
    const THIS_MODULE: kernel::ThisModule =
        unsafe { kernel::ThisModule::from_ptr(core::ptr::null_mut()) };
}
