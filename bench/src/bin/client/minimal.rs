//! Minimal client for tasks that share a connection. Requests are encoded in advance, replies are
//! not decoded, and there are no timeouts or errors. Its cost above the lower bound is that of
//! waking a task per reply, which every client pays.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use swarm_bench::lower_bound::frame_end;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::contestant::Contestant;
use crate::row::{Row, Work};

pub struct Minimal(Arc<Mutex<Mailbox>>);

/// Requests queued by tasks and not yet taken by the driver.
#[derive(Default)]
struct Mailbox {
    requests: Vec<u8>,
    callers: Vec<Caller>,
    /// Waker of the driver while it is idle.
    sleeper: Option<Waker>,
}

struct Caller {
    answered: Arc<AtomicBool>,
    waker: Waker,
}

impl Minimal {
    pub async fn connect(url: &str) -> Self {
        let address = url.trim_start_matches("redis://");
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mailbox = Arc::<Mutex<Mailbox>>::default();
        let mut driver = Driver {
            mailbox: Arc::clone(&mailbox),
            stream,
            output: Vec::new(),
            input: vec![0; 1 << 16],
            filled: 0,
            callers: Vec::new(),
            stepped_back: false,
        };
        tokio::spawn(poll_fn(move |cx| driver.poll(cx)));
        Self(mailbox)
    }
}

struct Driver {
    mailbox: Arc<Mutex<Mailbox>>,
    stream: TcpStream,
    output: Vec<u8>,
    input: Vec<u8>,
    filled: usize,
    /// Waiting callers, in reverse order.
    callers: Vec<Caller>,
    stepped_back: bool,
}

impl Driver {
    /// Yields to the tasks as the client does, so that their requests leave in one write.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let came = self.take();
            let others = self.callers.len() > 1;
            if came && others && !std::mem::replace(&mut self.stepped_back, true) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.stepped_back = false;
            while !self.output.is_empty() {
                let written = Pin::new(&mut self.stream).poll_write(cx, &self.output);
                let Poll::Ready(written) = written else { break };
                self.output.drain(..written.unwrap());
            }
            if let Poll::Ready(more) = self.receive(cx) {
                if !more {
                    return Poll::Ready(());
                }
                continue;
            }
            let mut mailbox = self.mailbox.lock().unwrap();
            if mailbox.callers.is_empty() {
                mailbox.sleeper = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
    }

    fn take(&mut self) -> bool {
        let mut mailbox = self.mailbox.lock().unwrap();
        self.output.append(&mut mailbox.requests);
        let came = !mailbox.callers.is_empty();
        // Reversed, so that the first caller can be popped off the end.
        mailbox.callers.reverse();
        mailbox.callers.append(&mut self.callers);
        std::mem::swap(&mut self.callers, &mut mailbox.callers);
        came
    }

    /// Reads once and wakes the callers that have a reply. Returns whether the connection is still
    /// open.
    fn receive(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut buffer = ReadBuf::new(&mut self.input[self.filled..]);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)).unwrap();
        let read = buffer.filled().len();
        self.filled += read;
        let mut at = 0;
        while let Some(len) = frame_end(&self.input[at..self.filled], 0) {
            at += len;
            let caller = self.callers.pop().unwrap();
            caller.answered.store(true, Ordering::Release);
            caller.waker.wake();
        }
        self.input.copy_within(at..self.filled, 0);
        self.filled -= at;
        assert!(self.filled < self.input.len(), "replies are small here");
        Poll::Ready(read > 0)
    }
}

async fn call(mailbox: &Mutex<Mailbox>, request: &[u8]) {
    let answered = Arc::new(AtomicBool::new(false));
    let mut sent = false;
    poll_fn(|cx| {
        if sent {
            let answered = answered.load(Ordering::Acquire);
            return if answered {
                Poll::Ready(())
            } else {
                Poll::Pending
            };
        }
        sent = true;
        let caller = Caller {
            answered: Arc::clone(&answered),
            waker: cx.waker().clone(),
        };
        let mut mailbox = mailbox.lock().unwrap();
        mailbox.requests.extend_from_slice(request);
        mailbox.callers.push(caller);
        let sleeper = mailbox.sleeper.take();
        drop(mailbox);
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
        Poll::Pending
    })
    .await;
}

impl Contestant for Minimal {
    async fn work(&self, row: &Row) {
        assert!(row.work == Work::SetAndGet);
        let requests = row.requests().map(|request| request.encoded().clone());
        let tasks: Vec<_> = (0..row.tasks)
            .map(|_| tokio::spawn(task(Arc::clone(&self.0), requests.clone(), row.commands)))
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
}

async fn task(mailbox: Arc<Mutex<Mailbox>>, requests: [Bytes; 2], commands: usize) {
    for request in requests.iter().cycle().take(commands) {
        call(&mailbox, request).await;
    }
}
