// SPDX-License-Identifier: GPL-2.0

//! A call that is made again and again, each time with another one of the kernel's allocations
//! failing, until all have failed once.

use libc::ENOMEM;
use std::fs::File;
use std::io::Result;
use std::time::Duration;
use vma_guest::balance::{self, Balance};
use vma_guest::check::{Must, same};
use vma_guest::counters::Counters;
use vma_guest::device::Node;
use vma_guest::errno;
use vma_guest::failing::{Allocations, Which};
use vma_guest::runner::{note, skip};
use vma_guest::sys::memory::{self, STRIDE, place};

/// No call has as many.
const MOST: u32 = 5000;

/// The places that are unmapped after each call.
const PLACES: usize = 8;

/// The time that the kernel has to tidy up after a call.
const SETTLE: Duration = Duration::from_secs(2);

/// Makes calls fail, and looks at the drivers' counters.
pub struct EachAllocation {
    allocations: Allocations,
    counters: Counters,
    before: Balance,
}

/// A call, and how it may fail.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    what: &'a str,
    errors: &'a [i32],
    is_whole: bool,
    first: u32,
    which: &'a [Which],
}

impl<'a> Call<'a> {
    /// A call that may fail with these errors, when some of its work is done.
    pub fn in_part(what: &'a str, errors: &'a [i32]) -> Self {
        Self {
            what,
            errors,
            is_whole: false,
            first: 1,
            which: &[Which::One, Which::AndLater],
        }
    }

    /// A call that may fail with these errors, and has done nothing then.
    pub fn whole(what: &'a str, errors: &'a [i32]) -> Self {
        Self {
            is_whole: true,
            ..Self::in_part(what, errors)
        }
    }
}

impl Call<'_> {
    /// The allocations before this one are none of the drivers' business.
    pub fn from(self, first: u32) -> Self {
        Self { first, ..self }
    }

    /// Never does more than one allocation fail.
    pub fn one_by_one(self) -> Self {
        let which = &[Which::One];
        Self { which, ..self }
    }
}

impl EachAllocation {
    /// Without such a kernel there is nothing to do, nor where the kernel would kill a process for
    /// whose `rseq` area it has no memory.
    #[track_caller]
    pub fn new() -> Option<Self> {
        let tunables = std::env::var("GLIBC_TUNABLES").unwrap_or_default();
        if !tunables.contains("glibc.pthread.rseq=0") {
            skip("glibc registers rseq areas (GLIBC_TUNABLES=glibc.pthread.rseq=0 is not set)");
            return None;
        }
        let counters = Counters::open();
        let before = counters.balance().must();
        match Allocations::open().must() {
            Some(allocations) => Some(Self {
                allocations,
                counters,
                before,
            }),
            None => {
                skip("this kernel has no allocations that fail on demand (no fail-nth)");
                None
            }
        }
    }

    /// Makes a call with each of its allocations failing, and then without; and then the same again,
    /// with those after it failing, too. If the call has errors, the latter must have
    /// made it fail with one of them.
    ///
    /// `prepare` makes what a call needs anew each time, which is dropped after the call, and so are
    /// mappings at the first places. `check` is given what the call has returned, unless it has
    /// failed.
    #[track_caller]
    pub fn of<S, R>(
        &self,
        call: Call<'_>,
        prepare: impl Fn() -> S,
        make: impl Fn(&S) -> Result<R>,
        check: impl Fn(&S, Option<R>),
    ) {
        let what = call.what;
        for &which in call.which {
            let (failed, refused) = self.count(call, which, &prepare, &make, &check);
            note(&format!(
                "{what}: {failed} allocations failed ({which}), and {refused} times the call"
            ));
            assert!(failed > 0, "{what}: no allocation failed");
            let can_go_on = call.errors.is_empty() || which == Which::One;
            assert!(refused > 0 || can_go_on, "{what}: it never failed");
        }
    }

    /// Opens a device. Not by [`Node::open()`], which hides the error number.
    #[track_caller]
    pub fn open(&self, node: &Node) {
        self.of(
            Call::whole("open", &[ENOMEM]),
            || (),
            |()| File::options().read(true).write(true).open(node.path),
            |(), _| (),
        );
    }

    /// Makes a call that must not allocate.
    #[track_caller]
    pub fn none_of<S, R>(
        &self,
        what: &str,
        prepare: impl Fn() -> S,
        make: impl Fn(&S) -> Result<R>,
        check: impl Fn(&S, Option<R>),
    ) {
        let (failed, _) = self.count(Call::whole(what, &[]), Which::One, &prepare, &make, &check);
        assert!(failed == 0, "{what}: {failed} allocations");
    }

    /// Returns how many allocations have failed, and how often the call.
    #[track_caller]
    fn count<S, R>(
        &self,
        call: Call<'_>,
        which: Which,
        prepare: &impl Fn() -> S,
        make: &impl Fn(&S) -> Result<R>,
        check: &impl Fn(&S, Option<R>),
    ) -> (u32, u32) {
        // Has this program's own pages in place.
        self.once(call, u32::MAX, which, prepare, make, check);
        let mut refused = 0;
        for number in call.first..MOST {
            match self.once(call, number, which, prepare, make, check) {
                None => return (number - call.first, refused),
                Some(is_refused) => refused += u32::from(is_refused),
            }
        }
        panic!("{}: {MOST} allocations, and still no end", call.what);
    }

    /// Makes the call once. Returns whether it has failed, or `None` if no allocation did.
    #[track_caller]
    fn once<S, R>(
        &self,
        call: Call<'_>,
        number: u32,
        which: Which,
        prepare: &impl Fn() -> S,
        make: &impl Fn(&S) -> Result<R>,
        check: &impl Fn(&S, Option<R>),
    ) -> Option<bool> {
        let state = prepare();
        let before = self.counters.balance().must();
        let (result, has_failed) = self
            .allocations
            .failing(number, which, || make(&state))
            .must();
        let what = format!("{}, allocation {number} ({which})", call.what);
        let is_refused = result.is_err();
        if let Err(e) = &result {
            assert!(has_failed, "{}: {e}", call.what);
            let error = e.raw_os_error().unwrap_or(0);
            let is_right = call.errors.contains(&error);
            assert!(is_right, "{what}: {}, {e}", errno::name(error));
            if call.is_whole {
                self.balanced(&format!("{what}, which has failed"), &before);
            }
        }
        check(&state, result.ok());
        memory::unmap(place(0), PLACES * STRIDE).must();
        drop(state);
        self.balanced(&what, &self.before);
        has_failed.then_some(is_refused)
    }

    #[track_caller]
    fn balanced(&self, what: &str, before: &Balance) {
        let left = balance::lasting(|| self.counters.balance(), before, SETTLE);
        same(what, left.must(), Vec::new());
    }
}
