//! MONITOR: shows connections the commands of all others.

use bytes::Bytes;
use swarm_resp::Frame;

use super::State;
use super::call::ok;
use super::link::{Local, Replies};
use super::pause;
use super::reject::Reject;
use super::table::Spec;
use super::traits::Traits;

const IN_TRANSACTION: Reject = Reject::text("ERR MONITOR isn't allowed for DENY BLOCKING client");
pub(super) const NO_KEYSPACE: Reject = Reject::text("ERR Replica can't interact with the keyspace");

/// Who runs a command.
#[derive(Debug, Clone, Copy)]
pub(super) enum Caller {
    Connection(u64),
    Script,
}

/// `MONITOR`. The second one has no reply.
pub(super) fn monitor(local: &mut Local, state: &mut State, _: &[Bytes], _: i64) -> Replies {
    if local.client.burst.is_some() {
        return Err(IN_TRANSACTION);
    }
    match state.server.monitors.insert(local.client.id) {
        true => Ok(vec![ok()]),
        false => Ok(Vec::new()),
    }
}

/// Returns whether a connection that monitors may not call a command: one that reads or writes
/// keys.
pub(super) fn is_denied(spec: &Spec) -> bool {
    let reads = || Traits::of(spec.name).is_some_and(|traits| traits.has("readonly"));
    pause::may_write(spec) || reads()
}

impl State {
    /// Shows monitors a command that has run, or a script that is about to.
    pub(super) fn show(&self, spec: &Spec, args: &[Bytes], caller: Caller, now: i64) {
        let server = &self.server;
        if server.monitors.is_empty() {
            return;
        }
        let is_hidden = Traits::of(spec.name).is_some_and(|traits| traits.has("admin"));
        if is_hidden || spec.name == "MONITOR" {
            return;
        }
        let (seconds, micros) = (now / 1000, now % 1000 * 1000);
        let database = server.databases.selected();
        let caller = match caller {
            Caller::Script => "lua".to_owned(),
            Caller::Connection(id) => {
                let peer = server.peers.get(&id);
                let address = peer.and_then(|peer| peer.addresses.remote);
                address.map_or_else(|| "?:0".to_owned(), |address| address.to_string())
            }
        };
        let mut line = format!("{seconds}.{micros:06} [{database} {caller}]");
        for arg in args {
            line.push(' ');
            quote(&mut line, arg);
        }
        let line = Frame::simple(line);
        for peer in (server.monitors.iter()).filter_map(|id| server.peers.get(id)) {
            peer.outbox.push(line.clone(), None);
        }
    }
}

/// Appends a text in quotes, in ASCII without control characters.
fn quote(line: &mut String, text: &[u8]) {
    line.push('"');
    for byte in text {
        match byte {
            b'\\' => line.push_str("\\\\"),
            b'"' => line.push_str("\\\""),
            b'\n' => line.push_str("\\n"),
            b'\r' => line.push_str("\\r"),
            b'\t' => line.push_str("\\t"),
            0x07 => line.push_str("\\a"),
            0x08 => line.push_str("\\b"),
            b' '..=b'~' => line.push(char::from(*byte)),
            _ => line.push_str(&format!("\\x{byte:02x}")),
        }
    }
    line.push('"');
}
