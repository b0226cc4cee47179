// SPDX-License-Identifier: GPL-2.0

//! The kernel's own tests of what this code touches: the selftests of scripts/selftests.toml run one after the other in
//! a guest. Then kmemleak scans the kernel. The same on a kernel without the overlay has to give the same results.

mod build;

use crate::boot::Guest;
use crate::code::two_trees;
use crate::host;
use crate::initramfs::{self, Initramfs};
use crate::kbuild::Kernel;
use crate::kconfig::{Config, X86_64_PRISTINE};
use crate::proc;
use crate::report::Outcome;
use crate::suite::Run;
use crate::tap::{self, End, Tap};
use anyhow::{Context, Result};
use build::{List, Selftest};
use itertools::Itertools;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

/// The guest's init, and what it calls itself in its own lines.
pub const PROGRAM: &str = "vma-run";
/// For the boot and the search for leaks.
const BESIDES: Duration = Duration::from_secs(120);
/// The step of scripts/bootstrap.sh that installs other people's programs, which the guest has, too.
const PACKAGES: &str = "selftests";
/// Has bash run a script in the directory of its programs, with busybox as all other commands.
const SCRIPT: &str = "/bin/busybox mkdir -p /sbin /usr/bin /usr/sbin; /bin/busybox --install -s; \
    export PATH=/bin:/sbin:/usr/bin:/usr/sbin; cd /bin; exec bash-static \"$0\" \"$@\"";
/// The detector of leaks is off otherwise; and some mappings are larger than the guest's memory, and hardly used.
const APPEND: &str = "kmemleak=on sysctl.vm.overcommit_memory=1";

/// The output of each program, by its name.
type Taps = BTreeMap<String, Tap>;

/// Builds the programs, boots the kernel, and judges each by what it says and how it ends.
pub fn run(run: &Run, config: Config) -> Result<Outcome> {
    let programs = List::load(&run.kernel.places.repo)?;
    Ok(judged(run, run.kernel, config, &programs)?.0)
}

/// The same, and once more on a kernel without the overlay, for the programs that are not about our drivers. Each test has
/// to have the result that it had on the kernel with the overlay.
pub fn run_and_compare(run: &Run, config: Config) -> Result<Outcome> {
    let mut programs = List::load(&run.kernel.places.repo)?;
    two_trees::pristine(run.session, run.ready, |kernel| {
        let (mut outcome, with) = judged(run, run.kernel, config, &programs)?;
        programs.retain(|program| !program.is_ours);
        kernel.build(X86_64_PRISTINE, run.session.progress)?;
        let (judged, without) = judged(run, kernel, X86_64_PRISTINE, &programs)?;
        outcome.add(judged);
        for Selftest { name, varying, .. } in &programs {
            outcome.none(differences(name, varying, &with[name], &without[name]));
        }
        Ok(outcome)
    })
}

/// A line for each test of a program whose result is not the same. Numbers in names with a text of `varying` do not count.
fn differences(program: &str, varying: &[String], with: &Tap, without: &Tap) -> Vec<String> {
    let known = |name: String| match varying.iter().any(|text| name.contains(text)) {
        true => {
            let parts = name.split(|c: char| c.is_ascii_digit());
            parts.filter(|part| !part.is_empty()).join("N")
        }
        false => name,
    };
    // A name may occur several times.
    let of = |tap: &Tap| -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> = BTreeMap::new();
        let mut add = |name: String, test: &tap::Test| {
            let verdicts = all.entry(known(name)).or_default();
            verdicts.push_str(&format!(" {:?}", test.verdict));
        };
        for test in &tap.tests {
            add(test.name.clone(), test);
            for inner in test.inner() {
                add(format!("{}: {}", test.name, inner.name), &inner);
            }
        }
        all
    };
    let (with, without) = (of(with), of(without));
    let names: BTreeSet<&String> = with.keys().chain(without.keys()).collect();
    let said = |verdicts: Option<&String>| verdicts.map_or(" nothing", String::as_str).to_string();
    names
        .into_iter()
        .filter(|test| with.get(*test) != without.get(*test))
        .map(|test| {
            let [ours, theirs] = [&with, &without].map(|all| said(all.get(test)));
            format!("{program}: {test}:{ours} with the overlay,{theirs} without")
        })
        .collect()
}

/// Runs programs on a kernel, and writes their results.
fn judged(
    run: &Run,
    kernel: &Kernel,
    config: Config,
    programs: &[Selftest],
) -> Result<(Outcome, Taps)> {
    let progress = run.session.progress;
    host::require(kernel.places, kernel.packages, PACKAGES, progress)?;
    let own = |name: &str| run.session.program(name);
    let init = own(PROGRAM)?;
    build::build(kernel, config, programs, progress)?;
    let mut step = progress.step(&format!("selftests {}", config.name));
    let out = kernel.places.out(config.name);
    let list = out.join("run-list");
    initramfs::write(&list, run_list(programs).as_bytes())?;
    let mut files = Initramfs::new(&init).with("/run-list", &list);
    for program in programs {
        let needed = match program.files(kernel.places, config) {
            Some(selftest) => selftest,
            None => vec![own(program.file())?],
        };
        for file in needed {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            // A file that is listed twice is packed twice, with the same content.
            files = files.with(&format!("/bin/{name}"), &file);
        }
    }
    for name in ["busybox", "bash-static", "stress-ng"] {
        let program = proc::find(name).with_context(|| format!("there is no {name}"))?;
        files = files.with_libraries(&format!("/bin/{name}"), &program)?;
    }
    let seconds = programs.iter().map(|program| program.seconds).sum();
    let guest = Guest {
        files,
        append: APPEND,
        reports: programs.iter().flat_map(|p| p.reports.clone()).collect(),
        ..Guest::new(
            "selftests",
            PROGRAM,
            &init,
            BESIDES + Duration::from_secs(seconds),
        )
    };
    let mut boot = guest.boot(kernel, config, &mut |line| match line {
        Some(line) => {
            if let Some(test) = tap::finished_test(line) {
                step.advance(&test);
            }
        }
        None => step.doing("running"),
    })?;

    let said = Said::read(&boot.output);
    let mut outcome = Outcome::default();
    let mut taps = Taps::new();
    for program in programs {
        let (own, tap) = said.judge(program);
        let Selftest { name, why, .. } = program;
        progress.say(&format!("    {name:20} {}: {why}", own.counts()));
        for (reason, count) in tap.skips() {
            progress.say(&format!("    {name:20} {count} skipped: {reason}"));
        }
        outcome.add(own);
        taps.insert(program.name.clone(), tap);
    }
    let dot_config =
        fs::read_to_string(out.join(".config")).context("the kernel has no .config")?;
    if dot_config.contains("\nCONFIG_DEBUG_KMEMLEAK=y\n") {
        said.judge_leaks(&mut outcome);
    }
    let wrong = boot.wrong_code();
    outcome.none(wrong.map(|wrong| format!("{PROGRAM}: {wrong}")));
    outcome.add(std::mem::take(&mut boot.outcome));
    let results: Vec<_> = taps.iter().map(|(name, tap)| (&**name, tap)).collect();
    let file = kernel.places.build.join("selftests.json");
    tap::write(&file, &results, &outcome)?;
    Ok((step.ended(outcome), taps))
}

/// Returns the list of programs for init.
fn run_list(programs: &[Selftest]) -> String {
    let entry = |program: &Selftest| {
        let file = format!("/bin/{}", program.file());
        let mut words = vec![file.as_str()];
        if program.is_script() {
            words.splice(..0, ["/bin/busybox", "sh", "-c", SCRIPT]);
        }
        words.extend(program.arguments.iter().map(String::as_str));
        serde_json::json!({
            "name": program.name,
            "seconds": program.seconds,
            "program": words[0],
            "arguments": &words[1..],
        })
    };
    serde_json::Value::from_iter(programs.iter().map(entry)).to_string()
}

/// The output of the guest, split at init's own lines.
struct Said<'a> {
    sections: Vec<Section<'a>>,
    leaks: Option<usize>,
    /// The first leak, as far as it was shown.
    leak: Vec<&'a str>,
}

struct Section<'a> {
    name: &'a str,
    lines: Vec<&'a str>,
    end: Option<&'a str>,
}

impl<'a> Said<'a> {
    fn read(output: &'a [String]) -> Self {
        let mut said = Self {
            sections: Vec::new(),
            leaks: None,
            leak: Vec::new(),
        };
        for line in output {
            let open = said.sections.last_mut().filter(|open| open.end.is_none());
            let own = line
                .strip_prefix(PROGRAM)
                .and_then(|l| l.strip_prefix(": "));
            match (own, open) {
                (Some(own), open) => match own.split_once(": ") {
                    Some((name, "begin")) => said.sections.push(Section {
                        name,
                        lines: Vec::new(),
                        end: None,
                    }),
                    Some((name, end)) => {
                        let same = open.filter(|open| open.name == name);
                        same.into_iter().for_each(|open| open.end = Some(end));
                    }
                    None => {
                        let leaks = own.strip_prefix("leaks ");
                        said.leaks = said.leaks.or(leaks.and_then(|n| n.parse().ok()));
                    }
                },
                (None, Some(open)) => open.lines.push(line),
                (None, None) => said.leak.push(line),
            }
        }
        said
    }

    fn judge(&self, program: &Selftest) -> (Outcome, Tap) {
        let name = &program.name;
        let Some(section) = self.sections.iter().find(|s| s.name == name) else {
            let outcome = Outcome::failure(format!("{name}: it did not run"));
            return (outcome, Tap::default());
        };
        let end = match section.end {
            None => End::Bad("the guest ended before it".to_string()),
            Some(end) => match end.strip_prefix("exit ").map(str::parse) {
                Some(Ok(code)) => End::Exit(code),
                _ => End::Bad(end.to_string()),
            },
        };
        let tap = Tap::parse(section.lines.iter().copied());
        let known = |reason: &str| program.nothing.iter().any(|text| reason.contains(text));
        let mut outcome = tap.judge(&end, known);
        for failure in &mut outcome.failures {
            *failure = format!("{name}: {failure}");
        }
        (outcome, tap)
    }

    fn judge_leaks(&self, outcome: &mut Outcome) {
        match self.leaks {
            Some(0) => outcome.passed += 1,
            Some(count) => {
                let first: Vec<&str> = self.leak.iter().take(12).map(|line| line.trim()).collect();
                outcome.fail(format!("{count} leaks: {}", first.join(" | ")));
            }
            None => outcome.fail("the kernel was not asked for leaks".to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selftest(name: &str) -> Selftest {
        let text = format!(
            "[[program]]\nname = '{name}'\ndirectory = 'mm'\nseconds = 5\nwhy = 'x'\n\
             file = 'prog'\narguments = ['--', '/dev/x']\nnothing = ['no such file']\n"
        );
        let mut content: List = toml::from_str(&text).unwrap();
        content.program.remove(0)
    }

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_string).collect()
    }

    fn judge(name: &str, text: &str) -> Outcome {
        Said::read(&lines(text)).judge(&selftest(name)).0
    }

    const GOOD: &str = "vma-run: one: begin\nTAP version 13\n1..1\nok 1 a\nvma-run: one: exit 0\n";

    #[test]
    fn the_list_has_an_entry_for_each_program() {
        assert_eq!(
            run_list(&[selftest("one")]),
            r#"[{"arguments":["--","/dev/x"],"name":"one","program":"/bin/prog","seconds":5}]"#
        );
    }

    #[test]
    fn each_program_is_judged_by_its_own_lines() {
        let two = GOOD
            .replace("one", "two")
            .replace("ok 1 a", "not ok 1 b")
            .replace("t 0", "t 1");
        let text = format!("{GOOD}{two}");
        assert_eq!(judge("one", &text).counts(), "1 passed, 0 failed");
        assert_eq!(judge("two", &text).failures, ["two: b"]);
        assert_eq!(judge("three", &text).failures, ["three: it did not run"]);
    }

    #[test]
    fn bad_ends_are_failures() {
        for (from, to) in [
            ("exit 0", "signal 11"),
            ("exit 0", "no end within 5 s"),
            ("exit 0", "cannot be run: x"),
            ("exit 0", "exit 1"),
            ("one: exit", "two: exit"),
        ] {
            assert_eq!(judge("one", &GOOD.replace(from, to)).failed, 1, "{to}");
        }
        let outcome = judge("one", &GOOD.replace("vma-run: one: exit 0\n", ""));
        let failure = "one: it ended badly: the guest ended before it";
        assert_eq!(outcome.failures, [failure]);
    }

    #[test]
    fn only_known_reasons_excuse_testing_nothing() {
        for (reason, failed) in [("/dev/x: no such file", 0), ("too tired", 1)] {
            let text = format!("vma-run: one: begin\n1..0 # SKIP {reason}\nvma-run: one: exit 4\n");
            assert_eq!(judge("one", &text).failed, failed, "{reason}");
        }
    }

    #[test]
    fn a_test_that_differs_is_named() {
        let all = "ok 1 x\nok 2 y # SKIP z\n";
        let between = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|text| Tap::parse(text.lines()));
            differences("a", &["waits".to_string()], &one, &other)
        };
        let differences = |other: &str| between(all, other);
        assert!(differences(all).is_empty());
        assert!(between("ok 1 waits 5 s\n", "ok 1 waits 40 s\n").is_empty());
        assert_eq!(between("ok 1 takes 5 s\n", "ok 1 takes 40 s\n").len(), 2);
        for (other, said) in [
            (
                "ok 1 x\n",
                r#"a: y: Skip("z") with the overlay, nothing without"#,
            ),
            (
                &*all.replace("ok 1", "not ok 1"),
                "a: x: Ok with the overlay, NotOk without",
            ),
            (
                &*format!("{all}ok 3 x\n"),
                "a: x: Ok with the overlay, Ok Ok without",
            ),
            (
                "ok 1 x\n# not ok 7 z\nok 2 y # SKIP z\n",
                "a: y: z: nothing with the overlay, NotOk without",
            ),
        ] {
            assert_eq!(differences(other), [said]);
        }
    }

    #[test]
    fn leaks_are_asked_for_and_none_is_found() {
        let judge = |text: &str| {
            let output = lines(&format!("{GOOD}{text}"));
            let mut outcome = Outcome::default();
            Said::read(&output).judge_leaks(&mut outcome);
            outcome
        };
        assert_eq!(judge("vma-run: leaks 0\n").passed, 1);
        assert_eq!(judge("").failures, ["the kernel was not asked for leaks"]);
        let found = judge("unreferenced object 0xf (size 8):\n  comm \"x\"\nvma-run: leaks 1\n");
        let failure = "1 leaks: unreferenced object 0xf (size 8): | comm \"x\"";
        assert_eq!(found.failures, [failure]);
    }
}
