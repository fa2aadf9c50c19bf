//! Who waits, in which order they go. Pure.

use std::collections::VecDeque;

use super::Priority;

/// A line is passed over by higher ones at most so often in a row; then it goes next. So interactive work gets every fifth
/// turn at least, bulk work every tenth, background work every thirtieth, whatever comes in above: nobody starves, and
/// logins still have two thirds of all turns.
const PATIENCE: [u32; LINES] = [u32::MAX, 4, 9, 29];

const LINES: usize = 4;

/// One line for each [`Priority`].
#[derive(Debug, Default)]
pub(super) struct Lines {
    waiting: [VecDeque<u64>; LINES],
    /// How often each line was passed over since it last went.
    passed_over: [u32; LINES],
    next_ticket: u64,
}

impl Lines {
    pub(super) fn join(&mut self, priority: Priority) -> u64 {
        self.next_ticket += 1;
        self.waiting[priority as usize].push_back(self.next_ticket);
        self.next_ticket
    }

    pub(super) fn leave(&mut self, priority: Priority, ticket: u64) {
        let line = priority as usize;
        self.waiting[line].retain(|waiting| *waiting != ticket);
        if self.waiting[line].is_empty() {
            self.passed_over[line] = 0;
        }
    }

    /// The ticket that is next: of the lines that have room, the one that was passed over too often, else the highest.
    /// When none has room, the highest that waits.
    pub(super) fn head(&self, has_room: impl Fn(Priority) -> bool) -> Option<u64> {
        let open = |line: &usize| !self.waiting[*line].is_empty() && has_room(Priority::ALL[*line]);
        let owed = (0..LINES).find(|line| open(line) && self.owes(Priority::ALL[*line]));
        let line =
            owed.or_else(|| (0..LINES).find(open)).or_else(|| (0..LINES).find(|line| !self.waiting[*line].is_empty()));
        self.waiting[line?].front().copied()
    }

    /// Whether the line was passed over too often.
    pub(super) fn owes(&self, priority: Priority) -> bool {
        self.passed_over[priority as usize] >= PATIENCE[priority as usize]
    }

    /// The head of this line goes.
    pub(super) fn go(&mut self, priority: Priority) {
        let line = priority as usize;
        self.waiting[line].pop_front();
        self.passed_over[line] = 0;
        for lower in line + 1..LINES {
            if !self.waiting[lower].is_empty() {
                self.passed_over[lower] = self.passed_over[lower].saturating_add(1);
            }
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.iter().map(VecDeque::len).sum()
    }
}
