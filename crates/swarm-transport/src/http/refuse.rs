//! Commands that mean nothing, or something else, where every request stands alone.

use swarm_resp::RequestRef;

use crate::RequestRejection;

const SESSION: &str = "sessions";
const BLOCKING: &str = "blocking commands";

/// Commands whose effect is on their connection.
const OF_A_SESSION: [&str; 27] = [
    "ASKING",
    "AUTH",
    "AUTHADDR",
    "AUTHDID",
    "CLIENT",
    "DISCARD",
    "EXEC",
    "HELLO",
    "MONITOR",
    "MULTI",
    "PSUBSCRIBE",
    "PSYNC",
    "PUNSUBSCRIBE",
    "QUIT",
    "READONLY",
    "READWRITE",
    "REPLCONF",
    "RESET",
    "SELECT",
    "SSUBSCRIBE",
    "SUBSCRIBE",
    "SUNSUBSCRIBE",
    "SWAPDB",
    "SYNC",
    "UNSUBSCRIBE",
    "UNWATCH",
    "WATCH",
];

/// Commands that wait for something to happen.
const THAT_BLOCK: [&str; 10] = [
    "BLMOVE",
    "BLMPOP",
    "BLPOP",
    "BRPOP",
    "BRPOPLPUSH",
    "BZMPOP",
    "BZPOPMAX",
    "BZPOPMIN",
    "WAIT",
    "WAITAOF",
];

/// Refuses what needs more than one request and its answer.
pub(super) fn check(request: RequestRef<'_>) -> Result<(), RequestRejection> {
    let name = request.name();
    let is_one_of = |names: &[&str]| {
        names
            .iter()
            .any(|other| name.eq_ignore_ascii_case(other.as_bytes()))
    };
    let needs = if is_one_of(&OF_A_SESSION) {
        SESSION
    } else if is_one_of(&THAT_BLOCK) || is_one_of(&["XREAD", "XREADGROUP"]) && blocks(request) {
        BLOCKING
    } else {
        return Ok(());
    };
    Err(RequestRejection::Unsupported {
        command: String::from_utf8_lossy(name).to_ascii_uppercase(),
        needs,
        transport: "HTTP",
    })
}

/// Whether a read of streams has a BLOCK option, which stands before the keys.
fn blocks(request: RequestRef<'_>) -> bool {
    request
        .args()
        .take_while(|arg| !arg.eq_ignore_ascii_case(b"STREAMS"))
        .any(|arg| arg.eq_ignore_ascii_case(b"BLOCK"))
}
