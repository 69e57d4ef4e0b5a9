//! ACL LOG: what users were denied.

use std::collections::VecDeque;

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::call::{Call, Reply, ok};
use super::super::number;
use super::super::reject::Reject;

/// Entries are counted together if they are alike and less than this apart, in milliseconds.
const TOGETHER: i64 = 60_000;
/// Number of the newest entries that a new one may be alike.
const COMPARED: usize = 10;
/// Number of entries, whatever `acllog-max-len` is.
const MOST: usize = 10_000;
/// Number of entries that are shown by default.
const DEFAULT: i64 = 10;

/// What was denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Event {
    /// `command`, `key`, `channel` or `auth`.
    pub(in super::super) reason: &'static str,
    /// `toplevel`, `multi` or `lua`.
    pub(in super::super) context: &'static str,
    pub(in super::super) object: Bytes,
    pub(in super::super) user: Bytes,
}

#[derive(Debug)]
struct Entry {
    event: Event,
    count: i64,
    /// When it happened last, in milliseconds since the Unix epoch.
    time: i64,
    /// The connection, as CLIENT INFO shows it.
    client: String,
}

/// The newest entry comes first.
#[derive(Debug, Default)]
pub(in super::super) struct Log(VecDeque<Entry>);

impl Log {
    pub(super) fn add(&mut self, event: Event, now: i64, client: String, most: usize) {
        let is_alike = |entry: &Entry| entry.event == event && now - entry.time <= TOGETHER;
        let alike = self.0.iter().take(COMPARED).position(is_alike);
        let alike = alike.and_then(|at| self.0.remove(at));
        self.0.push_front(Entry {
            event,
            count: alike.map_or(0, |alike| alike.count) + 1,
            time: now,
            client,
        });
        self.0.truncate(most.min(MOST));
    }
}

/// `ACL LOG [count | RESET]`.
pub(super) fn log(call: &mut Call<'_>) -> Reply {
    let most = match call.rest(2) {
        [] => DEFAULT,
        [reset] if reset.eq_ignore_ascii_case(b"RESET") => {
            call.server.acl.log.0.clear();
            return Ok(ok());
        }
        [most] => number::integer(most)?,
        _ => return Err(Reject::usage("ACL", call.arg(1))),
    };
    let entries = call.server.acl.log.0.iter();
    let entries = entries.take(usize::try_from(most).unwrap_or(0));
    let now = call.now;
    Ok(Frame::build(|reply| {
        reply.array(|rows| {
            for entry in entries {
                rows.map(|row| {
                    row.bulk(b"count");
                    row.integer(entry.count);
                    for (name, text) in [
                        ("reason", entry.event.reason.as_bytes()),
                        ("context", entry.event.context.as_bytes()),
                        ("object", &entry.event.object),
                        ("username", &entry.event.user),
                    ] {
                        row.bulk(name.as_bytes());
                        row.bulk(text);
                    }
                    row.bulk(b"age-seconds");
                    row.double((now - entry.time) as f64 / 1000.0);
                    row.bulk(b"client-info");
                    row.bulk(entry.client.as_bytes());
                });
            }
        });
    }))
}
