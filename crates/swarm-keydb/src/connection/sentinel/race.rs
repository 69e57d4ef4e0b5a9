//! Several attempts, each started some time after the previous one: the first result counts.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use swarm_transport::BoxFuture;

use crate::runtime::{Sleep, sleep};

/// Runs attempts until one returns `Ok`. Each starts when those before it have failed, or have
/// taken longer than `stagger`. Returns the errors of all if none succeeds.
pub(super) async fn first<T, E>(
    attempts: Vec<BoxFuture<'_, Result<T, E>>>,
    stagger: Duration,
) -> Result<T, Vec<E>> {
    let mut left = attempts.into_iter();
    let mut running: Vec<BoxFuture<'_, Result<T, E>>> = Vec::new();
    let mut errors = Vec::new();
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|cx| {
        loop {
            let ended = running.iter_mut().enumerate().find_map(|(at, attempt)| {
                match attempt.as_mut().poll(cx) {
                    Poll::Ready(result) => Some((at, result)),
                    Poll::Pending => None,
                }
            });
            match ended {
                Some((_, Ok(result))) => return Poll::Ready(Ok(result)),
                Some((at, Err(error))) => {
                    drop(running.swap_remove(at));
                    errors.push(error);
                    continue;
                }
                None => {}
            }
            let is_due = match &mut timer {
                Some(timer) => timer.as_mut().poll(cx).is_ready(),
                None => true,
            };
            if !running.is_empty() && !is_due {
                return Poll::Pending;
            }
            match left.next() {
                Some(attempt) => {
                    running.push(attempt);
                    timer = Some(Box::pin(sleep(stagger)));
                }
                None if running.is_empty() => {
                    return Poll::Ready(Err(std::mem::take(&mut errors)));
                }
                None => return Poll::Pending,
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::Instant;

    use super::*;

    const STAGGER: Duration = Duration::from_millis(250);

    fn attempt(after: u64, result: Result<u8, u8>) -> BoxFuture<'static, Result<u8, u8>> {
        Box::pin(async move {
            sleep(Duration::from_millis(after)).await;
            result
        })
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_hangs_costs_the_stagger() {
        let start = Instant::now();
        let attempts = vec![Box::pin(pending()) as BoxFuture<'_, _>, attempt(10, Ok(2))];
        assert_eq!(first::<u8, u8>(attempts, STAGGER).await, Ok(2));
        assert_eq!(start.elapsed(), Duration::from_millis(260));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_fails_is_followed_by_the_next_at_once() {
        let start = Instant::now();
        let attempts = vec![attempt(10, Err(1)), attempt(10, Ok(2)), attempt(0, Ok(3))];
        assert_eq!(first(attempts, STAGGER).await, Ok(2));
        assert_eq!(start.elapsed(), Duration::from_millis(20));
        let attempts = vec![attempt(300, Err(1)), attempt(10, Err(2))];
        assert_eq!(first(attempts, STAGGER).await, Err(vec![2, 1]));
        assert_eq!(first::<u8, u8>(vec![], STAGGER).await, Err(vec![]));
    }
}
