//! Client session, independent of the listener: authentication, protocol, and command execution.

mod cost;
mod hello;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use swarm_resp::{Frame, RespVersion};
use tokio::sync::watch;

use crate::backend::{Backend, Called, Client, Link, Quirks};
use crate::dialect::{Dialect, Quirk};
use crate::fault::{Faults, ReplyFault};
use crate::origins::Origins;
use crate::outbox::Outbox;
use crate::shutdown::{DRAIN_TIMEOUT, raised};
use crate::stream::Addresses;
use crate::write_queue::Flushes;
use hello::Hello;

/// State shared by all connections of a gateway.
pub(crate) struct Shared {
    pub(crate) backend: Box<dyn Backend>,
    pub(crate) faults: Faults,
    pub(crate) dialect: Dialect,
    /// Queue that writes wait for, unless the backend applies it.
    pub(crate) write_queue: Option<Arc<Flushes>>,
    pub(crate) password: Option<Bytes>,
    pub(crate) origins: Origins,
    pub(crate) max_message: usize,
    pub(crate) next_id: AtomicU64,
}

impl Shared {
    /// Returns whether this is the password, or none is required.
    pub(crate) fn accepts_password(&self, given: Option<&[u8]>) -> bool {
        match (&self.password, given) {
            (None, _) => true,
            (Some(password), Some(given)) => constant_time_eq(password, given),
            (Some(_), None) => false,
        }
    }
}

/// Kind of listener that accepted a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListenerKind {
    /// Only AUTH, PING, and QUIT are allowed before authentication, and AUTH takes only the
    /// password.
    Ws,
    /// As in Redis: `AUTH [user] password`, and HELLO may authenticate too.
    Tcp,
    /// Authenticated before the session starts; a session lasts for one command.
    Http,
}

impl ListenerKind {
    /// Returns the quirks that apply to this kind of listener. Quirks of the WebSocket gateway
    /// apply only there.
    pub(crate) fn dialect(self, dialect: Dialect) -> Dialect {
        const WS: [Quirk; 7] = [
            Quirk::ArrayErrors,
            Quirk::CloseDrops,
            Quirk::CrLf,
            Quirk::HelloGarbage,
            Quirk::LateReplies,
            Quirk::Overtaking,
            Quirk::SimpleAsBulk,
        ];
        match self {
            Self::Ws => dialect.without(Quirk::NoTcpAuth),
            Self::Tcp | Self::Http => WS.into_iter().fold(dialect, Dialect::without),
        }
    }
}

/// Input read by a listener.
#[derive(Debug)]
pub(crate) struct Inbound {
    /// A command, or a description of the malformed input.
    args: Result<Vec<Bytes>, String>,
    is_json: bool,
}

impl Inbound {
    /// Returns whether the command is QUIT.
    pub(crate) fn is_quit(&self) -> bool {
        let args = self.args.as_deref().unwrap_or_default();
        (args.first()).is_some_and(|name| name.eq_ignore_ascii_case(b"QUIT"))
    }

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

/// Whether the connection continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Continue,
    End,
}

/// State of a connection.
pub(crate) struct Session {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    link: Box<dyn Link>,
    listener: ListenerKind,
    /// Quirks that apply to this listener.
    dialect: Dialect,
    id: u64,
    authenticated: bool,
    client_gone: watch::Receiver<bool>,
    /// Number of writes queued for EXEC.
    queued: usize,
}

impl Session {
    pub(crate) fn new(
        shared: Arc<Shared>,
        outbox: Arc<Outbox>,
        listener: ListenerKind,
        addresses: Addresses,
        client_gone: watch::Receiver<bool>,
    ) -> Self {
        let id = shared.next_id.fetch_add(1, Ordering::Relaxed);
        let link = shared.backend.open(Client {
            id,
            outbox: outbox.clone(),
            faults: shared.faults.clone(),
            quirks: Quirks::of(shared.dialect),
            addresses,
            is_http: listener == ListenerKind::Http,
            burst: None,
        });
        let dialect = listener.dialect(shared.dialect);
        let mut session = Self {
            authenticated: false,
            shared,
            outbox,
            link,
            listener,
            dialect,
            id,
            client_gone,
            queued: 0,
        };
        session.authenticated = session.starts_authenticated();
        session
    }

    /// Returns whether a new connection is authenticated without a password.
    fn starts_authenticated(&self) -> bool {
        self.shared.password.is_none()
            || self.listener == ListenerKind::Http
            || self.dialect.has(Quirk::NoTcpAuth)
    }

    pub(crate) const fn id(&self) -> u64 {
        self.id
    }

    /// Handles one input. Its replies are in the outbox, or will be before those of the next
    /// command.
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
        if let Some(reply) = self.shared.faults.answer_for(&name) {
            let fault = self.shared.faults.reply_fault(&name);
            self.outbox.reply(reply, fault);
            return Next::Continue;
        }
        if matches!(name.as_str(), "AUTH" | "HELLO")
            && self.link.in_transaction()
            && !self.dialect.has(Quirk::Overtaking)
        {
            return self.call(&name, args).await;
        }
        match name.as_str() {
            "QUIT" => {
                self.answer(&name, Frame::simple("OK"));
                return Next::End;
            }
            "AUTH" if self.dialect.has(Quirk::NoTcpAuth) => {
                let reply = Frame::error("ERR unknown command 'AUTH'");
                self.outbox.reply(reply, ReplyFault::default());
            }
            "AUTH" => {
                let reply = self.auth(args.get(1..).unwrap_or_default());
                self.answer(&name, reply.unwrap_or_else(Frame::error));
            }
            "HELLO" if self.authenticated || self.listener == ListenerKind::Tcp => {
                self.hello(&args).await;
            }
            _ if !self.may_call(&name) => self.refuse("NOAUTH Authentication required."),
            "RESET" => return self.reset(args).await,
            _ => return self.call(&name, args).await,
        }
        Next::Continue
    }

    /// Over WebSocket, PING is allowed before authentication; Redis does not allow it.
    fn may_call(&self, name: &str) -> bool {
        self.authenticated
            || self.listener == ListenerKind::Ws && name == "PING"
            || self.listener == ListenerKind::Tcp && name == "RESET"
    }

    async fn call(&mut self, name: &str, args: Vec<Bytes>) -> Next {
        if matches!(name, "SUBSCRIBE" | "PSUBSCRIBE" | "SSUBSCRIBE") {
            self.outbox.set_subscriber(true);
        }
        if let Some(queue) = self.shared.write_queue.clone() {
            self.wait_to_write(&queue, name, &args).await;
        }
        let (over, grace) = match self.link.call(name, args) {
            Called::Done => return Next::Continue,
            Called::Detached { over, mut blocked } => {
                let gone = &mut self.client_gone;
                return tokio::select! {
                    biased;
                    () = over => Next::Continue,
                    () = async { raised(gone).await; raised(&mut blocked).await } => Next::End,
                };
            }
            Called::Soon(over) => (over, DRAIN_TIMEOUT),
            // A disconnected client must not consume data that another client could receive.
            Called::Blocked(over) => (over, Duration::ZERO),
        };
        tokio::select! {
            biased;
            () = over => Next::Continue,
            () = disconnected(&mut self.client_gone, grace) => Next::End,
        }
    }

    /// Waits as long as the command's writes take in the write queue.
    async fn wait_to_write(&mut self, queue: &Arc<Flushes>, name: &str, args: &[Bytes]) {
        let mut writes = cost::writes(name, args);
        if self.link.in_transaction() {
            let queued = std::mem::take(&mut self.queued);
            match name {
                "EXEC" => writes = queued,
                "DISCARD" => {}
                _ => {
                    self.queued = queued + writes;
                    writes = 0;
                }
            }
        }
        let _turn = match cost::is_serial(name) && writes > 0 {
            true => Some(queue.serial.lock().await),
            false => None,
        };
        for _ in 0..writes {
            queue.write(|| {}).await;
        }
    }

    fn answer(&self, name: &str, frame: Frame) {
        self.shared.faults.count(name);
        let fault = self.shared.faults.reply_fault(name);
        self.outbox.answer(frame, fault);
    }

    /// Replies that a command was rejected.
    fn refuse(&self, text: &str) {
        let reply = Frame::error(text.to_owned());
        self.outbox.answer(reply, ReplyFault::default());
    }

    /// Handles `AUTH password`; over TCP also `AUTH user password`, where the only user is
    /// `default`.
    fn auth(&mut self, credentials: &[Bytes]) -> Result<Frame, String> {
        let given = match (credentials, self.listener) {
            ([password], ListenerKind::Ws) => (b"default".as_slice(), password),
            ([password], ListenerKind::Tcp) if self.shared.password.is_some() => {
                (b"default".as_slice(), password)
            }
            ([_], ListenerKind::Tcp) => {
                return Err(
                    "ERR AUTH <password> called without any password configured for the \
                            default user. Are you sure your configuration is correct?"
                        .to_owned(),
                );
            }
            ([user, password], ListenerKind::Tcp) => (user.as_ref(), password),
            ([_, _, _, ..], ListenerKind::Tcp) => return Err("ERR syntax error".to_owned()),
            _ => return Err("ERR wrong number of arguments for 'auth' command".to_owned()),
        };
        let (user, given) = given;
        self.log_in(user, given)
    }

    /// Verifies the user and password of HELLO.
    fn check(&mut self, credentials: &[Bytes]) -> Result<Frame, String> {
        match credentials {
            // The deployed server ignores the user.
            [_, password] if self.shared.dialect.has(Quirk::NoTcpAuth) => {
                self.log_in(b"default", password)
            }
            [user, password] => self.log_in(user, password),
            _ => Err("ERR syntax error".to_owned()),
        }
    }

    fn log_in(&mut self, user: &[u8], given: &[u8]) -> Result<Frame, String> {
        if self.shared.accepts_password(Some(given)) && user == b"default" {
            self.authenticated = true;
            Ok(Frame::simple("OK"))
        } else {
            Err("WRONGPASS invalid username-password pair or user is disabled.".to_owned())
        }
    }

    async fn hello(&mut self, args: &[Bytes]) {
        let greeted = self.greet(args).await;
        if !self.dialect.has(Quirk::HelloGarbage) {
            return match greeted {
                Ok(frame) => self.answer("HELLO", frame),
                Err(text) => self.refuse(&text),
            };
        }
        // In this dialect HELLO is an ordinary command, ordered behind earlier ones.
        self.shared.faults.count("HELLO");
        let fault = self.shared.faults.reply_fault("HELLO");
        let garbled = greeted.is_ok() && self.garbles();
        self.outbox
            .reply(greeted.unwrap_or_else(Frame::error), fault);
        if garbled {
            self.outbox.garble(hello::leftovers());
        }
    }

    async fn greet(&mut self, args: &[Bytes]) -> Result<Frame, String> {
        if self.link.in_transaction() {
            return Err("ERR Command not allowed inside a transaction".to_owned());
        }
        let hello = Hello::parse(args)?;
        if let Some(credentials) = hello.credentials {
            if self.listener == ListenerKind::Ws && !self.dialect.has(Quirk::HelloGarbage) {
                return Err("ERR Syntax error in HELLO option 'AUTH'".to_owned());
            }
            self.check(credentials)?;
        }
        if !self.authenticated {
            return Err(hello::NOAUTH.to_owned());
        }
        let greeted = self.link.greet(hello.protocol, hello.name);
        let id = tokio::select! {
            biased;
            greeted = greeted => greeted?,
            () = disconnected(&mut self.client_gone, DRAIN_TIMEOUT) => self.id,
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
        self.dialect.has(Quirk::HelloGarbage) && self.outbox.protocol() == RespVersion::Resp3
    }

    /// Restores the state of a new connection. Over WebSocket, authentication persists.
    async fn reset(&mut self, args: Vec<Bytes>) -> Next {
        if args.len() == 1 {
            self.outbox.set_subscriber(false);
            self.outbox.set_protocol(RespVersion::Resp2);
            if self.listener == ListenerKind::Tcp {
                self.authenticated = self.starts_authenticated();
            }
        }
        self.call("RESET", args).await
    }
}

/// Waits until the client has been disconnected for `grace`.
async fn disconnected(client_gone: &mut watch::Receiver<bool>, grace: Duration) {
    raised(client_gone).await;
    tokio::time::sleep(grace).await;
}

/// Compares without leaking through timing how much of a guess is correct.
fn constant_time_eq(password: &[u8], given: &[u8]) -> bool {
    password.len() == given.len()
        && (password.iter().zip(given)).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
