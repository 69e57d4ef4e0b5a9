//! Streams of all keys that match a pattern, and of the elements of one key.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use super::{Client, Reply};
use crate::commands::{ScanItems, ScanOptions, ScanPage};
use crate::error::Result;
use crate::key::ToKey;

/// Pages of a scan, and where it is.
struct Pages<P: Page> {
    /// Cursor of the next page; `None` once the last page was fetched.
    cursor: Option<u64>,
    page: VecDeque<P::Item>,
    request: Option<Reply<P>>,
    /// Set after a permanent error.
    failed: bool,
}

/// Page of a scan.
trait Page {
    type Item;

    /// Returns the cursor of the next page, and the items of this one.
    fn into_parts(self) -> (u64, Vec<Self::Item>);
}

impl Page for ScanPage {
    type Item = Bytes;

    fn into_parts(self) -> (u64, Vec<Bytes>) {
        (self.cursor, self.keys)
    }
}

impl<T> Page for ScanItems<T> {
    type Item = T;

    fn into_parts(self) -> (u64, Vec<T>) {
        (self.cursor, self.items)
    }
}

impl<P: Page> Pages<P> {
    const fn new(cursor: u64) -> Self {
        Self {
            cursor: Some(cursor),
            page: VecDeque::new(),
            request: None,
            failed: false,
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        fetch: impl Fn(u64) -> Reply<P>,
    ) -> Poll<Option<Result<P::Item>>> {
        loop {
            if let Some(item) = self.page.pop_front() {
                return Poll::Ready(Some(Ok(item)));
            }
            let Some(cursor) = self.cursor.filter(|_| !self.failed) else {
                return Poll::Ready(None);
            };
            let request = self.request.get_or_insert_with(|| fetch(cursor));
            let page = ready!(Pin::new(request).poll(cx));
            self.request = None;
            match page {
                Ok(page) => {
                    let (next, items) = page.into_parts();
                    self.page = items.into();
                    self.cursor = (next != 0).then_some(next);
                }
                Err(error) => {
                    self.failed = error.kind().is_final();
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

/// Stream of the keys of a store, fetched page by page. See [`Client::scan_stream`].
///
/// # Errors
///
/// A transient error, such as a timeout, is an item of the stream, and the next poll requests the
/// same page again. A permanent error (kind [`Closed`](crate::ErrorKind::Closed),
/// [`Argument`](crate::ErrorKind::Argument) or [`Config`](crate::ErrorKind::Config)) is the last
/// item. The stream then yields `None`, as it does after the last key.
///
/// # Cancel safety
///
/// Dropping a future of [`next`](Self::next) loses no key. The stream may be dropped at any time.
#[must_use = "no page is requested until the stream is polled"]
pub struct ScanStream {
    client: Client,
    options: ScanOptions,
    pages: Pages<ScanPage>,
}

impl ScanStream {
    pub(super) const fn new(client: Client, options: ScanOptions, cursor: u64) -> Self {
        Self {
            client,
            options,
            pages: Pages::new(cursor),
        }
    }

    /// Returns the next key, or `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes>> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Returns the cursor of the next page, or `None` once the last page was fetched. An error
    /// keeps the cursor, so [`scan_stream_from`](Client::scan_stream_from) can resume there. Keys
    /// of the current page that were not taken yet are not fetched again.
    pub const fn cursor(&self) -> Option<u64> {
        self.pages.cursor
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let (client, options) = (&self.client, &self.options);
        let fetch = |cursor| client.scan(cursor, options.clone());
        self.pages.poll(cx, fetch)
    }
}

impl Stream for ScanStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        self.poll(cx)
    }
}

impl fmt::Debug for ScanStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanStream")
            .field("cursor", &self.pages.cursor)
            .finish_non_exhaustive()
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
/// Dropping a future of [`next`](Self::next) loses no element. The stream may be dropped at any time.
#[must_use = "no page is requested until the stream is polled"]
pub struct ElementStream<T> {
    client: Client,
    key: Bytes,
    options: ScanOptions,
    fetch: Fetch<T>,
    pages: Pages<ScanItems<T>>,
}

/// Requests a page of the elements of a key.
type Fetch<T> = fn(&Client, &Bytes, u64, ScanOptions) -> Reply<ScanItems<T>>;

impl<T> ElementStream<T> {
    fn new(client: &Client, key: &impl ToKey, options: ScanOptions, fetch: Fetch<T>) -> Self {
        Self {
            client: client.clone(),
            key: Bytes::copy_from_slice(&key.to_key()),
            options,
            fetch,
            pages: Pages::new(0),
        }
    }

    /// Resumes at the [`cursor`](Self::cursor) of an earlier stream.
    pub fn from_cursor(mut self, cursor: u64) -> Self {
        self.pages = Pages::new(cursor);
        self
    }

    /// Returns the next element, or `None` at the end.
    pub async fn next(&mut self) -> Option<Result<T>> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Returns the cursor of the next page, or `None` once the last page was fetched. An error
    /// keeps the cursor, so [`from_cursor`](Self::from_cursor) of another stream can resume there.
    /// Elements of the current page that were not taken yet are not fetched again.
    pub const fn cursor(&self) -> Option<u64> {
        self.pages.cursor
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let (client, key, options) = (&self.client, &self.key, &self.options);
        let fetch = |cursor| (self.fetch)(client, key, cursor, options.clone());
        self.pages.poll(cx, fetch)
    }
}

impl<T: Unpin> Stream for ElementStream<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.poll(cx)
    }
}

impl<T> fmt::Debug for ElementStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ElementStream")
            .field("cursor", &self.pages.cursor)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Returns a stream of the fields of a hash and their values, which requests one page after
    /// another.
    ///
    /// The stream may yield a field twice if the hash changes during the scan. A field that exists
    /// throughout is yielded at least once.
    pub fn hscan_stream(
        &self,
        key: impl ToKey,
        options: ScanOptions,
    ) -> ElementStream<(Bytes, Bytes)> {
        ElementStream::new(self, &key, options, |client, key, cursor, options| {
            client.hscan(key, cursor, options)
        })
    }

    /// Returns a stream of the members of a set, which requests one page after another.
    ///
    /// The stream may yield a member twice if the set changes during the scan. A member that exists
    /// throughout is yielded at least once.
    pub fn sscan_stream(&self, key: impl ToKey, options: ScanOptions) -> ElementStream<Bytes> {
        ElementStream::new(self, &key, options, |client, key, cursor, options| {
            client.sscan(key, cursor, options)
        })
    }

    /// Returns a stream of the members of a sorted set and their scores, which requests one page
    /// after another, in no particular order.
    ///
    /// The stream may yield a member twice if the set changes during the scan. A member that exists
    /// throughout is yielded at least once.
    pub fn zscan_stream(
        &self,
        key: impl ToKey,
        options: ScanOptions,
    ) -> ElementStream<(Bytes, f64)> {
        ElementStream::new(self, &key, options, |client, key, cursor, options| {
            client.zscan(key, cursor, options)
        })
    }
}
