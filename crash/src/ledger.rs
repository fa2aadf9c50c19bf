//! What the bridge must hold by its own answers: every world of one customer that fits all of them.
//!
//! A write that was answered happened. A write whose answer was lost happened or did not: from then on there are two worlds, until
//! a later answer fits only one. An answer that fits none is a broken promise.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What the product can do to one customer and its users.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Write {
    Put(Value),
    Patch(Value),
    Delete,
    PutUser(String, Value),
    PatchUser(String, Value),
    DeleteUser(String),
    /// One line of an import: the customer and some of its users.
    Import(Value, Vec<(String, Value)>),
}

/// Whether the product wants the customer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Wish {
    /// It was never written.
    #[default]
    Never,
    /// It is to be there.
    Present,
    /// It was deleted.
    Gone,
}

/// One customer as the bridge may hold it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct World {
    pub(crate) wish: Wish,
    pub(crate) document: Value,
    pub(crate) users: BTreeMap<String, Value>,
}

impl World {
    /// The world after this write; `None` when the bridge must answer that there is nothing to write to.
    fn after(&self, write: &Write) -> Option<Self> {
        let mut world = self.clone();
        match write {
            Write::Put(document) => world.write(document),
            Write::Import(document, users) => {
                world.write(document);
                world.users.extend(users.iter().cloned());
            }
            Write::Patch(_) if self.wish != Wish::Present => return None,
            Write::Patch(change) => world.document = merged(&self.document, change),
            _ if self.wish == Wish::Never => return None,
            Write::Delete => world.wish = Wish::Gone,
            Write::PutUser(user, document) => {
                world.users.insert(user.clone(), document.clone());
            }
            Write::PatchUser(user, change) => {
                let document = world.users.get_mut(user)?;
                *document = merged(document, change);
            }
            Write::DeleteUser(user) => {
                world.users.remove(user)?;
            }
        }
        Some(world)
    }

    fn write(&mut self, document: &Value) {
        self.wish = Wish::Present;
        self.document = document.clone();
    }

    /// The document that the answer to this write shows.
    fn shown(&self, write: &Write) -> Option<&Value> {
        match write {
            Write::Put(_) | Write::Patch(_) => Some(&self.document),
            Write::PutUser(user, _) | Write::PatchUser(user, _) => self.users.get(user),
            Write::Delete | Write::DeleteUser(_) | Write::Import(..) => None,
        }
    }
}

/// RFC 7396: null removes, objects merge, everything else replaces.
fn merged(document: &Value, change: &Value) -> Value {
    let Value::Object(change) = change else { return change.clone() };
    let mut fields = document.as_object().cloned().unwrap_or_else(Map::new);
    for (name, value) in change {
        if value.is_null() {
            fields.remove(name);
        } else {
            let new = merged(fields.get(name).unwrap_or(&Value::Null), value);
            fields.insert(name.clone(), new);
        }
    }
    Value::Object(fields)
}

/// Everything known about one customer.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    worlds: Vec<World>,
}

/// No world fits what was answered.
#[derive(Debug, PartialEq)]
pub(crate) struct Contradiction(pub(crate) String);

impl Ledger {
    /// Of a customer that was never written.
    pub(crate) fn new() -> Self {
        Self { worlds: vec![World::default()] }
    }

    /// One of the worlds, to draw a sensible next write from.
    pub(crate) fn some_world(&self) -> &World {
        // There is always one: what would remove the last is a contradiction and changes nothing.
        &self.worlds[0]
    }

    /// It happened, and this is the document that was shown, if one was.
    pub(crate) fn happened(&mut self, write: &Write, shown: Option<&Value>) -> Result<(), Contradiction> {
        let after = self.worlds.iter().filter_map(|world| world.after(write));
        let fitting = after.filter(|world| shown.is_none() || world.shown(write).is_none_or(|own| Some(own) == shown));
        let told = shown.map(|shown| format!(", showing {shown}")).unwrap_or_default();
        self.become_one_of(fitting.collect(), || format!("{write:?} was answered as done{told}"))
    }

    /// The bridge said that there is nothing to write to.
    pub(crate) fn found_nothing(&mut self, write: &Write) -> Result<(), Contradiction> {
        let fitting = self.worlds.iter().filter(|world| world.after(write).is_none()).cloned().collect();
        self.become_one_of(fitting, || format!("{write:?} found nothing to write to"))
    }

    /// No answer came.
    pub(crate) fn was_lost(&mut self, write: &Write) {
        let after: Vec<World> = self.worlds.iter().filter_map(|world| world.after(write)).collect();
        self.worlds.extend(after);
        self.forget_doubles();
    }

    /// What reading showed of the whole customer.
    pub(crate) fn was_read(&mut self, what: &str, fits: impl Fn(&World) -> bool) -> Result<(), Contradiction> {
        let fitting = self.worlds.iter().filter(|world| fits(world)).cloned().collect();
        self.become_one_of(fitting, || what.to_owned())
    }

    fn become_one_of(&mut self, fitting: Vec<World>, what: impl Fn() -> String) -> Result<(), Contradiction> {
        if fitting.is_empty() {
            return Err(Contradiction(format!(
                "{}; by the answers before it must be one of {:?}",
                what(),
                self.worlds
            )));
        }
        self.worlds = fitting;
        self.forget_doubles();
        Ok(())
    }

    fn forget_doubles(&mut self) {
        let mut once: Vec<World> = Vec::new();
        for world in self.worlds.drain(..) {
            if !once.contains(&world) {
                once.push(world);
            }
        }
        self.worlds = once;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(documents: &[Value]) -> Ledger {
        let mut ledger = Ledger::new();
        for document in documents {
            ledger.happened(&Write::Put(document.clone()), Some(document)).unwrap();
        }
        ledger
    }

    fn shows(ledger: &mut Ledger, document: &Value) -> bool {
        ledger.clone().was_read("read", |world| world.document == *document).is_ok()
    }

    #[test]
    fn an_accepted_write_is_there() {
        let (old, new) = (json!({"a": 1}), json!({"a": 2}));
        let mut ledger = written(&[old.clone(), new.clone()]);
        assert!(shows(&mut ledger, &new) && !shows(&mut ledger, &old));
    }

    #[test]
    fn a_lost_write_is_there_or_not_until_an_answer_tells() {
        let (old, new) = (json!({"a": 1, "b": 1}), json!({"a": 2, "b": 1}));
        let mut ledger = written(std::slice::from_ref(&old));
        ledger.was_lost(&Write::Put(new.clone()));
        assert!(shows(&mut ledger, &new) && shows(&mut ledger, &old));
        let change = Write::Patch(json!({"b": null}));
        ledger.happened(&change, Some(&json!({"a": 2}))).unwrap();
        assert!(shows(&mut ledger, &json!({"a": 2})) && !shows(&mut ledger, &json!({"a": 1})));
    }

    #[test]
    fn a_lost_deletion_is_settled_by_what_finds_nothing() {
        let mut ledger = written(&[json!({})]);
        ledger.happened(&Write::PutUser("ana".to_owned(), json!({})), None).unwrap();
        ledger.was_lost(&Write::DeleteUser("ana".to_owned()));
        ledger.found_nothing(&Write::PatchUser("ana".to_owned(), json!({"a": 1}))).unwrap();
        assert!(ledger.some_world().users.is_empty());
        assert!(ledger.happened(&Write::DeleteUser("ana".to_owned()), None).is_err());
    }

    #[test]
    fn a_deleted_customer_keeps_its_users_and_comes_back_only_by_a_write_of_its_own() {
        let mut ledger = written(&[json!({"a": 1})]);
        ledger.happened(&Write::PutUser("ana".to_owned(), json!({})), None).unwrap();
        ledger.happened(&Write::Delete, None).unwrap();
        ledger.found_nothing(&Write::Patch(json!({"a": 2}))).unwrap();
        ledger.happened(&Write::Import(json!({"a": 3}), vec![("ben".to_owned(), json!({}))]), None).unwrap();
        let world = ledger.some_world();
        assert_eq!((world.wish, world.users.len()), (Wish::Present, 2));
    }
}
