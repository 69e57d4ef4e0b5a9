//! Embedded in-memory store with the semantics of Redis 7.

mod acl;
mod admin;
mod alone;
mod bitmaps;
mod blocking;
mod bzpop;
mod call;
mod check;
mod clients;
mod command;
mod config;
mod connection;
mod databases;
mod deadlines;
mod dump;
mod elements;
mod evict;
mod expire;
mod float;
mod geo;
mod glob;
mod hashes;
mod help;
mod hyperloglog;
mod info;
mod interleave;
mod keys;
mod keyspace;
mod latency;
mod lcs;
mod limits;
mod link;
mod lists;
mod login;
mod memory_stats;
mod monitor;
mod notify;
mod number;
mod object;
mod ordered;
mod pause;
mod pubsub;
mod ranges;
mod ready;
mod record;
mod reject;
mod scan;
mod script;
mod server;
mod sets;
mod silence;
mod slowlog;
mod snapshot;
mod sort;
mod sorted_sets;
mod streams;
mod strings;
mod table;
mod tracking;
mod traits;
mod transaction;
mod upstream;
mod values;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Backend, Client, Link};
use crate::clock::Clock;
use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::snapshot::Snapshot;
use config::Config;
use databases::Databases;
use keyspace::Keyspace;
use link::MemoryLink;
use server::Server;

pub(crate) use interleave::Pacing;

/// The store, shared by all connections. Runs one command at a time, as Redis does.
pub(crate) struct Memory {
    store: Arc<Store>,
}

struct Store {
    state: Mutex<State>,
    clock: Clock,
    /// Set if commands are interleaved instead of atomic.
    pace: Option<Arc<Pacing>>,
}

/// All data that commands read and modify.
#[derive(Debug)]
struct State {
    keyspace: Keyspace,
    server: Server,
}

impl Memory {
    /// Creates an empty store with Redis's commands, or SwarmKeyDb's.
    pub(crate) fn new(
        clock: Clock,
        pace: Option<Pacing>,
        lost_wake_ups: f64,
        dialect: Dialect,
    ) -> Self {
        let mut state = State {
            keyspace: Keyspace::new(dialect),
            server: Server::default(),
        };
        // Deployed servers have a single database.
        let databases = if state.keyspace.is_by_command() || pace.is_some() {
            1
        } else {
            databases::DATABASES
        };
        state.server.databases = Databases::new(&state.keyspace, databases);
        state.server.config = Config::new(databases);
        state.server.lost_wake_ups = lost_wake_ups;
        state.server.started = clock.unix_millis();
        Self {
            store: Arc::new(Store {
                state: Mutex::new(state),
                clock,
                pace: pace.map(Arc::new),
            }),
        }
    }
}

impl Store {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for Memory {
    fn paces_writes(&self) -> bool {
        self.store.pace.is_some()
    }

    fn crashed(&self) {
        self.store.lock().server.crash();
    }

    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let now = self.store.clock.unix_millis();
        Ok(self.store.lock().snapshot(now))
    }

    fn restore(&self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let now = self.store.clock.unix_millis();
        self.store.lock().restore(snapshot, now)
    }

    fn open(&self, client: Client) -> Box<dyn Link> {
        Box::new(MemoryLink::open(self.store.clone(), client))
    }
}
