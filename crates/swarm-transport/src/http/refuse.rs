//! Commands that depend on a connection or wait for an event, which a single HTTP request cannot
//! carry.

use swarm_resp::RequestRef;

use crate::RequestRejection;
use crate::facts::facts;

/// Rejects a request that needs more than one HTTP exchange.
pub(super) fn check(request: RequestRef<'_>) -> Result<(), RequestRejection> {
    let args = request.args();
    let facts = facts(&args);
    let needs = if !facts.stateless {
        "sessions"
    } else if facts.blocks(&args) {
        "blocking commands"
    } else {
        return Ok(());
    };
    Err(RequestRejection::Unsupported {
        command: String::from_utf8_lossy(request.name()).to_ascii_uppercase(),
        needs,
        transport: "HTTP",
    })
}
