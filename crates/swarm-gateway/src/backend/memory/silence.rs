//! CLIENT REPLY: commands without replies.

use bytes::Bytes;

use super::State;
use super::call::ok;
use super::link::{Local, Replies};
use super::reject::Reject;
use crate::outbox::Muted;

const NO_SILENCE: Reject = Reject::text(
    "ERR CLIENT REPLY OFF and SKIP need a connection; over HTTP, every request has a reply",
);

/// `CLIENT REPLY ON|OFF|SKIP`.
pub(super) fn client_reply(local: &mut Local, _: &mut State, args: &[Bytes], _: i64) -> Replies {
    let mode = args.get(2).map(|mode| mode.to_ascii_uppercase());
    let muted = match mode.as_deref().unwrap_or_default() {
        b"ON" => Muted::No,
        b"OFF" => Muted::Yes,
        b"SKIP" => Muted::Next,
        _ => return Err(Reject::SYNTAX),
    };
    let outbox = &local.client.outbox;
    match muted {
        Muted::No => {
            outbox.set_muted(muted);
            return Ok(vec![ok()]);
        }
        _ if local.client.is_http => return Err(NO_SILENCE),
        Muted::Next if outbox.is_silent() => {}
        muted => outbox.set_muted(muted),
    }
    Ok(Vec::new())
}
