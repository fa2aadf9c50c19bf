//! What was really sent, for those who must explain it later.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::transport::TransportKind;

/// Most records kept; older ones make room.
const KEPT: usize = 32;

/// Collects every HTTP attempt of the clients that record into it. Clones are the same log.
#[derive(Clone, Debug, Default)]
pub struct CallLog {
    records: Arc<Mutex<VecDeque<CallRecord>>>,
}

/// One HTTP attempt. Holds no body and no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// When it was sent.
    pub at: Timestamp,
    /// Name of the call, such as `entities.create`.
    pub operation: String,
    /// HTTP method.
    pub method: String,
    /// Path below the base URL.
    pub path: String,
    /// When its answer was here, or nobody waited for one any more.
    pub ended_at: Timestamp,
    /// HTTP status; `None` when no answer arrived.
    pub status: Option<u16>,
    /// How far it came, when no answer arrived.
    #[serde(skip)]
    pub lost: Option<TransportKind>,
    /// Monite's number for the request.
    pub request_id: Option<String>,
    /// Why it did not work.
    pub error: Option<String>,
}

impl CallLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// The latest attempts, oldest first, at most 32.
    pub fn records(&self) -> Vec<CallRecord> {
        self.lock().iter().cloned().collect()
    }

    /// The same, and starts over.
    pub fn take(&self) -> Vec<CallRecord> {
        std::mem::take(&mut *self.lock()).into()
    }

    pub(crate) fn push(&self, record: CallRecord) {
        let mut records = self.lock();
        if records.len() == KEPT {
            records.pop_front();
        }
        records.push_back(record);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<CallRecord>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
