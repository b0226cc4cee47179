// SPDX-License-Identifier: GPL-2.0

//! The macro that declares compile-time diagnostics for calls that are not offered.
//!
//! A decoy is a method with a bound that no type meets: on a trait that nothing implements, whose
//! message says why the call is not offered and what to call instead. Without the decoy the
//! compiler would only say that there is no such method, or propose one of a similar name. A decoy
//! is never called, is hidden from the documentation, and has no code.
//!
//! ```text
//! decoys! {
//!     /// Documentation.
//!     #[diagnostic::on_unimplemented(..)]
//!     trait Reason;
//!
//!     impl[P: Bound] Type<P> as Subject<P> {
//!         fn name[T: Bound](Argument, ..) -> Output;
//!     }
//! }
//! ```
//!
//! In the brackets are generic parameters, if there are any. The receiver of each method is
//! `&'a self`, and the bound is `&'a Subject<P>: Reason`. The lifetime makes rustc look at the
//! bound where the method is called; of a bound without parameters it would refuse the declaration.
//!
//! The tools below `scripts/` that read the source know this macro by its name.

macro_rules! decoys {
    // The name of the trait is a `tt`: of an `ident`, rustc would show the whole invocation.
    ($(
        $(#[$meta:meta])*
        trait $reason:tt;

        $(impl[$($generics:tt)*] $type:ty as $subject:ty {
            $(fn $name:ident$([$($parameters:tt)*])?($($argument:ty),*) $(-> $output:ty)?;)*
        })*
    )*) => {$(
        $(#[$meta])*
        pub trait $reason {
            #[doc(hidden)]
            fn never<R>() -> R;
        }

        $(
            #[doc(hidden)]
            impl<$($generics)*> $type {$(
                #[inline]
                pub fn $name<'a, $($($parameters)*)?>(&'a self, $(_: $argument),*) $(-> $output)?
                where
                    &'a $subject: $reason,
                {
                    <&'a $subject as $reason>::never()
                }
            )*}
        )*
    )*};
}

pub(in crate::mm) use decoys;
