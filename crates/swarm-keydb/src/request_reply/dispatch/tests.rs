//! Tests of what the dispatcher concludes from failed dials, and of tickets.

use std::task::Waker;

use swarm_resp::{Frame, Request};
use swarm_transport::{BoxTransport, Capabilities, TransportError};

use super::*;
use crate::ClientOptions;
use crate::connection::Settings;
use crate::request_reply::engine::{Requests, Retry, Timing};
use crate::runtime::Tasks;

fn dispatcher(min: usize) -> Dispatcher {
    let refuse = || async {
        let what = "not needed in this test";
        Err::<BoxTransport, _>(TransportError::new(TransportErrorKind::Refused, what))
    };
    let options = ClientOptions::default().settled().unwrap();
    let target = options.target_through(Arc::new(refuse));
    let factory = ConnectionFactory::new(target, options, Tasks::current().unwrap());
    let factory = Arc::new(factory);
    let dedicated = Dedicated::new(Arc::clone(&factory));
    Dispatcher::new(factory, dedicated, Limits { min, max: 64 })
}

/// Returns the time without growth after a worker could not be opened.
fn pause_after(failure: Failure, primary_is_lost: bool) -> Duration {
    let mut dispatcher = dispatcher(2);
    let (status, now) = (Status::new(None), Instant::now());
    let pool = &mut dispatcher.pool;
    pool.opened(ConnectionId::PRIMARY, Some(Duration::from_millis(1)), now);
    let Plan::Open(id) = pool.plan(now) else {
        panic!("the minimum is two");
    };
    if primary_is_lost {
        pool.closed(ConnectionId::PRIMARY, now);
    }
    dispatcher.note_change(Change::Failed(id, failure), &status, now);
    assert_eq!(dispatcher.pool.plan(now), Plan::Keep);
    dispatcher.pool.next_deadline().unwrap() - now
}

fn refusal() -> Failure {
    let error = TransportError::new(TransportErrorKind::Refused, "connection refused");
    Failure::lost(false, &Arc::new(error))
}

#[tokio::test]
async fn a_failed_dial_is_a_refusal_only_if_the_server_has_another_connection() {
    let long = Duration::from_secs(30);
    assert!(pause_after(refusal(), false) >= long);
    assert!(pause_after(refusal(), true) < long);
}

#[tokio::test]
async fn an_abandoned_dial_is_no_refusal() {
    let pause = pause_after(Failure::Closed { sent: false }, false);
    assert!(pause < Duration::from_secs(30), "{pause:?}");
}

/// A server that goes away refuses connections before the client notices the loss of the others.
#[tokio::test]
async fn a_refusal_just_before_the_loss_of_the_primary_connection_is_none() {
    let mut dispatcher = dispatcher(2);
    let (status, now) = (Status::new(None), Instant::now());
    dispatcher.pool.opened(ConnectionId::PRIMARY, None, now);
    let Plan::Open(id) = dispatcher.pool.plan(now) else {
        panic!("the minimum is two");
    };
    dispatcher.note_change(Change::Failed(id, refusal()), &status, now);
    dispatcher.disconnected(now);
    assert_eq!(dispatcher.pool.plan(now), Plan::Keep);
    let pause = dispatcher.pool.next_deadline().unwrap() - now;
    assert!(pause < Duration::from_secs(30), "{pause:?}");
}

#[tokio::test]
async fn a_call_that_is_not_sent_says_nothing_about_the_server() {
    let mut dispatcher = dispatcher(1);
    let now = Instant::now();
    let mut engine = Engine::new(Settings::default());
    let mut http = Capabilities::FULL;
    http.session = false;
    engine.connected(http);
    let mut end = |is_awaited: bool| {
        let (caller, reply) = ReplySender::one(Waker::noop().clone());
        let reply = Some(reply).filter(|_| is_awaited);
        let request = Request::new("SET", ["a", "1"]);
        let mut call = Box::new(Call::new(Requests::One(request), Retry::Never, false));
        let timing = Timing {
            timeout: Duration::from_secs(10),
            grows: false,
            blocks: false,
        };
        call.awaited_by(caller, timing);
        let position = dispatcher.pool.adopt(OrderKeys::NOTHING, ONE, now);
        call.set_ticket(dispatcher.tickets.issue(position));
        engine.pooled().enqueue(call, now);
        let is_sent = engine.next_request(now, |_| Ok(())).is_some();
        if is_sent {
            engine.receive(now, Frame::simple("OK")).unwrap();
        }
        drop(reply);
        (is_sent, dispatcher.tickets.take().unwrap())
    };
    assert!(matches!(end(false), (false, Ended::Unanswered(_))));
    assert!(matches!(end(true), (true, Ended::Finished(_))));
}

#[tokio::test]
async fn a_ticket_tells_whether_a_reply_has_arrived() {
    let mut dispatcher = dispatcher(1);
    let now = Instant::now();
    let mut end = |end: fn(Ticket)| {
        let position = dispatcher.pool.adopt(OrderKeys::NOTHING, ONE, now);
        end(dispatcher.tickets.issue_sent(position));
        dispatcher.tickets.take().unwrap()
    };
    assert!(matches!(end(drop), Ended::Finished(_)));
    let lost = end(|mut ticket| ticket.note_lost());
    assert!(matches!(lost, Ended::Unanswered(_)));
}

#[tokio::test]
async fn a_call_that_a_worker_returns_at_the_end_fails_as_closed() {
    let mut dispatcher = dispatcher(1);
    let now = Instant::now();
    let (caller, reply) = ReplySender::one(Waker::noop().clone());
    let request = Request::new("SET", ["a", "1"]);
    let mut call = Box::new(Call::new(Requests::One(request), Retry::Never, false));
    let timing = Timing {
        timeout: Duration::from_secs(10),
        grows: false,
        blocks: false,
    };
    call.awaited_by(caller, timing);
    let position = dispatcher.pool.adopt(OrderKeys::NOTHING, ONE, now);
    let ticket = dispatcher.tickets.issue(position);
    assert!(ticket.give_back(call).is_ok());
    assert_eq!(dispatcher.fail_waiting(&Failure::Closed { sent: false }), 1);
    let failure = reply.await.unwrap().unwrap_err();
    assert!(
        matches!(failure, Failure::Closed { sent: false }),
        "{failure:?}"
    );
}

const ONE: Work = Work {
    requests: 1,
    is_long: false,
};
