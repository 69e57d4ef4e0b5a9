//! All keys that match, as a stream.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use super::{Client, Reply};
use crate::commands::{KeyCommands, ScanOptions, ScanPage};
use crate::error::Result;

/// The keys of a store, page by page: see [`Client::scan_stream`].
///
/// An error is an item and never the end: the next poll asks for the same page again. What the end looks like is
/// `None`, and it comes only when the server said that there is no more.
///
/// # Cancel safety
///
/// No key is lost when a future of [`next`](Self::next) is dropped. Dropping the stream in the middle is no harm.
#[must_use = "nothing is asked for until the stream is polled"]
pub struct ScanStream {
    client: Client,
    options: ScanOptions,
    /// Where the next page begins; `None` when the last has come.
    cursor: Option<u64>,
    page: VecDeque<Bytes>,
    asked: Option<Reply<ScanPage>>,
}

impl ScanStream {
    pub(super) const fn new(client: Client, options: ScanOptions, cursor: u64) -> Self {
        Self {
            client,
            options,
            cursor: Some(cursor),
            page: VecDeque::new(),
            asked: None,
        }
    }

    /// The next key.
    pub async fn next(&mut self) -> Option<Result<Bytes>> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Where the next page begins, to go on from there another time; `None` when the last page has come. Keys of the
    /// page under way that were not taken yet are lost with the stream.
    pub const fn cursor(&self) -> Option<u64> {
        self.cursor
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        loop {
            if let Some(key) = self.page.pop_front() {
                return Poll::Ready(Some(Ok(key)));
            }
            let Some(cursor) = self.cursor else {
                return Poll::Ready(None);
            };
            let asked = self
                .asked
                .get_or_insert_with(|| self.client.scan(cursor, self.options.clone()));
            let page = ready!(Pin::new(asked).poll(cx));
            self.asked = None;
            match page {
                Ok(page) => {
                    self.page = page.keys.into();
                    self.cursor = (page.cursor != 0).then_some(page.cursor);
                }
                Err(error) => return Poll::Ready(Some(Err(error))),
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
