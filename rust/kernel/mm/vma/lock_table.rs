// SPDX-License-Identifier: GPL-2.0

//! The macro that turns the kernel's lock tables into methods.
//!
//! A table has a row for each field of `struct vm_area_struct` (or for each operation on page
//! tables). The row says how the field is accessed, and each access names the
//! [capability](super::level) that the view's level must have, and takes, as an argument, the proof
//! of any lock that is not part of a level. The macro turns accesses into methods of
//! [`Vma<L>`](super::Vma), so the lock of a field is written in one place:
//!
//! ```text
//! lock_table! {
//!     "Name of the table in process_addrs.rst" {
//!         field if CONFIG_OPTION {
//!             /// Documentation.
//!             kind(Capability) fn name(&self, ..) -> Type { .. } else { .. }
//!             ..
//!             word;
//!         }
//!     }
//! }
//! ```
//!
//! - `if CONFIG_OPTION` is for fields that not all kernels have. The block after `else` is what the
//!   method does without the option; where there is none, there is no method.
//! - The kinds are `read`, `write`, `atomic` (both), `racy` (a volatile load of what may change at
//!   the same time), `write_if_null` and `write_if_set` (of a pointer whose rule depends on its
//!   value), and `rcu`, which needs no capability: it is a method of
//!   [`UnstableVma`](super::UnstableVma).
//! - `mm` before the kind marks calls that only code in `mm/` has a use for, or can make correctly.
//!   They need `CONFIG_RUST_VMA_MM`; without it the module `mm_only` makes the compiler say so.
//! - The word says why there is no `write`: the field is written `once`, before the VMA can be
//!   found; it belongs to the `driver` that owns the VMA; or to offer it is `withheld`, because no
//!   code outside `mm/` can do it right. The module `withheld` has the compiler's messages for an
//!   attempt.

macro_rules! lock_table {
    ($($title:literal { $($rows:tt)* })*) => {$(
        lock_table! { @rows $title $($rows)* }
    )*};

    (@rows $title:literal) => {};
    (@rows $title:literal
        $($field:ident).+ $(if $config:ident)? { $($accesses:tt)* }
        $($rest:tt)*
    ) => {
        lock_table! { @accesses [$title $($config)?] $($accesses)* }
        lock_table! { @rows $title $($rest)* }
    };

    (@accesses $row:tt) => {};
    (@accesses $row:tt $word:ident;) => {
        lock_table! { @word $word }
    };
    (@accesses $row:tt $(#[$meta:meta])* mm $($rest:tt)*) => {
        lock_table! { @accesses $row $(#[$meta])* #[cfg(CONFIG_RUST_VMA_MM)] $($rest)* }
    };
    (@accesses $row:tt
        $(#[$meta:meta])* rcu
        fn $name:ident($($arg:tt)*) $(-> $ret:ty)? $body:block
        $($rest:tt)*
    ) => {
        lock_table! { @method $row [] [$(#[$meta])*] []
            [$name($($arg)*) $(-> $ret)?] $body $($rest)* }
    };
    (@accesses $row:tt
        $(#[$meta:meta])* $kind:ident($capability:ident) unsafe
        fn $name:ident $(<$generic:ident>)? ($($arg:tt)*) $(-> $ret:ty)? $body:block
        $($rest:tt)*
    ) => {
        lock_table! { @kind $kind }
        lock_table! { @method $row [$capability] [$(#[$meta])*] [unsafe]
            [$name $(<$generic>)? ($($arg)*) $(-> $ret)?] $body $($rest)* }
    };
    (@accesses $row:tt
        $(#[$meta:meta])* $kind:ident($capability:ident)
        fn $name:ident $(<$generic:ident>)? ($($arg:tt)*) $(-> $ret:ty)? $body:block
        $($rest:tt)*
    ) => {
        lock_table! { @kind $kind }
        lock_table! { @method $row [$capability] [$(#[$meta])*] []
            [$name $(<$generic>)? ($($arg)*) $(-> $ret)?] $body $($rest)* }
    };

    // Takes the block after `else` off the rest of the row.
    (@method $row:tt $capability:tt $meta:tt $unsafe:tt $sig:tt $body:block
        else $otherwise:block $($rest:tt)*
    ) => {
        lock_table! { @impl $row $capability $meta $unsafe $sig $body $otherwise }
        lock_table! { @accesses $row $($rest)* }
    };
    (@method $row:tt $capability:tt $meta:tt $unsafe:tt $sig:tt $body:block $($rest:tt)*) => {
        lock_table! { @impl $row $capability $meta $unsafe $sig $body }
        lock_table! { @accesses $row $($rest)* }
    };

    (@impl [$title:literal $($config:ident)?] [] $meta:tt $unsafe:tt $sig:tt
        $body:block $($otherwise:block)?
    ) => {
        #[doc = $title]
        impl super::UnstableVma<'_> {
            lock_table! { @fn [$($config)?] [] $meta $unsafe $sig $body $($otherwise)? }
        }
    };
    (@impl [$title:literal $($config:ident)?] [$capability:ident] $meta:tt $unsafe:tt $sig:tt
        $body:block $($otherwise:block)?
    ) => {
        #[doc = $title]
        impl<L: Level> Vma<L> {
            lock_table! {
                @fn [$($config)?] [where L: $capability] $meta $unsafe $sig $body $($otherwise)?
            }
        }
    };

    (@fn [] [$($bound:tt)*] [$($meta:tt)*] [$($unsafe:tt)?] [$($sig:tt)*] $body:block) => {
        $($meta)*
        pub $($unsafe)? fn $($sig)* $($bound)* $body
    };
    (@fn [$config:ident] [$($bound:tt)*] [$($meta:tt)*] [$($unsafe:tt)?] [$($sig:tt)*]
        $body:block
    ) => {
        #[cfg($config)]
        $($meta)*
        pub $($unsafe)? fn $($sig)* $($bound)* $body
    };
    (@fn [$config:ident] [$($bound:tt)*] [$($meta:tt)*] [$($unsafe:tt)?] [$($sig:tt)*]
        $body:block $otherwise:block
    ) => {
        #[cfg($config)]
        $($meta)*
        pub $($unsafe)? fn $($sig)* $($bound)* $body

        #[cfg(not($config))]
        #[allow(unused_variables)]
        $($meta)*
        pub $($unsafe)? fn $($sig)* $($bound)* $otherwise
    };

    (@kind read) => {};
    (@kind racy) => {};
    (@kind write) => {};
    (@kind write_if_null) => {};
    (@kind write_if_set) => {};
    (@kind atomic) => {};

    (@word once) => {};
    (@word driver) => {};
    (@word withheld) => {};
}

pub(super) use lock_table;
