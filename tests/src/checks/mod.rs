//! Checks of what every command must do, on any server: embedded in the tests, deployed in the live
//! suite. Each check uses its own keys and removes them.

/// Declares checks: methods, names for the client and the keys, and a body.
macro_rules! family {
    ($([$($method:literal),+] |$client:ident, $keys:ident| $body:block)+) => {
        pub(super) fn checks() -> Vec<$crate::checks::Check> {
            vec![$($crate::checks::Check {
                methods: &[$($method),+],
                run: |$client, $keys| Box::pin(async move {
                    $body
                    Ok(())
                }),
            }),+]
        }
    };
}

mod bitmaps;
mod geo;
mod hashes;
mod keys;
mod lists;
mod pubsub;
mod scripts;
mod server;
mod sets;
mod sorted_sets;
mod streams;
mod strings;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use swarm_keydb::{Error, ErrorKind, Outcome, prelude::*};

use crate::Surface;
pub use pubsub::listen;

/// Expected behavior of one or more client methods.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Names of the methods.
    pub methods: &'static [&'static str],
    run: fn(Surface, Keys) -> Running,
}

type Running = Pin<Box<dyn Future<Output = Result<(), Finding>> + Send>>;

/// Unexpected result of a check.
#[derive(Debug)]
pub enum Finding {
    /// The server rejected a command. Not every server supports all of them.
    Refused(String),
    /// The transport does not support a command.
    Unsupported(String),
    /// A reply is wrong.
    Differs(String),
    /// The command failed in another way.
    Failed(String),
}

impl From<Error> for Finding {
    fn from(error: Error) -> Self {
        match (error.kind(), error.outcome()) {
            (ErrorKind::Server, _) => Self::Refused(error.to_string()),
            (ErrorKind::Argument, Some(Outcome::NotSent)) => Self::Unsupported(error.to_string()),
            (ErrorKind::UnexpectedReply, _) => Self::Differs(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// Generates unique key names.
#[derive(Debug, Clone)]
pub struct Keys {
    prefix: String,
}

impl Keys {
    fn random() -> Self {
        Self {
            prefix: format!("swarm-check:{:016x}", fastrand::u64(..)),
        }
    }

    /// Returns a key with the given suffix.
    pub fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }
}

impl Check {
    /// Runs the check with its own key prefix and removes the keys afterwards.
    ///
    /// # Errors
    ///
    /// Returns the first unexpected result.
    pub async fn run(&self, client: &Surface) -> Result<(), Finding> {
        let keys = Keys::random();
        let found = (self.run)(client.clone(), keys.clone()).await;
        if let Ok(keys) = client.keys(keys.key("*")).await
            && !keys.is_empty()
        {
            // If this fails, the keys are gone together with the server.
            let _best_effort = client.del(keys).await;
        }
        found
    }
}

/// Returns all checks.
pub fn checks() -> Vec<Check> {
    [
        strings::checks(),
        keys::checks(),
        server::checks(),
        scripts::checks(),
        pubsub::checks(),
        streams::checks(),
        hashes::checks(),
        lists::checks(),
        sets::checks(),
        sorted_sets::checks(),
        bitmaps::checks(),
        geo::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Checks that two values are equal.
#[expect(
    clippy::needless_pass_by_value,
    reason = "checks read better without a reference at each value"
)]
fn same<T: PartialEq<U> + Debug, U: Debug>(
    what: &str,
    found: T,
    expected: U,
) -> Result<(), Finding> {
    holds(what, found == expected, (&found, "expected", &expected))
}

/// Checks a condition and reports `found` if it does not hold.
fn holds(what: &str, holds: bool, found: impl Debug) -> Result<(), Finding> {
    if holds {
        Ok(())
    } else {
        Err(Finding::Differs(format!("{what}: {found:?}")))
    }
}

/// Checks that the server rejected a command with an error of the given code.
fn refused<T: Debug>(what: &str, result: Result<T, Error>, code: &str) -> Result<(), Finding> {
    match result {
        Err(error)
            if error
                .server_error()
                .is_some_and(|error| error.code() == code) =>
        {
            same(what, error.outcome(), Some(Outcome::Rejected))
        }
        other => Err(Finding::Differs(format!(
            "{what}: {other:?}, expected an error {code}"
        ))),
    }
}
