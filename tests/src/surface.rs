//! API surfaces that can run a command, so that one suite covers all of them.

use std::future::{Ready, ready};

use futures_util::future::Either;
use swarm_keydb::{
    Bytes, Client, Command, Error, Executor, Reply, Result, ScanOptions, ScanStream, blocking,
};

/// A client and the API used to run commands.
#[derive(Debug, Clone)]
pub enum Surface {
    /// The async client.
    Async(Client),
    /// The blocking client.
    Blocking(blocking::Client),
    /// A separate pipeline for each command.
    Pipeline(blocking::Client),
    /// A separate bulk for each command.
    Bulk(blocking::Client),
    /// A separate transaction for each command.
    Transaction(blocking::Client),
}

impl Surface {
    /// Returns all surfaces of two clients of the same server.
    pub fn all(client: &Client, blocking: &blocking::Client) -> [Self; 5] {
        [
            Self::Async(client.clone()),
            Self::Blocking(blocking.clone()),
            Self::Pipeline(blocking.clone()),
            Self::Bulk(blocking.clone()),
            Self::Transaction(blocking.clone()),
        ]
    }

    /// Returns the surface's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Async(_) => "async",
            Self::Blocking(_) => "blocking",
            Self::Pipeline(_) => "pipeline",
            Self::Bulk(_) => "bulk",
            Self::Transaction(_) => "transaction",
        }
    }

    /// Scans all keys that match.
    pub fn scan_stream(&self, options: ScanOptions) -> Scan {
        match self {
            Self::Async(client) => Scan::Async(client.scan_stream(options)),
            Self::Blocking(client)
            | Self::Pipeline(client)
            | Self::Bulk(client)
            | Self::Transaction(client) => Scan::Blocking(client.scan_iter(options)),
        }
    }
}

impl Executor for Surface {
    type Output<R> = Either<Reply<R>, Ready<Result<R>>>;

    fn execute<R>(&self, command: Command<R>) -> Self::Output<R> {
        let result = match self {
            Self::Async(client) => return Either::Left(client.execute(command)),
            Self::Blocking(client) => client.execute(command),
            Self::Pipeline(client) => {
                let pipeline = client.pipeline();
                let handle = pipeline.execute(command);
                pipeline.send(handle).and_then(|reply| reply)
            }
            Self::Bulk(client) => {
                let bulk = client.bulk();
                let handle = bulk.execute(command);
                bulk.send(handle).and_then(|reply| reply)
            }
            Self::Transaction(client) => {
                let transaction = client.transaction();
                let handle = transaction.execute(command);
                transaction.exec(handle).and_then(|reply| reply)
            }
        };
        Either::Right(ready(result))
    }
}

/// A scan of keys.
#[derive(Debug)]
pub enum Scan {
    /// A stream.
    Async(ScanStream),
    /// An iterator.
    Blocking(blocking::Scan),
}

impl Scan {
    /// Returns the next key.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        match self {
            Self::Async(stream) => stream.next().await,
            Self::Blocking(iterator) => iterator.next(),
        }
    }

    /// Returns the cursor of the next page.
    pub const fn cursor(&self) -> Option<u64> {
        match self {
            Self::Async(stream) => stream.cursor(),
            Self::Blocking(iterator) => iterator.cursor(),
        }
    }
}
