//! One client's line to the Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use swarm_resp::RespVersion;
use tokio::sync::{mpsc, oneshot};

use super::pump::Pump;
use super::upstream::Address;
use crate::backend::{Called, Client, Link};

/// What a session wants of its pump.
pub(super) enum Job {
    Call {
        name: String,
        args: Vec<Bytes>,
        /// Tells that the replies are in the outbox. When nobody waits for that any more, the command is withdrawn.
        done: oneshot::Sender<()>,
    },
    Greet {
        protocol: Option<RespVersion>,
        name: Option<Bytes>,
        /// The connection's number, or the text of a refusal.
        done: oneshot::Sender<Result<u64, String>>,
    },
}

/// The session's end of a line; the other end is a [`Pump`], which ends with it.
pub(super) struct RedisLink {
    jobs: mpsc::UnboundedSender<Job>,
    in_transaction: Arc<AtomicBool>,
}

impl RedisLink {
    pub(super) fn open(address: Arc<Address>, client: Client) -> Self {
        // A session waits for each job before it gives the next, so that at most one is in the queue.
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
        // A pump that is gone has put the connection's end into the outbox.
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
        let lost = || Err("ERR the gateway has lost its Redis".to_owned());
        over.map(move |done| done.unwrap_or_else(|_| lost()))
            .boxed()
    }
}

/// Whether a command may wait for data, so that a client which is gone must not be served any more.
fn waits(name: &str, args: &[Bytes]) -> bool {
    match name {
        "BLPOP" | "BRPOP" | "BLMOVE" | "BLMPOP" | "BRPOPLPUSH" | "BZPOPMIN" | "BZPOPMAX"
        | "BZMPOP" | "WAIT" | "WAITAOF" => true,
        "XREAD" | "XREADGROUP" => args.iter().any(|arg| arg.eq_ignore_ascii_case(b"BLOCK")),
        _ => false,
    }
}
