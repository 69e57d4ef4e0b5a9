//! How to test code of your own: a server per test, time moved by hand, faults on demand, or no server at all. Run it:
//! `cargo run --example testing_your_app`

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use swarm_gateway::{Clock, Gateway};
use swarm_keydb::transport::{BoxTransport, memory};
use swarm_keydb::{Client, Frame, Options, Outcome, prelude::*};

/// The application: sessions that live for half an hour, and bookings that must not be made twice.
struct App {
    db: Client,
}

#[derive(Debug, PartialEq)]
enum Booking {
    Done(i64),
    /// The connection broke at the wrong moment: a person has to look.
    Unclear,
}

impl App {
    async fn start(options: impl Into<Options>) -> swarm_keydb::Result<Self> {
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

    async fn book(&self) -> swarm_keydb::Result<Booking> {
        match self.db.incr("bookings").await {
            Ok(number) => Ok(Booking::Done(number)),
            Err(error) if error.outcome() == Outcome::MayHaveRun => Ok(Booking::Unclear),
            Err(error) => Err(error),
        }
    }
}

/// Each test has a server of its own, so they run side by side. It is gone when it is dropped.
async fn sessions_end_after_half_an_hour() -> Result<()> {
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

/// The booking is made and the connection cut before the reply.
async fn a_lost_reply_books_once() -> Result<()> {
    let gateway = swarm_gateway::test().await?;
    let app = App::start(gateway.ws_url()).await?;
    gateway.faults().cut_after("INCR");
    ensure!(app.book().await? == Booking::Unclear);
    ensure!(gateway.executions("INCR") == 1);
    ensure!(app.book().await? == Booking::Done(2));
    Ok(())
}

/// A caller gives up while the server hangs. The test goes on when the booking was made, and not after some time.
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
    // The reply that came too late goes to nobody else.
    ensure!(app.book().await? == Booking::Done(2));
    Ok(())
}

/// No server, no socket: every command and its answer in the test's own hand.
async fn a_full_server_is_an_error() -> Result<()> {
    let connect = || async {
        let (transport, peer) = memory::pair();
        tokio::spawn(peer.serve(|command| match command.name() {
            b"SETEX" => Frame::error("OOM command not allowed when used memory > 'maxmemory'."),
            _ => Frame::error("ERR unknown command"),
        }));
        Ok(Box::new(transport) as BoxTransport)
    };
    let db = Client::connect_with(connect, Options::default()).await?;
    let app = App { db };
    let error = app.log_in("t0k3n", "ann").await.unwrap_err();
    ensure!(error.server_error().map(|error| error.code()) == Some("OOM"));
    Ok(())
}

/// In a project of your own, each of them is a `#[tokio::test]`.
#[tokio::main]
async fn main() -> Result<()> {
    sessions_end_after_half_an_hour().await?;
    println!("sessions end after half an hour: ok, and nobody waited for it");
    a_lost_reply_books_once().await?;
    println!("a lost reply books once: ok");
    a_caller_who_gives_up_has_booked().await?;
    println!("a caller who gives up has booked: ok");
    a_full_server_is_an_error().await?;
    println!("a full server is an error: ok, without a server");
    Ok(())
}
