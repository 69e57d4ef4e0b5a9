//! One client's connection, whatever door it came through: who it is, what it speaks, what it may do.

mod hello;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use swarm_resp::{Frame, Protocol};
use tokio::sync::watch;

use crate::backend::{Backend, Called, Client, Link};
use crate::dialect::{Dialect, Quirk};
use crate::door::{LINGER, raised};
use crate::fault::{Faults, Obstacle};
use crate::outbox::Outbox;
use hello::Hello;

/// How long a deployed server may keep a write waiting.
const WRITE_QUEUE: Duration = Duration::from_millis(100);

/// Commands that no write queue keeps waiting.
const READS: [&str; 24] = [
    "CLIENT",
    "CONFIG",
    "DISCARD",
    "ECHO",
    "EXISTS",
    "GET",
    "GETRANGE",
    "INFO",
    "KEYS",
    "MGET",
    "MULTI",
    "PING",
    "PSUBSCRIBE",
    "PTTL",
    "PUBLISH",
    "PUNSUBSCRIBE",
    "SCAN",
    "STRLEN",
    "SUBSCRIBE",
    "TTL",
    "TYPE",
    "UNSUBSCRIBE",
    "XRANGE",
    "XREAD",
];

/// What all connections of a gateway share.
pub(crate) struct Shared {
    pub(crate) backend: Box<dyn Backend>,
    pub(crate) faults: Faults,
    pub(crate) dialect: Dialect,
    pub(crate) password: Option<Bytes>,
    pub(crate) origins: Vec<String>,
    pub(crate) max_message: usize,
    pub(crate) next_id: AtomicU64,
}

impl Shared {
    /// Whether a browser page of this origin may connect: any, unless there is a list.
    pub(crate) fn admits(&self, origin: Option<&[u8]>) -> bool {
        self.origins.is_empty()
            || (self.origins.iter()).any(|allowed| Some(allowed.as_bytes()) == origin)
    }

    /// Whether this is the password, or none is needed.
    pub(crate) fn knows(&self, given: Option<&[u8]>) -> bool {
        match (&self.password, given) {
            (None, _) => true,
            (Some(password), Some(given)) => same(password, given),
            (Some(_), None) => false,
        }
    }
}

/// The door that a client came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DoorKind {
    /// Only AUTH, PING and QUIT pass before AUTH, which takes the password alone.
    Ws,
    /// As Redis has it: `AUTH [user] password`, and HELLO may carry it.
    Tcp,
    /// Authenticated before there is a session, which lasts for one command.
    Http,
}

/// What a door read.
#[derive(Debug)]
pub(crate) struct Inbound {
    /// A command, or what was wrong with the bytes.
    args: Result<Vec<Bytes>, String>,
    is_json: bool,
}

impl Inbound {
    pub(crate) const fn resp(args: Result<Vec<Bytes>, String>) -> Self {
        Self {
            args,
            is_json: false,
        }
    }

    pub(crate) const fn json(args: Result<Vec<Bytes>, String>) -> Self {
        Self {
            args,
            is_json: true,
        }
    }
}

/// Whether the connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Continue,
    End,
}

/// The state of a connection.
pub(crate) struct Session {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    link: Box<dyn Link>,
    door: DoorKind,
    id: u64,
    authenticated: bool,
    client_gone: watch::Receiver<bool>,
}

impl Session {
    pub(crate) fn new(
        shared: Arc<Shared>,
        outbox: Arc<Outbox>,
        door: DoorKind,
        client_gone: watch::Receiver<bool>,
    ) -> Self {
        let id = shared.next_id.fetch_add(1, Ordering::Relaxed);
        let link = shared.backend.open(Client {
            id,
            outbox: outbox.clone(),
            faults: shared.faults.clone(),
            tracks_everything: shared.dialect.has(Quirk::TrackingEverything),
        });
        Self {
            authenticated: shared.password.is_none() || door == DoorKind::Http,
            shared,
            outbox,
            link,
            door,
            id,
            client_gone,
        }
    }

    pub(crate) const fn id(&self) -> u64 {
        self.id
    }

    /// Runs what a door read. Its replies are in the outbox, or will be before the next command's.
    pub(crate) async fn handle(&mut self, inbound: Inbound) -> Next {
        let args = match inbound.args {
            Ok(args) => args,
            Err(what) => {
                self.outbox.set_json(inbound.is_json.then_some(""));
                self.refuse(&format!("ERR Protocol error: {what}"));
                return Next::Continue;
            }
        };
        let Some(name) = args.first() else {
            return Next::Continue;
        };
        let name = String::from_utf8_lossy(name).to_ascii_uppercase();
        self.outbox.set_json(inbound.is_json.then_some(&name));
        match name.as_str() {
            "QUIT" => {
                self.answer(&name, Frame::simple("OK"));
                return Next::End;
            }
            "AUTH" => {
                let reply = self.auth(args.get(1..).unwrap_or_default());
                self.answer(&name, reply.unwrap_or_else(Frame::error));
            }
            "HELLO" if self.authenticated || self.door == DoorKind::Tcp => self.hello(&args).await,
            _ if !self.may_call(&name) => self.refuse("NOAUTH Authentication required."),
            "RESET" => return self.reset(args).await,
            _ => return self.call(&name, args).await,
        }
        Next::Continue
    }

    /// With a password, the WebSocket door lets PING pass before AUTH; Redis does not.
    fn may_call(&self, name: &str) -> bool {
        self.authenticated
            || self.door == DoorKind::Ws && name == "PING"
            || self.door == DoorKind::Tcp && name == "RESET"
    }

    async fn call(&mut self, name: &str, args: Vec<Bytes>) -> Next {
        if let Some(error) = self.shared.faults.error_for(name) {
            self.outbox.reply(error, Obstacle::default());
            return Next::Continue;
        }
        if self.shared.dialect.has(Quirk::SlowWrites) && !READS.contains(&name) {
            tokio::time::sleep(WRITE_QUEUE).await;
        }
        let (over, grace) = match self.link.call(name, args) {
            Called::Done => return Next::Continue,
            Called::Soon(over) => (over, LINGER),
            // A client that is gone must not take what another could have.
            Called::Blocked(over) => (over, Duration::ZERO),
        };
        tokio::select! {
            biased;
            () = over => Next::Continue,
            () = given_up(&mut self.client_gone, grace) => Next::End,
        }
    }

    fn answer(&self, name: &str, frame: Frame) {
        self.shared.faults.count(name);
        let obstacle = self.shared.faults.obstacle(name);
        self.outbox.answer(frame, obstacle);
    }

    /// Answers that a command was not run.
    fn refuse(&self, text: &str) {
        let reply = Frame::error(text.to_owned());
        self.outbox.answer(reply, Obstacle::default());
    }

    /// `AUTH password`; on the TCP door also `AUTH user password`, where the only user is `default`.
    fn auth(&mut self, credentials: &[Bytes]) -> Result<Frame, String> {
        let given = match (credentials, self.door) {
            ([password], DoorKind::Ws) => (b"default".as_slice(), password),
            ([password], DoorKind::Tcp) if self.shared.password.is_some() => {
                (b"default".as_slice(), password)
            }
            ([_], DoorKind::Tcp) => {
                return Err(
                    "ERR AUTH <password> called without any password configured for the \
                            default user. Are you sure your configuration is correct?"
                        .to_owned(),
                );
            }
            ([user, password], DoorKind::Tcp) => (user.as_ref(), password),
            ([_, _, _, ..], DoorKind::Tcp) => return Err("ERR syntax error".to_owned()),
            _ => return Err("ERR wrong number of arguments for 'auth' command".to_owned()),
        };
        let (user, given) = given;
        if self.shared.knows(Some(given)) && user == b"default" {
            self.authenticated = true;
            Ok(Frame::simple("OK"))
        } else {
            Err("WRONGPASS invalid username-password pair or user is disabled.".to_owned())
        }
    }

    async fn hello(&mut self, args: &[Bytes]) {
        match self.greet(args).await {
            Ok(frame) => {
                self.answer("HELLO", frame);
                if self.garbles() {
                    self.outbox.garble(hello::leftovers());
                }
            }
            Err(text) => self.refuse(&text),
        }
    }

    async fn greet(&mut self, args: &[Bytes]) -> Result<Frame, String> {
        if self.link.in_transaction() {
            return Err("ERR Command not allowed inside a transaction".to_owned());
        }
        let hello = Hello::parse(args)?;
        if let Some(credentials) = hello.credentials {
            if self.door == DoorKind::Ws {
                return Err("ERR Syntax error in HELLO option 'AUTH'".to_owned());
            }
            self.auth(credentials)?;
        }
        if !self.authenticated {
            return Err(hello::NOAUTH.to_owned());
        }
        let greeted = self.link.greet(hello.protocol, hello.name);
        let id = tokio::select! {
            biased;
            greeted = greeted => greeted?,
            () = given_up(&mut self.client_gone, LINGER) => self.id,
        };
        if let Some(protocol) = hello.protocol {
            self.outbox.set_protocol(protocol);
        }
        Ok(if self.garbles() {
            Frame::array(&[Frame::bulk("%7")])
        } else {
            hello::reply(self.outbox.protocol(), id)
        })
    }

    fn garbles(&self) -> bool {
        self.shared.dialect.has(Quirk::HelloGarbage) && self.outbox.protocol() == Protocol::Resp3
    }

    /// Back to the state of a new connection; the WebSocket door keeps who the client is.
    async fn reset(&mut self, args: Vec<Bytes>) -> Next {
        if args.len() == 1 {
            self.outbox.set_protocol(Protocol::Resp2);
            if self.door == DoorKind::Tcp {
                self.authenticated = self.shared.password.is_none();
            }
        }
        self.call("RESET", args).await
    }
}

/// Returns when the client has been gone for a while.
async fn given_up(client_gone: &mut watch::Receiver<bool>, grace: Duration) {
    raised(client_gone).await;
    tokio::time::sleep(grace).await;
}

/// Compares in a time that does not tell how much of a guess was right.
fn same(password: &[u8], given: &[u8]) -> bool {
    password.len() == given.len()
        && (password.iter().zip(given)).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
