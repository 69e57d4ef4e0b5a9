//! Substitutes for SwarmKeyDb's own commands. Replies have the server's format, and backups can be
//! restored.

use bytes::Bytes;
use swarm_resp::Frame;

use super::call::{Call, Reply, count, ok};
use super::keyspace::{Expiry, Value};
use super::reject::Reject;

/// Saved keys: key, value, and deadline.
pub(super) type Backup = Vec<(Bytes, Value, Option<i64>)>;

/// `BACKUP`: copies all keys and replies with a reference to the copy.
pub(super) fn backup(call: &mut Call<'_>) -> Reply {
    let copy: Backup = (call.keyspace.from(0))
        .map(|(_, key, value)| {
            let deadline = call.keyspace.deadline(key).flatten();
            (key.clone(), value.clone(), deadline)
        })
        .collect();
    let reference = Bytes::from(format!("{:064x}", call.server.backups.len() + 1));
    call.server.backups.insert(reference.clone(), copy);
    Ok(Frame::bulk(reference))
}

/// `RESTOREDB reference [key]`: restores all keys of a backup, or one of them, and replies with
/// their number.
pub(super) fn restoredb(call: &mut Call<'_>) -> Reply {
    let (reference, only) = match call.rest(1) {
        [reference] => (reference, None),
        [reference, key] => (reference, Some(key)),
        _ => return Err(Reject::arity("restoredb")),
    };
    let copy = call.server.backups.get(reference);
    let copy = copy.ok_or(Reject::text("ERR no backup has this reference"))?;
    let mut restored = 0;
    for (key, value, deadline) in copy {
        if only.is_none_or(|only| only == key) {
            let expiry = deadline.map_or(Expiry::Never, Expiry::At);
            call.keyspace.set(key, value.clone(), expiry);
            restored += 1;
        }
    }
    Ok(count(restored))
}

/// `ROTATEKEY old new`: no effect, because nothing is encrypted.
pub(super) fn rotatekey(_: &mut Call<'_>) -> Reply {
    Ok(Frame::bulk("rotated"))
}

/// `BACKENDMETA key`: metadata of a key, or null.
pub(super) fn backendmeta(call: &mut Call<'_>) -> Reply {
    let value = call.keyspace.get(call.arg(1));
    Ok(value.map_or_else(Frame::null, |value| {
        let name = value.type_name();
        Frame::bulk(format!("{{\"backend\":\"memory\",\"type\":\"{name}\"}}"))
    }))
}

/// `SWARM.RESYNC [PARTIAL|FULL]`: no effect, because there is no second store.
pub(super) fn resync(call: &mut Call<'_>) -> Reply {
    let mode = match call.rest(1) {
        [] => "partial",
        [mode] if mode.eq_ignore_ascii_case(b"PARTIAL") => "partial",
        [mode] if mode.eq_ignore_ascii_case(b"FULL") => "full",
        _ => return Err(Reject::SYNTAX),
    };
    Ok(Frame::bulk(format!("{{\"mode\":\"{mode}\",\"keys\":0}}")))
}

/// `AUTHADDR 0x…` and `AUTHDID did [message signature]`: accepts every identity.
pub(super) fn identity(_: &mut Call<'_>) -> Reply {
    Ok(ok())
}
