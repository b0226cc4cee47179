// SPDX-License-Identifier: GPL-2.0

//! Running one program: what it says goes to the output as it comes, between a line that names the
//! program and one that says how it ended. Whatever it started is ended with it.

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The start of every line of this program.
pub const MARK: &str = "vma-run:";

/// A program to run, and the seconds that it may take.
#[derive(Deserialize)]
pub struct Entry {
    pub name: String,
    pub seconds: u64,
    pub program: String,
    pub arguments: Vec<String>,
}

/// Runs the programs of a list one after the other.
pub fn all(list: &[Entry], output: &File) -> io::Result<()> {
    let mut lines = output;
    for entry in list {
        writeln!(lines, "{MARK} {}: begin", entry.name)?;
        let end = one(entry, output);
        // The program's last line may have no end.
        writeln!(lines, "\n{MARK} {}: {end}", entry.name)?;
    }
    Ok(())
}

fn one(entry: &Entry, output: &File) -> String {
    let child = output.try_clone().and_then(|copy| {
        Command::new(&entry.program)
            .args(&entry.arguments)
            .stdin(Stdio::null())
            .stderr(output.try_clone()?)
            .stdout(copy)
            .process_group(0)
            .spawn()
    });
    let mut child = match child {
        Ok(child) => child,
        Err(e) => return format!("cannot be run: {e}"),
    };
    let status = wait(&mut child, Duration::from_secs(entry.seconds));
    // Gone already is as good as killed.
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    match status {
        Ok(Some(status)) => how(status),
        Ok(None) => {
            let _ = child.wait();
            format!("no end within {} s", entry.seconds)
        }
        Err(e) => format!("lost: {e}"),
    }
}

/// The status of a child that ends in time.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        let status = child.try_wait()?;
        if status.is_some() || Instant::now() >= deadline {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no exit code".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn shell(name: &str, seconds: u64, script: &str) -> Entry {
        Entry {
            name: name.to_string(),
            seconds,
            program: "/bin/sh".to_string(),
            arguments: vec!["-c".to_string(), script.to_string()],
        }
    }

    fn output_of(list: &[Entry]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("output");
        all(list, &File::create(&path).unwrap()).unwrap();
        fs::read_to_string(&path).unwrap()
    }

    #[test]
    fn programs_run_in_order_between_their_marks() {
        let list = [
            shell("one", 9, "echo out; echo err >&2; exit 3"),
            shell("two", 9, "printf open"),
        ];
        assert_eq!(
            output_of(&list),
            "vma-run: one: begin\nout\nerr\n\nvma-run: one: exit 3\n\
             vma-run: two: begin\nopen\nvma-run: two: exit 0\n"
        );
    }

    #[test]
    fn bad_ends_are_told_apart() {
        let missing = Entry {
            program: "/no/such/program".to_string(),
            ..shell("none", 9, "")
        };
        let output = output_of(&[shell("shot", 9, "kill -9 $$"), missing]);
        assert!(output.contains("vma-run: shot: signal 9\n"), "{output}");
        assert!(
            output.contains("vma-run: none: cannot be run: "),
            "{output}"
        );
    }

    #[test]
    fn hanging_program_is_killed_with_its_tree() {
        let start = Instant::now();
        let output = output_of(&[
            shell("slow", 1, "sleep 60 & sleep 60"),
            shell("next", 9, ""),
        ]);
        assert!(
            output.contains("vma-run: slow: no end within 1 s\n"),
            "{output}"
        );
        assert!(output.contains("vma-run: next: exit 0\n"), "{output}");
        assert!(start.elapsed() < Duration::from_secs(20));
    }
}
