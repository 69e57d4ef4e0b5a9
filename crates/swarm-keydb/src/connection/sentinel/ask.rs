//! Questions to one sentinel.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use swarm_resp::{Frame, FrameRef, Request, RequestRef};
use swarm_transport::{
    RequestRejection, TransportError, TransportErrorKind, TransportOptions, connector,
};

use crate::connection::{Dialer, Link, Origin, Outgoing, Session, Settings};
use crate::credentials::{Credentials, Login};
use crate::options::{Address, AddressMap};
use crate::runtime::Instant;
use crate::server::Learned;

/// Maximum number of sentinels that one may name.
const MAX_SENTINELS: usize = 100;

/// What a sentinel knows about a primary.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Primary(Primary),
    /// The sentinel does not know the name.
    Unknown,
}

/// A primary that a sentinel names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Primary {
    pub(super) address: Address,
    /// Grows with each failover. `None` if the sentinel does not tell.
    pub(super) epoch: Option<u64>,
    /// The other sentinels.
    pub(super) sentinels: Vec<Address>,
}

/// How to ask a sentinel.
pub(super) struct Asker {
    /// The name of the primary.
    pub(super) name: String,
    pub(super) is_tls: bool,
    pub(super) transport: TransportOptions,
    pub(super) credentials: Option<Credentials>,
    pub(super) map: Option<AddressMap>,
    /// Maximum time for one answer.
    pub(super) limit: Duration,
}

impl Asker {
    /// Asks a sentinel for the primary and the other sentinels.
    ///
    /// # Errors
    ///
    /// If the sentinel cannot be reached, or refuses to answer. The error names the sentinel.
    pub(super) async fn ask(&self, sentinel: &Address) -> Result<Answer, TransportError> {
        let answer = async {
            let mut link = self.connect(sentinel).await?;
            let questions = [
                "SENTINEL GET-MASTER-ADDR-BY-NAME",
                "SENTINEL MASTER",
                "SENTINEL SENTINELS",
            ];
            let questions = questions.map(|question| Request::new(question, &self.name));
            let replies = exchange(&mut link, questions.into()).await?;
            self.answer(&replies)
        };
        answer.await.map_err(|error| about(sentinel, error))
    }

    pub(super) fn answer(&self, replies: &[Frame]) -> Result<Answer, TransportError> {
        let [primary, state, others] = replies else {
            return Err(unreadable());
        };
        if primary.is_null() {
            return Ok(Answer::Unknown);
        }
        if let Some(error) = primary.as_error() {
            let mut what = error.to_string();
            if what.contains("unknown command") {
                what.push_str("; is this the address of a sentinel?");
            }
            return Err(refused(&what));
        }
        let parts = || {
            let mut items = primary.items()?;
            address(items.next(), items.next())
        };
        let primary = parts().ok_or_else(unreadable)?;
        // The answer counts without the rest, too.
        let epoch = epoch(state.view(), &primary);
        let others = others.items().into_iter().flatten().take(MAX_SENTINELS);
        let others = others.filter_map(|other| address(field(other, b"ip"), field(other, b"port")));
        Ok(Answer::Primary(Primary {
            sentinels: others.map(|other| self.mapped(other)).collect(),
            address: self.mapped(primary),
            epoch,
        }))
    }

    fn mapped(&self, address: Address) -> Address {
        let map = self.map.as_ref();
        match map.and_then(|map| map(&address.host, address.port)) {
            Some((host, port)) => Address {
                host: host.into(),
                port,
            },
            None => address,
        }
    }

    /// Opens a connection to a sentinel.
    async fn connect(&self, sentinel: &Address) -> Result<Link, TransportError> {
        let endpoint = sentinel.endpoint(self.is_tls)?;
        let connector = connector(&endpoint, &self.transport)?;
        let learned = Learned::default();
        let origin = Origin::new(Some(&endpoint), None, learned.clone(), None);
        let login = Login::fixed(self.credentials.clone());
        let dialer = Dialer::new(connector, login, self.limit).to(&Arc::new(origin));
        let mut session = Session::new(Settings {
            address: Some(endpoint.to_string().into()),
            learned,
            ..Settings::default()
        });
        dialer.establish(&mut session).await.map_err(|disconnect| {
            let refusal = disconnect.refused_credentials();
            match refusal.map(ToString::to_string) {
                Some(error) => refused(&error),
                None => disconnect.into_error(),
            }
        })
    }

    /// Subscribes to the announcements of a sentinel.
    ///
    /// # Errors
    ///
    /// If the sentinel cannot be reached, or refuses.
    pub(super) async fn subscribe(&self, sentinel: &Address) -> Result<Link, TransportError> {
        let mut link = self.connect(sentinel).await?;
        let mut subscribe = Outbox::from(vec![Request::new("SUBSCRIBE", "+switch-master")]);
        poll_fn(|cx| {
            link.poll_send(&mut subscribe, cx)?;
            let Poll::Ready(confirmation) = link.poll_receive(cx) else {
                return Poll::Pending;
            };
            Poll::Ready(match confirmation?.as_error() {
                Some(error) => Err(refused(&error.to_string())),
                None => Ok(()),
            })
        })
        .await?;
        Ok(link)
    }

    /// Waits until the sentinel announces another primary.
    ///
    /// # Errors
    ///
    /// If the connection ends.
    pub(super) async fn switched(&self, link: &mut Link) -> Result<(), TransportError> {
        loop {
            let message = poll_fn(|cx| link.poll_receive(cx)).await?;
            let mut items = message.items().into_iter().flatten();
            let payload = items.nth(2).and_then(FrameRef::as_bytes);
            // The name, the previous address and the next one, separated by spaces.
            let rest = payload.and_then(|payload| payload.strip_prefix(self.name.as_bytes()));
            if rest.is_some_and(|rest| rest.starts_with(b" ")) {
                return Ok(());
            }
        }
    }
}

/// Sends requests, and returns their replies.
async fn exchange(link: &mut Link, requests: Vec<Request>) -> Result<Vec<Frame>, TransportError> {
    let count = requests.len();
    let mut outbox = Outbox::from(requests);
    let mut replies = Vec::with_capacity(count);
    poll_fn(|cx| {
        loop {
            link.poll_send(&mut outbox, cx)?;
            if replies.len() == count {
                return Poll::Ready(Ok(std::mem::take(&mut replies)));
            }
            let Poll::Ready(frame) = link.poll_receive(cx) else {
                return Poll::Pending;
            };
            replies.extend(Some(frame?).filter(|frame| !frame.is_push()));
        }
    })
    .await
}

/// Requests that are sent one after the other.
struct Outbox {
    waiting: VecDeque<Request>,
    /// The last request, which the transport may borrow.
    sending: Option<Request>,
}

impl From<Vec<Request>> for Outbox {
    fn from(requests: Vec<Request>) -> Self {
        Self {
            waiting: requests.into(),
            sending: None,
        }
    }
}

impl Outgoing for Outbox {
    fn next_request(
        &mut self,
        _: Instant,
        _: impl Fn(RequestRef<'_>) -> Result<(), RequestRejection>,
    ) -> Option<RequestRef<'_>> {
        let request = self.waiting.pop_front()?;
        Some(self.sending.insert(request).view())
    }
}

/// Returns the value of a field of a map, or of a flat array of names and values.
fn field<'a>(of: FrameRef<'a>, name: &[u8]) -> Option<FrameRef<'a>> {
    if let Some(mut pairs) = of.pairs() {
        return Some(pairs.find(|(field, _)| field.as_bytes() == Some(name))?.1);
    }
    let mut items = of.items()?;
    while let Some(field) = items.next() {
        let value = items.next()?;
        if field.as_bytes() == Some(name) {
            return Some(value);
        }
    }
    None
}

fn address(host: Option<FrameRef<'_>>, port: Option<FrameRef<'_>>) -> Option<Address> {
    let host = host?.as_str().filter(|host| !host.is_empty())?;
    let port = port?.as_str()?.parse().ok().filter(|port| *port != 0)?;
    Some(Address {
        host: host.into(),
        port,
    })
}

/// Returns the epoch of the failover that made a server the primary.
fn epoch(state: FrameRef<'_>, primary: &Address) -> Option<u64> {
    let epoch: u64 = field(state, b"config-epoch")?.as_str()?.parse().ok()?;
    let settled = address(field(state, b"ip"), field(state, b"port"))?;
    // In a failover, the sentinel names the next primary before it takes over the epoch of that.
    Some(epoch.saturating_add(u64::from(settled != *primary)))
}

fn about(sentinel: &Address, error: TransportError) -> TransportError {
    let what = format!("sentinel {sentinel}: {error}");
    error.with_context(what)
}

/// The sentinel does not answer the client.
fn refused(error: &str) -> TransportError {
    let is_login = ["NOAUTH", "WRONGPASS", "NOPERM"]
        .iter()
        .any(|code| error.starts_with(code));
    let (kind, remedy) = match is_login {
        true => (
            TransportErrorKind::Auth,
            "; set the sentinels' own user and password with ClientOptions::sentinel",
        ),
        false => (TransportErrorKind::Protocol, ""),
    };
    TransportError::new(kind, format!("{error}{remedy}"))
}

fn unreadable() -> TransportError {
    let what = "its reply is not one of a sentinel";
    TransportError::new(TransportErrorKind::Protocol, what)
}
