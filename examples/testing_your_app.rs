//! Testing an application: a server per test, a manual clock, injected faults, or no server at all.
//!
//! Run it: `cargo run --example testing_your_app`

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use swarm_gateway::{Clock, Gateway};
use swarm_keydb::{Client, ClientOptions, Frame, Outcome};
use swarm_transport::{BoxTransport, memory};

/// The application: sessions that expire after 30 minutes, and bookings that must not be made
/// twice.
struct App {
    db: Client,
}

#[derive(Debug, PartialEq)]
enum Booking {
    Done(i64),
    /// The connection broke before the reply: the booking may have been made.
    Unclear,
}

impl App {
    async fn start(options: impl Into<ClientOptions>) -> swarm_keydb::Result<Self> {
        let db = Client::connect(options).await?;
        Ok(Self { db })
    }

    async fn log_in(&self, token: &str, user: &str) -> swarm_keydb::Result<()> {
        let half_an_hour = Duration::from_secs(1800);
        self.db
            .setex(format!("session:{token}"), half_an_hour, user)
            .await
    }

    async fn user(&self, token: &str) -> swarm_keydb::Result<Option<String>> {
        self.db.get_as(format!("session:{token}")).await
    }

    /// Booking numbers are unique between several apps only on Redis, Valkey and KeyDB: SwarmKeyDb
    /// can return one twice.
    async fn book(&self) -> swarm_keydb::Result<Booking> {
        match self.db.incr("bookings").await {
            Ok(number) => Ok(Booking::Done(number)),
            Err(error) if error.outcome() == Some(Outcome::MayHaveRun) => Ok(Booking::Unclear),
            Err(error) => Err(error),
        }
    }
}

/// Each test starts its own server, so tests run in parallel. Dropping the gateway stops it.
async fn sessions_expire_after_30_minutes() -> Result<()> {
    let clock = Clock::manual();
    let gateway = Gateway::builder().clock(clock.clone()).start().await?;
    let app = App::start(gateway.ws_url()).await?;
    app.log_in("t0k3n", "ann").await?;
    clock.advance(Duration::from_secs(1799));
    ensure!(app.user("t0k3n").await? == Some("ann".to_owned()));
    clock.advance(Duration::from_secs(1));
    ensure!(app.user("t0k3n").await? == None);
    Ok(())
}

/// The server makes the booking, then the connection breaks before the reply.
async fn a_lost_reply_books_once() -> Result<()> {
    let gateway = swarm_gateway::test().await?;
    let app = App::start(gateway.ws_url()).await?;
    gateway.faults().cut_after("INCR");
    ensure!(app.book().await? == Booking::Unclear);
    ensure!(gateway.executions("INCR") == 1);
    ensure!(app.book().await? == Booking::Done(2));
    Ok(())
}

/// A caller gives up while the server hangs. The test waits for an event, not for a time.
async fn a_caller_who_gives_up_has_booked() -> Result<()> {
    let gateway = swarm_gateway::test().await?;
    let app = Arc::new(App::start(gateway.ws_url()).await?);
    let hanging = gateway.faults().hold("INCR");
    let caller = tokio::spawn({
        let app = Arc::clone(&app);
        async move { app.book().await }
    });
    hanging.reached(1).await;
    caller.abort();
    hanging.release();
    // The late reply is discarded; this call gets its own.
    ensure!(app.book().await? == Booking::Done(2));
    Ok(())
}

/// The server crashes and comes back with its data; the client reconnects by itself.
async fn sessions_survive_a_crash() -> Result<()> {
    let mut gateway = swarm_gateway::test().await?;
    let app = App::start(gateway.ws_url()).await?;
    app.log_in("t0k3n", "ann").await?;
    gateway.restart().await?;
    ensure!(app.user("t0k3n").await? == Some("ann".to_owned()));
    // Only the connection breaks, while no command is running.
    gateway.faults().cut();
    ensure!(app.user("t0k3n").await? == Some("ann".to_owned()));
    Ok(())
}

/// The server answers one command with an error, and does not run it.
async fn a_server_without_memory_makes_no_booking() -> Result<()> {
    let gateway = swarm_gateway::test().await?;
    let app = App::start(gateway.ws_url()).await?;
    let full = "OOM command not allowed when used memory > 'maxmemory'.";
    gateway.faults().answer("INCR", Frame::error(full));
    let error = app.book().await.unwrap_err();
    ensure!(error.outcome() == Some(Outcome::Rejected));
    ensure!(app.book().await? == Booking::Done(1));
    Ok(())
}

/// No server and no socket: the test answers each command itself.
async fn a_full_server_is_an_error() -> Result<()> {
    let connect = || async {
        let (transport, peer) = memory::pair();
        tokio::spawn(peer.serve(|command| match command.name() {
            b"SETEX" => Frame::error("OOM command not allowed when used memory > 'maxmemory'."),
            _ => Frame::error("ERR unknown command"),
        }));
        Ok(Box::new(transport) as BoxTransport)
    };
    let db = Client::connect_with(connect, ClientOptions::default()).await?;
    let app = App { db };
    let error = app.log_in("t0k3n", "ann").await.unwrap_err();
    ensure!(error.server_error().map(|error| error.code()) == Some("OOM"));
    Ok(())
}

/// In your project, each of these would be a `#[tokio::test]`.
#[tokio::main]
async fn main() -> Result<()> {
    sessions_expire_after_30_minutes().await?;
    println!("sessions expire after 30 minutes: ok, without waiting");
    a_lost_reply_books_once().await?;
    println!("a lost reply books once: ok");
    a_caller_who_gives_up_has_booked().await?;
    println!("a caller that gives up has booked: ok");
    sessions_survive_a_crash().await?;
    println!("sessions survive a crash: ok");
    a_server_without_memory_makes_no_booking().await?;
    println!("a server without memory makes no booking: ok");
    a_full_server_is_an_error().await?;
    println!("a full server is an error: ok, without a server");
    Ok(())
}
