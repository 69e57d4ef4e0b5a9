//! Client session, independent of the listener: authentication, protocol, and command execution.

mod cost;
mod door;
mod inbound;
mod waiting;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use swarm_resp::{Frame, RespVersion};

use crate::backend::{Backend, Called, Client, Forwarded, Link, Quirks};
use crate::clock::Clock;
use crate::command_name::CommandName;
use crate::dialect::{Dialect, Quirk};
use crate::fault::{Faults, ReplyFault};
use crate::hello::{self, Hello};
use crate::listener_kind::ListenerKind;
use crate::login::{self, authenticate, log_in};
use crate::origins::Origins;
use crate::outbox::Outbox;
use crate::stream::Addresses;
use crate::write_queue::Flushes;
use waiting::{Gone, Waiting};

pub(crate) use door::Door;
pub(crate) use inbound::Inbound;

/// State shared by all connections of a gateway.
pub(crate) struct Shared {
    pub(crate) backend: Box<dyn Backend>,
    pub(crate) faults: Faults,
    pub(crate) clock: Clock,
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
        login::accepts_password(self.password.as_ref(), given)
    }
}

/// What follows an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next input.
    Continue,
    /// The next input, once [`Session::poll`] is ready.
    Wait,
    /// The end of the connection.
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
    authenticated: Arc<AtomicBool>,
    /// What the next input waits for.
    waiting: Option<Waiting>,
    /// Set once the client has disconnected.
    gone: Option<Gone>,
    /// The last input was JSON, so the next replies and pushes are.
    answers_json: bool,
    /// Number of writes queued for EXEC.
    queued: usize,
}

impl Session {
    pub(crate) fn new(
        shared: Arc<Shared>,
        outbox: Arc<Outbox>,
        listener: ListenerKind,
        addresses: Addresses,
    ) -> Self {
        let id = shared.next_id.fetch_add(1, Ordering::Relaxed);
        let link = shared.backend.open(Client {
            id,
            outbox: outbox.clone(),
            faults: shared.faults.clone(),
            quirks: Quirks::of(shared.dialect),
            addresses,
            listener,
            is_http: listener == ListenerKind::Http,
            password: shared.password.clone(),
            burst: None,
        });
        let dialect = listener.dialect(shared.dialect);
        let session = Self {
            authenticated: Arc::default(),
            shared,
            outbox,
            link,
            listener,
            dialect,
            id,
            waiting: None,
            gone: None,
            answers_json: false,
            queued: 0,
        };
        session.set_authenticated(session.starts_authenticated());
        session
    }

    /// Returns whether a new connection is authenticated without a password.
    fn starts_authenticated(&self) -> bool {
        let is_open = || self.link.starts_authenticated();
        self.listener == ListenerKind::Http
            || self.dialect.has(Quirk::NoTcpAuth)
            || is_open().unwrap_or(self.shared.password.is_none())
    }

    pub(crate) const fn id(&self) -> u64 {
        self.id
    }

    /// Returns what answers some input ahead of the session, if the dialect has that.
    pub(crate) fn door(&self) -> Option<Door> {
        let ahead = self.listener == ListenerKind::Ws && self.dialect.has(Quirk::Overtaking);
        ahead.then(|| {
            Door::new(
                self.shared.clone(),
                self.outbox.clone(),
                self.authenticated.clone(),
            )
        })
    }

    fn is_authenticated(&self) -> bool {
        self.authenticated.load(Ordering::Relaxed)
    }

    fn set_authenticated(&self, authenticated: bool) {
        self.authenticated.store(authenticated, Ordering::Relaxed);
    }

    /// Records that the client has disconnected, which ends what only it waits for.
    pub(crate) fn client_gone(&mut self) {
        self.gone = Some(Gone::now());
    }

    /// Handles one input, and waits until its replies are in the outbox.
    pub(crate) async fn run(&mut self, inbound: Inbound) {
        self.handle(inbound);
        poll_fn(|cx| self.poll_settled(cx)).await;
    }

    /// Handles one input. Its replies are in the outbox, or will be before those of the next one.
    pub(crate) fn handle(&mut self, inbound: Inbound) -> Next {
        let command = inbound.name();
        let name = &*command;
        if self.link.is_in_flight() && !self.may_overlap(name, &inbound) {
            return self.wait(Waiting::Replies(inbound));
        }
        if self.outbox.has_crashed() {
            return self.crashed();
        }
        self.outbox.begin_command();
        let is_json = inbound.is_json();
        if is_json || self.answers_json {
            self.outbox.set_json(inbound.json_name(name));
            self.answers_json = is_json;
        }
        if self.forward(&command, &inbound) {
            return Next::Continue;
        }
        let echoes_null = inbound.echoes_null;
        let args = match inbound.into_args() {
            Ok(args) => args,
            Err(text) => {
                self.refuse(&text);
                return Next::Continue;
            }
        };
        if args.is_empty() {
            return Next::Continue;
        }
        if echoes_null {
            self.answer(name, Frame::null());
            return Next::Continue;
        }
        if let Some(reply) = self.shared.faults.answer_for(name) {
            let fault = self.shared.faults.reply_fault(name);
            self.outbox.reply(reply, fault);
            return Next::Continue;
        }
        // SwarmKeyDb's HELLO fails in a transaction, but does not abort it.
        let aborts = name == "AUTH" || name == "HELLO" && !self.dialect.has(Quirk::SwarmCommands);
        if aborts && self.link.in_transaction() && !self.dialect.has(Quirk::Overtaking) {
            return self.call(name, args, is_json);
        }
        match name {
            "QUIT" if !self.queues_quit() => {
                self.answer(name, Frame::simple("OK"));
                return Next::End;
            }
            "AUTH" if self.dialect.has(Quirk::NoTcpAuth) => {
                let reply = Frame::error("ERR unknown command 'AUTH'");
                self.outbox.reply(reply, ReplyFault::default());
            }
            "AUTH" => {
                let reply = self.auth(args.get(1..).unwrap_or_default());
                self.answer(name, reply.unwrap_or_else(Frame::error));
            }
            "HELLO" if self.greets() => return self.hello(&args),
            _ if !self.may_call(name) => self.refuse("NOAUTH Authentication required."),
            "RESET" => return self.reset(name, args, is_json),
            _ => return self.call(name, args, is_json),
        }
        Next::Continue
    }

    /// Passes a command on as it is, if nothing needs to look inside. Returns whether it did.
    fn forward(&mut self, name: &CommandName, inbound: &Inbound) -> bool {
        inbound.unsplit().is_some_and(|request| {
            self.shared.write_queue.is_none()
                && self.may_overlap(name, inbound)
                && self.link.forward(name, request)
        })
    }

    /// Returns whether an input may be handled before the replies to forwarded commands are in the
    /// outbox: it does nothing but forward another one, whose reply has the same encoding.
    fn may_overlap(&self, name: &str, inbound: &Inbound) -> bool {
        inbound.is_plain()
            && !matches!(name, "QUIT" | "AUTH" | "HELLO" | "RESET")
            && self.may_call(name)
            && !self.shared.faults.answers(name)
    }

    /// Returns what follows a crash of the command processor: over WebSocket, the connection stays
    /// open, but nothing answers any more.
    fn crashed(&self) -> Next {
        match self.listener {
            ListenerKind::Ws => Next::Continue,
            ListenerKind::Tcp | ListenerKind::Http => Next::End,
        }
    }

    /// Returns whether QUIT waits for EXEC.
    fn queues_quit(&self) -> bool {
        self.dialect.has(Quirk::SwarmCommands)
            && self.listener == ListenerKind::Tcp
            && self.link.in_transaction()
    }

    /// Returns whether HELLO is answered. Otherwise it is refused, or unknown.
    fn greets(&self) -> bool {
        match self.listener {
            ListenerKind::Tcp => true,
            ListenerKind::Ws => self.is_authenticated(),
            ListenerKind::Http => !self.dialect.has(Quirk::SwarmCommands),
        }
    }

    /// Over WebSocket, PING is allowed before authentication; Redis does not allow it.
    fn may_call(&self, name: &str) -> bool {
        self.is_authenticated()
            || self.listener == ListenerKind::Ws && name == "PING"
            || self.listener == ListenerKind::Tcp && name == "RESET"
    }

    fn call(&mut self, name: &str, args: Vec<Bytes>, is_json: bool) -> Next {
        if matches!(name, "SUBSCRIBE" | "PSUBSCRIBE" | "SSUBSCRIBE") {
            self.outbox.set_subscriber(true);
        }
        if let Some(queue) = &self.shared.write_queue {
            let queue = queue.clone();
            let writes = self.writes(name, &args);
            if writes > 0 {
                let over = waiting::write(queue, writes, cost::is_serial(name));
                return self.wait(Waiting::Write {
                    over,
                    name: name.to_owned(),
                    args,
                    is_json,
                });
            }
        }
        self.run_on_link(name, args, is_json)
    }

    fn run_on_link(&mut self, name: &str, args: Vec<Bytes>, is_json: bool) -> Next {
        let called = self.link.call(name, args);
        self.wait_for(called, is_json)
    }

    fn wait_for(&mut self, called: Called, is_json: bool) -> Next {
        let waiting = match called {
            Called::Done => return self.called(),
            // The next command may have another encoding.
            Called::Forwarded(Forwarded::Pipelined) if is_json => {
                Waiting::Forwarded(Forwarded::Alone)
            }
            Called::Forwarded(Forwarded::Pipelined) => return Next::Continue,
            Called::Forwarded(forwarded) => Waiting::Forwarded(forwarded),
            Called::Detached { over, blocked } => Waiting::Detached { over, blocked },
            Called::Blocked(over) => Waiting::Blocked(over),
        };
        self.wait(waiting)
    }

    /// Returns what follows a command that is over.
    fn called(&self) -> Next {
        match self.outbox.has_crashed() {
            true => self.crashed(),
            false => Next::Continue,
        }
    }

    /// Returns the number of writes in the write queue that a command waits for.
    fn writes(&mut self, name: &str, args: &[Bytes]) -> usize {
        let writes = cost::writes(name, args);
        if !self.link.in_transaction() {
            return writes;
        }
        let queued = std::mem::take(&mut self.queued);
        match name {
            "EXEC" => queued,
            "DISCARD" => writes,
            _ => {
                self.queued = queued + writes;
                0
            }
        }
    }

    fn answer(&self, name: &str, frame: Frame) {
        self.shared.faults.count(name);
        self.shared.faults.count_error(frame.view());
        let fault = self.shared.faults.reply_fault(name);
        self.outbox.answer(frame, fault);
    }

    /// Replies that a command was rejected.
    fn refuse(&self, text: &str) {
        let reply = Frame::error(text.to_owned());
        self.shared.faults.count_error(reply.view());
        self.outbox.answer(reply, ReplyFault::default());
    }

    /// Handles `AUTH password`; over TCP also `AUTH user password`.
    fn auth(&mut self, credentials: &[Bytes]) -> Result<Frame, String> {
        match (credentials, self.listener) {
            ([given], ListenerKind::Ws) => self.log_in("AUTH", b"default", given),
            (_, ListenerKind::Tcp) => {
                let decided = self.link.authenticate("AUTH", credentials);
                decided
                    .unwrap_or_else(|| authenticate(self.shared.password.as_ref(), credentials))?;
                self.set_authenticated(true);
                Ok(Frame::simple("OK"))
            }
            _ => Err("ERR wrong number of arguments for 'auth' command".to_owned()),
        }
    }

    /// Verifies the user and password of HELLO.
    fn check(&mut self, credentials: &[Bytes]) -> Result<Frame, String> {
        match credentials {
            // The deployed server ignores the user.
            [_, password] if self.shared.dialect.has(Quirk::NoTcpAuth) => {
                self.log_in("HELLO", b"default", password)
            }
            [user, password] => self.log_in("HELLO", user, password),
            [password] => self.log_in("HELLO", b"default", password),
            _ => Err("ERR syntax error".to_owned()),
        }
    }

    fn log_in(
        &mut self,
        command: &'static str,
        user: &[u8],
        given: &Bytes,
    ) -> Result<Frame, String> {
        let credentials = [Bytes::copy_from_slice(user), given.clone()];
        let decided = self.link.authenticate(command, &credentials);
        decided.unwrap_or_else(|| log_in(self.shared.password.as_ref(), user, given))?;
        self.set_authenticated(true);
        Ok(Frame::simple("OK"))
    }

    fn hello(&mut self, args: &[Bytes]) -> Next {
        match self.greet(args) {
            Ok(greeting) => self.wait(greeting),
            Err(text) => {
                self.greeted(Err(text));
                Next::Continue
            }
        }
    }

    /// Answers HELLO.
    fn greeted(&self, greeted: Result<Frame, String>) {
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

    /// Starts HELLO.
    fn greet(&mut self, args: &[Bytes]) -> Result<Waiting, String> {
        if self.link.in_transaction() {
            return Err("ERR Command not allowed inside a transaction".to_owned());
        }
        let hello = match self.dialect.has(Quirk::SwarmCommands) {
            true => Hello::parse_leniently(args)?,
            false => Hello::parse(args)?,
        };
        if let Some(credentials) = hello.credentials {
            if self.listener == ListenerKind::Ws && !self.dialect.has(Quirk::HelloGarbage) {
                return Err("ERR Syntax error in HELLO option 'AUTH'".to_owned());
            }
            self.check(credentials)?;
        }
        if !self.is_authenticated() {
            return Err(hello::NOAUTH.to_owned());
        }
        Ok(Waiting::Greeting {
            over: self.link.greet(hello.protocol, hello.name),
            protocol: hello.protocol,
        })
    }

    /// Switches the protocol. Returns the reply of HELLO.
    fn switch(&self, protocol: Option<RespVersion>, id: u64) -> Frame {
        if let Some(protocol) = protocol {
            self.outbox.set_protocol(protocol);
        }
        if self.garbles() {
            Frame::array(&[Frame::bulk("%7")])
        } else {
            hello::reply(self.outbox.protocol(), id, hello::version(self.dialect))
        }
    }

    fn garbles(&self) -> bool {
        self.dialect.has(Quirk::HelloGarbage) && self.outbox.protocol() == RespVersion::Resp3
    }

    /// Restores the state of a new connection. Over WebSocket, authentication persists.
    fn reset(&mut self, name: &str, args: Vec<Bytes>, is_json: bool) -> Next {
        if args.len() == 1 {
            self.outbox.set_subscriber(false);
            self.outbox.set_protocol(RespVersion::Resp2);
            if self.listener == ListenerKind::Tcp {
                self.set_authenticated(self.starts_authenticated());
            }
        }
        self.call(name, args, is_json)
    }
}
