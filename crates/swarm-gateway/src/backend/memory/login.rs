//! AUTH, HELLO and QUIT. The session runs them itself; these are for transactions, and for COMMAND.

use bytes::Bytes;

use super::State;
use super::call::ok;
use super::connection;
use super::link::{Local, Replies};
use super::reject::Reject;
use crate::hello::{self, Hello};

/// `AUTH [user] password`. The connection is authenticated already.
pub(super) fn auth(local: &mut Local, state: &mut State, args: &[Bytes], now: i64) -> Replies {
    let credentials = args.get(1..).unwrap_or_default();
    let logged_in = state.server.log_in(&local.client, "AUTH", credentials, now);
    logged_in.map_err(Reject::new)?;
    Ok(vec![ok()])
}

/// `HELLO [2|3 [AUTH user password] [SETNAME name]]`.
pub(super) fn hello(local: &mut Local, state: &mut State, args: &[Bytes], now: i64) -> Replies {
    let client = &local.client;
    let hello = Hello::parse(args).map_err(Reject::new)?;
    if let Some(credentials) = hello.credentials {
        let logged_in = state.server.log_in(client, "HELLO", credentials, now);
        logged_in.map_err(Reject::new)?;
    }
    if let Some(name) = hello.name {
        connection::set_name(&mut state.server, client.id, name)?;
    }
    if let Some(protocol) = hello.protocol {
        client.outbox.set_protocol(protocol);
    }
    let protocol = client.outbox.protocol();
    Ok(vec![hello::reply(
        protocol,
        client.id,
        hello::REDIS_VERSION,
    )])
}

/// `QUIT`, which no transaction queues.
pub(super) fn quit(_: &mut Local, _: &mut State, _: &[Bytes], _: i64) -> Replies {
    Ok(vec![ok()])
}
