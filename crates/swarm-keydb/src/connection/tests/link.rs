//! Tests of the sending side of a transport.

use std::task::{Context, Poll, Waker};

use swarm_resp::RequestRef;
use swarm_transport::{PeerIdentity, RequestRejection};

use super::*;
use crate::connection::{Link, Outgoing};

const SECOND: Duration = Duration::from_secs(1);

/// Requests that wait to be sent.
struct Requests {
    waiting: usize,
    ping: Request,
}

impl Outgoing for Requests {
    fn next_request(
        &mut self,
        _: Instant,
        _: impl Fn(RequestRef<'_>) -> Result<(), RequestRejection>,
    ) -> Option<RequestRef<'_>> {
        self.waiting = self.waiting.checked_sub(1)?;
        Some(self.ping.view())
    }
}

fn requests(waiting: usize) -> Requests {
    let ping = Request::new("PING", ());
    Requests { waiting, ping }
}

fn link() -> (Link, MemoryPeer, Arc<Mutex<Watch>>) {
    let (transport, peer) = pair();
    let watch = Arc::<Mutex<Watch>>::default();
    watch.lock().unwrap().close_time = SECOND;
    let link = Link::new(Box::new(Watched::new(transport, &watch)));
    (link, peer, watch)
}

fn send(link: &mut Link, waiting: usize) -> Result<(), TransportError> {
    link.poll_send(
        &mut requests(waiting),
        &mut Context::from_waker(Waker::noop()),
    )
}

#[tokio::test]
async fn all_requests_are_sent_with_one_flush() {
    let (mut link, mut peer, watch) = link();
    let flushes = || watch.lock().unwrap().flushes;
    send(&mut link, 0).unwrap();
    assert_eq!(flushes(), 0, "there is nothing to flush");
    send(&mut link, 3).unwrap();
    assert_eq!(flushes(), 1);
    for _ in 0..3 {
        assert_eq!(peer.next_request().await.unwrap().name(), b"PING");
    }
    send(&mut link, 0).unwrap();
    assert_eq!(flushes(), 1, "all has been flushed");
}

#[test]
fn errors_of_the_transport_end_the_connection() {
    let (mut link, _peer, watch) = link();
    watch.lock().unwrap().flush_error = Some(refused());
    assert!(send(&mut link, 1).unwrap_err().is_refused());
    let (mut link, peer, _) = self::link();
    peer.close();
    let failed = send(&mut link, 0);
    assert!(failed.unwrap_err().is_closed(), "though nothing is sent");
}

/// Guards against taking a connection for idle or busy forever.
#[test]
fn only_bytes_since_the_last_check_are_progress() {
    let (mut link, _peer, watch) = link();
    assert!(!link.has_progressed(), "the transport counts nothing");
    for received in [0, 100, 101] {
        watch.lock().unwrap().received_bytes = Some(received);
        assert!(link.has_progressed());
        assert!(!link.has_progressed());
    }
}

#[tokio::test(start_paused = true)]
async fn the_transport_learns_its_peer_and_takes_its_time_to_close() {
    let (mut link, _peer, watch) = link();
    let peer = PeerIdentity::new().with_server("redis");
    link.peer_identified(&peer);
    assert_eq!(watch.lock().unwrap().peers, [peer]);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(link.poll_close(&mut cx).is_pending());
    sleep(SECOND).await;
    assert!(matches!(link.poll_close(&mut cx), Poll::Ready(Ok(()))));
}
