//! SLOWLOG: the commands that took longest.

use std::collections::VecDeque;

use bytes::Bytes;
use swarm_resp::Frame;

use super::call::{Call, Reply, count, ok};
use super::help;
use super::number;
use super::record::Executed;
use super::reject::Reject;
use super::server::Server;
use super::table::{Run, Spec, data, spec};

#[rustfmt::skip]
pub(super) static COMMANDS: &[Spec] = &[
    spec("SLOWLOG", -2, Run::Container),
    data("SLOWLOG|GET", -2, get),
    data("SLOWLOG|HELP", 2, help::help),
    data("SLOWLOG|LEN", 2, len),
    data("SLOWLOG|RESET", 2, reset),
];

/// Number of arguments that an entry shows.
const SHOWN_ARGS: usize = 32;
/// Number of bytes of an argument that an entry shows.
const SHOWN_BYTES: usize = 128;
/// Number of entries, whatever `slowlog-max-len` is.
const MOST: usize = 10_000;
/// Number of entries that GET returns by default.
const DEFAULT: i64 = 10;

/// The commands that took longer than `slowlog-log-slower-than`, newest first.
#[derive(Debug, Default)]
pub(super) struct SlowLog {
    entries: VecDeque<Entry>,
    next: i64,
}

#[derive(Debug)]
struct Entry {
    id: i64,
    /// Seconds since the Unix epoch.
    time: i64,
    micros: u64,
    args: Vec<Bytes>,
    address: String,
    name: Bytes,
}

/// Returns the arguments as the log shows them: shortened, and without secrets.
fn shown(spec: &Spec, args: &[Bytes]) -> Vec<Bytes> {
    let is_secret = |at: usize| match spec.name {
        "ACL|SETUSER" => at > 2,
        _ => false,
    };
    let is_cut = args.len() > SHOWN_ARGS;
    let kept = if is_cut { SHOWN_ARGS - 1 } else { args.len() };
    let shorten = |(at, arg): (usize, &Bytes)| match arg.get(..SHOWN_BYTES) {
        _ if is_secret(at) => Bytes::from_static(b"(redacted)"),
        Some(start) if arg.len() > SHOWN_BYTES => {
            let rest = format!("... ({} more bytes)", arg.len() - SHOWN_BYTES);
            [start, rest.as_bytes()].concat().into()
        }
        // An argument may be a part of a large buffer.
        _ => Bytes::copy_from_slice(arg),
    };
    let mut shown: Vec<_> = args.iter().enumerate().take(kept).map(shorten).collect();
    if is_cut {
        let rest = args.len() - kept;
        shown.push(format!("... ({rest} more arguments)").into());
    }
    shown
}

impl Server {
    /// Adds a command that was slow.
    pub(super) fn log_slow(&mut self, ran: &Executed<'_>, micros: u64) {
        let peer = ran.client.and_then(|id| self.peers.get(&id));
        let address = peer.and_then(|peer| peer.addresses.remote);
        let entry = Entry {
            id: self.slow.next,
            time: ran.now / 1000,
            micros,
            args: shown(ran.spec, ran.args),
            address: address.map_or_else(|| "?:0".to_owned(), |address| address.to_string()),
            name: peer.map(|peer| peer.name.clone()).unwrap_or_default(),
        };
        self.slow.next += 1;
        self.slow.entries.push_front(entry);
        let most = self.config.number("slowlog-max-len").min(MOST);
        self.slow.entries.truncate(most);
    }
}

/// `SLOWLOG GET [count]`.
fn get(call: &mut Call<'_>) -> Reply {
    let wanted = match call.rest(2) {
        [] => DEFAULT,
        [wanted] => {
            let error = "ERR count should be greater than or equal to -1";
            number::at_least(-1, wanted, error)?
        }
        _ => return Err(Reject::usage("SLOWLOG", call.arg(1))),
    };
    let entries = &call.server.slow.entries;
    // -1 is all of them.
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    Ok(Frame::build(|reply| {
        reply.array(|rows| {
            for entry in entries.iter().take(wanted) {
                rows.array(|row| {
                    row.integer(entry.id);
                    row.integer(entry.time);
                    row.integer(i64::try_from(entry.micros).unwrap_or(i64::MAX));
                    row.array(|args| entry.args.iter().for_each(|arg| args.bulk(arg)));
                    row.bulk(entry.address.as_bytes());
                    row.bulk(&entry.name);
                });
            }
        });
    }))
}

fn len(call: &mut Call<'_>) -> Reply {
    Ok(count(call.server.slow.entries.len()))
}

fn reset(call: &mut Call<'_>) -> Reply {
    call.server.slow.entries.clear();
    Ok(ok())
}
