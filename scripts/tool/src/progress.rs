// SPDX-License-Identifier: GPL-2.0

//! Progress on stderr: a line with its time for each step. On a terminal it is live; elsewhere a line now and then shows that
//! the step goes on.

use crate::report::Outcome;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const HEARTBEAT: Duration = Duration::from_secs(20);

/// The steps of one run, all on stderr: stdout is for results.
pub struct Progress {
    live: Option<MultiProgress>,
    done: Mutex<Vec<(String, f64)>>,
}

impl Progress {
    pub fn new(verbose: bool) -> Self {
        let is_live = std::io::stderr().is_terminal() && !verbose;
        let target = || ProgressDrawTarget::stderr_with_hz(8);
        Self {
            live: is_live.then(|| MultiProgress::with_draw_target(target())),
            done: Mutex::new(Vec::new()),
        }
    }

    /// One line that stays.
    pub fn say(&self, text: &str) {
        match &self.live {
            Some(live) => drop(live.println(text)),
            None => eprintln!("{text}"),
        }
    }

    /// Lets something be printed on stdout without the live display getting into it.
    pub fn hidden(&self, print: impl FnOnce()) {
        match &self.live {
            Some(live) => live.suspend(print),
            None => print(),
        }
    }

    pub fn step(&self, name: &str) -> Step<'_> {
        let bar = self.live.as_ref().map(|live| {
            let bar = live.add(ProgressBar::new_spinner());
            bar.set_style(style("  {spinner} {prefix:22} {msg} ({elapsed})"));
            bar.set_prefix(name.to_string());
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        let now = Instant::now();
        Step {
            progress: self,
            name: name.to_string(),
            start: now,
            spoken: now,
            bar,
            count: 0,
            of: None,
            done: false,
        }
    }

    /// Seconds of each finished step.
    pub fn times(&self) -> Vec<(String, f64)> {
        self.done.lock().expect("never held in a panic").clone()
    }
}

/// A step that runs.
pub struct Step<'a> {
    progress: &'a Progress,
    name: String,
    start: Instant,
    spoken: Instant,
    bar: Option<ProgressBar>,
    count: u64,
    of: Option<u64>,
    done: bool,
}

impl Step<'_> {
    /// Sets the number of units, if it is known.
    pub fn expect(&mut self, total: Option<u64>) {
        self.of = total.filter(|t| *t > 0);
        if let (Some(bar), Some(total)) = (&self.bar, self.of) {
            bar.set_length(total);
            bar.set_style(style(
                "  {spinner} {prefix:22} [{bar:24}] {pos}/{len} {msg} ({elapsed})",
            ));
        }
    }

    /// One more unit is done, or `done` units in all.
    pub fn advance_to(&mut self, count: u64, what: &str) {
        self.count = count;
        match &self.bar {
            Some(bar) if self.of.is_some() => {
                bar.set_position(count);
                bar.set_message(shorten(what, 40));
            }
            Some(bar) => bar.set_message(format!("{count} {}", shorten(what, 40))),
            None => self.alive(what),
        }
    }

    pub fn advance(&mut self, what: &str) {
        self.advance_to(self.count + 1, what);
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// Shows the current work, where nothing can be counted.
    pub fn doing(&mut self, what: &str) {
        let what = what.trim();
        match &self.bar {
            Some(bar) => bar.set_message(shorten(what, 60)),
            None => self.alive(what),
        }
    }

    fn alive(&mut self, what: &str) {
        if self.spoken.elapsed() < HEARTBEAT {
            return;
        }
        self.spoken = Instant::now();
        let seconds = self.start.elapsed().as_secs();
        let counted = match (self.count, self.of) {
            (0, _) => String::new(),
            (n, Some(of)) => format!("{n}/{of} "),
            (n, None) => format!("{n} "),
        };
        let (name, what) = (&self.name, shorten(what, 60));
        eprintln!("    {name}: {counted}{what} ({seconds} s)");
    }

    /// Ends the step with its result.
    pub fn done(mut self, result: &str) {
        self.end(result);
        let mut done = self.progress.done.lock().expect("never held in a panic");
        done.push((self.name.clone(), self.start.elapsed().as_secs_f64()));
    }

    /// Ends the step with an outcome, which is a result if nothing failed.
    pub fn ended(self, outcome: Outcome) -> Outcome {
        if outcome.failed == 0 {
            self.done(&outcome.counts());
        }
        outcome
    }

    fn end(&mut self, result: &str) {
        self.done = true;
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let (name, seconds) = (&self.name, self.start.elapsed().as_secs_f64());
        let line = format!("  {name:22} {result:44} {seconds:7.1} s");
        self.progress.say(&line);
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.end("failed");
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("a constant")
        .progress_chars("=> ")
}

fn shorten(text: &str, width: usize) -> String {
    match text.chars().count() {
        n if n <= width => text.to_string(),
        n => "..."
            .chars()
            .chain(text.chars().skip(n + 3 - width))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_keep_their_end() {
        assert_eq!(shorten("mm/vma.o", 12), "mm/vma.o");
        assert_eq!(shorten("drivers/base/core.o", 12), "...se/core.o");
    }

    #[test]
    fn finished_steps_are_timed_and_failed_ones_are_not() {
        let progress = Progress::new(true);
        progress.step("one").done("ready");
        drop(progress.step("two"));
        let times = progress.times();
        assert_eq!(times.len(), 1);
        assert_eq!(times[0].0, "one");
    }
}
