//! How sure it is that an entity belongs to a customer. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use monite::{EntityId, NewEntity};
use serde::Serialize;

use crate::domain::CustomerId;

/// How sure a match is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// The entity says so itself.
    Stamped,
    /// Type, country, e-mail address, name and registered numbers are the same, and no other customer or entity has them.
    Exact,
    /// Some of it is the same, and no other customer or entity is as alike. Somebody has to say so.
    Likely,
    /// Several could be it.
    Ambiguous,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stamped => "stamped",
            Self::Exact => "exact",
            Self::Likely => "likely",
            Self::Ambiguous => "ambiguous",
        })
    }
}

/// A customer and an entity that could be its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The customer.
    pub customer: CustomerId,
    /// The entity.
    pub entity: EntityId,
    /// How sure it is.
    pub grade: Grade,
    /// Why, in words.
    pub reason: String,
}

/// Two that share something; whether others share it as well shows only when all have been seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    customer: CustomerId,
    entity: EntityId,
    is_exact: bool,
    reason: String,
}

/// Customers that have no entity, to be found by what an entity shares with them. Holds their documents, so memory grows with the
/// number of customers that are not linked, and not with the number of entities.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    documents: Vec<(CustomerId, NewEntity)>,
    by_email: HashMap<String, Vec<usize>>,
    by_name: HashMap<String, Vec<usize>>,
}

impl Candidates {
    /// One more.
    pub(super) fn add(&mut self, customer: CustomerId, document: NewEntity) {
        let index = self.documents.len();
        self.by_email.entry(folded(&document.email)).or_default().push(index);
        self.by_name.entry(name(&document)).or_default().push(index);
        self.documents.push((customer, document));
    }

    /// Those that this entity could belong to.
    pub(super) fn pairs(&self, entity: EntityId, document: &NewEntity) -> Vec<Pair> {
        let same_email = self.by_email.get(&folded(&document.email));
        let same_name = self.by_name.get(&name(document));
        let indexes: BTreeSet<usize> = same_email.into_iter().chain(same_name).flatten().copied().collect();
        let pair = |index: usize| {
            let (customer, desired) = self.documents.get(index)?;
            let (is_exact, reason) = compare(desired, document)?;
            Some(Pair { customer: customer.clone(), entity, is_exact, reason })
        };
        indexes.into_iter().filter_map(pair).collect()
    }
}

/// Whether an entity could have been made from a customer's document, and why; `None`: no. Monite never changes type and country
/// of an entity, so one with others cannot be the customer's.
fn compare(desired: &NewEntity, there: &NewEntity) -> Option<(bool, String)> {
    if desired.entity_type != there.entity_type || desired.address.country != there.address.country {
        return None;
    }
    let parts = [
        ("e-mail address", folded(&desired.email) == folded(&there.email)),
        ("name", name(desired) == name(there)),
        ("tax id", desired.tax_id == there.tax_id),
        ("registration number", desired.registration_number == there.registration_number),
    ];
    let listed = |wanted: bool| {
        let named: Vec<&str> = parts.iter().filter(|(_, same)| *same == wanted).map(|(part, _)| *part).collect();
        named.join(", ")
    };
    let [(_, same_email), (_, same_name), (_, same_tax), _] = parts;
    if parts.iter().all(|(_, same)| *same) {
        return Some((true, "same e-mail address, name, country, tax id and registration number".to_owned()));
    }
    // A name alone is shared by many; with the same tax id it is hardly another one.
    let is_likely = same_email || (same_name && same_tax && desired.tax_id.is_some());
    is_likely.then(|| (false, format!("same {}; not the same {}", listed(true), listed(false))))
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn name(document: &NewEntity) -> String {
    let organization = document.organization.as_ref().map(|organization| organization.legal_name.clone());
    let individual = document.individual.as_ref().map(|one| format!("{} {}", one.first_name, one.last_name));
    folded(&organization.or(individual).unwrap_or_default())
}

/// Grades all pairs, once all of them are known. A pair that is exact takes its customer and its entity out of every lesser one.
pub(super) fn grade(pairs: Vec<Pair>) -> Vec<Match> {
    let (exact, lesser): (Vec<Pair>, Vec<Pair>) = pairs.into_iter().partition(|pair| pair.is_exact);
    let customers: BTreeSet<CustomerId> = exact.iter().map(|pair| pair.customer.clone()).collect();
    let entities: BTreeSet<EntityId> = exact.iter().map(|pair| pair.entity).collect();
    let lesser: Vec<Pair> = lesser
        .into_iter()
        .filter(|pair| !customers.contains(&pair.customer) && !entities.contains(&pair.entity))
        .collect();
    let mut matches = unique(exact, Grade::Exact);
    matches.extend(unique(lesser, Grade::Likely));
    matches.sort_by(|a, b| (a.grade, &a.customer, a.entity).cmp(&(b.grade, &b.customer, b.entity)));
    matches
}

/// These pairs with `grade` where neither side is in a second one.
fn unique(pairs: Vec<Pair>, grade: Grade) -> Vec<Match> {
    let (mut of_customer, mut of_entity) = (BTreeMap::new(), BTreeMap::new());
    for pair in &pairs {
        *of_customer.entry(pair.customer.clone()).or_insert(0) += 1;
        *of_entity.entry(pair.entity).or_insert(0) += 1;
    }
    let graded = |pair: Pair| {
        let several = [
            (of_customer[&pair.customer], "entities match this customer"),
            (of_entity[&pair.entity], "customers match this entity"),
        ];
        let several: Vec<String> =
            several.iter().filter(|(count, _)| *count > 1).map(|(count, what)| format!("{count} {what}")).collect();
        let Pair { customer, entity, reason, .. } = pair;
        if several.is_empty() {
            return Match { customer, entity, grade, reason };
        }
        Match { customer, entity, grade: Grade::Ambiguous, reason: format!("{}: {reason}", several.join(", ")) }
    };
    pairs.into_iter().map(graded).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    /// `name/email/tax/country`; what is left out is that of `Acme`.
    fn document(text: &str) -> NewEntity {
        let mut parts = text.split('/').chain(std::iter::repeat(""));
        let mut part = |other: &str| parts.next().filter(|part| !part.is_empty()).unwrap_or(other).to_owned();
        let (name, email, tax, country) = (part("Acme"), part("ap@acme.example"), part("T1"), part("DE"));
        serde_json::from_value(json!({
            "type": "organization", "email": email, "tax_id": (tax != "-").then_some(tax),
            "address": {"country": country, "city": "Berlin", "line1": "Musterweg 1", "postal_code": "10115"},
            "organization": {"legal_name": name},
        }))
        .unwrap()
    }

    /// Customers `a`, `b`, ... and entities `1`, `2`, ... with these documents; what is made of them.
    #[track_caller]
    fn check(customers: &[&str], entities: &[&str], expected: &[&str]) {
        let mut candidates = Candidates::default();
        for (letter, text) in ('a'..).zip(customers) {
            candidates.add(CustomerId::parse(&letter.to_string()).unwrap(), document(text));
        }
        let id = |number: u128| EntityId::from(Uuid::from_u128(number));
        let pairs = (1..).zip(entities).flat_map(|(number, text)| candidates.pairs(id(number), &document(text)));
        let matches = grade(pairs.collect());
        let told: Vec<String> = matches
            .iter()
            .map(|one| format!("{}={} {}", one.customer, one.entity.as_uuid().as_u128(), one.grade))
            .collect();
        assert_eq!(told, expected, "{matches:#?}");
    }

    #[test]
    fn exact_is_the_same_in_all_that_identifies() {
        check(&["Acme"], &["Acme"], &["a=1 exact"]);
        check(&["Acme"], &["  ACME /AP@acme.example"], &["a=1 exact"]);
        check(&["Acme//-"], &["Acme//-"], &["a=1 exact"]);
        check(&["Acme"], &["Acme//-"], &["a=1 likely"]);
        check(&["Acme"], &["Acme//T2"], &["a=1 likely"]);
        check(&["Acme"], &["Acme Holding"], &["a=1 likely"]);
        check(&["Acme"], &["Acme/other@acme.example"], &["a=1 likely"]);
        check(&["Acme//-"], &["Acme/other@acme.example/-"], &[]);
        check(&["Acme"], &["Acme///AT"], &[]);
        check(&["Acme"], &["Beta/ap@beta.example"], &[]);
    }

    #[test]
    fn several_that_could_be_it_are_ambiguous() {
        check(&["Acme"], &["Acme", "Acme"], &["a=1 ambiguous", "a=2 ambiguous"]);
        check(&["Acme", "Acme"], &["Acme"], &["a=1 ambiguous", "b=1 ambiguous"]);
        check(&["Acme"], &["Acme//T2", "Acme//T3"], &["a=1 ambiguous", "a=2 ambiguous"]);
        check(&["Acme", "Beta"], &["Acme", "Beta"], &["a=1 exact", "b=2 exact"]);
    }

    #[test]
    fn an_exact_match_leaves_nothing_for_lesser_ones() {
        check(&["Acme"], &["Acme", "Acme//T2"], &["a=1 exact"]);
        check(&["Acme", "Acme//T2"], &["Acme"], &["a=1 exact"]);
    }
}
