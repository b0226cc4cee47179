// SPDX-License-Identifier: GPL-2.0

//! A kernel thread that runs one closure, can be watched, joined and killed.

use super::address_space::AddressSpace;
use crate::{
    bindings,
    error::from_err_ptr,
    new_spinlock,
    prelude::*,
    sync::{
        aref::ARef,
        Arc,
        Completion,
        SpinLock, //
    },
    task::Task,
    time::{
        delay::fsleep,
        msecs_to_jiffies,
        Delta, //
    }, //
};

/// How long a test waits for what must happen, in milliseconds. Emulated CPUs are slow.
const TIMEOUT_MS: u32 = 10_000;

/// How long a test watches that something does not happen.
const GRACE: Delta = Delta::from_millis(20);

#[pin_data]
struct Shared<T> {
    #[pin]
    done: Completion,
    #[pin]
    result: SpinLock<Option<T>>,
}

struct Start<F, T> {
    run: F,
    shared: Arc<Shared<T>>,
}

/// A running second task.
pub(super) struct SecondTask<T: Send + Unpin + 'static> {
    task: ARef<Task>,
    shared: Arc<Shared<T>>,
}

/// A second task that does not run yet. To start it takes no memory, so locks may be held for which
/// reclaim waits.
#[must_use = "a task that is never started is never freed"]
pub(super) struct Prepared<T: Send + Unpin + 'static>(SecondTask<T>);

impl<T: Send + Unpin + 'static> Prepared<T> {
    pub(super) fn start(self) -> SecondTask<T> {
        self.0.task.wake_up();
        self.0
    }
}

impl<T: Send + Unpin + 'static> SecondTask<T> {
    /// Starts a task that runs `run`.
    pub(super) fn spawn<F>(run: F) -> Result<Self>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        Ok(Self::prepare(run)?.start())
    }

    /// Makes a task that will run `run`.
    pub(super) fn prepare<F>(run: F) -> Result<Prepared<T>>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let shared = Arc::pin_init(
            try_pin_init!(Shared {
                done <- Completion::new(),
                result <- new_spinlock!(None),
            }),
            GFP_KERNEL,
        )?;
        let start = KBox::new(
            Start {
                run,
                shared: shared.clone(),
            },
            GFP_KERNEL,
        )?;
        let start = KBox::into_raw(start);

        // SAFETY: `entry` takes what `start` points to; the format has one string, which is given.
        let task = from_err_ptr(unsafe {
            bindings::kthread_create_on_node(
                Some(entry::<F, T>),
                start.cast(),
                bindings::NUMA_NO_NODE,
                c"%s".as_char_ptr(),
                c"vma-second-task".as_char_ptr(),
            )
        })
        .inspect_err(|_| {
            // SAFETY: No thread was made, so nobody else has the pointer.
            drop(unsafe { KBox::from_raw(start) });
        })?;

        // SAFETY: A kthread that has not been woken yet does not exit, so the task is alive.
        let task: ARef<Task> = unsafe { &*task.cast::<Task>() }.into();
        Ok(Prepared(Self { task, shared }))
    }

    /// Returns true if the task has finished.
    pub(super) fn is_done(&self) -> bool {
        self.shared.result.lock().is_some()
    }

    /// Returns true if the task is still running, and keeps running for a while.
    pub(super) fn stays_blocked(&self) -> bool {
        fsleep(GRACE);
        !self.is_done()
    }

    /// Sends the task a fatal signal.
    pub(super) fn kill(&self) {
        // SAFETY: The task is alive by its reference count. 1 stands for a signal from the kernel.
        unsafe { bindings::send_sig(bindings::SIGKILL as i32, self.task.as_ptr(), 1) };
    }

    /// Waits for the task to finish. `ETIMEDOUT` if it does not.
    pub(super) fn join(self) -> Result<T> {
        // SAFETY: The completion is initialised and kept alive by `self`. CAST: It is a
        // `completion` with a transparent wrapper around it.
        let left = unsafe {
            bindings::wait_for_completion_timeout(
                core::ptr::from_ref(&self.shared.done).cast_mut().cast(),
                msecs_to_jiffies(TIMEOUT_MS),
            )
        };
        if left == 0 {
            return Err(ETIMEDOUT);
        }
        self.shared.result.lock().take().ok_or(EINVAL)
    }
}

/// The thread function.
///
/// # Safety
///
/// `data` must be a `KBox<Start<F, T>>` that was turned into a pointer, and is given away.
unsafe extern "C" fn entry<F, T>(data: *mut c_void) -> c_int
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + Unpin + 'static,
{
    // SAFETY: `spawn()` gave this thread the box.
    let start = unsafe { KBox::<Start<F, T>>::from_raw(data.cast()) };

    // SAFETY: A kthread may choose which signals it takes.
    unsafe { bindings::allow_signal(bindings::SIGKILL as i32) };

    let Start { run, shared } = KBox::into_inner(start);
    let result = run();
    *shared.result.lock() = Some(result);
    shared.done.complete_all();
    0
}

/// Waits until `condition` holds; false if it does not in time.
pub(super) fn wait_until(mut condition: impl FnMut() -> bool) -> bool {
    for _ in 0..TIMEOUT_MS {
        if condition() {
            return true;
        }
        fsleep(Delta::from_millis(1));
    }
    false
}

/// A task that takes the mmap write lock and releases it.
pub(super) fn mmap_writer(mm: &AddressSpace) -> Result<SecondTask<()>> {
    let mm = mm.clone();
    SecondTask::spawn(move || drop(mm.vma_locks().write()))
}
