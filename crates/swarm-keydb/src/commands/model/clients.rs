//! Options of CLIENT KILL and CLIENT PAUSE.

use std::fmt;

use swarm_resp::{ArgSink, ToArg, ToArgs};

use super::option::option;
use crate::command::CommandOptions;
use crate::error::{Error, Result};
use crate::server::Marks;

/// Connections that CLIENT KILL closes: those that match all of these conditions. The connection
/// that sends the command is never one of them.
///
/// # Examples
///
/// ```
/// use swarm_keydb::{ClientKill, ClientType};
///
/// let one = ClientKill::new().id(7);
/// let subscribers = ClientKill::new().kind(ClientType::PubSub).user("ann");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "conditions do nothing until they are passed to client_kill"]
pub struct ClientKill {
    id: Option<i64>,
    kind: Option<ClientType>,
    user: Option<String>,
    addr: Option<String>,
    laddr: Option<String>,
}

impl fmt::Debug for ClientKill {
    /// Shows whether there is a condition for the user, but not the name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientKill")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("user", &self.user.is_some())
            .field("addr", &self.addr)
            .field("laddr", &self.laddr)
            .finish()
    }
}

/// Kind of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientType {
    /// A client that sends commands.
    Normal,
    /// A client with subscriptions.
    PubSub,
    /// A replica of the server.
    Replica,
    /// The server that this one replicates.
    Master,
}

impl ClientKill {
    /// Creates a list without conditions. At least one is needed.
    pub const fn new() -> Self {
        Self {
            id: None,
            kind: None,
            user: None,
            addr: None,
            laddr: None,
        }
    }

    /// The connection with this ID (`ID`).
    pub const fn id(mut self, id: i64) -> Self {
        self.id = Some(id);
        self
    }

    /// Connections of this kind (`TYPE`).
    pub const fn kind(mut self, kind: ClientType) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Connections of this user (`USER`).
    pub fn user(mut self, name: impl Into<String>) -> Self {
        self.user = Some(name.into());
        self
    }

    /// The connection from this address (`ADDR`): `10.0.0.7:50000`.
    pub fn addr(mut self, address: impl Into<String>) -> Self {
        self.addr = Some(address.into());
        self
    }

    /// Connections to this address of the server (`LADDR`).
    pub fn laddr(mut self, address: impl Into<String>) -> Self {
        self.laddr = Some(address.into());
        self
    }
}

impl ToArgs for ClientKill {
    fn write_args(&self, sink: &mut impl ArgSink) {
        if let Some(id) = self.id {
            option(sink, "ID", id);
        }
        if let Some(kind) = self.kind {
            let word = match kind {
                ClientType::Normal => "normal",
                ClientType::PubSub => "pubsub",
                ClientType::Replica => "replica",
                ClientType::Master => "master",
            };
            option(sink, "TYPE", word);
        }
        for (name, value) in [
            ("USER", &self.user),
            ("ADDR", &self.addr),
            ("LADDR", &self.laddr),
        ] {
            if let Some(value) = value {
                option(sink, name, value);
            }
        }
    }
}

impl CommandOptions for ClientKill {
    fn validate(&self) -> Result<()> {
        if *self == Self::new() {
            return Err(Error::argument("no conditions given; add at least one"));
        }
        Ok(())
    }

    fn marks(&self) -> Marks {
        let texts = [&self.user, &self.addr, &self.laddr];
        let texts = texts.into_iter().flatten();
        texts.fold(Marks::NONE, |marks, text| {
            marks.and(Marks::of_name(text.as_bytes()))
        })
    }
}

/// Commands that CLIENT PAUSE holds back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientPause {
    /// All commands.
    All,
    /// Commands that write, and scripts that may.
    Writes,
}

impl ToArgs for ClientPause {
    fn write_args(&self, sink: &mut impl ArgSink) {
        sink.arg(match self {
            Self::All => b"ALL".as_slice(),
            Self::Writes => b"WRITE",
        });
    }
}

/// What FUNCTION RESTORE does with libraries that the server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FunctionRestore {
    /// Keeps them. A library with the same name is an error.
    Append,
    /// Keeps them, and replaces those with the same name.
    Replace,
    /// Removes them first.
    Flush,
}

impl ToArgs for FunctionRestore {
    fn write_args(&self, sink: &mut impl ArgSink) {
        let word = match self {
            Self::Append => "APPEND",
            Self::Replace => "REPLACE",
            Self::Flush => "FLUSH",
        };
        sink.arg(&word.to_arg());
    }
}
