//! `plan`: what would change at Monite and why, field by field; changes nothing and calls nothing there.

use std::collections::BTreeMap;

use serde::Serialize;

use super::failure::{Exit, Failure};
use super::output::{List, Output};
use super::steps::{Step, describe, steps};
use super::why::unknown;
use super::words;
use crate::assemble::Setup;
use crate::domain::{CustomerId, ObjectId};
use crate::store::{CustomerFilter, Store};

/// Customers read at a time: memory stays the same however many there are.
const PAGE: u32 = 500;

/// Users of one customer that are shown; the reconciler itself takes fewer at a time.
pub(super) const USERS_SHOWN: u32 = 10_000;

/// Show what would change at Monite and why, field by field; changes nothing
#[derive(Debug, clap::Args)]
pub(super) struct Plan {
    /// One customer only
    #[arg(long, value_name = "ID")]
    customer: Option<CustomerId>,
}

/// One customer's part of the plan.
#[derive(Debug, Serialize)]
struct CustomerPlan<'a> {
    customer: &'a CustomerId,
    actions: &'a [Step],
}

/// What it comes to.
#[derive(Debug, Default, Serialize)]
struct Total {
    customers_to_change: u64,
    actions: u64,
    by_action: BTreeMap<&'static str, u64>,
}

impl Plan {
    pub(super) async fn run(&self, setup: &Setup, output: &Output) -> Result<Exit, Failure> {
        let store = setup.open_store().await?;
        let mut telling = Telling { setup, output, list: output.list("customers"), total: Total::default() };
        match &self.customer {
            Some(customer) => {
                if !telling.tell(store.as_ref(), customer).await? {
                    return Err(unknown(&ObjectId::Customer(customer.clone())));
                }
            }
            None => telling.tell_all(store.as_ref()).await?,
        }
        let Telling { list, total, .. } = telling;
        list.end(&summary(&total), &total);
        Ok(Exit::Done)
    }
}

struct Telling<'a> {
    setup: &'a Setup,
    output: &'a Output,
    list: List<'a>,
    total: Total,
}

impl Telling<'_> {
    async fn tell_all(&mut self, store: &dyn Store) -> Result<(), Failure> {
        let mut filter = CustomerFilter { limit: PAGE, ..CustomerFilter::default() };
        loop {
            let page = store.customers(&filter).await?;
            let Some(last) = page.last() else { return Ok(()) };
            filter.after = Some(last.id.clone());
            for customer in &page {
                self.tell(store, &customer.id).await?;
            }
        }
    }

    /// `false` when there is no such customer.
    async fn tell(&mut self, store: &dyn Store, customer: &CustomerId) -> Result<bool, Failure> {
        let Some(visit) = store.peek(customer, USERS_SHOWN).await? else { return Ok(false) };
        let steps = steps(&visit, &self.setup.templates, self.setup.policy());
        if steps.is_empty() {
            return Ok(true);
        }
        self.total.customers_to_change += 1;
        for step in &steps {
            self.total.actions += 1;
            *self.total.by_action.entry(step.action).or_default() += 1;
        }
        let style = self.output.style();
        let lines: Vec<String> = steps.iter().map(|step| words::indent(&describe(step, style), 2)).collect();
        let text = format!("{}\n{}", style.bold(customer.as_str()), lines.join("\n"));
        self.list.push(&text, &CustomerPlan { customer, actions: &steps });
        Ok(true)
    }
}

fn summary(total: &Total) -> String {
    if total.actions == 0 {
        return "nothing to do: Monite holds what is desired".to_owned();
    }
    let kinds: Vec<String> = total.by_action.iter().map(|(action, count)| format!("{count} {action}")).collect();
    let customers = words::count(total.customers_to_change, "customer");
    format!("{customers}, {}: {}; nothing was changed", words::count(total.actions, "action"), kinds.join(", "))
}
