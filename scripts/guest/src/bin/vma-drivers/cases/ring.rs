// SPDX-License-Identifier: GPL-2.0

//! Rings of requests and completions, which user space and the driver write at the same time.

use super::failing_userptr::pins;
use super::*;
use vma_guest::device::ring::{
    BLOCK, BLOCKS, COMPLETIONS, NODE, NOP, PAGES, READ, REQUESTS, Ring, WRITE,
};

suite! {
    "ring":
    blocks_are_written_and_read, requests_that_cannot_be_done, rings_go_round,
    full_completions_hold_requests_back, tail_that_is_none_is_refused, rings_are_shared_and_stay,
    mapping_is_checked, one_task_waits_for_another, waiting_task_is_killed,
    memory_is_unpinned_at_the_end, rings_full_of_noise,
}

fn blocks_are_written_and_read() {
    let ring = Ring::mapped(place(1));
    let bytes = some_bytes(4 * page());
    let at = memory_of(&bytes);
    // Neither the start nor the end of a page.
    ring.register(at + 100, bytes.len() - 300).must();

    let offset = page() - 200;
    let len = BLOCK as i64;
    assert_eq!(ring.result_of([WRITE, 1, 7, offset as u64]), len);
    assert_eq!(ring.result_of([READ, 2, 7, 5]), len);
    assert_eq!(ring.result_of([READ, 3, 8, 5 + BLOCK as u64]), len);
    holds(at + 105, &bytes[100 + offset..][..BLOCK]);
    filled(at + 105 + BLOCK, BLOCK, 0);
    holds(at, &bytes[..105]);
    ring.unregister().must();

    // Another file has other blocks.
    let other = Ring::mapped(place(2));
    other.register(at, BLOCK).must();
    assert_eq!(other.result_of([READ, 4, 7, 0]), len);
    filled(at, BLOCK, 0);
}

fn requests_that_cannot_be_done() {
    let ring = Ring::mapped(place(1));
    assert_eq!(ring.result_of([READ, 1, 0, 0]), errno(ENXIO));
    ring.unregister().must_fail(ENXIO);

    let at = memory_of(&some_bytes(page()));
    ring.register(at, page()).must();
    ring.register(at, page()).must_fail(EBUSY);
    for (request, wanted) in [
        ([READ, 2, BLOCKS as u64, 0], ERANGE),
        ([WRITE, 3, u64::MAX, 0], ERANGE),
        ([READ, 4, 0, (page() - BLOCK + 1) as u64], EINVAL),
        ([WRITE, 5, 0, page() as u64], EINVAL),
        ([WRITE, 6, 0, u64::MAX], EINVAL),
        ([3, 7, 0, 0], EOPNOTSUPP),
        ([u64::MAX, 8, 0, 0], EOPNOTSUPP),
    ] {
        assert_eq!(ring.result_of(request), errno(wanted), "{request:?}");
    }
    assert_eq!(ring.result_of([NOP, 9, u64::MAX, u64::MAX]), 0);
    ring.enter(COMPLETIONS as usize + 1).must_fail(EINVAL);
    ring.enter(usize::MAX).must_fail(EINVAL);

    let other = Ring::mapped(place(2));
    other.register(at, 0).must_fail(EINVAL);
    other.register(usize::MAX, 2).must_fail(EINVAL);
    other.register(place(3), page()).must_fail(EFAULT);
}

fn rings_go_round() {
    let ring = Ring::mapped(place(1));
    let (mut made, mut seen) = (0, 0);
    while seen < 10 * u64::from(COMPLETIONS) {
        while ring.submit([NOP, made, 0, 0]) {
            made += 1;
        }
        ring.enter(1).must_give(REQUESTS as usize);
        while let Some(completion) = ring.complete() {
            assert_eq!(completion, (seen, 0));
            seen += 1;
        }
    }
    assert_eq!(u64::from(ring.head()), seen);
}

fn full_completions_hold_requests_back() {
    let ring = Ring::mapped(place(1));
    let submit = |first: u64| {
        (0..REQUESTS.into()).for_each(|number| assert!(ring.submit([NOP, first + number, 0, 0])));
    };
    submit(0);
    ring.enter(0).must_give(REQUESTS as usize);
    submit(100);
    ring.enter(COMPLETIONS as usize).must_give(REQUESTS as usize);
    submit(200);
    ring.enter(0).must_give(0);
    assert_eq!(ring.complete(), Some((0, 0)));
    ring.enter(COMPLETIONS as usize).must_give(1);
    while ring.complete().is_some() {}
    ring.enter(1).must_give(REQUESTS as usize - 1);
    assert_eq!(ring.complete(), Some((201, 0)));
}

fn tail_that_is_none_is_refused() {
    let ring = Ring::mapped(place(1));
    assert!(ring.submit([NOP, 1, 0, 0]));
    for tail in [REQUESTS + 1, u32::MAX, 1 << 31] {
        ring.set_tail(tail);
        ring.enter(0).must_fail(EINVAL);
        assert_eq!(ring.head(), 0);
    }
    ring.set_tail(1);
    ring.enter(1).must_give(1);
    assert_eq!(ring.complete(), Some((1, 0)));

    // A head that is none leaves no room, and nothing to wait for.
    ring.set_completion_head(7);
    assert!(ring.submit([NOP, 2, 0, 0]));
    ring.enter(COMPLETIONS as usize).must_give(0);
    ring.set_completion_head(1);
    ring.enter(1).must_give(1);
    assert_eq!(ring.complete(), Some((2, 0)));
}

fn rings_are_shared_and_stay() {
    let ring = Ring::mapped(place(1));
    in_child(|| assert!(ring.submit([NOP, 5, 0, 0])));
    ring.enter(1).must_give(1);
    relocate(place(1), place(2), PAGES * page());
    ring.map(place(1), 0, PAGES).must();
    assert_eq!(ring.complete(), Some((5, 0)));
    unmap(place(1) + page(), page());
    assert_eq!(word(place(2) + 128), 1);

    // The mapping keeps its pages.
    drop(ring);
    assert_eq!(word(place(2) + 128), 1);
    set_word(place(2) + 2 * page(), 3);
}

fn mapping_is_checked() {
    let file = NODE.open().must();
    let last = PAGES as u64 - 1;
    map_shared(&file, place(1), last, 1, RW).must();
    map_shared(&file, place(2), last, 2, RW).must_fail(EINVAL);
    map_shared(&file, place(2), last + 1, 1, RW).must_fail(EINVAL);
    map_shared(&file, place(2), 0, 1, RW | PROT_EXEC).must_fail(EPERM);
    device::map(&file, place(2), 0, 1, RW, MAP_PRIVATE).must_fail(EINVAL);
    memory::resize(place(1), page(), 2 * page()).must_fail(EFAULT);
}

fn one_task_waits_for_another() {
    let ring = Ring::mapped(place(1));
    let child = forked(|| {
        let taken = ring.enter(3).must();
        assert_eq!(taken, 0);
        0
    });
    for number in 0..3 {
        std::thread::sleep(Duration::from_millis(20));
        child.wait_at_most(Duration::ZERO).must_give(None);
        assert!(ring.submit([NOP, number, 0, 0]));
        ring.enter(0).must_give(1);
    }
    child.wait().must_give(End::Exited(0));
}

fn waiting_task_is_killed() {
    let ring = Ring::mapped(place(1));
    let child = forked(|| u8::from(ring.enter(1).is_ok()));
    std::thread::sleep(Duration::from_millis(50));
    child.wait_at_most(Duration::ZERO).must_give(None);
    child.kill().must();
    child.wait().must_give(End::Killed(SIGKILL));
    // It has left nothing locked.
    assert!(ring.submit([NOP, 1, 0, 0]));
    ring.enter(1).must_give(1);
}

fn memory_is_unpinned_at_the_end() {
    let before = pins();
    let ring = Ring::mapped(place(1));
    let at = memory_of(&some_bytes(3 * page()));
    ring.register(at, 3 * page()).must();
    assert_eq!(pins(), before + 3);
    // Neither the mapping of the rings nor that of the memory matters.
    unmap(place(1), PAGES * page());
    unmap(at, 3 * page());
    assert_eq!(pins(), before + 3);
    drop(ring);
    assert_eq!(pins(), before);

    let ring = Ring::mapped(place(1));
    let at = memory_of(&some_bytes(page()));
    ring.register(at, page()).must();
    ring.unregister().must();
    assert_eq!(pins(), before);
    ring.register(at, page()).must();
}

/// Threads write anything anywhere in the rings. The driver does what it takes for requests, and each ends.
fn rings_full_of_noise() {
    let ring = Ring::mapped(place(1));
    let memory = memory_of(&some_bytes(2 * page()));
    ring.register(memory, 2 * page()).must();
    let noise = |thread: usize| {
        let mut random = fastrand::Rng::with_seed(thread as u64);
        for _ in 0..100 {
            let at = random.usize(..PAGES * page()) & !7;
            // Small numbers are requests, and heads and tails that may fit.
            let value = random.u64(..) >> random.u32(..64);
            set_word(place(1) + at, value);
        }
    };
    race(2, noise, |round| {
        for _ in 0..10 {
            ring.enter(0).unless(&[EINVAL]);
        }
        let random = fastrand::Rng::with_seed(round).u32(..REQUESTS);
        ring.set_tail(ring.head().wrapping_add(random));
        ring.enter(0).unless(&[EINVAL]);
    });

    // It works as before when they agree again.
    let other = Ring::mapped(place(2));
    assert_eq!(other.result_of([NOP, 1, 0, 0]), 0);
}
