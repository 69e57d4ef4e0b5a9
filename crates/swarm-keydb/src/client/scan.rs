//! Stream of all keys that match a pattern.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use super::{Client, Reply};
use crate::commands::{ScanOptions, ScanPage};
use crate::error::Result;

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
    /// Cursor of the next page; `None` once the last page was fetched.
    cursor: Option<u64>,
    page: VecDeque<Bytes>,
    request: Option<Reply<ScanPage>>,
    /// Set after a permanent error.
    failed: bool,
}

impl ScanStream {
    pub(super) const fn new(client: Client, options: ScanOptions, cursor: u64) -> Self {
        Self {
            client,
            options,
            cursor: Some(cursor),
            page: VecDeque::new(),
            request: None,
            failed: false,
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
        self.cursor
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        loop {
            if let Some(key) = self.page.pop_front() {
                return Poll::Ready(Some(Ok(key)));
            }
            let Some(cursor) = self.cursor.filter(|_| !self.failed) else {
                return Poll::Ready(None);
            };
            let request = self
                .request
                .get_or_insert_with(|| self.client.scan(cursor, self.options.clone()));
            let page = ready!(Pin::new(request).poll(cx));
            self.request = None;
            match page {
                Ok(page) => {
                    self.page = page.keys.into();
                    self.cursor = (page.cursor != 0).then_some(page.cursor);
                }
                Err(error) => {
                    self.failed = error.kind().is_final();
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
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
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}
