//! Pages of a scan, fetched one after another.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::Result;

/// Fetches pages.
pub(super) trait Walk: Send + 'static {
    type Item: Send;

    /// Fetches the next page; `None` after the last one. After an error, the next call goes on
    /// where the last page ended.
    fn page(&mut self) -> impl Future<Output = Result<Option<Vec<Self::Item>>>> + Send;
}

type Fetch<W> = Pin<Box<dyn Future<Output = Fetched<W>> + Send>>;

/// The walk after a page, and the page.
type Fetched<W> = (Box<W>, Result<Option<Vec<<W as Walk>::Item>>>);

enum State<W: Walk> {
    Idle(Box<W>),
    Fetching(Fetch<W>),
    Done,
}

/// Items of all pages.
pub(super) struct Pages<W: Walk> {
    page: VecDeque<W::Item>,
    state: State<W>,
}

impl<W: Walk> Pages<W> {
    pub(super) fn new(walk: W) -> Self {
        Self {
            page: VecDeque::new(),
            state: State::Idle(Box::new(walk)),
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<W::Item>>> {
        loop {
            if let Some(item) = self.page.pop_front() {
                return Poll::Ready(Some(Ok(item)));
            }
            let mut fetch: Fetch<W> = match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return Poll::Ready(None),
                State::Fetching(fetch) => fetch,
                State::Idle(mut walk) => Box::pin(async move {
                    let page = walk.page().await;
                    (walk, page)
                }),
            };
            let Poll::Ready((walk, page)) = fetch.as_mut().poll(cx) else {
                self.state = State::Fetching(fetch);
                return Poll::Pending;
            };
            match page {
                Ok(Some(page)) => {
                    self.page = page.into();
                    self.state = State::Idle(walk);
                }
                Ok(None) => {}
                Err(error) => {
                    if !error.kind().is_final() {
                        self.state = State::Idle(walk);
                    }
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}
