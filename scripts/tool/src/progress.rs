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
    /// Hidden where there is no terminal.
    bars: MultiProgress,
    done: Mutex<Vec<(String, f64)>>,
}

impl Progress {
    pub fn new(verbose: bool) -> Self {
        let target = match std::io::stderr().is_terminal() && !verbose {
            true => ProgressDrawTarget::stderr_with_hz(8),
            false => ProgressDrawTarget::hidden(),
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
            done: Mutex::new(Vec::new()),
        }
    }

    /// One line that stays.
    pub fn say(&self, text: &str) {
        match self.bars.is_hidden() {
            true => eprintln!("{text}"),
            false => drop(self.bars.println(text)),
        }
    }

    /// Lets something be printed on stdout without the live display getting into it.
    pub fn hidden(&self, print: impl FnOnce()) {
        self.bars.suspend(print);
    }

    pub fn step(&self, name: &str) -> Step<'_> {
        let bar = self.bars.add(ProgressBar::new_spinner());
        bar.set_style(style("  {spinner} {prefix:22} {msg} ({elapsed})"));
        bar.set_prefix(name.to_string());
        if !self.bars.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        Step {
            progress: self,
            spoken: Instant::now(),
            bar,
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
    spoken: Instant,
    bar: ProgressBar,
    done: bool,
}

impl Step<'_> {
    /// Sets the number of units, if it is known.
    pub fn expect(&mut self, total: Option<u64>) {
        if let Some(total) = total.filter(|total| *total > 0) {
            self.bar.set_length(total);
            let template = "  {spinner} {prefix:22} [{bar:24}] {pos}/{len} {msg} ({elapsed})";
            self.bar.set_style(style(template));
        }
    }

    /// Sets the number of units that are done.
    pub fn advance_to(&mut self, count: u64, what: &str) {
        self.bar.set_position(count);
        self.doing(what);
    }

    pub fn advance(&mut self, what: &str) {
        self.advance_to(self.count() + 1, what);
    }

    pub fn count(&self) -> u64 {
        self.bar.position()
    }

    /// Shows the current work: at once on a terminal, elsewhere now and then.
    pub fn doing(&mut self, what: &str) {
        let is_live = !self.progress.bars.is_hidden();
        let counted = match (self.count(), self.bar.length()) {
            (0, _) => String::new(),
            (_, Some(_)) if is_live => String::new(),
            (n, Some(of)) => format!("{n}/{of} "),
            (n, None) => format!("{n} "),
        };
        let text = format!("{counted}{}", shorten(what.trim(), 50));
        if is_live {
            self.bar.set_message(text);
        } else if self.spoken.elapsed() >= HEARTBEAT {
            self.spoken = Instant::now();
            let (name, seconds) = (self.bar.prefix(), self.bar.elapsed().as_secs());
            eprintln!("    {name}: {text} ({seconds} s)");
        }
    }

    /// Ends the step with its result.
    pub fn done(mut self, result: &str) {
        self.end(result);
        let mut done = self.progress.done.lock().expect("never held in a panic");
        done.push((self.bar.prefix(), self.bar.elapsed().as_secs_f64()));
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
        self.bar.finish_and_clear();
        let (name, seconds) = (self.bar.prefix(), self.bar.elapsed().as_secs_f64());
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
    fn only_finished_steps_are_timed() {
        let progress = Progress::new(true);
        let mut step = progress.step("one");
        step.advance("a");
        step.advance("b");
        assert_eq!(step.count(), 2);
        step.done("ready");
        drop(progress.step("two"));
        let times = progress.times();
        assert_eq!((times.len(), &*times[0].0), (1, "one"));
    }
}
