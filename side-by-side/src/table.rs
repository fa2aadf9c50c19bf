//! What a person reads.

use std::time::Duration;

/// What a ratio should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aim {
    /// Costs: not more than so many times the limit.
    AtMost(f64),
    /// Rates: not less than so much of the limit.
    AtLeast(f64),
    /// Shown to understand the other rows.
    None,
}

/// Rows on stdout, one line each: what, ours, limit, ratio, aim.
#[derive(Debug)]
pub struct Table(());

impl Table {
    /// Prints the heading.
    #[must_use]
    pub fn begin(title: &str) -> Self {
        print(&format!("\n{title}"));
        print(&line("", "ours", "limit", "ratio", "aim"));
        Self(())
    }

    /// A cost: time for one call.
    pub fn cost(&self, name: &str, ours: Duration, limit: Duration, aim: Aim) {
        self.row(name, shown_time(ours), shown_time(limit), ours.as_secs_f64() / limit.as_secs_f64(), aim);
    }

    /// A rate: so many `unit`s a second.
    pub fn rate(&self, name: &str, unit: &str, ours: f64, limit: f64, aim: Aim) {
        let shown = |rate: f64| format!("{:.0} k{unit}/s", rate / 1e3);
        self.row(name, shown(ours), shown(limit), ours / limit, aim);
    }

    /// A remark beneath the rows.
    pub fn note(&self, text: &str) {
        print(&format!("  {text}"));
    }

    fn row(&self, name: &str, ours: String, limit: String, ratio: f64, aim: Aim) {
        if !crate::is_bench() {
            return print(&format!("  {name}: runs"));
        }
        let (aim, kept) = match aim {
            Aim::AtMost(most) => (format!("<= {most}"), ratio <= most),
            Aim::AtLeast(least) => (format!(">= {least}"), ratio >= least),
            Aim::None => (String::new(), true),
        };
        let missed = if kept { "" } else { "  missed" };
        print(&line(name, &ours, &limit, &format!("{ratio:.2}"), &format!("{aim}{missed}")));
    }
}

fn line(name: &str, ours: &str, limit: &str, ratio: &str, aim: &str) -> String {
    format!("  {name:<58} {ours:>14} {limit:>14} {ratio:>7}  {aim}")
}

fn shown_time(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    if micros < 1000.0 { format!("{micros:.2} us") } else { format!("{:.2} ms", micros / 1e3) }
}

/// Rows are what a benchmark is run for.
#[allow(clippy::print_stdout)]
fn print(text: &str) {
    println!("{}", text.trim_end());
}
