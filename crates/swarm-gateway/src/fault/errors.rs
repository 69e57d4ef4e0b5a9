//! Counts of the error replies, by code.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Number of codes that are counted. Scripts can make up more.
const CODES: usize = 128;

/// How often each error code has been replied.
#[derive(Debug, Default)]
pub(super) struct Errors(Mutex<BTreeMap<String, u64>>);

impl Errors {
    /// Counts an error with this text.
    pub(super) fn add(&self, text: &[u8]) {
        let code = text.split(|byte| *byte == b' ').next().unwrap_or_default();
        let code = String::from_utf8_lossy(code).into_owned();
        let mut counts = self.lock();
        if counts.len() < CODES || counts.contains_key(&code) {
            *counts.entry(code).or_default() += 1;
        }
    }

    pub(super) fn all(&self) -> BTreeMap<String, u64> {
        self.lock().clone()
    }

    pub(super) fn reset(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
