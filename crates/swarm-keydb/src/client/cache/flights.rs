//! Requests in flight, so that callers who miss the same value share one request.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::validity::Stamp;

/// Requests in flight by their encoded form. `F` refers to the work of one of them.
#[derive(Debug)]
pub(super) struct Flights<F>(Mutex<State<F>>);

#[derive(Debug)]
struct State<F> {
    next: u64,
    flights: HashMap<Bytes, Flight<F>>,
}

#[derive(Debug)]
struct Flight<F> {
    id: FlightId,
    stamp: Stamp,
    work: F,
}

/// Distinguishes requests in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FlightId(u64);

impl<F> Default for Flights<F> {
    fn default() -> Self {
        Self(Mutex::new(State {
            next: 0,
            flights: HashMap::new(),
        }))
    }
}

impl<F> Flights<F> {
    /// Joins the request in flight, or begins one.
    ///
    /// A caller joins only if the key has not been changed since the request was sent, because it
    /// may have learned of the change, and must not get an older value.
    pub(super) fn join_or_begin<J>(
        &self,
        request: &Bytes,
        stamp: Stamp,
        join: impl FnOnce(&F) -> Option<J>,
        begin: impl FnOnce(FlightId) -> (F, J),
    ) -> J {
        let mut state = self.lock();
        let current = state.flights.get(request);
        if let Some(joined) = current
            .filter(|flight| flight.stamp == stamp)
            .and_then(|flight| join(&flight.work))
        {
            return joined;
        }
        let id = FlightId(state.next);
        state.next += 1;
        let (work, joined) = begin(id);
        let flight = Flight { id, stamp, work };
        state.flights.insert(request.clone(), flight);
        joined
    }

    /// Removes a request that has ended.
    pub(super) fn end(&self, request: &Bytes, id: FlightId) {
        let mut state = self.lock();
        if (state.flights.get(request)).is_some_and(|flight| flight.id == id) {
            state.flights.remove(request);
        }
    }

    /// Returns the number of requests in flight.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().flights.len()
    }

    fn lock(&self) -> MutexGuard<'_, State<F>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
