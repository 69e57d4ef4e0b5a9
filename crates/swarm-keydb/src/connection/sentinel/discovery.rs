//! Discovery of the primary: asks the sentinels, and hears when they name another.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use swarm_transport::failover::{Candidate, Discover};
use swarm_transport::{
    BoxFuture, BoxTransport, Connect, Endpoint, TransportError, TransportErrorKind,
    TransportOptions, connector,
};

use super::ask::{Answer, Asker, Primary};
use super::latest::Latest;
use super::race;
use crate::connection::Link;
use crate::options::{Address, list};
use crate::runtime::{sleep, timeout};

/// How long a sentinel may take before the next one is asked beside it.
const STAGGER: Duration = Duration::from_millis(250);

/// How often the sentinels are asked without an announcement, and another one is listened to.
const POLL_INTERVAL: Duration = Duration::from_secs(10);

/// Pause after no sentinel could be listened to.
const PAUSE: Duration = Duration::from_secs(1);

/// Finds the primary by asking sentinels.
pub(super) struct Discovery {
    pub(super) asker: Asker,
    /// Whether connections to the primary use TLS.
    pub(super) is_tls: bool,
    /// The transport options of connections to the primary.
    pub(super) transport: TransportOptions,
    /// The sentinels of the URL.
    pub(super) seeds: Vec<Address>,
    /// The known sentinels, the one that has answered last first.
    pub(super) known: Mutex<Vec<Address>>,
    /// The latest failover that is known.
    pub(super) latest: Mutex<Latest>,
    /// The sentinel that is listened to, and the connection to it.
    pub(super) heard: Mutex<Option<(Address, Link)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a sentinel does not name the primary.
enum NoAnswer {
    /// It does not know the name.
    Unknown(Address),
    /// It has not heard of the latest failover.
    Outdated(Address),
    Failed(TransportError),
}

impl Discovery {
    /// Asks the sentinels for the primary, until one answers.
    async fn primary(&self) -> Result<Address, TransportError> {
        let sentinels = lock(&self.known).clone();
        let ask = |sentinel: Address| async move {
            match self.asker.ask(&sentinel).await {
                Ok(Answer::Primary(primary)) => match lock(&self.latest).admit(primary.epoch) {
                    true => Ok((sentinel, primary)),
                    false => Err(NoAnswer::Outdated(sentinel)),
                },
                Ok(Answer::Unknown) => Err(NoAnswer::Unknown(sentinel)),
                Err(error) => Err(NoAnswer::Failed(error)),
            }
        };
        let attempts = sentinels.iter().cloned();
        let attempts = attempts.map(|sentinel| Box::pin(ask(sentinel)) as BoxFuture<'_, _>);
        let first = race::first(attempts.collect(), STAGGER);
        let answered = timeout(self.asker.limit, first).await;
        match answered {
            Ok(Ok((sentinel, primary))) => {
                let Primary {
                    address, sentinels, ..
                } = primary;
                tracing::debug!(%sentinel, primary = %address, "a sentinel has named the primary");
                self.learn(sentinel, sentinels);
                Ok(address)
            }
            Ok(Err(errors)) => Err(self.no_primary(errors)),
            Err(_) => {
                let what = format!(
                    "no sentinel has named the primary of {:?} within {:?}: {}",
                    self.asker.name,
                    self.asker.limit,
                    list(&sentinels)
                );
                Err(TransportError::new(TransportErrorKind::Timeout, what))
            }
        }
    }

    /// A sentinel has answered: it is asked first from now on, and those that it knows last.
    fn learn(&self, first: Address, others: Vec<Address>) {
        let mut known = vec![first];
        for sentinel in self.seeds.iter().cloned().chain(others) {
            if !known.contains(&sentinel) {
                known.push(sentinel);
            }
        }
        *lock(&self.known) = known;
    }

    /// Asks a known sentinel first from now on.
    fn prefer(&self, sentinel: &Address) {
        let mut known = lock(&self.known);
        if let Some(before) =
            (known.iter().position(|other| other == sentinel)).and_then(|at| known.get_mut(..=at))
        {
            before.rotate_right(1);
        }
    }

    /// Describes why no sentinel names the primary.
    fn no_primary(&self, errors: Vec<NoAnswer>) -> TransportError {
        let name = &self.asker.name;
        let is_unknown = |error: &NoAnswer| matches!(error, NoAnswer::Unknown(_));
        let is_known_to_none = errors.iter().all(is_unknown);
        let (mut texts, mut failed) = (Vec::new(), Vec::new());
        for error in errors {
            match error {
                NoAnswer::Unknown(sentinel) if is_known_to_none => texts.push(sentinel.to_string()),
                NoAnswer::Unknown(sentinel) => {
                    texts.push(format!("sentinel {sentinel} does not know this name"));
                }
                NoAnswer::Outdated(sentinel) => {
                    let what = format!("sentinel {sentinel} has not heard of the last failover");
                    failed.push(TransportError::new(TransportErrorKind::Refused, &*what));
                    texts.push(what);
                }
                NoAnswer::Failed(error) => {
                    texts.push(error.to_string());
                    failed.push(error);
                }
            }
        }
        if is_known_to_none {
            let sentinels = texts.join(", ");
            let what = format!(
                "no sentinel knows a primary by the name {name:?}, of {sentinels}; check the name \
                 in the URL"
            );
            return TransportError::new(TransportErrorKind::Resolve, what).with_transient(false);
        }
        // One that may be back decides whether another attempt makes sense.
        let kind = (failed.iter().find(|error| error.is_transient()))
            .or(failed.first())
            .map_or(TransportErrorKind::Resolve, TransportError::kind);
        let is_transient = failed.iter().any(TransportError::is_transient);
        let what = format!(
            "no sentinel names the primary of {name:?}: {}",
            texts.join("; ")
        );
        TransportError::new(kind, what).with_transient(is_transient)
    }

    fn candidate(&self, primary: &Address) -> Result<Candidate, TransportError> {
        let endpoint = primary.endpoint(self.is_tls)?;
        let connector = Named {
            connector: connector(&endpoint, &self.transport)?,
            endpoint: endpoint.clone(),
            name: self.asker.name.clone(),
        };
        Ok(Candidate::new(endpoint.to_string(), connector).addressed(&endpoint))
    }

    /// Listens to a sentinel, unless one is listened to already. Returns whether that has changed,
    /// so that announcements may have been missed.
    async fn listen(&self) -> bool {
        while lock(&self.heard).is_none() {
            let sentinels = lock(&self.known).clone();
            let listen = |sentinel: Address| async move {
                match self.asker.subscribe(&sentinel).await {
                    Ok(link) => Ok((sentinel, link)),
                    Err(error) => {
                        tracing::debug!(%error, "cannot listen to a sentinel");
                        Err(error)
                    }
                }
            };
            let attempts = sentinels.into_iter();
            let attempts = attempts.map(|sentinel| Box::pin(listen(sentinel)) as BoxFuture<'_, _>);
            let first = race::first(attempts.collect(), STAGGER);
            match timeout(self.asker.limit, first).await {
                Ok(Ok(heard)) => {
                    *lock(&self.heard) = Some(heard);
                    return true;
                }
                Ok(Err(_)) | Err(_) => sleep(PAUSE).await,
            }
        }
        false
    }
}

impl Discover for Discovery {
    fn endpoints(&self) -> BoxFuture<'_, Result<Vec<Candidate>, TransportError>> {
        Box::pin(async {
            let primary = self.primary().await?;
            Ok(vec![self.candidate(&primary)?])
        })
    }

    /// The previous primary may still accept writes that are lost later.
    fn keeps_known(&self) -> bool {
        false
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if self.listen().await {
                return;
            }
            let Some((sentinel, mut link)) = lock(&self.heard).take() else {
                return;
            };
            let switched = timeout(POLL_INTERVAL, self.asker.switched(&mut link)).await;
            // Otherwise the next call listens to another one, since this one may have stopped.
            if matches!(switched, Ok(Ok(()))) {
                tracing::debug!(%sentinel, "a sentinel has announced another primary");
                // Others may not have heard yet.
                self.prefer(&sentinel);
                *lock(&self.heard) = Some((sentinel, link));
            }
        })
    }
}

/// The connector of the primary that sentinels have named.
struct Named {
    connector: std::sync::Arc<dyn Connect>,
    endpoint: Endpoint,
    name: String,
}

impl Connect for Named {
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        Box::pin(async {
            self.connector.connect().await.map_err(|error| {
                let what = format!(
                    "{error}; the sentinels name {} the primary of {:?}",
                    self.endpoint, self.name
                );
                error.with_context(what)
            })
        })
    }
}
