//! Connections that wait for the next lease.

use std::sync::Arc;

use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::Leases;
use crate::request_reply::Mailbox;
use crate::status::State;

/// An idle connection, and the task that removes it when its time is up or it dies.
#[derive(Debug)]
pub(super) struct Idle {
    mailbox: Mailbox,
    keeper: AbortHandle,
}

impl Idle {
    pub(super) fn new(leases: &Arc<Leases>, mailbox: Mailbox) -> Self {
        let mut state = mailbox.status().watch();
        let time = leases.limits().idle_timeout;
        let connection = mailbox.downgrade();
        let pool = Arc::downgrade(leases);
        let keeper = leases.factory.tasks.spawn(async move {
            let _dead_or_over = timeout(time, state.reached(State::Closed)).await;
            if let Some(leases) = pool.upgrade() {
                let is_other = |idle: &Self| !connection.is(&idle.mailbox);
                leases.lock().idle.retain(is_other);
            }
        });
        Self {
            mailbox,
            keeper: keeper.abort_handle(),
        }
    }

    pub(super) const fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}
