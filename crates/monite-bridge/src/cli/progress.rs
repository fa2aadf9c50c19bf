//! How far a long command has come.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::output::Output;

/// Without a terminal, a line appears each time this share of the work is done.
const LINE_EVERY_PERCENT: u64 = 25;

/// Without a terminal and without a known total, a line appears each time this many are done.
const LINE_EVERY: u64 = 100_000;

/// See [`Output::progress`].
#[derive(Debug)]
pub(crate) struct Progress(Kind);

#[derive(Debug)]
enum Kind {
    Silent,
    Bar(ProgressBar),
    Lines { what: &'static str, output: Output, last_step: AtomicU64 },
}

impl Progress {
    pub(super) fn silent() -> Self {
        Self(Kind::Silent)
    }

    pub(super) fn bar(what: &'static str, bars: &MultiProgress) -> Self {
        let bar = bars.add(ProgressBar::new(0).with_message(what));
        bar.set_style(bar_style());
        Self(Kind::Bar(bar))
    }

    pub(super) fn lines(what: &'static str, output: Output) -> Self {
        Self(Kind::Lines { what, output, last_step: AtomicU64::new(0) })
    }

    /// `done` of `total`; `None` when nobody knows how many there are.
    pub(crate) fn set(&self, done: u64, total: Option<u64>) {
        match &self.0 {
            Kind::Silent => {}
            Kind::Bar(bar) => {
                match total {
                    Some(total) => bar.set_length(total),
                    None => bar.unset_length(),
                }
                bar.set_position(done);
            }
            Kind::Lines { what, output, last_step } => {
                let (step, line) = match total {
                    Some(total) if total > 0 => {
                        (done * 100 / total / LINE_EVERY_PERCENT, format!("{what}: {done} of {total}"))
                    }
                    _ => (done / LINE_EVERY, format!("{what}: {done}")),
                };
                if last_step.swap(step, Ordering::Relaxed) < step {
                    output.stderr(&line);
                }
            }
        }
    }
}

impl Drop for Progress {
    /// The bar goes away: what it led to is printed as a result.
    fn drop(&mut self) {
        if let Kind::Bar(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("{msg:10} {wide_bar:.cyan/dim} {pos}/{len}  {elapsed}")
        .expect("the template is a constant, and a unit test draws it")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_template_of_the_bar_is_well_formed() {
        super::bar_style();
    }
}
