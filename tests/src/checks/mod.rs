//! What every command must do, as checks that run against any server: the embedded ones in the tests, deployed ones in
//! the live suite. Each uses keys of its own and removes them.

/// Makes checks: methods, names for the client and the keys, and what to do with them.
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

mod keys;
mod pubsub;
mod scripts;
mod server;
mod streams;
mod strings;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use swarm_keydb::{Error, ErrorKind, Outcome, prelude::*};

use crate::Surface;
pub use pubsub::listen;

/// One or more methods of the client, and what they must do.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// The methods, by name.
    pub methods: &'static [&'static str],
    run: fn(Surface, Keys) -> Running,
}

type Running = Pin<Box<dyn Future<Output = Result<(), Finding>> + Send>>;

/// What a check found that is not as expected.
#[derive(Debug)]
pub enum Finding {
    /// The server refused a command. Not every server has all of them.
    Refused(String),
    /// The wire cannot carry a command.
    Unsupported(String),
    /// A reply is not what it must be.
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

/// Names of keys that nobody else uses.
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

    /// A key that ends in a name.
    pub fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }
}

impl Check {
    /// Runs the check under a prefix of its own, and removes what it left behind.
    ///
    /// # Errors
    ///
    /// What is not as expected.
    pub async fn run(&self, client: &Surface) -> Result<(), Finding> {
        let keys = Keys::random();
        let found = (self.run)(client.clone(), keys.clone()).await;
        if let Ok(keys) = client.keys(keys.key("*")).await
            && !keys.is_empty()
        {
            // The keys are gone with the server if this fails.
            let _best_effort = client.del(keys).await;
        }
        found
    }
}

/// All checks.
pub fn checks() -> Vec<Check> {
    [
        strings::checks(),
        keys::checks(),
        server::checks(),
        scripts::checks(),
        pubsub::checks(),
        streams::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether two values are equal.
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

/// Whether something holds; `found` is shown when it does not.
fn holds(what: &str, holds: bool, found: impl Debug) -> Result<(), Finding> {
    if holds {
        Ok(())
    } else {
        Err(Finding::Differs(format!("{what}: {found:?}")))
    }
}

/// Whether a command was refused by the server with an error of a code.
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
