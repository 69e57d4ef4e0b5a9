//! Connections that wait for the next lease.

use std::sync::Arc;

use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::Leases;
use crate::request_reply::ConnectionHandle;
use crate::status::State;

/// An idle connection, and the task that removes it when its time is up or it dies.
#[derive(Debug)]
pub(super) struct Idle {
    connection: ConnectionHandle,
    keeper: AbortHandle,
}

impl Idle {
    pub(super) fn new(leases: &Arc<Leases>, connection: ConnectionHandle) -> Self {
        let mut state = connection.status().watch();
        let time = leases.limits().idle_timeout;
        let weak = connection.downgrade();
        let pool = Arc::downgrade(leases);
        let keeper = leases.factory.tasks.spawn(async move {
            let _dead_or_over = timeout(time, state.reached(State::Closed)).await;
            if let Some(leases) = pool.upgrade() {
                let is_other = |idle: &Self| !weak.is(&idle.connection);
                leases.lock().idle.retain(is_other);
            }
        });
        Self {
            connection,
            keeper: keeper.abort_handle(),
        }
    }

    pub(super) const fn connection(&self) -> &ConnectionHandle {
        &self.connection
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}
