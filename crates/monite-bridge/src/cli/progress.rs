//! How far a long command has come.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::output::Output;

/// Shares are told in thousandths.
const WHOLE: u64 = 1000;

/// Without a terminal, a line appears each time so much more is done.
const LINE_EVERY: u64 = WHOLE / 4;

/// Without a terminal, fewer bytes than these are read before anybody could read a line about it.
const WORTH_A_LINE: u64 = 1024 * 1024;

/// See [`Output::progress`].
#[derive(Debug)]
pub(crate) struct Progress(Kind);

#[derive(Debug)]
enum Kind {
    Silent,
    Bar { what: &'static str, bar: ProgressBar },
    Lines { what: &'static str, output: Output, last_step: AtomicU64 },
}

impl Progress {
    pub(super) fn silent() -> Self {
        Self(Kind::Silent)
    }

    pub(super) fn bar(what: &'static str, bars: &MultiProgress) -> Self {
        let bar = bars.add(ProgressBar::new(WHOLE).with_message(what));
        bar.set_style(bar_style());
        Self(Kind::Bar { what, bar })
    }

    pub(super) fn lines(what: &'static str, output: Output) -> Self {
        Self(Kind::Lines { what, output, last_step: AtomicU64::new(0) })
    }

    /// `done` of `total` objects.
    pub(crate) fn set(&self, done: u64, total: u64) {
        self.show(&format!("{done} of {total}"), share(done, total));
    }

    /// `done` lines so far; nobody knows how many there are, but `part` of `whole` bytes have been read.
    pub(crate) fn set_by_bytes(&self, done: u64, part: u64, whole: Option<u64>) {
        let is_short = whole.is_some_and(|whole| whole < WORTH_A_LINE);
        if is_short && matches!(self.0, Kind::Lines { .. }) {
            return;
        }
        self.show(&format!("{done} lines"), whole.map_or(0, |whole| share(part, whole)));
    }

    fn show(&self, words: &str, share: u64) {
        match &self.0 {
            Kind::Silent => {}
            Kind::Bar { what, bar } => {
                bar.set_message(format!("{what} {words}"));
                bar.set_position(share);
            }
            Kind::Lines { what, output, last_step } => {
                let step = share / LINE_EVERY;
                if last_step.swap(step, Ordering::Relaxed) < step {
                    output.stderr(&format!("{what}: {words}"));
                }
            }
        }
    }
}

fn share(part: u64, whole: u64) -> u64 {
    (part * WHOLE).checked_div(whole).unwrap_or(WHOLE).min(WHOLE)
}

impl Drop for Progress {
    /// The bar goes away: what it led to is printed as a result.
    fn drop(&mut self) {
        if let Kind::Bar { bar, .. } = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("{msg:24} {wide_bar:.cyan/dim} {percent:>3} %  {elapsed}")
        .expect("the template is a constant, and a unit test reads it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_of_the_bar_is_well_formed() {
        bar_style();
    }

    #[test]
    fn a_share_never_passes_the_whole() {
        assert_eq!([share(0, 10), share(5, 10), share(11, 10), share(0, 0)], [0, 500, 1000, 1000]);
    }
}
