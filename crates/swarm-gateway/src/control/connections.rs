//! Operations on client connections.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::door::Door;
use super::problem::{Code, Problem};
use super::route::{Body, Nothing};
use crate::fault::{Connection, Listener};

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Connections {
    /// Number of connections that were opened so far.
    opened: u64,
    /// Open connections, in the order in which they were opened.
    connections: Vec<Open>,
}

/// An open connection.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Open {
    id: u64,
    listener: Over,
    /// Address and port of the client.
    remote: Option<String>,
    /// What the embedded store replies to CLIENT ID. HTTP connections have none: each request has
    /// its own.
    client_id: Option<u64>,
    /// Whether the connection has run SUBSCRIBE, PSUBSCRIBE or SSUBSCRIBE.
    subscriber: bool,
}

/// Which connections to cut.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) struct Cut {
    which: Which,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Which {
    /// All connections, idle ones included.
    All,
    /// Those that have run SUBSCRIBE, PSUBSCRIBE or SSUBSCRIBE.
    Subscribers,
}

/// A push that answers no command.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Push {
    /// Words of the push, such as `["invalidate", "key"]`.
    words: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reached {
    /// Number of connections.
    connections: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Over {
    Ws,
    Http,
    Tcp,
}

impl From<&Connection> for Open {
    fn from(open: &Connection) -> Self {
        Self {
            id: open.id(),
            listener: match open.listener() {
                Listener::Ws => Over::Ws,
                Listener::Http => Over::Http,
                Listener::Tcp => Over::Tcp,
            },
            remote: open.remote().map(|address| address.to_string()),
            client_id: open.client_id(),
            subscriber: open.is_subscriber(),
        }
    }
}

impl Body for Connections {}
impl Body for Cut {}
impl Body for Push {}
impl Body for Reached {}

pub(super) async fn list(door: Door, (): (), _: Nothing) -> Result<Connections, Problem> {
    let gateway = door.gateway()?;
    let faults = &gateway.shared().faults;
    Ok(Connections {
        opened: faults.connections_opened(),
        connections: faults.connections().iter().map(Open::from).collect(),
    })
}

pub(super) async fn cut(door: Door, (): (), cut: Cut) -> Result<Reached, Problem> {
    let gateway = door.gateway()?;
    let faults = &gateway.shared().faults;
    let connections = match cut.which {
        Which::All => faults.cut(),
        Which::Subscribers => faults.cut_subscribers(),
    };
    Ok(Reached { connections })
}

pub(super) async fn cut_one(door: Door, id: u64, _: Nothing) -> Result<Nothing, Problem> {
    match door.gateway()?.shared().faults.cut_connection(id) {
        true => Ok(Nothing {}),
        false => {
            let text = format!("there is no connection {id}");
            Err(Problem::new(Code::NoSuchConnection, text))
        }
    }
}

pub(super) async fn push(door: Door, (): (), push: Push) -> Result<Reached, Problem> {
    if push.words.is_empty() {
        let text = "`words` must not be empty";
        return Err(Problem::new(Code::InvalidRequest, text));
    }
    let words: Vec<&str> = push.words.iter().map(String::as_str).collect();
    let connections = door.gateway()?.shared().faults.push(&words);
    Ok(Reached { connections })
}
