//! Does a step twice, over HTTP and in the model, and compares.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::model::Model;
use super::steps::Step;
use crate::support::direct::Direct;

/// A sandbox, the model of it, and the real ids by the model's numbers.
pub struct Play {
    pub direct: Direct,
    pub model: Model,
    pub ids: Ids,
}

#[derive(Default)]
pub struct Ids {
    pub entities: Vec<String>,
    pub roles: Vec<String>,
    pub users: Vec<String>,
    pub tokens: Vec<String>,
    pub subscriptions: Vec<String>,
}

impl Play {
    /// The token that `direct` came with is the model's first.
    pub fn new(direct: Direct) -> Self {
        let mut model = Model::default();
        model.issue(None).unwrap();
        let ids = Ids { tokens: vec![direct.token.clone()], ..Ids::default() };
        Self { direct, model, ids }
    }

    /// Fails when the sandbox answers with another status than the model.
    pub async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        if let Step::Advance { seconds } = step {
            self.direct.sandbox.advance(Duration::from_secs(*seconds));
            self.model.now += seconds;
            return Ok(());
        }
        if self.partner_token().is_none() {
            self.call(&Step::Issue { user: None }).await?;
        }
        self.call(step).await
    }

    async fn call(&mut self, step: &Step) -> Result<(), TestCaseError> {
        // Nothing to pick from: no step.
        let before = self.model.clone();
        let Some((expected, ask, made)) = self.both(step) else {
            return Ok(());
        };
        self.model.record(&before);
        let answer = self.direct.send(ask).await;
        match expected {
            Ok(()) => prop_assert!((200..300).contains(&answer.status), "{step:?} should be done, not {answer:?}"),
            Err(status) => prop_assert_eq!(answer.status, status, "{:?} answers {:?}", step, answer),
        }
        if let (Ok(()), Some(made)) = (expected, made) {
            let id = answer.body.get("access_token").unwrap_or(&answer.body["id"]);
            made(&mut self.ids).push(id.as_str().unwrap().to_owned());
        }
        Ok(())
    }

    pub fn partner_token(&self) -> Option<usize> {
        let mut tokens = self.model.tokens.iter();
        tokens.find(|(number, token)| token.user.is_none() && self.model.is_alive(**number)).map(|(number, _)| *number)
    }
}
