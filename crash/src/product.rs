//! The product: writes, reads back, asks for tokens, and remembers what it was answered.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::Value;

use crate::bridge::{Bridge, Outcome};
use crate::chance::Chance;
use crate::documents;
use crate::ledger::{Contradiction, Ledger, Wish, Write};

/// Ids of users that a customer may have.
const USERS: u64 = 3;

/// Lines in one import at most.
const LINES: u64 = 4;

/// A part of the product that owns some customers: nobody else writes those.
#[derive(Debug)]
pub(crate) struct Product {
    bridge: Bridge,
    chance: Chance,
    pub(crate) ledgers: BTreeMap<usize, Ledger>,
    pub(crate) done: Done,
}

/// How far all parts of the product are, for whoever times events by it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    steps: AtomicU64,
    is_over: AtomicBool,
}

impl Progress {
    /// Steps so far.
    pub(crate) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// Nothing more will happen; the product may come to its end.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

/// What was done, for the report.
#[derive(Debug, Clone, Default)]
pub(crate) struct Done {
    /// Writes that were answered as done.
    pub(crate) accepted: u64,
    /// Writes without an answer.
    pub(crate) lost: u64,
    /// Tokens that were handed out, and to whom.
    pub(crate) tokens: Vec<String>,
}

/// The product's id of a customer.
pub(crate) fn customer_id(number: usize) -> String {
    format!("c{number}")
}

/// The product's ids of users, as many as a customer may have.
pub(crate) fn user_ids() -> impl Iterator<Item = String> {
    (0..USERS).map(user_id)
}

fn user_id(number: u64) -> String {
    format!("u{number}")
}

impl Product {
    pub(crate) fn new(bridge: Bridge, chance: Chance, customers: impl Iterator<Item = usize>) -> Self {
        let ledgers = customers.map(|customer| (customer, Ledger::new())).collect();
        Self { bridge, chance, ledgers, done: Done::default() }
    }

    /// Writes until the others are over, but so many steps at least: fast at first, then now and then.
    pub(crate) fn work(&mut self, progress: &Progress, at_least: u64) -> Result<(), String> {
        let mut steps = 0;
        for customer in self.ledgers.keys().copied().collect::<Vec<_>>() {
            self.write(customer, &Write::Put(documents::first(customer)))?;
            progress.step();
        }
        while steps < at_least || !progress.is_over() {
            self.step().map_err(|Contradiction(text)| text)?;
            progress.step();
            steps += 1;
            let pause = if steps < at_least { 0..60 } else { 50..700 };
            std::thread::sleep(self.chance.millis(pause));
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Contradiction> {
        let customer = self.some_customer();
        let write = match self.chance.number(0..100) {
            0..20 => Write::Put(documents::another(customer, &mut self.chance)),
            20..33 => Write::Patch(documents::change(&mut self.chance)),
            33..38 => Write::Delete,
            38..62 => {
                let user = self.some_user();
                Write::PutUser(user.clone(), documents::user(&customer_id(customer), &user, &mut self.chance))
            }
            62..74 => {
                let user = self.some_user();
                Write::PatchUser(user.clone(), documents::user_change(&customer_id(customer), &user, &mut self.chance))
            }
            74..82 => Write::DeleteUser(self.some_user()),
            82..90 => return self.import(),
            90..95 => return self.read(customer),
            _ => return self.ask_for_token(customer),
        };
        self.write(customer, &write).map_err(Contradiction)
    }

    fn some_customer(&mut self) -> usize {
        let customers: Vec<usize> = self.ledgers.keys().copied().collect();
        self.chance.one(&customers)
    }

    fn some_user(&mut self) -> String {
        user_id(self.chance.number(0..USERS))
    }

    fn write(&mut self, customer: usize, write: &Write) -> Result<(), String> {
        let waits = self.chance.percent(8);
        let outcome = self.bridge.write(&customer_id(customer), write, waits, self.chance.number(0..1000))?;
        let Some(ledger) = self.ledgers.get_mut(&customer) else { return Ok(()) };
        let noted = match outcome {
            Outcome::Done(shown) => {
                self.done.accepted += 1;
                ledger.happened(write, shown.as_ref())
            }
            Outcome::NothingThere => ledger.found_nothing(write),
            Outcome::Lost => {
                self.done.lost += 1;
                ledger.was_lost(write);
                Ok(())
            }
        };
        noted.map_err(|Contradiction(text)| format!("{}: {text}", customer_id(customer)))
    }

    fn import(&mut self) -> Result<(), Contradiction> {
        let mut lines: BTreeMap<usize, Write> = BTreeMap::new();
        for _ in 0..self.chance.number(1..LINES + 1) {
            let customer = self.some_customer();
            let users = user_ids().filter(|_| self.chance.percent(50)).collect::<Vec<_>>();
            let users = users.into_iter().map(|user| {
                let document = documents::user(&customer_id(customer), &user, &mut self.chance);
                (user, document)
            });
            let users = users.collect();
            lines.insert(customer, Write::Import(documents::another(customer, &mut self.chance), users));
        }
        let number = self.chance.number(0..1000);
        let accepted = self.bridge.import(&lines, number).map_err(Contradiction)?;
        for (customer, write) in &lines {
            let Some(ledger) = self.ledgers.get_mut(customer) else { continue };
            if accepted.contains(&customer_id(*customer)) {
                self.done.accepted += 1;
                ledger.happened(write, None)?;
            } else {
                self.done.lost += 1;
                ledger.was_lost(write);
            }
        }
        Ok(())
    }

    /// What is read back fits what was answered before.
    fn read(&mut self, customer: usize) -> Result<(), Contradiction> {
        let number = self.chance.number(0..1000);
        let Some(ledger) = self.ledgers.get_mut(&customer) else { return Ok(()) };
        let id = customer_id(customer);
        match self.bridge.customer(&id, number).map_err(Contradiction)? {
            Outcome::Done(shown) => {
                let shown = shown.unwrap_or(Value::Null);
                let what = format!("reading {id} showed {shown}");
                ledger.was_read(&what, |world| world.wish != Wish::Never && world.document == shown)
            }
            Outcome::NothingThere => ledger.was_read(&format!("{id} was not found"), |world| world.wish == Wish::Never),
            Outcome::Lost => Ok(()),
        }
    }

    fn ask_for_token(&mut self, customer: usize) -> Result<(), Contradiction> {
        let (user, number) = (self.some_user(), self.chance.number(0..1000));
        let token = self.bridge.token(&customer_id(customer), &user, number).map_err(Contradiction)?;
        self.done.tokens.extend(token.map(|token| token.access_token));
        Ok(())
    }
}

impl Done {
    /// Adds what another part of the product did.
    pub(crate) fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.lost += other.lost;
        self.tokens.extend(other.tokens);
    }
}
