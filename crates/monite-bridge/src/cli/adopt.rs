//! `adopt`: links entities that exist at Monite already: all of a lost database by their stamps, others by what they look like.

use std::collections::BTreeSet;
use std::time::Duration;

use monite::{EntityId, Monite, Priority};
use serde::Serialize;

use super::failure::{Exit, Failure, chain};
use super::output::{List, Output, Style};
use super::why::unknown;
use super::words;
use crate::assemble::{Bridge, Setup};
use crate::audit::AuditEntry;
use crate::domain::{BridgeId, CustomerId, ObjectId};
use crate::reconcile::adopt::{Grade, Linked, Match, Remark, Survey, link, survey};
use crate::store::Adopted;

/// A customer that somebody is at work on is asked for again this often, and so many times: longer than any lease lasts.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(2);
const ASKED: u32 = 10;

/// Link entities that exist at Monite already
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Looks at every entity at Monite. Links what an entity's stamp says, and what matches exactly (type, country, e-mail address, name,
tax id and registration number are the same, and no other customer or entity has them). Likely and ambiguous matches are printed;
link them with --link. After the loss of the database run it before `serve` or `sync`, which would create what is there already (and
refuse to start where they see that another bridge has stamped entities).")]
pub(super) struct Adopt {
    /// Show what would be linked, and link nothing
    #[arg(long)]
    dry_run: bool,
    /// Link this customer to this entity and look at no others; can be given several times
    #[arg(long, value_name = "CUSTOMER=ENTITY", value_parser = parse_link)]
    link: Vec<(CustomerId, EntityId)>,
    /// Take the stamps of this bridge as ours: a database that was lost
    #[arg(long, value_name = "ID")]
    bridge: Option<BridgeId>,
}

fn parse_link(text: &str) -> Result<(CustomerId, EntityId), String> {
    let (customer, entity) = text.split_once('=').ok_or("write it as CUSTOMER=ENTITY")?;
    let customer = CustomerId::parse(customer).map_err(|error| error.to_string())?;
    let entity = entity.parse().map_err(|_| "an entity's id is a UUID".to_owned())?;
    Ok((customer, entity))
}

/// One line of the result.
#[derive(Debug, Serialize)]
struct Line<'a> {
    customer: Option<&'a CustomerId>,
    entity: EntityId,
    grade: &'static str,
    reason: &'a str,
    /// `linked`, `would_link`, `proposed`, `left` or `failed`.
    outcome: &'static str,
    /// Users linked with it.
    users: Option<u64>,
    next: Option<String>,
}

#[derive(Debug, Default, Serialize)]
struct Total {
    entities: u64,
    linked_before: u64,
    linked: u64,
    users_linked: u64,
    proposed: u64,
    left: u64,
    unmatched: u64,
    failed: u64,
    dry_run: bool,
    /// The lost database whose name this one took over.
    took_over: Option<BridgeId>,
}

impl Adopt {
    pub(super) async fn run(&self, setup: Setup, output: &Output) -> Result<Exit, Failure> {
        let bridge = Bridge::assemble(setup).await?;
        let exit = self.work(&bridge, output).await;
        let noted = if self.dry_run {
            Ok(())
        } else {
            bridge.store.append_audit(&[AuditEntry::of_command("adopt", bridge.now()).ended(&exit)]).await
        };
        bridge.close().await;
        let exit = exit?;
        noted?;
        Ok(exit)
    }

    async fn work(&self, bridge: &Bridge, output: &Output) -> Result<Exit, Failure> {
        let found = if self.link.is_empty() { self.look(bridge).await? } else { self.as_told(bridge).await? };
        let total = Total {
            entities: found.entities,
            linked_before: found.linked,
            unmatched: found.unmatched,
            dry_run: self.dry_run,
            took_over: found.take_name.clone().filter(|_| !self.dry_run),
            ..Total::default()
        };
        if let Some(name) = found.take_name.as_ref().filter(|_| !self.dry_run)
            && !bridge.store.take_bridge_name(name).await?
        {
            return Err(Failure::failed(
                "links appeared in the database meanwhile; nothing was linked",
                "Run it again.",
            ));
        }
        let mut telling = Telling { list: output.list("matches"), style: output.style(), total };
        for one in &found.matches {
            self.link_one(bridge, one, &found.ours, &mut telling).await?;
        }
        for remark in &found.remarks {
            telling.remark(remark);
        }
        let Telling { list, total, .. } = telling;
        list.end(&summary(&total), &total);
        Ok(Exit::failed_if(total.failed > 0))
    }

    async fn look(&self, bridge: &Bridge) -> Result<Survey, Failure> {
        survey(&in_the_background(bridge), bridge.store.as_ref(), self.bridge.as_ref()).await.map_err(|error| {
            Failure::caused_by(
                &error,
                "Nothing was linked: only who has seen all entities knows that a match is the only one. Run it again.",
            )
        })
    }

    /// The links that were asked for by name.
    async fn as_told(&self, bridge: &Bridge) -> Result<Survey, Failure> {
        let mut found = Survey { ours: BTreeSet::from([bridge.store.bridge().await?]), ..Survey::default() };
        found.ours.extend(self.bridge.clone());
        for (customer, entity) in &self.link {
            if bridge.store.customer(customer).await?.is_none() {
                return Err(unknown(&ObjectId::Customer(customer.clone())));
            }
            let (customer, reason) = (customer.clone(), "asked for by --link".to_owned());
            found.matches.push(Match { customer, entity: *entity, grade: Grade::Exact, reason });
        }
        Ok(found)
    }

    async fn link_one(
        &self, bridge: &Bridge, one: &Match, ours: &BTreeSet<BridgeId>, telling: &mut Telling<'_>,
    ) -> Result<(), Failure> {
        if one.grade > Grade::Exact {
            telling.propose(one);
            return Ok(());
        }
        if self.dry_run {
            telling.tell(one, "would_link", None, None);
            return Ok(());
        }
        match until_free(bridge, one, ours).await {
            Ok(Linked::By(Adopted::Linked { users })) => {
                telling.tell(one, "linked", Some(users), None);
                let entry = AuditEntry::of_command(&format!("adopt {}", one.entity), bridge.now());
                bridge.store.append_audit(&[entry.about(&ObjectId::Customer(one.customer.clone()))]).await?;
            }
            Ok(Linked::By(Adopted::Already)) => {
                telling.tell(one, "linked", None, Some("it was linked before".to_owned()))
            }
            Ok(refused) => telling.fail(one, refusal(&refused)),
            Err(error) => telling.fail(one, chain(&error)),
        }
        Ok(())
    }
}

/// Nobody waits for it.
fn in_the_background(bridge: &Bridge) -> Monite {
    bridge.monite.with_priority(Priority::Background)
}

async fn until_free(
    bridge: &Bridge, one: &Match, ours: &BTreeSet<BridgeId>,
) -> Result<Linked, crate::reconcile::observe::LookError> {
    let (monite, store) = (in_the_background(bridge), bridge.store.as_ref());
    for _ in 1..ASKED {
        match link(&monite, store, &one.customer, one.entity, ours, bridge.now()).await? {
            Linked::By(Adopted::InHand) => bridge.clock.sleep(ASK_AGAIN_AFTER).await,
            done => return Ok(done),
        }
    }
    link(&monite, store, &one.customer, one.entity, ours, bridge.now()).await
}

fn refusal(refused: &Linked) -> String {
    match refused {
        Linked::StampedForOthers(why) => format!("{why}; if that is a database you have lost, name it with --bridge"),
        Linked::By(Adopted::Taken(customer)) => format!("the entity is linked to {customer}"),
        Linked::By(Adopted::Elsewhere(entity)) => format!("the customer is linked to the entity {entity}"),
        Linked::By(Adopted::Unsettled) => {
            "a create for this customer went unanswered: run `monite-bridge sync`, which looks for it".to_owned()
        }
        Linked::By(Adopted::Erased) => {
            "it was erased, or is being erased: what is left of it is not to be linked".to_owned()
        }
        Linked::By(Adopted::InHand) => "another process is at work on this customer: run it again".to_owned(),
        Linked::By(Adopted::Linked { .. } | Adopted::Already) => "it is linked".to_owned(),
    }
}

struct Telling<'a> {
    list: List<'a>,
    style: Style,
    total: Total,
}

impl Telling<'_> {
    fn tell(&mut self, one: &Match, outcome: &'static str, users: Option<u64>, next: Option<String>) {
        match outcome {
            "linked" | "would_link" => self.total.linked += 1,
            "proposed" => self.total.proposed += 1,
            _ => self.total.failed += 1,
        }
        self.total.users_linked += users.unwrap_or(0);
        let Match { customer, entity, grade, reason } = one;
        let done = match (outcome, users) {
            ("linked", Some(users)) => self.style.good(&format!("linked with {}", words::count(users, "user"))),
            ("linked", None) => self.style.good("linked"),
            ("would_link", _) => "would be linked".to_owned(),
            ("failed", _) => self.style.bad("not linked"),
            _ => "left to you".to_owned(),
        };
        let next_line = next.as_ref().map_or(String::new(), |next| format!("\n    {next}"));
        let customer_shown = self.style.bold(customer.as_str());
        let text = format!("{grade:<9}  {customer_shown} = {entity}  {done}: {reason}{next_line}");
        let grade = match grade {
            Grade::Stamped => "stamped",
            Grade::Exact => "exact",
            Grade::Likely => "likely",
            Grade::Ambiguous => "ambiguous",
        };
        self.list.push(&text, &Line { customer: Some(customer), entity: *entity, grade, reason, outcome, users, next });
    }

    fn propose(&mut self, one: &Match) {
        let next = format!("monite-bridge adopt --link {}={}", one.customer, one.entity);
        self.tell(one, "proposed", None, Some(next));
    }

    fn fail(&mut self, one: &Match, why: String) {
        self.tell(one, "failed", None, Some(why));
    }

    fn remark(&mut self, remark: &Remark) {
        self.total.left += 1;
        let Remark { entity, customer, reason } = remark;
        let text = format!("{:<9}  {entity}: {reason}", "left");
        let line = Line {
            customer: customer.as_ref(),
            entity: *entity,
            grade: "none",
            reason,
            outcome: "left",
            users: None,
            next: None,
        };
        self.list.push(&text, &line);
    }
}

fn summary(total: &Total) -> String {
    let verb = if total.dry_run { "would be linked" } else { "linked" };
    let users =
        if total.dry_run { String::new() } else { format!(" with {}", words::count(total.users_linked, "user")) };
    let mut parts = vec![
        format!("{} {verb}{users}", words::count(total.linked, "customer")),
        format!("{} left to you", total.proposed + total.left),
        format!("{} linked before", total.linked_before),
        format!("{} that match no customer", total.unmatched),
    ];
    if total.failed > 0 {
        parts.push(format!("{} failed", total.failed));
    }
    let seen = match total.entities {
        0 => String::new(),
        entities => format!("{} at Monite: ", words::count(entities, "entity")),
    };
    format!("{seen}{}", parts.join(", "))
}
