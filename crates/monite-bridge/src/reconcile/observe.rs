//! Looking at Monite where the store does not know: what an unanswered create has left behind.

use futures::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use monite::{Entity, EntityFilter, EntityStatus, EntityUser, EntityUserFilter, Monite, NewEntity, NewEntityUser};

use super::outcome::{LISTING_LAG, shows_by};
use crate::domain::{Attempt, CustomerId, EntityLink, Stamped, UserLink};
use crate::store::{Store, StoreError, Unsettled};

/// How far Monite's clock may be behind ours: an entity of the attempt is looked for from this long before it.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(120);

/// What looking for an unanswered create found.
#[derive(Debug, Clone, PartialEq)]
pub enum Found<T> {
    /// It landed: this is it.
    It(T),
    /// It is not there, and can no longer come or be there unseen.
    Nothing,
    /// It is not there, but may still come, or show, until then.
    NotYet(Timestamp),
    /// Several could be it, more than were ever attempted; nobody may choose but a person. Their ids.
    TooMany(Vec<String>),
}

/// What can go wrong while looking.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// Monite's answer.
    #[error(transparent)]
    Monite(#[from] monite::Error),
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Looks for the entity of an unanswered create: same e-mail, created since the attempt, same look, linked to nobody.
///
/// Monite knows no external id on creation, so two customers with the same details cannot be told apart; they need not be:
/// entities that look the same are interchangeable until the first one is linked. Each customer that waits for one takes the
/// one of its own rank, so that two never take the same; but only once what any of them sent would show, or it would take another's while its
/// own is still hidden, and the other would find nothing and create a third. Entities stamped for somebody else are out of the
/// question, be it a customer of ours or one of another bridge on the same account; one that is stamped for this customer is it.
/// Asking costs a call for each entity that looks right, which is one, as a rule.
pub async fn look_for_entity(
    monite: &Monite, store: &dyn Store, customer: &CustomerId, attempt: &Attempt<NewEntity>, now: Timestamp,
) -> Result<Found<EntityLink>, LookError> {
    // The rivals are read before the listing and the owners: whoever links its entity in between leaves one rival too many
    // here, which makes us wait, and never one candidate too many.
    let rivals = store.unsettled(&attempt.sent.email).await?;
    let alike = |(rival, one): &Unsettled| rival != customer && is_alike(&one.sent, &attempt.sent);
    let settled_by = shows_by(attempt.lands_by);
    let all_settled_by = rivals.iter().filter(|one| alike(one)).map(|(_, one)| shows_by(one.lands_by)).max();
    if let Some(theirs) = all_settled_by
        && now < settled_by.max(theirs)
    {
        // Theirs may be answered any moment, and asking again costs no call.
        return Ok(Found::NotYet(settled_by.max(theirs.min(now + LISTING_LAG))));
    }
    // The list must be the same for all of them, or the ranks would not fit together.
    let began = rivals.iter().filter(|one| alike(one)).map(|(_, one)| one.at).fold(attempt.at, Timestamp::min);
    let filter = EntityFilter {
        email: Some(attempt.sent.email.clone()),
        created_at_gte: Some(began - CLOCK_SKEW),
        ..EntityFilter::default()
    };
    let mut free: Vec<Entity> = monite.entities().stream(filter).try_collect().await?;
    // Whoever began meanwhile may have what it sent among these, and was no rival yet: that would be one candidate too many. It said so
    // before it sent anything, so it is among the rivals now, or linked already and among the owners.
    let is_new = |rival: &CustomerId| rivals.iter().all(|(known, _)| known != rival);
    let now_waiting = store.unsettled(&attempt.sent.email).await?;
    if now_waiting.iter().any(|one| is_new(&one.0) && alike(one)) {
        return Ok(Found::NotYet(now + LISTING_LAG));
    }
    let owners = store.owners(&free.iter().map(|entity| entity.id).collect::<Vec<_>>()).await?;
    free.retain(|entity| {
        entity.status != EntityStatus::Deleted && owners.get(&entity.id).is_none_or(|owner| owner == customer)
    });
    free.sort_by_key(|entity| (entity.created_at, entity.id));
    let mut unstamped = Vec::with_capacity(free.len());
    for link in free.iter().map(link_of).filter(|link| is_alike(&link.confirmed, &attempt.sent)) {
        match whose(monite, store, customer, &link).await? {
            Whose::This => return Ok(Found::It(link)),
            Whose::Nobodys => unstamped.push(link),
            Whose::Others => {}
        }
    }
    Ok(match choose(&unstamped, rivals, customer, attempt) {
        Choice::It(link) => Found::It(link),
        Choice::TooMany(ids) => Found::TooMany(ids),
        Choice::Nothing if now < settled_by => Found::NotYet(settled_by),
        // What is there may be ours: the rival's own may not have landed, or not show yet. It settles in its turn.
        Choice::AnotherFirst => Found::NotYet(now + LISTING_LAG),
        Choice::Nothing => Found::Nothing,
    })
}

/// Whom the stamp in an entity names.
enum Whose {
    This,
    Nobodys,
    Others,
}

async fn whose(
    monite: &Monite, store: &dyn Store, customer: &CustomerId, link: &EntityLink,
) -> Result<Whose, LookError> {
    Ok(match Stamped::read(&monite.entity(link.id).metadata().get().await?) {
        Stamped::Not => Whose::Nobodys,
        Stamped::By(stamp) if stamp.customer == *customer && stamp.bridge == store.bridge().await? => Whose::This,
        // What cannot be read was written by somebody, a newer version of this program perhaps.
        Stamped::By(_) | Stamped::Unreadable(_) => Whose::Others,
    })
}

// Made once per look; boxing the link would cost more words than it saves.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, PartialEq)]
enum Choice {
    It(EntityLink),
    Nothing,
    /// There are some, but those who wait and come first take them all.
    AnotherFirst,
    TooMany(Vec<String>),
}

/// Equal in every field first; else by what a person would know it again by, should Monite spell a value its own way. What equals
/// another's in every field is that one's then, and that one waits for nothing else: or each of the two would see itself first in line.
///
/// Who began first takes what was created first: so nobody is left what was created before it began, where it would not look for it any more
/// once the others are gone.
fn choose(
    free: &[EntityLink], mut rivals: Vec<Unsettled>, customer: &CustomerId, attempt: &Attempt<NewEntity>,
) -> Choice {
    rivals.retain(|(rival, _)| rival != customer);
    rivals.push((customer.clone(), attempt.clone()));
    rivals.sort_by(|(a, one), (b, other)| (one.at, a).cmp(&(other.at, b)));
    let sent = &attempt.sent;
    let free: Vec<_> = free.iter().collect();
    let rivals: Vec<(&CustomerId, &NewEntity)> = rivals.iter().map(|(rival, one)| (rival, &one.sent)).collect();
    let choice = choose_among(&free, &rivals, customer, |document| document == sent);
    if choice != Choice::Nothing {
        return choice;
    }
    let is_anothers =
        |link: &EntityLink| rivals.iter().any(|(rival, sent)| *rival != customer && **sent == link.confirmed);
    let has_its_own = |sent: &NewEntity| free.iter().any(|link| *sent == link.confirmed);
    let open: Vec<_> = free.iter().copied().filter(|link| !is_anothers(link)).collect();
    let waiting: Vec<_> = rivals.iter().copied().filter(|(_, sent)| !has_its_own(sent)).collect();
    choose_among(&open, &waiting, customer, |document| is_alike(document, sent))
}

/// By rank, among those that match; `rivals` in the order in which they began, `customer` among them.
fn choose_among(
    free: &[&EntityLink], rivals: &[(&CustomerId, &NewEntity)], customer: &CustomerId,
    matches: impl Fn(&NewEntity) -> bool,
) -> Choice {
    let candidates: Vec<&EntityLink> = free.iter().copied().filter(|link| matches(&link.confirmed)).collect();
    let waiting: Vec<&CustomerId> = rivals.iter().filter(|(_, sent)| matches(sent)).map(|(rival, _)| *rival).collect();
    if candidates.len() > waiting.len().max(1) {
        return Choice::TooMany(candidates.iter().map(|link| link.id.to_string()).collect());
    }
    let rank = waiting.iter().position(|rival| *rival == customer).unwrap_or(waiting.len());
    match candidates.get(rank) {
        Some(link) => Choice::It((*link).clone()),
        None if candidates.is_empty() => Choice::Nothing,
        None => Choice::AnotherFirst,
    }
}

/// Whether two documents describe the same legal or natural person at the same address of mail and country.
fn is_alike(a: &NewEntity, b: &NewEntity) -> bool {
    let names = |of: &NewEntity| {
        let organization = of.organization.as_ref().map(|o| o.legal_name.trim().to_owned());
        let individual =
            of.individual.as_ref().map(|i| (i.first_name.trim().to_owned(), i.last_name.trim().to_owned()));
        (organization, individual)
    };
    a.entity_type == b.entity_type
        && a.email.eq_ignore_ascii_case(&b.email)
        && a.address.country == b.address.country
        && names(a) == names(b)
}

/// The link to an entity as Monite shows it.
#[must_use]
pub fn link_of(entity: &Entity) -> EntityLink {
    EntityLink { id: entity.id, confirmed: document_of(entity), active: entity.status == EntityStatus::Active }
}

/// The document that would create this entity.
fn document_of(entity: &Entity) -> NewEntity {
    NewEntity {
        entity_type: entity.entity_type.clone(),
        email: entity.email.clone().unwrap_or_default(),
        address: entity.address.clone(),
        organization: entity.organization.clone(),
        individual: entity.individual.clone(),
        phone: entity.phone.clone(),
        website: entity.website.clone(),
        tax_id: entity.tax_id.clone(),
        registration_number: entity.registration_number.clone(),
        registration_authority: entity.registration_authority.clone(),
    }
}

/// Looks for the entity user of an unanswered create by the login that was sent: logins are unique within an entity, so there
/// is one or none. `login_still_wanted`: one that has landed and does not show yet cannot do harm then, because the next create is
/// refused as a duplicate and looks again. One that may still land can: by then the next one may have given the login up.
pub async fn look_for_user(
    monite: &Monite, entity: monite::EntityId, attempt: &Attempt<NewEntityUser>, login_still_wanted: bool,
    now: Timestamp,
) -> Result<Found<UserLink>, LookError> {
    let filter = EntityUserFilter { login: Some(attempt.sent.login.clone()), ..EntityUserFilter::default() };
    let found: Vec<EntityUser> = monite.entity(entity).users().stream(filter).try_collect().await?;
    let mut alike = found.into_iter().filter(|user| user.login == attempt.sent.login);
    let settled_by = if login_still_wanted { attempt.lands_by } else { shows_by(attempt.lands_by) };
    Ok(match (alike.next(), alike.next()) {
        (Some(one), None) => Found::It(user_link_of(&one, &attempt.sent)),
        (Some(one), Some(other)) => {
            Found::TooMany([one, other].into_iter().chain(alike).map(|user| user.id.to_string()).collect())
        }
        (None, _) if now < settled_by => Found::NotYet(settled_by),
        (None, _) => Found::Nothing,
    })
}

fn user_link_of(user: &EntityUser, sent: &NewEntityUser) -> UserLink {
    let mut confirmed = NewEntityUser {
        login: user.login.clone(),
        first_name: user.first_name.clone().unwrap_or_default(),
        last_name: user.last_name.clone(),
        email: user.email.clone(),
        phone: user.phone.clone(),
        title: sent.title.clone(),
        role_id: Some(user.role_id),
    };
    if confirmed != *sent {
        // Monite never returns the title (monite-behaviour, section 6): it is ours only if all the rest is.
        confirmed.title = None;
    }
    UserLink { id: user.id, confirmed }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    /// Entities `1`, `2`, ... of one look (`x1` of another, `p1` alike but for the phone), customers `a`, `b`, ... that wait for one of
    /// that look (`xa`: of another, `pa`: alike). Says which entity `customer` takes.
    #[track_caller]
    fn check(free: &[&str], rivals: &[&str], customer: &str, expected: &str) {
        let look = |name: &str| {
            let mut look = document(if name.starts_with('x') { "Other" } else { "Same" });
            look.phone = name.starts_with('p').then(|| "+491".to_owned());
            look
        };
        let plain = |name: &str| id(name.trim_start_matches(['x', 'p']));
        let free: Vec<EntityLink> = free.iter().map(|name| link(name, look(name))).collect();
        let now = Timestamp::UNIX_EPOCH;
        let attempt = |name: &str| Attempt { at: now, lands_by: now, sent: look(name) };
        let rivals: Vec<_> = rivals.iter().map(|name| (plain(name), attempt(name))).collect();
        let choice = told(choose(&free, rivals.clone(), &plain(customer), &attempt(customer)));
        assert_eq!(choice, expected, "free {free:?}, rivals {rivals:?}");
    }

    fn told(choice: Choice) -> String {
        match choice {
            Choice::It(link) => link.id.as_uuid().as_u128().to_string(),
            Choice::Nothing => "nothing".to_owned(),
            Choice::AnotherFirst => "another first".to_owned(),
            Choice::TooMany(_) => "too many".to_owned(),
        }
    }

    #[test]
    fn who_began_first_takes_what_was_created_first() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let attempt = |second| Attempt { at: at(second), lands_by: at(second), sent: document("Same") };
        let rivals = vec![(id("a"), attempt(200)), (id("b"), attempt(0)), (id("c"), attempt(100))];
        let free = ["1", "2", "3"].map(|name| link(name, document("Same")));
        for (customer, second, expected) in [("a", 200, "3"), ("b", 0, "1"), ("c", 100, "2")] {
            assert_eq!(told(choose(&free, rivals.clone(), &id(customer), &attempt(second))), expected, "{customer}");
        }
    }

    #[test]
    fn each_takes_the_one_of_its_rank() {
        check(&[], &["a"], "a", "nothing");
        check(&["1"], &["a"], "a", "1");
        check(&["1", "2"], &["a", "b"], "a", "1");
        check(&["1", "2"], &["a", "b"], "b", "2");
        check(&["1"], &["a", "b"], "a", "1");
        check(&["1"], &["a", "b"], "b", "another first");
        check(&[], &["a", "b"], "b", "nothing");
        check(&["1", "2"], &["a"], "a", "too many");
        check(&["1", "2", "3"], &["a", "b"], "b", "too many");
    }

    #[test]
    fn others_do_not_count() {
        check(&["x1", "2"], &["a"], "a", "2");
        check(&["1"], &["xa", "b"], "b", "1");
        check(&["x1"], &["a"], "a", "nothing");
        check(&["1"], &[], "a", "1");
    }

    #[test]
    fn what_equals_anothers_in_every_field_is_that_ones() {
        // Monite spelled it its own way.
        check(&["p1"], &["a"], "a", "1");
        check(&["p1"], &["a", "b"], "b", "another first");
        // One of them is a's for certain, so b waits for its own, though it comes first in line; and the other way round.
        check(&["p1"], &["b", "pc"], "b", "nothing");
        check(&["p1"], &["b", "pc"], "pc", "1");
        check(&["1"], &["pa", "b"], "pa", "nothing");
        check(&["1"], &["pa", "b"], "b", "1");
        // What is left goes by rank among those that are left.
        check(&["1", "x2", "p3"], &["a", "pb", "xc"], "pb", "3");
        check(&["p1", "p2"], &["pa", "c"], "pa", "too many");
        check(&["p1", "p2"], &["pa", "pb", "c"], "c", "nothing");
    }

    fn id(name: &str) -> CustomerId {
        CustomerId::parse(name).unwrap()
    }

    fn link(name: &str, confirmed: NewEntity) -> EntityLink {
        let number = name.trim_start_matches(['x', 'p']).parse().unwrap();
        EntityLink { id: Uuid::from_u128(number).into(), confirmed, active: true }
    }

    fn document(name: &str) -> NewEntity {
        serde_json::from_value(json!({
            "type": "organization", "email": "ap@muster.example",
            "address": {"country": "DE", "city": "Berlin", "line1": "Musterweg 1", "postal_code": "10115"},
            "organization": {"legal_name": name},
        }))
        .unwrap()
    }
}
