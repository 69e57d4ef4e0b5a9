//! Session end of a client's connection to Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use swarm_resp::RespVersion;
use tokio::sync::{mpsc, oneshot};

use super::pump::{Job, Pump};
use super::upstream::Address;
use crate::backend::{Called, Client, Link};

/// Session end of an upstream connection. The other end is a [`Pump`], which stops when this handle
/// is dropped.
pub(super) struct RedisLink {
    jobs: mpsc::UnboundedSender<Job>,
    in_transaction: Arc<AtomicBool>,
}

impl RedisLink {
    pub(super) fn open(address: Arc<Address>, client: Client) -> Self {
        // A session awaits each job before it submits the next, so the queue never holds more than
        // one.
        let (jobs, queue) = mpsc::unbounded_channel();
        let in_transaction = Arc::new(AtomicBool::new(false));
        let pump = Pump::new(address, client, in_transaction.clone());
        tokio::spawn(pump.run(queue));
        Self {
            jobs,
            in_transaction,
        }
    }
}

impl Link for RedisLink {
    fn call(&mut self, name: &str, args: Vec<Bytes>) -> Called {
        let waits = waits(name, &args);
        let (done, over) = oneshot::channel();
        let name = name.to_owned();
        // If the pump has stopped, it has already put the connection's end into the outbox.
        let _ = self.jobs.send(Job::Call { name, args, done });
        let over = over.map(drop).boxed();
        if waits {
            Called::Blocked(over)
        } else {
            Called::Soon(over)
        }
    }

    fn in_transaction(&self) -> bool {
        self.in_transaction.load(Ordering::Relaxed)
    }

    fn greet(
        &mut self,
        protocol: Option<RespVersion>,
        name: Option<&Bytes>,
    ) -> BoxFuture<'static, Result<u64, String>> {
        let (done, over) = oneshot::channel();
        let name = name.cloned();
        let _ = self.jobs.send(Job::Greet {
            protocol,
            name,
            done,
        });
        let lost = || Err("ERR the gateway lost its connection to Redis".to_owned());
        over.map(move |done| done.unwrap_or_else(|_| lost()))
            .boxed()
    }
}

/// Returns whether a command may block waiting for data; such a command is canceled when its client
/// disconnects.
fn waits(name: &str, args: &[Bytes]) -> bool {
    match name {
        "BLPOP" | "BRPOP" | "BLMOVE" | "BLMPOP" | "BRPOPLPUSH" | "BZPOPMIN" | "BZPOPMAX"
        | "BZMPOP" | "WAIT" | "WAITAOF" => true,
        "XREAD" | "XREADGROUP" => args.iter().any(|arg| arg.eq_ignore_ascii_case(b"BLOCK")),
        _ => false,
    }
}
