//! Streams of all keys of a cluster, and of the elements of one key.

mod coverage;
mod elements;
mod keys;
mod pages;
#[cfg(test)]
mod tests;
mod view;

use std::borrow::Cow;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;

use super::client::Client;
use super::slot::slot_of;
use crate::command::{Command, Executor};
use crate::commands::{HashCommands, ScanItems, ScanOptions, SetCommands, SortedSetCommands};
use crate::error::{Error, Result};
use crate::failure::{Failure, Late, Wait};
use crate::key::ToKey;
use elements::Elements;
use keys::Keys;
use pages::Pages;

/// First and longest delay before a node is asked again after a disagreement about slots.
const FIRST_DELAY: Duration = Duration::from_millis(10);
const LONGEST_DELAY: Duration = Duration::from_millis(500);

/// No node admits to have what is scanned.
fn not_found(command: &'static str) -> Error {
    let failure = Failure::Timeout(Arc::new(Late {
        sent: false,
        wait: Wait::Slot,
        ..Late::default()
    }));
    Error::from_failure(failure).for_command(Cow::Borrowed(command))
}

/// Stream of the keys of a cluster, fetched page by page. See [`Client::scan_stream`].
///
/// # Errors
///
/// A transient error, such as a timeout, is an item of the stream, and the next poll goes on where
/// the last page ended. A permanent error (kind [`Closed`](crate::ErrorKind::Closed),
/// [`Argument`](crate::ErrorKind::Argument) or [`Config`](crate::ErrorKind::Config)) is the last
/// item. The stream then yields `None`, as it does after the last key.
///
/// # Cancel safety
///
/// Dropping a future of [`next`](Self::next) loses no key. The stream may be dropped at any time.
#[must_use = "no page is requested until the stream is polled"]
pub struct ScanStream(Pages<Keys>);

impl ScanStream {
    /// Returns the next key, or `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes>> {
        poll_fn(|cx| self.0.poll(cx)).await
    }
}

impl Stream for ScanStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        self.0.poll(cx)
    }
}

impl fmt::Debug for ScanStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanStream").finish_non_exhaustive()
    }
}

/// Stream of the elements of a hash, a set or a sorted set, fetched page by page. See
/// [`Client::hscan_stream`], [`Client::sscan_stream`] and [`Client::zscan_stream`].
///
/// # Errors
///
/// As for [`ScanStream`]: after a transient error, the next poll requests the same page again. A
/// permanent error is the last item.
///
/// # Cancel safety
///
/// Dropping a future of [`next`](Self::next) loses no element. The stream may be dropped at any
/// time.
#[must_use = "no page is requested until the stream is polled"]
pub struct ElementStream<T: Send + 'static>(Pages<Elements<T>>);

impl<T: Send + 'static> ElementStream<T> {
    fn new<K: ToKey>(
        client: &Client,
        key: &K,
        build: impl Fn(&Bytes, u64) -> Command<ScanItems<T>> + Send + Sync + 'static,
    ) -> Self {
        let key = Bytes::copy_from_slice(&key.to_key());
        let slot = slot_of(&key);
        let build = Box::new(move |cursor| build(&key, cursor));
        Self(Pages::new(Elements::new(&client.handle, slot, build)))
    }

    /// Returns the next element, or `None` at the end.
    pub async fn next(&mut self) -> Option<Result<T>> {
        poll_fn(|cx| self.0.poll(cx)).await
    }
}

impl<T: Send + Unpin + 'static> Stream for ElementStream<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.0.poll(cx)
    }
}

impl<T: Send + 'static> fmt::Debug for ElementStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ElementStream").finish_non_exhaustive()
    }
}

/// Returns commands instead of sending them.
struct Commands;

impl Executor for Commands {
    type Output<R> = Command<R>;

    fn execute<R>(&self, command: Command<R>) -> Command<R> {
        command
    }
}

/// # Scans
///
/// A cursor belongs to one node, so the streams have none to resume at.
impl Client {
    /// Returns a stream of the keys of all primaries, which requests one page after another.
    ///
    /// A key that exists throughout the scan is yielded at least once, also if its slot moves to
    /// another node or a replica takes over. A key may be yielded more than once, in particular if
    /// its slot moves; keys that come or go during the scan may be yielded or not. There
    /// are two exceptions: a failover in which the new primary lacks the key, and a repair that
    /// moves keys back to the node that they have just left.
    ///
    /// The client asks each node before and after its scan which slots it has, and scans again
    /// where slots have moved meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// use swarm_keydb::{ScanOptions, cluster::Client};
    ///
    /// # async fn example(client: Client) -> swarm_keydb::Result<()> {
    /// let mut keys = client.scan_stream(ScanOptions::new().matching("session:*").count(1_000));
    /// while let Some(key) = keys.next().await {
    ///     println!("{:?}", key?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn scan_stream(&self, options: ScanOptions) -> ScanStream {
        ScanStream(Pages::new(Keys::new(&self.handle, options)))
    }

    /// Returns a stream of the fields of a hash and their values, which requests one page after
    /// another.
    ///
    /// The stream may yield a field twice if the hash changes or its slot moves during the scan. A
    /// field that exists throughout is yielded at least once.
    pub fn hscan_stream(
        &self,
        key: impl ToKey,
        options: ScanOptions,
    ) -> ElementStream<(Bytes, Bytes)> {
        ElementStream::new(self, &key, move |key, cursor| {
            HashCommands::hscan(&Commands, key, cursor, options.clone())
        })
    }

    /// Returns a stream of the members of a set, which requests one page after another.
    ///
    /// The stream may yield a member twice if the set changes or its slot moves during the scan. A
    /// member that exists throughout is yielded at least once.
    pub fn sscan_stream(&self, key: impl ToKey, options: ScanOptions) -> ElementStream<Bytes> {
        ElementStream::new(self, &key, move |key, cursor| {
            SetCommands::sscan(&Commands, key, cursor, options.clone())
        })
    }

    /// Returns a stream of the members of a sorted set and their scores, which requests one page
    /// after another, in no particular order.
    ///
    /// The stream may yield a member twice if the set changes or its slot moves during the scan. A
    /// member that exists throughout is yielded at least once.
    pub fn zscan_stream(
        &self,
        key: impl ToKey,
        options: ScanOptions,
    ) -> ElementStream<(Bytes, f64)> {
        ElementStream::new(self, &key, move |key, cursor| {
            SortedSetCommands::zscan(&Commands, key, cursor, options.clone())
        })
    }
}
