//! CLIENT subcommands that concern other connections.

use swarm_resp::Frame;

use super::call::{Call, Reply, ok};
use super::number;
use super::reject::Reject;
use super::table::{Spec, data};

#[rustfmt::skip]
pub(super) static COMMANDS: &[Spec] = &[
    data("CLIENT|NO-EVICT", 3, no_evict),
    data("CLIENT|UNBLOCK", -3, unblock),
];

/// `CLIENT NO-EVICT ON|OFF`: no connection is ever evicted.
fn no_evict(call: &mut Call<'_>) -> Reply {
    match call.arg(2).to_ascii_uppercase().as_slice() {
        b"ON" | b"OFF" => Ok(ok()),
        _ => Err(Reject::SYNTAX),
    }
}

/// `CLIENT UNBLOCK id [TIMEOUT|ERROR]`.
fn unblock(call: &mut Call<'_>) -> Reply {
    let with_error = match call.rest(3) {
        [] => false,
        [reason] if reason.eq_ignore_ascii_case(b"TIMEOUT") => false,
        [reason] if reason.eq_ignore_ascii_case(b"ERROR") => true,
        [_] => {
            return Err(Reject::text(
                "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
            ));
        }
        _ => {
            return Err(Reject::quoting(&[
                b"ERR unknown subcommand or wrong number of arguments for '",
                call.arg(1),
                b"'. Try CLIENT HELP.",
            ]));
        }
    };
    let id = u64::try_from(number::integer(call.arg(2))?);
    let unblocked = id.is_ok_and(|id| call.server.unblock(id, with_error));
    Ok(Frame::integer(unblocked.into()))
}
