// SPDX-License-Identifier: GPL-2.0

//! A device that works on memory of its callers, when these change it, and when the device is unbound.

use super::bar::{Bound, nothing_at};
use super::failing_userptr::pins;
use super::*;
use vma_guest::device::accel::{
    Accel, DEVICE_BYTES, DONE, DRIVER, FETCH, LOAD, NODE, RESULT_BYTES, RESULTS, SLOTS, STORE,
};

suite! {
    "accel":
    data_goes_through_the_device, results_are_in_the_queue, queue_goes_round,
    jobs_that_cannot_be_done, registers_are_read_only, each_file_has_a_queue_of_its_own,
    changed_memory_is_stale, fork_leaves_the_memory_to_the_parent, change_waits_for_the_device,
    memory_of_the_device_is_unpinned, unbound_device_takes_everything_away,
    unbind_waits_for_the_job, unbind_while_jobs_come_and_go, runs_are_killed,
}

/// Where the queue, the registers and the memory are.
const QUEUE: usize = 1;
const REGISTERS: usize = 2;

/// A device that is bound, and a file of it.
#[track_caller]
fn opened() -> Option<(Bound, Accel)> {
    let bound = Bound::to(DRIVER)?;
    let accel = Accel::open_at(place(QUEUE)).must();
    Some((bound, accel))
}

/// The same, with memory that is registered: pages with contents, at the first place.
#[track_caller]
fn registered(pages: usize) -> Option<(Bound, Accel, Vec<u8>)> {
    let (bound, accel) = opened()?;
    let bytes = some_bytes(pages * page());
    let at = memory_of(&bytes);
    accel.register(at, bytes.len()).must();
    Some((bound, accel, bytes))
}

fn data_goes_through_the_device() {
    let Some((_bound, mut accel, bytes)) = registered(3) else {
        return;
    };
    // Across pages, which need not be next to one another.
    let (from, len) = (page() - 500, 1500);
    accel.must_do([LOAD, from as u64, 100, len as u64]);
    accel.must_do([STORE, 2 * page() as u64 + 1, 100, len as u64]);
    holds(place(0) + 2 * page() + 1, &bytes[from..from + len]);
    holds(place(0), &bytes[..2 * page() + 1]);

    // Data that is written after the memory was registered, and all of the device.
    put(place(0), &[7; DEVICE_BYTES]);
    accel.must_do([LOAD, 0, 0, DEVICE_BYTES as u64]);
    accel.must_do([STORE, page() as u64, DEVICE_BYTES as u64 - 1, 1]);
    assert_eq!(byte(place(0) + page()), 7);
    assert_eq!(byte(place(0) + page() + 1), bytes[page() + 1]);
}

fn results_are_in_the_queue() {
    let Some((_bound, mut accel, bytes)) = registered(1) else {
        return;
    };
    accel.must_do([LOAD, 0, 0, DEVICE_BYTES as u64]);
    accel.must_do([FETCH, 8, 16, 64]);
    let got: Vec<u8> = (0..64)
        .map(|number| byte(place(QUEUE) + RESULTS + 8 + number))
        .collect();
    assert_eq!(got, bytes[16..80]);
    assert_eq!(word(place(QUEUE) + RESULTS), 0);
    assert_eq!(word(place(QUEUE) + RESULTS + 72), 0);

    // Without memory.
    accel.unregister().must();
    accel.must_do([FETCH, 0, 0, 8]);
    let first = u64::from_ne_bytes(bytes[..8].try_into().unwrap());
    assert_eq!(word(place(QUEUE) + RESULTS), first);
}

fn queue_goes_round() {
    let Some((_bound, mut accel)) = opened() else {
        return;
    };
    for _ in 0..3 {
        assert_eq!(accel.results_of([[9, 0, 0, 0]; SLOTS - 5]), [errno(ENXIO); SLOTS - 5]);
    }
    accel.run(SLOTS + 1).must_fail(EINVAL);
    accel.run(usize::MAX).must_fail(EINVAL);
    accel.run(0).must_give(0);
}

fn jobs_that_cannot_be_done() {
    let Some((_bound, mut accel, bytes)) = registered(2) else {
        return;
    };
    let (len, max) = (2 * page() as u64, u64::MAX);
    let (device, results) = (DEVICE_BYTES as u64, RESULT_BYTES as u64);
    for (job, wanted) in [
        ([0, 0, 0, 8], EINVAL),
        ([FETCH + 1, 0, 0, 8], EINVAL),
        ([max, 0, 0, 8], EINVAL),
        ([LOAD, len - 7, 0, 8], EFAULT),
        ([STORE, len, 0, 8], EFAULT),
        ([STORE, max, 0, 8], EFAULT),
        ([LOAD, 1, 0, max], EFAULT),
        ([STORE, 0, device, 8], ERANGE),
        ([STORE, 0, device - 7, 8], ERANGE),
        ([STORE, 0, max, 8], ERANGE),
        ([LOAD, 0, 0, device + 1], ERANGE),
        ([FETCH, results - 7, 0, 8], ERANGE),
        ([FETCH, 0, device - 7, 8], ERANGE),
        ([FETCH, 0, 0, 0], ERANGE),
    ] {
        assert_eq!(accel.results_of([job]), [errno(wanted)], "{job:?}");
    }
    // Nothing to do is done.
    accel.must_do([LOAD, 0, 0, 0]);
    holds(place(0), &bytes);

    accel.register(place(0), page()).must_fail(EBUSY);
    accel.unregister().must();
    accel.unregister().must_fail(ENXIO);
    assert_eq!(accel.results_of([[LOAD, 0, 0, 8]]), [errno(ENXIO)]);
    accel.register(place(0), 0).must_fail(EINVAL);
    accel.register(usize::MAX, 2).must_fail(EINVAL);
    accel.register(place(5), page()).must_fail(EFAULT);
}

fn registers_are_read_only() {
    let Some((_bound, accel)) = opened() else {
        return;
    };
    accel.map_registers(place(REGISTERS), PROT_READ).must();
    // The identification of the device, whose accesses are of 32 bits.
    assert_eq!(memory::load_acquire(place(REGISTERS)) & 0xffff, 0xed);
    protect_fails(place(REGISTERS), RW);
    dies(SIGSEGV, || set_byte(place(REGISTERS), 1));

    accel.map_registers(place(3), RW).must_fail(EPERM);
    device::map(&accel.file, place(3), 0, 1, PROT_READ, MAP_PRIVATE).must();
    protect_fails(place(3), RW);
    // Neither more than the registers nor more than the queue.
    map_shared(&accel.file, place(3), 0, 2, PROT_READ).must_fail(ENXIO);
    map_shared(&accel.file, place(3), 1, 2, PROT_READ).must_fail(EINVAL);
    map_shared(&accel.file, place(3), 2, 1, PROT_READ).must_fail(EINVAL);
    device::map(&accel.file, place(3), 1, 1, RW, MAP_PRIVATE).must_fail(EINVAL);
}

#[track_caller]
fn protect_fails(at: usize, prot: i32) {
    memory::protect(at, page(), prot).must_fail(EACCES);
}

fn each_file_has_a_queue_of_its_own() {
    let Some((_bound, accel)) = opened() else {
        return;
    };
    let other = Accel::open_at(place(3)).must();
    set_word(place(QUEUE), 5);
    assert_eq!(word(place(3)), 0);
    accel.map_queue(place(4)).must();
    assert_eq!(word(place(4)), 5);
    drop(other);
    set_word(place(3), 6);
    assert_eq!(word(place(3)), 6);
}

/// Each change of what is mapped ends the registration, and there can be another one.
fn changed_memory_is_stale() {
    let Some((_bound, mut accel)) = opened() else {
        return;
    };
    let changes: [(&str, &dyn Fn()); 5] = [
        ("munmap", &|| unmap(place(0) + page(), page())),
        ("mprotect", &|| protect(place(0), page(), PROT_READ)),
        ("mremap", &|| relocate(place(0), place(9), page())),
        ("madvise", &|| advise(place(0), page(), MADV_DONTNEED)),
        ("mmap", &|| map_anonymous(place(0), page())),
    ];
    for (name, change) in changes {
        map_anonymous(place(0), 2 * page());
        accel.register(place(0), 2 * page()).must();
        accel.must_do([LOAD, 0, 0, 8]);
        change();
        let stale = accel.results_of([[LOAD, 0, 0, 8], [STORE, 0, 0, 8]]);
        assert_eq!(stale, [errno(ESTALE); 2], "{name}");
        // The page next to it is not in it.
        map_anonymous(place(0), 2 * page());
        accel.register(place(0), page()).must();
        unmap(place(0) + page(), page());
        accel.must_do([STORE, 0, 0, 8]);
        accel.unregister().must();
    }
}

fn fork_leaves_the_memory_to_the_parent() {
    let Some((_bound, mut accel, bytes)) = registered(1) else {
        return;
    };
    accel.must_do([LOAD, 0, 0, 64]);
    // It may be stale after that; never does the device write to pages of the child.
    let child = forked(|| {
        std::thread::sleep(Duration::from_millis(400));
        holds(place(0), &bytes);
        0
    });
    let result = accel.results_of([[STORE, 512, 0, 64]]);
    child.wait().must_give(End::Exited(0));
    match result {
        [DONE] => holds(place(0) + 512, &bytes[..64]),
        _ => assert_eq!(result, [errno(ESTALE)]),
    }
}

/// The memory is changed while the device works on it: it does so all or nothing.
fn change_waits_for_the_device() {
    let Some((_bound, mut accel)) = opened() else {
        return;
    };
    for round in 0..4 {
        map_anonymous(place(0), page());
        accel.register(place(0), page()).must();
        let (run, unmapped) = std::thread::scope(|scope| {
            let job = scope.spawn(|| {
                let start = Instant::now();
                let results = accel.results_of([[LOAD, 0, 0, 8]]);
                (results, start.elapsed())
            });
            std::thread::sleep(Duration::from_millis(10 + 30 * round));
            let start = Instant::now();
            unmap(place(0), page());
            (job.join().unwrap(), start.elapsed())
        });
        let (results, time) = run;
        note(&format!("job {results:?} in {time:?}, munmap {unmapped:?}"));
        assert!([DONE, errno(ESTALE)].contains(&results[0]), "{results:?}");
        assert_eq!(accel.results_of([[LOAD, 0, 0, 8]]), [errno(ESTALE)]);
    }
}

fn memory_of_the_device_is_unpinned() {
    let before = pins();
    let Some((_bound, mut accel, _)) = registered(3) else {
        return;
    };
    assert_eq!(pins(), before + 3);
    accel.must_do([LOAD, 0, 0, 8]);
    // Memory that is stale goes when there is other, or the file is closed.
    unmap(place(0), page());
    map_anonymous(place(0), page());
    accel.register(place(0), page()).must();
    assert_eq!(pins(), before + 1);
    unmap(place(0), page());
    drop(accel);
    assert_eq!(pins(), before);
}

fn unbound_device_takes_everything_away() {
    let Some((bound, mut accel, _)) = registered(1) else {
        return;
    };
    accel.map_registers(place(REGISTERS), PROT_READ).must();
    accel.must_do([LOAD, 0, 0, 8]);
    memory::load_acquire(place(REGISTERS));
    bound.0.unbind().must();
    nothing_at(&[place(QUEUE)]);
    dies(SIGBUS, || touch(place(REGISTERS)));
    accel.run(1).must_fail(ENODEV);
    accel.map_queue(place(3)).must_fail(ENODEV);
    accel.map_registers(place(3), PROT_READ).must_fail(ENODEV);
    NODE.open().map(drop).unwrap_err();
    accel.unregister().must();

    bound.0.bind().must();
    accel.run(1).must_fail(ENODEV);
    nothing_at(&[place(QUEUE)]);
    let mut again = Accel::open_at(place(3)).must();
    again.register(place(0), page()).must();
    again.must_do([LOAD, 0, 0, 8]);
}

/// A job that has begun ends before the device is unbound; the next one finds none.
fn unbind_waits_for_the_job() {
    let Some((bound, mut accel, _)) = registered(1) else {
        return;
    };
    // Jobs that are in the queue already: it goes with the device.
    accel.results_of([[LOAD, 0, 0, 8]; SLOTS]);
    let runs = std::thread::scope(|scope| {
        let jobs = scope.spawn(|| accel.run(SLOTS));
        std::thread::sleep(Duration::from_millis(150));
        bound.0.unbind().must();
        jobs.join().unwrap()
    });
    runs.must_fail(ENODEV);
    accel.run(1).must_fail(ENODEV);
}

fn unbind_while_jobs_come_and_go() {
    let Some(bound) = Bound::to(DRIVER) else {
        return;
    };
    let work = |thread: usize| {
        let memory = place(10 + thread);
        let Ok(accel) = Accel::open_at(place(20 + thread)) else {
            return;
        };
        map_anonymous(memory, page());
        accel.register(memory, page()).must();
        // Slots that are zero are no jobs.
        let _ = accel.run(3);
        unmap(memory, page());
        let _ = accel.run(3);
    };
    race(3, work, |_| {
        std::thread::sleep(Duration::from_millis(20));
        bound.0.unbind().must();
        bound.0.bind().must();
    });
}

fn runs_are_killed() {
    let Some((_bound, mut accel)) = opened() else {
        return;
    };
    accel.results_of([[FETCH, 0, 0, 8]; SLOTS]);
    accel.forget_statuses();
    let child = forked(|| u8::from(accel.run(SLOTS).is_ok()));
    std::thread::sleep(Duration::from_millis(50));
    child.kill().must();
    child.wait().must_give(End::Killed(SIGKILL));
    assert!(accel.done() < SLOTS);
    accel.run(1).must_give(1);
}
