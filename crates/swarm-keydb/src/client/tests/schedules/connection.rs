//! A connection to the simulated server: runs its commands one after another, and is lost at any
//! byte.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use swarm_resp::{CommandDecoder, Frame, RequestRef, RespVersion, encode_frame};
use swarm_transport::{
    BoxTransport, Capabilities, Intercept, RespTransport, Transport, TransportError, Wrapper,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::world::{Id, World, ids, text};
use crate::ServerKind;

/// Commands that the server takes from a connection before it runs them.
const AHEAD: usize = 64;

/// What faults change about a connection.
#[derive(Clone)]
pub(super) struct Control(Arc<Shared>);

struct Shared {
    state: Mutex<LinkState>,
    changed: Notify,
}

pub(super) struct LinkState {
    /// Bytes after which the connection is lost.
    up_left: Option<usize>,
    down_left: Option<usize>,
    muted_until: Instant,
    /// Whether commands run while their replies are held back.
    runs_muted: bool,
    /// Whether the client has closed or lost the connection.
    is_gone: bool,
    pub(super) is_logged_in: bool,
    pub(super) was_opened_serial: bool,
}

impl Control {
    pub(super) fn state(&self) -> MutexGuard<'_, LinkState> {
        self.0.state.lock().unwrap()
    }

    /// Ends the connection, at once or after these numbers of bytes.
    pub(super) fn cut(&self, up: Option<usize>, down: Option<usize>) {
        let mut state = self.state();
        (state.up_left, state.down_left) = (up, down);
        if up.is_none() && down.is_none() {
            state.up_left = Some(0);
        }
        self.0.changed.notify_one();
    }

    /// Ends all faults.
    pub(super) fn heal(&self, now: Instant) {
        let mut state = self.state();
        if state.up_left != Some(0) {
            (state.up_left, state.down_left) = (None, None);
        }
        drop(state);
        self.mute(now, true);
    }

    pub(super) fn mute(&self, until: Instant, runs: bool) {
        let mut state = self.state();
        (state.muted_until, state.runs_muted) = (until, runs);
        self.0.changed.notify_one();
    }
}

/// Opens a connection. Returns the client's end.
pub(super) fn open(world: World, number: u32, rng: fastrand::Rng) -> (BoxTransport, Control) {
    let setup = Arc::clone(&world.setup);
    let (near, far) = tokio::io::duplex(setup.capacity);
    let state = LinkState {
        up_left: None,
        down_left: None,
        muted_until: Instant::now(),
        runs_muted: true,
        is_gone: false,
        is_logged_in: !setup.password,
        was_opened_serial: false,
    };
    let control = Control(Arc::new(Shared {
        state: Mutex::new(state),
        changed: Notify::new(),
    }));
    let server = Server {
        world: world.clone(),
        number,
        rng,
        control: control.clone(),
        decoder: CommandDecoder::new(),
        input: BytesMut::new(),
        waiting: VecDeque::new(),
        running: None,
        output: BytesMut::new(),
        queued: None,
        watched: None,
        is_resp3: false,
    };
    tokio::spawn(server.serve(far));
    let observer = Observer {
        world,
        number,
        control: control.clone(),
        in_flight: VecDeque::new(),
    };
    let transport = RespTransport::new(near);
    (Wrapper::new(transport, observer).boxed(), control)
}

struct Server {
    world: World,
    number: u32,
    rng: fastrand::Rng,
    control: Control,
    decoder: CommandDecoder,
    input: BytesMut,
    waiting: VecDeque<Vec<Bytes>>,
    running: Option<Running>,
    output: BytesMut,
    /// Commands of a transaction.
    queued: Option<Vec<Vec<Bytes>>>,
    /// Watched keys, and how often they were written before.
    watched: Option<(Vec<Bytes>, Vec<u64>)>,
    is_resp3: bool,
}

/// A command that takes its time.
struct Running {
    request: Vec<Bytes>,
    runs_at: Instant,
    replies_at: Instant,
    reply: Option<Frame>,
}

impl Server {
    async fn serve(mut self, mut stream: DuplexStream) {
        while self.advance(&mut stream).await.is_ok() {}
        let was_gone = std::mem::replace(&mut self.control.state().is_gone, true);
        self.world.note_end(self.number, was_gone);
        let number = self.number;
        self.world.trace(|| format!("connection {number} ended"));
        drop(stream);
        self.run_late().await;
    }

    /// Waits for the next thing to happen on the connection. Fails if the connection has ended.
    async fn advance(&mut self, stream: &mut DuplexStream) -> Result<(), ()> {
        self.start_next();
        let due = self.due();
        let control = self.control.clone();
        let has_room = self.waiting.len() < AHEAD;
        tokio::select! {
            biased;
            () = control.0.changed.notified() => {
                if self.control.state().up_left == Some(0) {
                    return Err(());
                }
            }
            read = stream.read_buf(&mut self.input), if has_room => match read {
                Ok(0) | Err(_) => return Err(()),
                Ok(count) => self.received(count)?,
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.step(),
        }
        if self.output.is_empty() {
            return Ok(());
        }
        let down_left = self.control.state().down_left;
        let fits = down_left.unwrap_or(usize::MAX).min(self.output.len());
        let output = self.output.split_to(fits);
        stream.write_all(&output).await.map_err(|_| ())?;
        if let Some(left) = &mut self.control.state().down_left {
            *left = left.saturating_sub(fits);
        }
        match self.output.is_empty() {
            true => Ok(()),
            false => Err(()),
        }
    }

    fn received(&mut self, count: usize) -> Result<(), ()> {
        let mut ends = Ok(());
        if let Some(left) = &mut self.control.state().up_left {
            let lost = count.saturating_sub(*left);
            self.input.truncate(self.input.len() - lost);
            *left = left.saturating_sub(count);
            if *left == 0 {
                ends = Err(());
            }
        }
        while let Some(request) = self.decoder.decode(&mut self.input).unwrap() {
            if !request.is_empty() {
                self.waiting.push_back(request);
            }
        }
        ends
    }

    fn start_next(&mut self) {
        if self.running.is_some() {
            return;
        }
        let Some(request) = self.waiting.pop_front() else {
            return;
        };
        let now = Instant::now();
        let time = self.service(&request);
        let runs_at = now + time.mul_f64(self.rng.f64());
        self.running = Some(Running {
            request,
            runs_at,
            replies_at: now + time,
            reply: None,
        });
    }

    /// How long a command takes.
    fn service(&mut self, request: &[Bytes]) -> Duration {
        let setup = &self.world.setup;
        let is_serial = setup.server != Some(ServerKind::Redis);
        let queued = || self.queued.as_ref().map_or(0, Vec::len);
        let keys = match &*request[0] {
            _ if !is_serial => 0,
            b"EXEC" => queued(),
            _ if self.queued.is_some() => 0,
            b"SET" | b"XADD" | b"EVAL" => 1,
            b"MSET" => request.len() / 2,
            b"BLPOP" => {
                let seconds = std::str::from_utf8(request.last().unwrap()).unwrap();
                return Duration::from_secs_f64(seconds.parse().unwrap());
            }
            _ => 0,
        };
        match u32::try_from(keys).unwrap() {
            0 => Duration::from_micros(self.rng.u64(0..300)),
            keys => setup.service.mul_f64(self.rng.f64() * 0.2 + 0.8) * keys,
        }
    }

    /// When the running command does something.
    fn due(&self) -> Option<Instant> {
        let running = self.running.as_ref()?;
        let state = self.control.state();
        Some(match running.reply {
            None if state.runs_muted => running.runs_at,
            None => running.runs_at.max(state.muted_until),
            Some(_) => running.replies_at.max(state.muted_until),
        })
    }

    fn step(&mut self) {
        let Some(mut running) = self.running.take() else {
            return;
        };
        match running.reply {
            None => {
                let is_gone = self.control.state().is_gone;
                running.reply = Some(self.run(&running.request, is_gone));
                self.running = Some(running);
            }
            Some(reply) => {
                let version = match self.is_resp3 {
                    true => RespVersion::Resp3,
                    false => RespVersion::Resp2,
                };
                encode_frame(&mut self.output, &reply, version);
            }
        }
    }

    fn run(&mut self, request: &[Bytes], is_late: bool) -> Frame {
        let is_logged_in = self.control.state().is_logged_in;
        match &*request[0] {
            b"AUTH" => return self.log_in(&request[1]),
            b"HELLO" if is_logged_in => return self.hello(request),
            b"PING" => {}
            _ if !is_logged_in => return Frame::error("NOAUTH Authentication required."),
            b"MULTI" => {
                self.queued = Some(Vec::new());
                return Frame::simple("OK");
            }
            b"WATCH" => {
                let keys = request[1..].to_vec();
                let versions = self.world.versions(&keys);
                self.watched = Some((keys, versions));
            }
            b"EXEC" => {
                let Some(queued) = self.queued.take() else {
                    return Frame::error("ERR EXEC without MULTI");
                };
                // SwarmKeyDb misses writes of others.
                let is_redis = self.world.setup.server == Some(ServerKind::Redis);
                if let Some((keys, versions)) = self.watched.take()
                    && is_redis
                    && self.world.versions(&keys) != versions
                {
                    return Frame::null();
                }
                let run = |request: &Vec<Bytes>| self.world.run(request, self.number, is_late);
                let replies: Vec<_> = queued.iter().map(run).collect();
                return Frame::array(&replies);
            }
            _ => {}
        }
        if let Some(queued) = &mut self.queued {
            queued.push(request.to_vec());
            return Frame::simple("QUEUED");
        }
        self.world.run(request, self.number, is_late)
    }

    fn log_in(&mut self, password: &[u8]) -> Frame {
        let accepted = self.world.state().password.to_string();
        match password == accepted.as_bytes() {
            true => {
                self.control.state().is_logged_in = true;
                self.world.state().seen.logins += 1;
                Frame::simple("OK")
            }
            false => Frame::error("WRONGPASS invalid username-password pair or user is disabled."),
        }
    }

    fn hello(&mut self, request: &[Bytes]) -> Frame {
        let server: &[u8] = match self.world.setup.server {
            None => return Frame::error("ERR unknown command 'HELLO'"),
            Some(ServerKind::SwarmKeyDb) => b"swarmkeydb",
            Some(ServerKind::Redis) => b"redis",
        };
        self.is_resp3 = request.get(1).is_some_and(|version| version == "3");
        let fields = [b"server", server, b"version", b"7.0.0"];
        Frame::build(|reply| match self.is_resp3 {
            true => reply.map(|map| fields.iter().for_each(|field| map.bulk(field))),
            false => reply.array(|list| fields.iter().for_each(|field| list.bulk(field))),
        })
    }

    /// The connection has ended. The server may still run what it has received, now or later.
    async fn run_late(&mut self) {
        let mut left: VecDeque<_> = self.running.take().into_iter().collect();
        left.retain(|running| running.reply.is_none());
        let mut left: VecDeque<_> = left.into_iter().map(|running| running.request).collect();
        left.append(&mut self.waiting);
        let count = match self.rng.u8(0..4) {
            0 => left.len(),
            1 => self.rng.usize(0..=left.len()),
            _ => 0,
        };
        for request in left.into_iter().take(count) {
            sleep(Duration::from_millis(self.rng.u64(0..1500))).await;
            let _nobody_reads_it = self.run(&request, true);
        }
    }
}

/// Records what the client gives to the connection and takes from it.
struct Observer {
    world: World,
    number: u32,
    control: Control,
    /// The call of each request that has no reply, and whether it writes.
    in_flight: VecDeque<(Option<Id>, bool)>,
}

impl Observer {
    /// Notes how many calls with writes are in flight.
    fn note_in_flight(&self) {
        if !self.control.state().was_opened_serial {
            return;
        }
        let calls = self.in_flight.iter().filter(|(_, writes)| *writes);
        let mut calls: Vec<_> = calls.map(|(call, _)| call).collect();
        calls.dedup();
        let mut state = self.world.state();
        state.most_writes = state.most_writes.max(calls.len());
    }
}

impl Intercept for Observer {
    fn capabilities(&self, inner: &dyn Transport) -> Capabilities {
        let has_resp3 = !self.world.setup.gateway;
        inner.capabilities().with_resp3(has_resp3)
    }

    fn start_send(
        &mut self,
        inner: &mut dyn Transport,
        request: RequestRef<'_>,
    ) -> Result<(), TransportError> {
        let words: Vec<_> = request.args().map(Bytes::copy_from_slice).collect();
        let number = self.number;
        self.world
            .trace(|| format!("{number:>4} <- {}", text(&words)));
        let id = ids(&words);
        if let Some(id) = id {
            self.world.note_sent(id, self.number);
        }
        let writes = !matches!(&*words[0], b"MGET" | b"WATCH" | b"ECHO");
        self.in_flight
            .push_back((id.map(call_of), writes && id.is_some()));
        self.note_in_flight();
        inner.start_send(request)
    }

    fn poll_receive(
        &mut self,
        inner: &mut dyn Transport,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Frame, TransportError>> {
        let received = inner.poll_receive(cx);
        if let Poll::Ready(Ok(_)) = &received {
            self.in_flight.pop_front();
        }
        received
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.control.state().is_gone = true;
    }
}

/// Returns what all commands of a call have in common.
fn call_of(id: Id) -> Id {
    id / 64
}
