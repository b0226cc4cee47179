// SPDX-License-Identifier: GPL-2.0

//! Rust VMA sample: `/dev/rust-vma-ring`, requests and completions in memory that is shared with
//! user space, as io_uring has them.
//!
//! The driver does not trust what user space shares with it: it has its own numbers, and copies a
//! request before it looks at it. The structures and ioctl numbers are in `abi.rs`.

use core::mem::size_of;
use kernel::{
    fs::File,
    ioctl::{
        _IO,
        _IOW, //
    },
    miscdevice::{
        MiscDevice,
        MiscDeviceOptions,
        MiscDeviceRegistration, //
    },
    mm::vma::{
        driver::{
            Mapped,
            MixedMap,
            SharedBuffer,
            ViaMmap,
            VmaOperations,
            VmaSetup, //
        },
        pin::{
            PinFor,
            PinnedPages,
            Writable, //
        }, //
    },
    new_condvar,
    new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Release, //
        },
        CondVar,
        Mutex, //
    },
    uaccess::UserSlice, //
};
use zerocopy::FromZeros;

mod abi;

use abi::{
    Completion,
    Memory,
    Request, //
};

const ENTER: u32 = _IO(abi::IOC_TYPE as u32, abi::ENTER_NR as u32);
const REGISTER: u32 = _IOW::<Memory>(abi::IOC_TYPE as u32, abi::REGISTER_NR as u32);
const UNREGISTER: u32 = _IO(abi::IOC_TYPE as u32, abi::UNREGISTER_NR as u32);

module! {
    type: RingModule,
    name: "rust_vma_ring",
    description: "Rust VMA sample: rings shared with user space",
    license: "GPL",
}

#[pin_data]
struct RingModule {
    #[pin]
    _miscdev: MiscDeviceRegistration<Rings>,
}

impl kernel::InPlaceModule for RingModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let name = c"rust-vma-ring";
        try_pin_init!(Self {
            _miscdev <- MiscDeviceRegistration::register(MiscDeviceOptions { name }),
        })
    }
}

/// An open file.
#[pin_data]
struct Rings {
    /// Mappings have its pages, so it may go before them.
    shared: SharedBuffer,
    #[pin]
    state: Mutex<State>,
    #[pin]
    completed: CondVar,
}

struct State {
    /// The driver's own numbers: user space can write those that are shared.
    request_head: u32,
    completion_tail: u32,
    blocks: KVVec<u8>,
    memory: Option<PinnedPages<Writable>>,
}

impl State {
    fn new() -> Result<Self> {
        Ok(Self {
            request_head: 0,
            completion_tail: 0,
            blocks: KVVec::from_elem(0, abi::BLOCKS * abi::BLOCK, GFP_KERNEL_ACCOUNT)?,
            memory: None,
        })
    }

    /// Does a request. Returns the number of bytes.
    fn run(&mut self, request: &Request) -> Result<usize> {
        match request.op {
            abi::NOP => return Ok(0),
            abi::READ | abi::WRITE => {}
            _ => return Err(EOPNOTSUPP),
        }
        let number = usize::try_from(request.block).map_err(|_| ERANGE)?;
        let block = self.blocks.chunks_exact_mut(abi::BLOCK).nth(number);
        let block = block.ok_or(ERANGE)?;
        let memory = self.memory.as_mut().ok_or(ENXIO)?;
        let offset = usize::try_from(request.offset)?;

        if request.op == abi::READ {
            memory.write(offset, block)?;
        } else {
            memory.read(offset, block)?;
        }
        Ok(abi::BLOCK)
    }
}

impl Rings {
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            shared: SharedBuffer::new((abi::PAGES * 4096).div_ceil(PAGE_SIZE))?,
            state <- new_mutex!(State::new()?),
            completed <- new_condvar!(),
        })
    }

    /// Returns the number of completions that user space has not read yet. It is nonsense if user
    /// space has written that.
    fn unread(&self, state: &State) -> Result<u32> {
        // Acquire: an entry is written again only after user space has read it.
        let head: u32 = self.shared.load(abi::COMPLETION_HEAD, Acquire)?;
        Ok(state.completion_tail.wrapping_sub(head))
    }

    /// Takes a request from the ring, if there is one, and room for its completion.
    fn take(&self, state: &mut State) -> Result<Option<Request>> {
        // Acquire: user space has written the requests before the tail.
        let tail: u32 = self.shared.load(abi::REQUEST_TAIL, Acquire)?;
        let waiting = tail.wrapping_sub(state.request_head);
        if waiting > abi::REQUESTS {
            return Err(EINVAL);
        }
        if waiting == 0 || self.unread(state)? >= abi::COMPLETIONS {
            return Ok(None);
        }

        let slot = (state.request_head % abi::REQUESTS) as usize;
        let mut request = Request::new_zeroed();
        let at = abi::FIRST_REQUEST + slot * size_of::<Request>();
        self.shared.read(at, request.as_mut_bytes())?;

        state.request_head = state.request_head.wrapping_add(1);
        // Release: it was read before user space may write it again.
        self.shared
            .store(abi::REQUEST_HEAD, state.request_head, Release)?;
        Ok(Some(request))
    }

    /// Shows user space a completion.
    fn complete(&self, state: &mut State, completion: &Completion) -> Result {
        let slot = (state.completion_tail % abi::COMPLETIONS) as usize;
        let at = abi::FIRST_COMPLETION + slot * size_of::<Completion>();
        self.shared.write(at, completion.as_bytes())?;

        state.completion_tail = state.completion_tail.wrapping_add(1);
        // Release: it is written before user space may read it.
        self.shared
            .store(abi::COMPLETION_TAIL, state.completion_tail, Release)
    }

    /// Does the requests that there are. Returns their number.
    fn run(&self, state: &mut State) -> Result<u32> {
        for done in 0..abi::REQUESTS {
            let Some(request) = self.take(state)? else {
                return Ok(done);
            };
            let result = state.run(&request);
            let completion = Completion {
                cookie: request.cookie,
                result: result.map_or_else(|e| e.to_errno().into(), |bytes| bytes as i64),
            };
            self.complete(state, &completion)?;
        }
        Ok(abi::REQUESTS)
    }

    /// Does requests, and waits for completions: those of other tasks, too.
    fn enter(&self, wanted: u32) -> Result<u32> {
        if wanted > abi::COMPLETIONS {
            return Err(EINVAL);
        }
        let mut state = self.state.lock();
        let taken = self.run(&mut state)?;
        if taken > 0 {
            self.completed.notify_all();
        }

        while self.unread(&state)? < wanted {
            if self.completed.wait_interruptible(&mut state) {
                return if taken > 0 { Ok(taken) } else { Err(EINTR) };
            }
        }
        Ok(taken)
    }

    fn register(&self, memory: &Memory) -> Result {
        let end = memory.addr.checked_add(memory.len).ok_or(EINVAL)?;
        let range = usize::try_from(memory.addr)?..usize::try_from(end)?;
        let current = current!();
        let mm = current.mm().ok_or(ESRCH)?;
        // Pinning may fault, so the mutex is taken after it.
        let memory = mm
            .vma_locks()
            .pin_user_pages_fast(range, PinFor::LongTerm)?;

        let mut state = self.state.lock();
        if state.memory.is_some() {
            return Err(EBUSY);
        }
        state.memory = Some(memory);
        Ok(())
    }

    fn unregister(&self) -> Result {
        let memory = self.state.lock().memory.take();
        memory.map(drop).ok_or(ENXIO)
    }
}

#[vtable]
impl MiscDevice for Rings {
    type Ptr = Pin<KBox<Self>>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Pin<KBox<Self>>> {
        KBox::try_pin_init(Self::new(), GFP_KERNEL_ACCOUNT)
    }

    fn mmap_setup<'a>(
        me: Pin<&'a Self>,
        _file: &'a File,
        mut vma: VmaSetup<'a>,
    ) -> Result<Mapped<'a>> {
        vma.require_shared()?;
        vma.try_clear_mayexec()?;
        let first = vma.pgoff();
        let mut vma = vma.mixedmap();
        vma.map_buffer(&me.shared, first)?;
        Ok(vma.with_ops::<RingOps>(()))
    }

    fn ioctl(me: Pin<&Self>, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        match cmd {
            ENTER => return Ok(me.enter(u32::try_from(arg)?)? as isize),
            REGISTER => {
                let mut memory = Memory::new_zeroed();
                let arg = UserSlice::new(UserPtr::from_addr(arg), size_of::<Memory>());
                arg.reader().read_slice(memory.as_mut_bytes())?;
                me.register(&memory)?;
            }
            UNREGISTER => me.unregister()?,
            _ => return Err(ENOTTY),
        }
        Ok(0)
    }
}

/// All pages are mapped from the beginning: there is nothing to do.
struct RingOps;

kernel::vm_operations!(RingOps);

#[vtable]
impl VmaOperations for RingOps {
    type Data = ();
    type PageKind = MixedMap;
    type Hook = ViaMmap;
}

#[kunit_tests(rust_vma_ring)]
mod tests {
    use super::*;
    use kernel::sync::atomic::Relaxed;

    #[test]
    fn requests_go_round_the_rings() -> Result {
        let rings = KBox::pin_init(Rings::new(), GFP_KERNEL)?;
        let shared = &rings.shared;

        for number in 0..3 * abi::COMPLETIONS {
            let slot = (number % abi::REQUESTS) as usize;
            // A request for memory, of which there is none.
            let words = [abi::READ + u64::from(number % 2), number.into(), 0, 0];
            let at = abi::FIRST_REQUEST + slot * size_of::<Request>();
            shared.write(at, words.as_bytes())?;
            shared.store(abi::REQUEST_TAIL, number + 1, Release)?;
            assert_eq!(rings.enter(1), Ok(1));

            let slot = (number % abi::COMPLETIONS) as usize;
            let mut completion = Completion::new_zeroed();
            let at = abi::FIRST_COMPLETION + slot * size_of::<Completion>();
            shared.read(at, completion.as_mut_bytes())?;
            assert_eq!(completion.cookie, u64::from(number));
            assert_eq!(completion.result, i64::from(ENXIO.to_errno()));
            shared.store(abi::COMPLETION_HEAD, number + 1, Release)?;
        }
        let head: u32 = shared.load(abi::REQUEST_HEAD, Relaxed)?;
        assert_eq!(head, 3 * abi::COMPLETIONS);

        // A tail that is none of the ring.
        shared.store(abi::REQUEST_TAIL, head + abi::REQUESTS + 1, Release)?;
        assert_eq!(rings.enter(0), Err(EINVAL));
        Ok(())
    }
}
