//! Awaits several futures at once.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Polls futures in order until all are done, and returns their results in the same order.
pub(super) async fn join_all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut pending: Vec<Result<F::Output, Pin<Box<F>>>> = futures
        .into_iter()
        .map(|future| Err(Box::pin(future)))
        .collect();
    poll_fn(|cx| {
        let mut is_done = true;
        for place in &mut pending {
            if let Err(future) = place {
                match future.as_mut().poll(cx) {
                    Poll::Ready(output) => *place = Ok(output),
                    Poll::Pending => is_done = false,
                }
            }
        }
        if is_done {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    pending.into_iter().filter_map(Result::ok).collect()
}
