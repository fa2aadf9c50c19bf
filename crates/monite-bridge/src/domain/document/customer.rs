use monite::{BusinessStructure, EntityType, Individual, NewEntity, Organization};
use serde_json::Value;

use super::FieldError;
use super::address;
use super::field_error::Errors;
use super::fields::{Fields, Path, Stands, shortened};
use super::formats::{is_date, is_email, is_http_url};

/// A customer as the product described it: Monite's `CreateEntityRequest`, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomerDocument(NewEntity);

impl CustomerDocument {
    /// Reads a document. `null` means the same as absent.
    ///
    /// # Errors
    /// Every field that is wrong, missing or unknown.
    pub fn parse(value: &Value) -> Result<Self, Vec<FieldError>> {
        let mut errors = Errors::default();
        let document = read(value, Stands::Alone, &mut errors);
        errors.or(document)
    }

    /// What is sent to Monite to create the entity.
    #[must_use]
    pub fn as_entity(&self) -> &NewEntity {
        &self.0
    }

    /// As JSON for people and programs to look into: no nulls.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(&self.0)
            .expect("a NewEntity is structs, texts and booleans: nothing in it can fail to serialize")
    }

    /// The canonical text: no nulls, the same fields always in the same order, so that equal documents have equal texts.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(&self.0)
            .expect("a NewEntity is structs, texts and booleans: nothing in it can fail to serialize")
    }

    /// Reads back what [`to_text`](Self::to_text) gave, without checking it again.
    ///
    /// # Errors
    /// When the text was not written by this program.
    pub fn from_stored(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }
}

const FIELDS: &[&str] = &[
    "type",
    "email",
    "address",
    "organization",
    "individual",
    "phone",
    "website",
    "tax_id",
    "registration_number",
    "registration_authority",
    // Known only to give better advice than "unknown field" where they do not belong.
    "id",
    "users",
];

/// Reads the document; `id` and `users` of an import line are left to whoever reads the line.
pub(super) fn read(value: &Value, stands: Stands, errors: &mut Errors) -> Option<CustomerDocument> {
    let mut fields = Fields::new(value, Path::ROOT, FIELDS, errors)?;
    if stands == Stands::Alone {
        refuse_parts_of_a_record(&mut fields);
    }
    let entity_type = read_type(&mut fields);
    let email = read_email(&mut fields);
    let address = address::read(&mut fields);
    let organization = read_part(&mut fields, &EntityType::Organization, &entity_type, read_organization);
    let individual = read_part(&mut fields, &EntityType::Individual, &entity_type, read_individual);
    let phone = fields.optional("phone", 100);
    let website = read_website(&mut fields);
    let tax_id = fields.optional("tax_id", 30);
    let country = address.as_ref().map(|address| address.country.as_str());
    let (registration_number, registration_authority) = read_registration(&mut fields, country);
    Some(CustomerDocument(NewEntity {
        entity_type: entity_type?,
        email: email?,
        address: address?,
        organization,
        individual,
        phone,
        website,
        tax_id,
        registration_number,
        registration_authority,
    }))
}

fn refuse_parts_of_a_record(fields: &mut Fields<'_>) {
    if fields.get("id").is_some() {
        fields.refuse("id", "belongs to the address of the request or the import line, not into the document");
    }
    if fields.get("users").is_some() {
        fields.refuse(
            "users",
            "has no place here: each user has an address of its own, and an import line takes them together",
        );
    }
}

fn read_type(fields: &mut Fields<'_>) -> Option<EntityType> {
    const ACCEPTED: &str = "\"organization\" or \"individual\"";
    if !fields.present("type", ACCEPTED) {
        return None;
    }
    match fields.text("type")? {
        "organization" => Some(EntityType::Organization),
        "individual" => Some(EntityType::Individual),
        other => fields.wrong("type", format!("{:?} is not a type; accepted: {ACCEPTED}", shortened(other))),
    }
}

pub(super) const EMAIL_ACCEPTED: &str = "one address such as \"accounts@example.com\"";

fn read_email(fields: &mut Fields<'_>) -> Option<String> {
    if !fields.present("email", EMAIL_ACCEPTED) {
        return None;
    }
    let text = fields.text("email")?;
    if is_email(text) {
        return Some(text.to_owned());
    }
    fields.wrong("email", format!("{:?} is not an e-mail address; accepted: {EMAIL_ACCEPTED}", shortened(text)))
}

fn read_website(fields: &mut Fields<'_>) -> Option<String> {
    // The longest address that old browsers took, and Monite's limit.
    let text = fields.optional("website", 2083)?;
    if is_http_url(&text) {
        return Some(text);
    }
    fields
        .wrong("website", format!("{:?} is not a web address; accepted: \"https://www.example.com\"", shortened(&text)))
}

/// Reads the object that belongs to `part`: required when that is the document's type, refused when it is not.
fn read_part<T>(
    fields: &mut Fields<'_>, part: &EntityType, declared: &Option<EntityType>,
    read: impl FnOnce(&Value, Path<'_>, &mut Errors) -> Option<T>,
) -> Option<T> {
    let key = part.as_str();
    match (fields.get(key), declared) {
        (None, Some(declared)) if declared == part => {
            fields.wrong(key, format!("is missing; an {key} needs it: {}", needed(part)))
        }
        (None, _) => None,
        (Some(_), Some(declared)) if declared != part => fields
            .wrong(key, format!("does not belong to type {:?}; leave it out or correct the type", declared.as_str())),
        (Some(value), _) => {
            let (path, errors) = fields.nested();
            read(value, path.key(key), errors)
        }
    }
}

fn needed(part: &EntityType) -> &'static str {
    match part {
        EntityType::Organization => "an object with legal_name",
        _ => "an object with first_name and last_name",
    }
}

fn read_organization(value: &Value, path: Path<'_>, errors: &mut Errors) -> Option<Organization> {
    const FLAGS: [&str; 4] =
        ["directors_provided", "executives_provided", "owners_provided", "representative_provided"];
    const KNOWN: &[&str] =
        &["legal_name", "legal_entity_id", "business_structure", FLAGS[0], FLAGS[1], FLAGS[2], FLAGS[3]];
    let mut fields = Fields::new(value, path, KNOWN, errors)?;
    let legal_name = fields.required("legal_name", 255);
    let legal_entity_id = fields.optional("legal_entity_id", 20);
    let business_structure = read_business_structure(&mut fields);
    let [directors_provided, executives_provided, owners_provided, representative_provided] =
        FLAGS.map(|flag| fields.flag(flag));
    Some(Organization {
        legal_name: legal_name?,
        legal_entity_id,
        business_structure,
        directors_provided,
        executives_provided,
        owners_provided,
        representative_provided,
    })
}

fn read_business_structure(fields: &mut Fields<'_>) -> Option<BusinessStructure> {
    const ACCEPTED: [BusinessStructure; 10] = [
        BusinessStructure::IncorporatedPartnership,
        BusinessStructure::UnincorporatedPartnership,
        BusinessStructure::PublicCorporation,
        BusinessStructure::PrivateCorporation,
        BusinessStructure::SoleProprietorship,
        BusinessStructure::SingleMemberLlc,
        BusinessStructure::MultiMemberLlc,
        BusinessStructure::PrivatePartnership,
        BusinessStructure::UnincorporatedAssociation,
        BusinessStructure::PublicPartnership,
    ];
    let text = fields.text("business_structure")?;
    if let Some(known) = ACCEPTED.iter().find(|known| known.as_str() == text) {
        return Some(known.clone());
    }
    let accepted = ACCEPTED.each_ref().map(BusinessStructure::as_str).join(", ");
    fields.wrong("business_structure", format!("{:?} is not known; accepted: {accepted}", shortened(text)))
}

fn read_individual(value: &Value, path: Path<'_>, errors: &mut Errors) -> Option<Individual> {
    const KNOWN: &[&str] = &["first_name", "last_name", "title", "date_of_birth", "id_number", "ssn_last_4"];
    let mut fields = Fields::new(value, path, KNOWN, errors)?;
    let first_name = fields.required("first_name", 100);
    let last_name = fields.required("last_name", 100);
    let title = fields.optional("title", 10);
    let date_of_birth = read_date(&mut fields, "date_of_birth");
    let id_number = fields.optional("id_number", 100);
    let ssn_last_4 = read_ssn(&mut fields);
    Some(Individual { first_name: first_name?, last_name: last_name?, title, date_of_birth, id_number, ssn_last_4 })
}

fn read_date(fields: &mut Fields<'_>, key: &str) -> Option<String> {
    let text = fields.text(key)?;
    if is_date(text) {
        return Some(text.to_owned());
    }
    fields.wrong(key, format!("{:?} is not a date; accepted: a day that exists, as YYYY-MM-DD", shortened(text)))
}

/// Personal data: the message does not repeat it.
fn read_ssn(fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.text("ssn_last_4")?;
    if text.chars().count() == 4 {
        return Some(text.to_owned());
    }
    fields.wrong("ssn_last_4", "must be exactly 4 characters: the last four digits of the number")
}

/// The German commercial register: a number needs the court it is registered at, and other countries have neither.
/// `country` is `None` when it could not be read; then only the lengths are checked.
fn read_registration(fields: &mut Fields<'_>, country: Option<&str>) -> (Option<String>, Option<String>) {
    let pair = ["registration_number", "registration_authority"];
    if country.is_some_and(|country| country != "DE") {
        for key in pair {
            if fields.get(key).is_some() {
                fields.refuse(key, "is for entities in Germany only (address.country \"DE\"); leave it out");
            }
        }
        return (None, None);
    }
    if fields.get(pair[0]).is_some() && fields.get(pair[1]).is_none() {
        fields.refuse(
            pair[1],
            "is missing; registration_number needs it: the local court, such as \"Amtsgericht Charlottenburg\"",
        );
    }
    let [number, authority] = pair.map(|key| fields.optional(key, 100));
    (number, authority)
}

#[cfg(test)]
#[path = "customer_tests.rs"]
mod tests;
