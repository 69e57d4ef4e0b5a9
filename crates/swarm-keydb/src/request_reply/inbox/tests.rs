//! The inbox without a driver: who gets room, and who wakes whom.

use std::sync::atomic::AtomicUsize;

use swarm_resp::Request;

use super::*;
use crate::request_reply::{ReplyReceiver, Requests, Retry};

const ROOM: usize = 4;

/// Counts how often it is woken.
#[derive(Default)]
struct Sleeper(AtomicUsize);

impl std::task::Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Sleeper {
    fn woken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn letter(size: usize) -> (Letter, ReplyReceiver) {
    let (caller, reply) = ReplySlot::one(Waker::noop().clone());
    let letter = Letter {
        body: Box::new(Body::new(
            Requests::One(Request::new("PING", ())),
            caller,
            Retry::Never,
            false,
        )),
        due: Due::After(Duration::from_secs(1)),
        size,
    };
    (letter, reply)
}

fn inbox() -> Arc<Inbox> {
    Arc::new(Inbox::new(ROOM))
}

/// Puts a letter in, and says whether there was room.
fn post(inbox: &Inbox, size: usize) -> bool {
    matches!(inbox.post(letter(size).0), Posted::Done)
}

/// What a driver does when it wakes: it takes all, and these calls hold their room until they are dropped.
fn take(inbox: &Inbox) -> Vec<Call<ReplySlot>> {
    let mut letters = VecDeque::new();
    inbox.take(&mut letters);
    let now = Instant::now();
    letters
        .drain(..)
        .map(|letter| inbox.open(letter, now))
        .collect()
}

/// The driver's part: takes a letter, answers it and goes to sleep.
fn serve(inbox: &Inbox) {
    let mut letters = VecDeque::new();
    inbox.take(&mut letters);
    for letter in letters {
        drop(inbox.open(letter, Instant::now()));
    }
    assert!(inbox.rest(&Context::from_waker(Waker::noop())));
}

fn rest(inbox: &Inbox) -> bool {
    inbox.rest(&Context::from_waker(Waker::noop()))
}

fn poll(place: &mut Place) -> Poll<bool> {
    Pin::new(place).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn the_first_letter_alone_wakes_a_driver_and_only_when_it_sleeps() {
    let (inbox, sleeper) = (inbox(), Arc::new(Sleeper::default()));
    let waker = Waker::from(Arc::clone(&sleeper));
    let cx = Context::from_waker(&waker);
    assert!(inbox.rest(&cx));
    assert!(post(&inbox, 1) && post(&inbox, 1));
    assert_eq!(sleeper.woken(), 1);
    assert!(!inbox.rest(&cx), "there is something to take");
    assert!(post(&inbox, 1));
    assert_eq!(sleeper.woken(), 1, "a driver that is awake is left alone");
    assert_eq!(take(&inbox).len(), 3);
    assert!(inbox.rest(&cx));
    inbox.close();
    assert_eq!(sleeper.woken(), 2, "closing is news");
    assert!(!inbox.rest(&cx), "which it has not heard yet");
    take(&inbox);
    assert!(inbox.rest(&cx));
    inbox.abort();
    assert_eq!(sleeper.woken(), 3);
}

#[test]
fn room_is_kept_by_calls_and_comes_back_with_them() {
    let inbox = inbox();
    assert!(post(&inbox, 3));
    assert!(!post(&inbox, 2), "there is room for one only");
    let calls = take(&inbox);
    assert_eq!(inbox.free(), 1, "taking a letter frees nothing");
    drop(calls);
    assert_eq!(inbox.free(), ROOM);
    rest(&inbox);
    assert!(post(&inbox, ROOM));
}

#[test]
fn room_that_was_given_to_who_has_left_is_given_on() {
    let inbox = inbox();
    assert!(post(&inbox, ROOM));
    let first = Arc::clone(&inbox).line_up(ROOM);
    let mut second = Arc::clone(&inbox).line_up(ROOM);
    drop(take(&inbox));
    rest(&inbox);
    // The first has its room and does not know yet.
    assert!(poll(&mut second).is_pending());
    drop(first);
    assert_eq!(poll(&mut second), Poll::Ready(true));
    drop(second);
    assert_eq!(inbox.free(), ROOM);
}

#[test]
fn those_who_leave_the_line_are_swept_out() {
    let inbox = inbox();
    assert!(post(&inbox, ROOM));
    let stays = Arc::clone(&inbox).line_up(1);
    for _ in 0..1000 {
        drop(Arc::clone(&inbox).line_up(1));
        assert!(inbox.lock().waiters.len() <= 3);
    }
    drop(stays);
    assert_eq!(inbox.lock().waiters.len(), 0);
}

#[test]
fn an_abandoned_letter_is_told() {
    let inbox = inbox();
    let (abandoned, mut reply) = letter(ROOM);
    assert!(matches!(inbox.post(abandoned), Posted::Done));
    inbox.abandon();
    let told = Pin::new(&mut reply).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(told, Poll::Ready(None)));
}

#[test]
fn who_lines_up_when_room_has_come_back_is_let_in_though_the_driver_sleeps() {
    let inbox = Arc::new(Inbox::new(10));
    assert!(matches!(inbox.post(letter(10).0), Posted::Done));
    assert!(matches!(inbox.post(letter(1).0), Posted::Full(_)));
    serve(&inbox);
    let mut place = Arc::clone(&inbox).line_up(1);
    assert_eq!(poll(&mut place), Poll::Ready(true));
    assert!(place.post(letter(1).0));
    assert_eq!(inbox.free(), 9);
}

#[test]
fn room_goes_to_those_who_wait_in_their_order_and_back_from_those_who_leave() {
    let inbox = Arc::new(Inbox::new(10));
    assert!(matches!(inbox.post(letter(10).0), Posted::Done));
    let mut places = [8, 8, 2].map(|size| Arc::clone(&inbox).line_up(size));
    serve(&inbox);
    let [first, second, third] = &mut places;
    assert_eq!(poll(first), Poll::Ready(true));
    assert_eq!(poll(second), Poll::Pending);
    assert_eq!(poll(third), Poll::Pending, "it must not overtake");
    assert!(matches!(inbox.post(letter(1).0), Posted::Full(_)));
    let [first, mut second, mut third] = places;
    drop(first);
    assert_eq!(poll(&mut second), Poll::Ready(true));
    assert_eq!(poll(&mut third), Poll::Ready(true));
    drop((second, third));
    assert_eq!(inbox.free(), 10);
}

#[test]
fn the_end_is_told_to_those_who_wait() {
    let inbox = Arc::new(Inbox::new(1));
    assert!(matches!(inbox.post(letter(1).0), Posted::Done));
    let mut place = Arc::clone(&inbox).line_up(1);
    inbox.close();
    assert_eq!(poll(&mut place), Poll::Ready(false));
    let mut late = Arc::clone(&inbox).line_up(1);
    assert_eq!(poll(&mut late), Poll::Ready(false));
    assert!(matches!(inbox.post(letter(1).0), Posted::Closed));
}
