//! The end of a round: all comes to rest, and is read back through the API.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bridge::document_of;
use crate::check::Settled;
use crate::ledger::{Contradiction, Ledger, Wish};
use crate::monite::Owner;
use crate::product::{Done, customer_id, user_ids};
use crate::round::Stage;
use crate::secrets::leaks;
use crate::story::Story;

/// After the last death everything comes to rest within this: leases (15 s), calls that may still land (75 s at the most) and what
/// lists do not show yet (10 s), each of them perhaps twice, and the backoff of a few failures.
const SETTLES_WITHIN: Duration = Duration::from_secs(300);

/// How often it is asked whether all is at rest.
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl Stage {
    /// Waits until nothing is left to be done. Nothing that the product wrote is to be refused, so what is refused is wrong.
    pub(crate) fn come_to_rest(&mut self) -> Result<(), String> {
        let until = Instant::now() + SETTLES_WITHIN;
        let mut last = Value::Null;
        while Instant::now() < until {
            self.fleet.must_live()?;
            if let Some(stats) = self.bridge.stats(0)? {
                let none = |state: &str| ["customers", "users"].iter().all(|kind| stats[kind][state] == 0);
                let is_at_rest = none("pending") && none("retrying");
                if is_at_rest && none("rejected") && none("drifted") {
                    return Ok(());
                }
                if is_at_rest {
                    return Err(format!("something was refused: {stats}"));
                }
                last = stats;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err(format!("not at rest within {SETTLES_WITHIN:?} of the last death: {last}"))
    }

    /// What the bridge holds fits everything that it answered before.
    pub(crate) fn read_back(&self, ledgers: BTreeMap<usize, Ledger>) -> Result<Vec<Settled>, String> {
        ledgers.into_iter().map(|(number, ledger)| self.read_back_one(&customer_id(number), ledger)).collect()
    }

    fn read_back_one(&self, id: &str, mut ledger: Ledger) -> Result<Settled, String> {
        let unfit = |Contradiction(text)| format!("{id}: {text}");
        let customer = self.bridge.view(id, None)?;
        let wish = match &customer {
            None => Wish::Never,
            Some(view) if view["sync"]["state"] == "deactivated" => Wish::Gone,
            Some(_) => Wish::Present,
        };
        let document = customer.as_ref().map(document_of).unwrap_or_default();
        ledger
            .was_read(&format!("in the end it is {wish:?} with {document}"), |world| {
                world.wish == wish && world.document == document
            })
            .map_err(unfit)?;
        let mut users = BTreeMap::new();
        for user in user_ids() {
            let view = self.bridge.view(id, Some(&user))?;
            let document = view.as_ref().map(document_of);
            ledger
                .was_read(&format!("in the end the user {user} is {document:?}"), |world| {
                    world.users.get(&user) == document.as_ref()
                })
                .map_err(unfit)?;
            if let Some(view) = view {
                users.insert(user, view["sync"]["entity_user_id"].as_str().map(str::to_owned));
            }
        }
        let entity = customer.and_then(|view| view["sync"]["entity_id"].as_str().map(str::to_owned));
        Ok(Settled { id: id.to_owned(), world: ledger.some_world().clone(), entity, users })
    }

    /// A token is that of the user it was asked for, and no secret stands anywhere.
    pub(crate) fn broken_secrecy(&self, story: &Story, customers: &[Settled], done: &Done) -> Vec<String> {
        let mut found = Vec::new();
        let mut tokens = done.tokens.clone();
        let present = customers.iter().filter(|customer| customer.world.wish == Wish::Present);
        for (customer, (user, tied)) in present.flat_map(|one| one.users.iter().map(move |user| (one, user))) {
            let name = format!("{}/{user}", customer.id);
            match self.bridge.token(&customer.id, user, 0) {
                Ok(Some(token)) => {
                    let owner = self.monite.owner(&token.access_token);
                    let is_own = match &owner {
                        Owner::Is(owner) => Some(owner) == tied.as_ref() && *owner == token.entity_user_id,
                        // Monite let it expire early, and the bridge, which is not told, keeps what it has.
                        Owner::Expired => story.expires_tokens(),
                        Owner::Unknown(_) => false,
                    };
                    if !is_own {
                        found.push(format!("the token of {name}, tied to {tied:?}, is that of {owner:?}"));
                    }
                    tokens.push(token.access_token);
                }
                Ok(None) => found.push(format!("there is no token for {name}, which is in sync")),
                Err(reason) => found.push(format!("the token of {name}: {reason}")),
            }
        }
        for folder in std::iter::once(&self.folder).chain(self.postgres.as_ref().map(|server| &server.home)) {
            match leaks(folder, &self.secrets.all(&tokens)) {
                Ok(leaks) => found.extend(leaks),
                Err(reason) => found.push(reason),
            }
        }
        found
    }
}
