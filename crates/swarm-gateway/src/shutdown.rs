//! Ending of connections: how a session or listener notices it, and how long it may take.

use std::time::Duration;

use tokio::sync::watch;

/// How long a gateway that shuts down waits for a client to read its pending replies.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Waits until a flag is set. A dropped sender counts as set.
pub(crate) async fn raised(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|raised| *raised).await;
}
