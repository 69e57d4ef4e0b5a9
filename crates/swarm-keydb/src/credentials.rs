//! Credentials of a client: fixed, fetched for every connection, or replaced while the client runs.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use swarm_transport::{BoxFuture, BoxTransport, Connect, TransportError, TransportErrorKind};
use tokio::sync::watch;

/// A password, and optionally a user.
///
/// A string converts to a password without a user. `Debug` shows neither user nor password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// SwarmKeyDb has no users. Redis, Valkey and KeyDB do.
    pub(crate) user: Option<String>,
    pub(crate) password: String,
}

impl Credentials {
    /// Creates credentials from a password alone.
    pub fn password(password: impl Into<String>) -> Self {
        Self {
            user: None,
            password: password.into(),
        }
    }

    /// Creates credentials from a user and a password. SwarmKeyDb has no users and rejects these
    /// credentials.
    pub fn user(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: Some(user.into()),
            password: password.into(),
        }
    }

    pub(crate) fn new(user: Option<&str>, password: &str) -> Self {
        Self {
            user: user.map(str::to_owned),
            password: password.to_owned(),
        }
    }

    /// Returns the arguments of AUTH.
    pub(crate) fn args(&self) -> (Option<&str>, &str) {
        (self.user.as_deref(), &self.password)
    }
}

impl From<&str> for Credentials {
    fn from(password: &str) -> Self {
        Self::password(password)
    }
}

impl From<String> for Credentials {
    fn from(password: String) -> Self {
        Self::password(password)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

type Fetched = Result<Credentials, Box<dyn StdError + Send + Sync>>;
pub(crate) type Provider = Arc<dyn Fn() -> BoxFuture<'static, Fetched> + Send + Sync>;

pub(crate) fn provider<F, Fut, E>(fetch: F) -> Provider
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Credentials, E>> + Send + 'static,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    Arc::new(move || {
        let fetched = fetch();
        Box::pin(async move { fetched.await.map_err(Into::into) })
    })
}

/// The credentials of all connections of a client. Clones share them.
#[derive(Clone)]
pub(crate) struct Login(Arc<watch::Sender<Current>>);

/// Number of times the credentials were replaced. A refusal of an earlier version says nothing
/// about the current one.
pub(crate) type LoginVersion = u64;

struct Current {
    source: Source,
    version: LoginVersion,
}

#[derive(Clone)]
enum Source {
    Fixed(Option<Credentials>),
    Provider(Provider),
}

impl Login {
    pub(crate) fn fixed(credentials: Option<Credentials>) -> Self {
        Self::new(Source::Fixed(credentials))
    }

    pub(crate) fn from_provider(provider: Provider) -> Self {
        Self::new(Source::Provider(provider))
    }

    fn new(source: Source) -> Self {
        let (version, source) = (0, source);
        Self(Arc::new(watch::Sender::new(Current { source, version })))
    }

    /// Replaces the credentials, and wakes the tasks that wait in [`replaced`](Self::replaced).
    pub(crate) fn set(&self, credentials: Credentials) {
        self.0.send_modify(|current| {
            current.source = Source::Fixed(Some(credentials));
            current.version += 1;
        });
    }

    pub(crate) fn version(&self) -> LoginVersion {
        self.0.borrow().version
    }

    /// Waits until the credentials of this version are replaced.
    pub(crate) async fn replaced(&self, version: LoginVersion) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let mut current = self.0.subscribe();
        let _replaced = current.wait_for(|current| current.version != version).await;
    }

    /// Opens a transport. Returns the credentials for its handshake, too.
    pub(crate) async fn dial(
        &self,
        connector: &dyn Connect,
    ) -> Result<(BoxTransport, Option<Credentials>), TransportError> {
        let credentials = self.get().await?;
        Ok((connector.connect().await?, credentials))
    }

    /// Returns the credentials for a new connection.
    pub(crate) async fn get(&self) -> Result<Option<Credentials>, TransportError> {
        let source = self.0.borrow().source.clone();
        match source {
            Source::Fixed(credentials) => Ok(credentials),
            Source::Provider(fetch) => match fetch().await {
                Ok(credentials) => Ok(Some(credentials)),
                Err(error) => {
                    let what = "the credentials provider failed";
                    let kind = TransportErrorKind::Auth;
                    Err(TransportError::new(kind, what).with_source(error))
                }
            },
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(..)")
    }
}
