//! Dedicated connections that wait for their next use.

use std::sync::Arc;

use super::super::handle::ConnectionHandle;
use super::Dedicated;
use crate::runtime::{AbortHandle, timeout};
use crate::status::State;

/// An idle connection, and the task that removes it when its time is up or it dies.
#[derive(Debug)]
pub(super) struct Idle {
    connection: ConnectionHandle,
    keeper: AbortHandle,
}

impl Idle {
    pub(super) fn new(dedicated: &Arc<Dedicated>, connection: ConnectionHandle) -> Self {
        let mut state = connection.status().watch();
        let time = dedicated.limits().idle_timeout;
        let weak = connection.downgrade();
        let owner = Arc::downgrade(dedicated);
        let keeper = dedicated.factory.tasks.spawn(async move {
            let _dead_or_over = timeout(time, state.reached(State::Closed)).await;
            if let Some(dedicated) = owner.upgrade() {
                let is_other = |idle: &Self| !weak.is(&idle.connection);
                dedicated.lock().idle.retain(is_other);
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
