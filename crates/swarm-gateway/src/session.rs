//! One client's connection, whatever door it came through: who it is, what it speaks, what it may do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use swarm_resp::{Frame, Protocol};

use crate::backend::{Backend, Called, Client, Link};
use crate::dialect::{Dialect, Quirk};
use crate::fault::Faults;
use crate::outbox::{Ending, Outbox};

/// What all connections of a gateway share.
pub(crate) struct Shared {
    pub(crate) backend: Box<dyn Backend>,
    pub(crate) faults: Faults,
    pub(crate) dialect: Dialect,
    pub(crate) password: Option<Bytes>,
    pub(crate) max_message: usize,
    next_id: AtomicU64,
}

impl Shared {
    pub(crate) fn new(
        backend: Box<dyn Backend>,
        faults: Faults,
        dialect: Dialect,
        password: Option<Bytes>,
        max_message: usize,
    ) -> Self {
        Self {
            backend,
            faults,
            dialect,
            password,
            max_message,
            next_id: AtomicU64::new(1),
        }
    }
}

/// What a door read: one command, or what was wrong with the bytes.
#[derive(Debug)]
pub(crate) enum Inbound {
    Command(Vec<Bytes>),
    Malformed(String),
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
    id: u64,
    authenticated: bool,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, outbox: Arc<Outbox>) -> Self {
        let id = shared.next_id.fetch_add(1, Ordering::Relaxed);
        let link = shared.backend.open(Client {
            id,
            outbox: outbox.clone(),
            faults: shared.faults.clone(),
        });
        Self {
            authenticated: shared.password.is_none(),
            shared,
            outbox,
            link,
            id,
        }
    }

    pub(crate) const fn id(&self) -> u64 {
        self.id
    }

    /// Runs what a door read. Its replies are in the outbox, or will be before the next command's.
    pub(crate) async fn handle(&mut self, inbound: Inbound) -> Next {
        let args = match inbound {
            Inbound::Command(args) => args,
            Inbound::Malformed(what) => {
                let reply = Frame::error(format!("ERR Protocol error: {what}"));
                self.outbox.answer(reply, Default::default());
                return Next::Continue;
            }
        };
        let Some(name) = args.first() else {
            return Next::Continue;
        };
        let name = String::from_utf8_lossy(name).to_ascii_uppercase();
        let answer = match name.as_str() {
            "AUTH" => self.auth(&args),
            "QUIT" => {
                self.answer(&name, Frame::simple("OK"));
                self.outbox.end(Ending::Quit);
                return Next::End;
            }
            _ if !self.authenticated && name != "PING" => {
                let reply = Frame::error("NOAUTH Authentication required.");
                self.outbox.answer(reply, Default::default());
                return Next::Continue;
            }
            "HELLO" => self.hello(&args),
            _ => {
                if let Called::Blocked(blocked) = self.link.call(&name, args) {
                    blocked.await;
                }
                return Next::Continue;
            }
        };
        self.answer(&name, answer);
        if name == "HELLO" && self.outbox.protocol() == Protocol::Resp3 {
            self.garble();
        }
        Next::Continue
    }

    fn answer(&self, name: &str, frame: Frame) {
        self.shared.faults.count(name);
        let obstacle = self.shared.faults.obstacle(name);
        self.outbox.answer(frame, obstacle);
    }

    /// `AUTH password`, with exactly one argument, as the WebSocket gateway has it.
    fn auth(&mut self, args: &[Bytes]) -> Frame {
        let [_, given] = args else {
            return Frame::error("ERR wrong number of arguments for 'auth' command");
        };
        match &self.shared.password {
            Some(password) if !same(password, given) => {
                Frame::error("WRONGPASS invalid username-password pair or user is disabled.")
            }
            _ => {
                self.authenticated = true;
                Frame::simple("OK")
            }
        }
    }

    /// `HELLO [2|3]`.
    fn hello(&self, args: &[Bytes]) -> Frame {
        let protocol = match args {
            [_] => self.outbox.protocol(),
            [_, version] => match version.as_ref() {
                b"2" => Protocol::Resp2,
                b"3" => Protocol::Resp3,
                _ => return Frame::error("NOPROTO unsupported protocol version"),
            },
            _ => return Frame::error("ERR syntax error in HELLO"),
        };
        self.outbox.set_protocol(protocol);
        if protocol == Protocol::Resp3 && self.shared.dialect.has(Quirk::HelloGarbage) {
            return Frame::array(&[Frame::bulk("%7")]);
        }
        let id = i64::try_from(self.id).unwrap_or(i64::MAX);
        let version = if protocol == Protocol::Resp3 { 3 } else { 2 };
        Frame::build(|reply| {
            reply.map(|map| {
                for (name, value) in [("server", "swarmkeydb"), ("version", "7.0.0")] {
                    map.bulk(name.as_bytes());
                    map.bulk(value.as_bytes());
                }
                map.bulk(b"proto");
                map.integer(version);
                map.bulk(b"id");
                map.integer(id);
                for (name, value) in [("mode", "standalone"), ("role", "master")] {
                    map.bulk(name.as_bytes());
                    map.bulk(value.as_bytes());
                }
                map.bulk(b"modules");
                map.array(|_| {});
            });
        })
    }

    /// After a map that the server's own reader could not parse, the map's parts answer what follows.
    fn garble(&self) {
        if !self.shared.dialect.has(Quirk::HelloGarbage) {
            return;
        }
        let parts = ["server", "swarmkeydb", "version", "7.0.0", "proto"];
        let rest = ["mode", "standalone", "role", "master", "modules"];
        self.outbox.garble(
            (parts.into_iter().map(Frame::bulk))
                .chain([Frame::integer(3), Frame::bulk("id"), Frame::integer(1)])
                .chain(rest.into_iter().map(Frame::bulk))
                .chain([Frame::array([])]),
        );
    }
}

/// Compares in a time that does not tell how much of a guess was right.
fn same(password: &[u8], given: &[u8]) -> bool {
    password.len() == given.len()
        && (password.iter().zip(given)).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
