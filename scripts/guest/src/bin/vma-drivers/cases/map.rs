// SPDX-License-Identifier: GPL-2.0

//! The map of a process that does nothing meanwhile: byte for byte what `/proc/PID/maps` says.

use super::map_access::{end, waiting};
use super::*;
use vma_guest::device::map::{self, Histogram, SELECT, read_to};

suite! {
    "map":
    shows_this_process, shows_a_child_with_every_kind_of_mapping, shows_init,
    selects_a_thread_by_number, shows_a_path_longer_than_a_page,
    accepts_position_0_and_the_next_only, keeps_text_that_the_reader_could_not_take,
    continues_after_a_vma_that_grows, counts_how_each_line_was_locked, refuses_bad_requests,
}

/// More than any map here has, and so much that it has a mapping of its own.
const CAPACITY: usize = 1 << 20;

/// Small and large ones, and those that lines do not fit into.
const PIECES: [usize; 4] = [7, 100, 4096, 65536];

/// The line of the page that is in no process's tree of VMAs.
const GATE: &[u8] = b" [vsyscall]\n";

/// Texts of maps, in memory that is there already when they are read.
struct Texts {
    before: Vec<u8>,
    ours: Vec<u8>,
    after: Vec<u8>,
}

impl Texts {
    fn new() -> Self {
        let text = || Vec::with_capacity(CAPACITY);
        Self {
            before: text(),
            ours: text(),
            after: text(),
        }
    }

    /// Reads the map between two readings of `/proc/PID/maps`; returns whether those agree.
    #[track_caller]
    fn read(&mut self, pid: i32, map: &Map, piece: usize) -> bool {
        let Self {
            before,
            ours,
            after,
        } = self;
        let path = format!("/proc/{pid}/maps");
        for (text, file) in [
            (before, Some(done(&path, File::open(&path)))),
            (ours, None),
            (after, Some(done(&path, File::open(&path)))),
        ] {
            text.clear();
            match file {
                Some(file) => {
                    done(&path, read_to(&file, piece, text));
                    without_gate(text);
                }
                None => {
                    map.select(pid.into()).must();
                    map.read_to(piece, text).must();
                }
            }
        }
        self.before == self.after
    }
}

/// Takes away the last line if it is that of the gate page.
pub fn without_gate(text: &mut Vec<u8>) {
    if text.ends_with(GATE) {
        let rest = &text[..text.len() - 1];
        let line = rest.iter().rposition(|&byte| byte == b'\n');
        text.truncate(line.map_or(0, |end| end + 1));
    }
}

/// The number of attempts to find a process idle.
const TRIES: usize = 20;

/// The map of a process must be what `/proc/PID/maps` says. Returns the text.
#[track_caller]
fn as_proc(pid: i32) -> Vec<u8> {
    let map = Map::open().must();
    let mut texts = Texts::new();
    for piece in PIECES {
        let mut tries = 0;
        while !texts.read(pid, &map, piece) {
            tries += 1;
            assert!(tries < TRIES);
        }
        assert!(!texts.ours.is_empty());
        if texts.ours != texts.before {
            let (ours, theirs) = (lines(&texts.ours), lines(&texts.before));
            let differ = ours.iter().zip(&theirs).position(|(a, b)| a != b);
            let at = differ.unwrap_or(ours.len().min(theirs.len()));
            // Paths can be long.
            let start = |lines: &[String]| {
                lines
                    .get(at)
                    .map(|l| l.chars().take(160).collect::<String>())
            };
            let (ours, theirs) = (start(&ours), start(&theirs));
            panic!("in pieces of {piece}, line {at}: {ours:?}, wanted {theirs:?}");
        }
    }
    texts.ours
}

fn lines(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    text.split_inclusive('\n').map(Into::into).collect()
}

fn shows_this_process() {
    map_everything();
    // So that it does not have to grow meanwhile.
    let text = as_proc(std::process::id() as i32);
    let text = String::from_utf8_lossy(&text);
    for name in ["[heap]", "[stack]", "[vdso]", "/dev/rust-vma-buffer"] {
        assert!(text.contains(name), "there is no {name} in the map");
    }
}

fn shows_a_child_with_every_kind_of_mapping() {
    let child = waiting(map_everything);
    let text = as_proc(child.pid());
    let text = String::from_utf8_lossy(&text);
    for name in [
        "/memfd:two\\012lines (deleted)\n",
        "/dev/zero (deleted)\n",
        "[anon:a name]\n",
        "[anon_shmem:a shared name]\n",
        "/dev/rust-vma-buffer\n",
        "/dev/rust-vma-pfn\n",
    ] {
        assert!(text.contains(name), "there is no {name:?} in the map");
    }
    end(child);
}

/// Mappings of all kinds, with all permissions, adjacent ones and single ones.
#[track_caller]
fn map_everything() {
    let (at, page) = (place(8), page());
    let all = [
        PROT_NONE,
        PROT_READ,
        RW,
        PROT_READ | PROT_EXEC,
        PROT_EXEC,
        PROT_WRITE,
    ];
    for (number, prot) in all.into_iter().enumerate() {
        let at = at + 2 * number * page;
        for (at, flags) in [(at, MAP_PRIVATE), (at + page, MAP_SHARED)] {
            memory::map(at, page, prot, flags, None).must();
        }
    }

    let file = sys::memfd(c"two\nlines").must();
    file.set_len(1 << 33).must();
    let of_file = |offset| Some((file.as_raw_fd(), offset));
    let file_at = at + 100 * page;
    for (at, flags, offset) in [
        (file_at, MAP_PRIVATE, 0),
        (file_at + page, MAP_SHARED, 0x1000),
        (file_at + 2 * page, MAP_SHARED, 0x1_2345_6000),
    ] {
        memory::map(at, page, PROT_READ, flags, of_file(offset)).must();
    }

    let named = at + 200 * page;
    let prot = RW;
    map_anonymous(named, page);
    memory::name(named, page, c"a name").must();
    let shared = named + 2 * page;
    memory::map(shared, page, prot, MAP_SHARED, None).must();
    memory::name(shared, page, c"a shared name").must();
    let stack = named + 50 * page;
    let flags = MAP_PRIVATE | MAP_GROWSDOWN;
    memory::map(stack, page, prot, flags, None).must();

    let buffer = Buffer::of_pages(4);
    buffer.map(at + 300 * page, 1, 2).must();
    let pfn = Pfn::open();
    pfn.map_data(at + 310 * page, 0, 2).must();
}

fn shows_init() {
    as_proc(1);
}

fn selects_a_thread_by_number() {
    let (thread, map) = (process::thread_id(), Map::open().must());
    let number = std::thread::scope(|scope| {
        let other = scope.spawn(process::thread_id);
        other.join().expect("it does not panic")
    });
    assert_eq!(thread, std::process::id() as i32);
    // It ends a moment after it was waited for.
    for_a_while(|_| drop(map.select(number.into())));
    let got = map.select(number.into());
    got.must_fail(ESRCH);

    std::thread::scope(|scope| {
        scope.spawn(|| as_proc(process::thread_id()));
    });
}

/// Makes a file whose path is longer than a page, and removes it when `f` has returned.
#[track_caller]
pub(super) fn with_long_path<R>(f: impl FnOnce(&File) -> R) -> R {
    // A name is at most 255 bytes long.
    let name = "d".repeat(250);
    let depth = 2 * page() / name.len();
    std::env::set_current_dir("/tmp").must();
    for _ in 0..depth {
        fs::create_dir(&name).must();
        std::env::set_current_dir(&name).must();
    }
    let file = File::create_new("the file").must();
    file.set_len(page() as u64).must();
    let result = f(&file);

    fs::remove_file("the file").must();
    for _ in 0..depth {
        std::env::set_current_dir("..").must();
        fs::remove_dir(&name).must();
    }
    result
}

fn shows_a_path_longer_than_a_page() {
    let text = with_long_path(|file| {
        let of = Some((file.as_raw_fd(), 0));
        let prot = PROT_READ;
        memory::map(place(8), page(), prot, MAP_PRIVATE, of).must();
        as_proc(std::process::id() as i32)
    });
    let longest = lines(&text).iter().map(String::len).max().unwrap_or(0);
    assert!(longest > page(), "the longest line has {longest} bytes");
    as_proc(std::process::id() as i32);
}

fn accepts_position_0_and_the_next_only() {
    let (mut all, mut again) = (Texts::new(), Texts::new());
    let pid = std::process::id() as i32;
    let map = Map::of(pid).must();
    map.read_to(4096, &mut all.ours).must();
    let text = &all.ours;

    let mut start = [0; 100];
    for _ in 0..2 {
        map.file.read_exact_at(&mut start, 0).must();
        assert_eq!(&start[..], &text[..100]);
    }
    let mut next = [0; 100];
    for position in [1, 99, 101, 1 << 40] {
        let got = map.file.read_at(&mut next, position);
        got.must_fail(EINVAL);
    }
    map.file.read_at(&mut next, 100).must_give(100);
    assert_eq!(&next[..], &text[100..200]);

    // Wherever the file's own position is.
    map.select(pid.into()).must();
    map.read_to(4096, &mut again.ours).must();
    assert!(again.ours == *text);
    (&map.file).read(&mut next).must_give(0);
}

fn keeps_text_that_the_reader_could_not_take() {
    let hole = place(9);
    map_anonymous(hole + page(), page());
    let pid = std::process::id() as i32;
    let (map, mut texts) = (Map::of(pid).must(), Texts::new());
    map.read_to(4096, &mut texts.ours).must();
    let text = &texts.ours;

    let read = |at, len, position| sys::read_at(&map.file, at, len, position);
    read(hole, 4096, 0).must_fail(EFAULT);
    // Half of it can be written.
    let half = hole + 2 * page() - 64;
    read(half, 128, 0).must_give(64);
    read(half + 64, 64, 64).must_fail(EFAULT);

    let mut rest = vec![0; text.len()];
    let mut len = 64;
    while len < text.len() {
        match map.file.read_at(&mut rest[len..], len as u64).must() {
            0 => panic!("{len} of {} bytes", text.len()),
            read => len += read,
        }
    }
    assert!(rest[64..] == text[64..]);
}

fn continues_after_a_vma_that_grows() {
    // So many that their lines are more than the driver fetches at once.
    const PAGES: usize = 400;
    let (at, pid) = (place(8), std::process::id() as i32);
    map_anonymous(at, PAGES * page());
    for number in (0..PAGES).step_by(2) {
        let at = at + number * page();
        protect(at, page(), PROT_READ);
    }

    let (mut text, map) = (Vec::with_capacity(CAPACITY), Map::of(pid).must());
    let mut first = [0; 1];
    (&map.file).read_exact(&mut first).must();
    protect(at, PAGES * page(), PROT_READ);
    text.extend(first);
    map.read_to(4096, &mut text).must();

    let text = String::from_utf8_lossy(&text);
    let (lines, _) = vma_guest::maps::parse(&text).unwrap_or_else(|e| panic!("{e}"));
    let range = at as u64..(at + PAGES * page()) as u64;
    let ours = lines.iter().filter(|line| range.contains(&line.area.start));
    let ours = ours.map(|line| line.area).collect::<Vec<_>>();
    let Some((last, [.., before])) = ours.split_last() else {
        panic!("{} lines", ours.len());
    };
    assert_eq!(last.start, before.end);
    assert_eq!(last.end, range.end);
    assert!(last.end - last.start > page() as u64);
    assert_eq!(ours[0].start, range.start);
}

fn counts_how_each_line_was_locked() {
    let pid = std::process::id() as i32;
    let (mut text, map) = (Vec::with_capacity(CAPACITY), Map::of(pid).must());
    let none = Histogram::default();
    map.histogram().must_give(none);
    map.read_to(65536, &mut text).must();
    let lines = text.iter().filter(|&&byte| byte == b'\n').count() as u64;
    let all_rcu = Histogram { rcu: lines, ..none };
    // There is nobody else.
    map.histogram().must_give(all_rcu);
    map.select(pid.into()).must();
    map.histogram().must_give(none);
}

fn refuses_bad_requests() {
    let map = Map::open().must();
    let mut words = [0; 8];
    (&map.file).read(&mut [0; 8]).must_fail(ENXIO);
    map.histogram().must_fail(ENXIO);
    let mut select = [1, 1];
    let got = sys::ioctl_words(&map.file, SELECT, &mut select);
    got.must_fail(EINVAL);
    for number in [
        sys::encode_io(b'|', 0xd0),
        sys::encode_ior::<[u64; 8]>(b'|', 0xdf),
    ] {
        let got = sys::ioctl_words(&map.file, number, &mut words);
        got.must_fail(ENOTTY);
    }
    for number in [SELECT, map::HISTOGRAM, map::SNAPSHOT, map::STATS] {
        map.select(1).must();
        sys::ioctl_at(&map.file, number, 0).must_fail(EFAULT);
    }
    map.file.write_at(&[0; 8], 0).must_fail(EINVAL);
}
