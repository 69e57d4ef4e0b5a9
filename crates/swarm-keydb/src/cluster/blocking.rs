//! Blocking commands: each runs on a leased connection to the node that owns the slot.

use std::time::Duration;

use swarm_resp::Frame;

use super::plan::Plan;
use super::refusal::Refusal;
use super::routed::behind_asking;
use super::target::Target;
use crate::client::TimeLimits;
use crate::command::Blocking;
use crate::error::{Error, Result};
use crate::request_reply::deadline_in;
use crate::runtime::{Instant, sleep};

/// First and longest delay before a command that no node could run is sent again.
const FIRST_DELAY: Duration = Duration::from_millis(20);
const LONGEST_DELAY: Duration = Duration::from_millis(500);

/// Runs a blocking command, and follows its slot to another node. Whatever time has passed counts
/// as blocking time.
pub(super) async fn run_blocking(plan: Plan) -> Result<Frame> {
    let Target::Slot(slot) = plan.target else {
        return Err(Error::closed());
    };
    let limits = TimeLimits::new(plan.timeout, plan.blocking);
    let mut limits = match plan.is_explicit {
        true => limits.with_timeout(plan.timeout),
        false => limits,
    };
    let blocking = match plan.blocking {
        Blocking::For(time) | Blocking::Read(time) if !plan.is_explicit => time,
        Blocking::Forever if !plan.is_explicit => Duration::MAX,
        _ => Duration::ZERO,
    };
    let began = Instant::now();
    let deadline = deadline_in(plan.timeout.saturating_add(blocking));
    let mut delay = FIRST_DELAY;
    let mut asked = None;
    loop {
        let owner = asked.take();
        let is_asked = owner.is_some();
        let node = owner.or_else(|| plan.router.look(|machine| machine.owner(slot)));
        let node = node
            .or_else(|| plan.router.any_primary())
            .ok_or_else(Error::closed)?;
        let client = plan.router.client(node).ok_or_else(Error::closed)?;
        let requests = match is_asked {
            true => behind_asking(&plan.requests),
            false => plan.requests.clone(),
        };
        let result = client.run_blocking(requests, limits, plan.retry).await;
        let error = match result {
            Ok(frame) => return Ok(frame),
            Err(error) => error,
        };
        let refusal = (plan.router.announced(node)).zip(error.server_error());
        let refusal = refusal.and_then(|(from, error)| match error.code() {
            // The node was demoted.
            "UNBLOCKED" => Some(Refusal::Unavailable),
            _ => Refusal::of(error, &from),
        });
        match refusal {
            Some(_) if Instant::now() >= deadline => return Err(error),
            Some(Refusal::Moved(to, address)) if to == slot => {
                plan.router.learn(slot, &address);
            }
            // A read is split into several, which ASKING does not cover.
            Some(Refusal::Ask(to, address))
                if to == slot && !matches!(plan.blocking, Blocking::Read(_)) =>
            {
                asked = plan.router.node_at(&address);
            }
            Some(_) => {
                plan.router.request_refresh();
                sleep(delay.min(deadline.saturating_duration_since(Instant::now()))).await;
                delay = (2 * delay).min(LONGEST_DELAY);
            }
            None => return Err(error),
        }
        if plan.is_explicit {
            limits = TimeLimits::new(plan.timeout, plan.blocking)
                .with_timeout(plan.timeout)
                .after(began.elapsed());
        }
    }
}
