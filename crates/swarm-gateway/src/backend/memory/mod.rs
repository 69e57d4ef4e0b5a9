//! The embedded store: Redis 7's semantics in memory, for tests that take milliseconds.

mod call;
mod connection;
mod expire;
mod keys;
mod keyspace;
mod number;
mod reject;
mod strings;
mod table;

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use swarm_resp::Frame;

use super::{Backend, Called, Client, Link};
use crate::clock::Clock;
use call::Call;
use keyspace::Keyspace;
use table::Spec;

/// The store, shared by all connections. One command runs at a time, as in Redis.
pub(crate) struct Memory {
    store: Arc<Store>,
}

struct Store {
    keyspace: Mutex<Keyspace>,
    clock: Clock,
}

impl Memory {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            store: Arc::new(Store {
                keyspace: Mutex::default(),
                clock,
            }),
        }
    }
}

impl Backend for Memory {
    fn open(&self, client: Client) -> Box<dyn Link> {
        Box::new(MemoryLink {
            store: self.store.clone(),
            client,
        })
    }
}

/// One connection's state in the store.
struct MemoryLink {
    store: Arc<Store>,
    client: Client,
}

impl Link for MemoryLink {
    fn call(&mut self, name: &str, args: Vec<Bytes>) -> Called {
        let spec = match table::find(name, &args) {
            Ok(spec) => spec,
            Err(reject) => {
                let obstacle = self.client.faults.obstacle(name);
                self.client.outbox.reply(reject.into(), obstacle);
                return Called::Done;
            }
        };
        self.run(spec, name, &args);
        Called::Done
    }
}

impl MemoryLink {
    fn run(&self, spec: &Spec, name: &str, args: &[Bytes]) {
        let mut keyspace = (self.store.keyspace.lock()).unwrap_or_else(PoisonError::into_inner);
        let now = self.store.clock.unix_millis();
        keyspace.expire_due(now);
        let reply = (spec.run)(&mut Call {
            keyspace: &mut keyspace,
            args,
            now,
        });
        // Counted and answered before the store is unlocked, so that both show in the order of execution.
        self.client.faults.count(name);
        let obstacle = self.client.faults.obstacle(name);
        let frame = reply.unwrap_or_else(Frame::from);
        self.client.outbox.reply(frame, obstacle);
    }
}
