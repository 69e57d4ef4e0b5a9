//! DEBUG: what Redis' own tests need.

use super::call::{Call, Reply, ok};
use super::reject::Reject;

/// `DEBUG SET-DISABLE-DENY-SCRIPTS 0|1`: whether scripts may call commands that Redis denies them.
pub(super) fn debug(call: &mut Call<'_>) -> Reply {
    let option = call.arg(1);
    match call.rest(2) {
        [value] if option.eq_ignore_ascii_case(b"SET-DISABLE-DENY-SCRIPTS") => {
            call.server.allows_scripts_all = value.as_ref() == b"1";
            Ok(ok())
        }
        _ => Err(Reject::quoting(&[
            b"ERR unknown subcommand or wrong number of arguments for '",
            option,
            b"'. Try DEBUG HELP.",
        ])),
    }
}
