//! What is known about one connection.

use super::meter::Meter;
use crate::pool::ConnectionId;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Dialing,
    Open,
    /// Takes no more calls, and is closed when it owes no reply.
    Closing,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) phase: Phase,
    /// Whether a reply has arrived on it.
    pub(super) has_answered: bool,
    /// Whether it was opened for the trial that is in progress.
    pub(super) is_on_trial: bool,
    pub(super) meter: Meter,
}

impl Connection {
    pub(super) fn new(id: ConnectionId) -> Self {
        Self {
            id,
            phase: Phase::Dialing,
            has_answered: false,
            is_on_trial: false,
            meter: Meter::default(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    pub(super) fn is_dialing(&self) -> bool {
        self.phase == Phase::Dialing
    }
}
