//! Contestants, and the loops that drive them, which are the same for all clients.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;

use crate::row::{Row, Work};

/// Runs the work of a row.
pub trait Contestant: Send + Sync {
    /// Runs all of the row's work in tasks of the runtime.
    fn work(&self, row: &Row) -> impl Future<Output = ()> + Send;
}

/// A client that tasks share by cloning it.
pub trait Shared: Clone + Send + Sync + 'static {
    /// Representation of a value to store.
    type Value: Send + Sync + 'static;

    fn value(bytes: Bytes) -> Self::Value;

    fn set(&self, value: &Self::Value) -> impl Future<Output = ()> + Send;

    /// Gets the value in the representation that is cheapest for the client.
    fn get(&self) -> impl Future<Output = ()> + Send;

    /// Gets the value `count` times in a pipeline.
    fn pipeline(&self, count: usize) -> impl Future<Output = ()> + Send;
}

impl<C: Shared> Contestant for C {
    async fn work(&self, row: &Row) {
        let value = Arc::new(C::value(vec![b'x'; row.value].into()));
        let (work, commands) = (row.work, row.commands);
        let tasks: Vec<_> = (0..row.tasks)
            .map(|_| tokio::spawn(task(self.clone(), work, commands, Arc::clone(&value))))
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
}

async fn task<C: Shared>(client: C, work: Work, commands: usize, value: Arc<C::Value>) {
    match work {
        Work::SetAndGet => {
            for n in 0..commands {
                if n % 2 == 0 {
                    client.set(&value).await;
                } else {
                    client.get().await;
                }
            }
        }
        Work::Get => {
            for _ in 0..commands {
                client.get().await;
            }
        }
        Work::Pipeline => client.pipeline(commands).await,
        Work::Joined => {
            join_all((0..commands).map(|_| client.get())).await;
        }
    }
}
