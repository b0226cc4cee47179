// SPDX-License-Identifier: GPL-2.0

//! The kernel's leak detector, asked at the end, where the kernel has one.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

pub const DETECTOR: &str = "/sys/kernel/debug/kmemleak";

/// It does not report what is younger than this.
const AGE: Duration = Duration::from_secs(6);

/// The first scan reports nothing, and an old value left somewhere can hide a leak from the next.
const SCANS: usize = 4;

/// Returns the report of the detector, or `None` if the kernel has no detector.
pub fn report(detector: &Path) -> io::Result<Option<String>> {
    if !detector.exists() {
        return Ok(None);
    }
    thread::sleep(AGE);
    for _ in 0..SCANS {
        fs::write(detector, "scan")?;
        thread::sleep(Duration::from_secs(1));
    }
    fs::read_to_string(detector).map(Some)
}

/// Returns the number of leaks in a report.
pub fn count(report: &str) -> usize {
    let is_leak = |line: &&str| line.starts_with("unreferenced object ");
    report.lines().filter(is_leak).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaks_are_counted() {
        let report = "unreferenced object 0xffff8880 (size 64):\n  comm \"x\", pid 7\n  backtrace:\n    f+0x1/0x2\n\
                      unreferenced object 0xffff8881 (size 8):\n";
        assert_eq!(count(report), 2);
        assert_eq!(count(""), 0);
    }

    #[test]
    fn a_kernel_may_have_no_detector() {
        assert_eq!(report(Path::new("/no/such/file")).unwrap(), None);
    }
}
