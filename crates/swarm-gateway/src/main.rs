//! Command-line program that starts a gateway on the default ports.

use std::env;
#[cfg(feature = "tls")]
use std::fs;
use std::io::{self, IsTerminal};
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
#[cfg(feature = "tls")]
use swarm_gateway::Builder;
use swarm_gateway::{Clock, Dialect, Gateway, WriteQueue};
use tracing_subscriber::EnvFilter;

/// SwarmKeyDb gateway for development, in front of an in-memory store or a real server.
///
/// The in-memory store starts empty and loses all data when the program stops.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Examples:
  swarm-gateway                                    listen on ws://127.0.0.1:8765/
  swarm-gateway --ws 127.0.0.1:0                   use a free port, shown in the first log line
  swarm-gateway --tcp                              also listen on redis://127.0.0.1:6379
  swarm-gateway --http                             also listen on http://127.0.0.1:8080
  swarm-gateway --backend redis://127.0.0.1:6379   forward to a running Redis
  swarm-gateway --password secret                  require AUTH
  swarm-gateway --dialect upstream                 reproduce the deployed server's quirks
  swarm-gateway --control --manual-clock           also accept faults on http://127.0.0.1:8090

Dialects: `standard` (no quirks), `upstream`, `upstream-new` (without hello-garbage), or a
comma-separated list of quirks. A list may start with one of the three; a minus sign removes a
quirk: upstream,nagle,-write-queue. Quirks:
  array-errors         command errors arrive as an array of words
  hello-garbage        HELLO 3 corrupts the reply stream
  simple-as-bulk       simple strings such as OK arrive as bulk strings
  utf8-input           invalid UTF-8 is replaced
  rest-discarded       only the first command of a message runs; the rest is dropped silently
  json-null-object     in JSON mode, null arrives as {}
  json-envelope        in JSON mode, replies and pushes arrive wrapped in an object
  tracking-everything  CLIENT TRACKING announces every key written by others
  overtaking           replies to AUTH and HELLO overtake pending replies
  swarm-commands       SwarmKeyDb's commands instead of Redis's: options, numbers, error texts;
                       includes the next five
  floored-ttl          TTL rounds down
  offset-cursors       a SCAN cursor is an offset into the sorted keys
  endless-autoclaim    XAUTOCLAIM never returns 0-0 at the end
  incrby-crash         INCRBY with a text crashes the connection
  plain-messages       in RESP3, messages are arrays instead of pushes
  late-sweeps          DEL counts keys that expired less than 100 ms ago
  swarm-input          malformed input is answered with SwarmKeyDb's texts and read on
  json-escapes         JSON escapes all but plain ASCII
  close-reason         close frames have the reason `closing`
  unasked-pongs        the WebSocket listener sends a pong every 30 s
  mute-upgrades        a WebSocket upgrade without a valid key or version is never answered
  idle-resets          HTTP connections are reset when they are idle for 15 s
  swarm-http           HTTP as SwarmKeyDb's gateway: routes, statuses, texts, CORS headers
  late-replies         SUBSCRIBE with several names delays later replies
  push-buffer          pushes are dropped while 256 are pending
  write-queue          each written key waits for a flush, every 100 ms
  torn-writes          INCR, EXEC, EVAL, and WATCH are not atomic across connections
  close-drops          closing a WebSocket, or QUIT, aborts its commands
  nagle                replies are split into several writes, without TCP_NODELAY
  plain-null-arrays    null arrays stay *-1 in RESP3
  cr-lf                line breaks in errors and status replies shift all later replies
  no-tcp-auth          the TCP listener requires no password and rejects AUTH
  busy-scripts         a script that runs too long is answered BUSY and keeps running

TLS on every listener: build with --features tls, which adds --tls-cert FILE and --tls-key FILE.

Set RUST_LOG=swarm_gateway=debug to log connections."
)]
struct Args {
    /// Address of the WebSocket listener
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8765")]
    ws: String,

    /// Disable the WebSocket listener
    #[arg(long)]
    no_ws: bool,

    /// Enable the HTTP listener [default address: 127.0.0.1:8080]
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        num_args = 0..=1,
        default_missing_value = "127.0.0.1:8080"
    )]
    http: Option<String>,

    /// Enable the TCP listener, for redis-cli and similar [default address: 127.0.0.1:6379]
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        num_args = 0..=1,
        default_missing_value = "127.0.0.1:6379"
    )]
    tcp: Option<String>,

    /// Data store: `memory`, or the URL of a server to forward to, such as redis://127.0.0.1:6379
    #[arg(
        long,
        value_name = "memory|REDIS-URL",
        default_value = "memory",
        env = "SWARM_GATEWAY_BACKEND",
        hide_env_values = true
    )]
    backend: String,

    /// Password that clients must send
    #[arg(
        long,
        value_name = "SECRET",
        env = "SWARM_KEYDB_REQUIREPASS",
        hide_env_values = true
    )]
    password: Option<String>,

    /// Comma-separated origins of browser pages that may connect; all may if unset, or if it is *
    #[arg(
        long,
        value_name = "ORIGINS",
        env = "SWARM_KEYDB_WS_CORS_ORIGINS",
        value_delimiter = ','
    )]
    origins: Vec<String>,

    #[cfg(feature = "tls")]
    #[command(flatten)]
    tls: Tls,

    /// Dialect: standard, upstream, upstream-new, or comma-separated quirks
    #[arg(long, default_value_t, allow_hyphen_values = true)]
    dialect: Dialect,

    /// Interval between write queue flushes in milliseconds, with the quirk write-queue
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 100,
        env = "SWARM_KEYDB_BATCH_FLUSH_INTERVAL_MS"
    )]
    flush_interval: u64,

    /// Maximum run time of a script in milliseconds, with the quirk busy-scripts
    #[arg(long, value_name = "MS", default_value_t = 5000)]
    script_limit: u64,

    /// Fraction of wake-ups that blocking reads miss, from 0 to 1
    #[arg(long, value_name = "RATE", default_value_t = 0.0)]
    lost_wake_ups: f64,

    /// Enable the control door, for tests in any language: faults, clock, counts and snapshots over
    /// HTTP, described at /openapi.json [default address: 127.0.0.1:8090]
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        num_args = 0..=1,
        default_missing_value = "127.0.0.1:8090"
    )]
    control: Option<String>,

    /// Allow a control address that other machines can reach; the door requires no password
    #[arg(long, requires = "control")]
    remote_control: bool,

    /// Let keys expire by a clock that only the control door advances
    #[arg(long, requires = "control")]
    manual_clock: bool,
}

/// TLS on every listener.
#[cfg(feature = "tls")]
#[derive(Debug, clap::Args)]
struct Tls {
    /// PEM file with the certificate chain, the gateway's own certificate first; enables TLS on
    /// every listener
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// PEM file with the certificate's private key, without a passphrase
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

#[cfg(feature = "tls")]
impl Tls {
    fn apply(self, builder: Builder) -> Result<Builder, String> {
        let (Some(chain), Some(key)) = (self.tls_cert, self.tls_key) else {
            return Ok(builder);
        };
        let read = |file: PathBuf| {
            fs::read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))
        };
        Ok(builder.tls(read(chain)?, read(key)?))
    }
}

// All connections are served by one task, which a second thread would not speed up.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let has_colors = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(has_colors)
        .init();
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("swarm-gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns a future that waits for Ctrl+C or SIGTERM. Without a handler, the first process of a
/// container ignores SIGTERM.
fn stop_signal() -> io::Result<impl Future<Output = io::Result<()>>> {
    #[cfg(unix)]
    let mut terminate = {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::terminate())?
    };
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            interrupt = tokio::signal::ctrl_c() => interrupt,
            _ = terminate.recv() => Ok(()),
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await
    })
}

async fn run(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    if args.no_ws && args.http.is_none() && args.tcp.is_none() {
        return Err("no listener is enabled; add --http or --tcp, or remove --no-ws".into());
    }
    let interval = Duration::from_millis(args.flush_interval);
    let mut builder = Gateway::builder()
        .ws(args.ws)
        .dialect(args.dialect)
        .write_queue(WriteQueue::new().interval(interval))
        .script_limit(Duration::from_millis(args.script_limit))
        .lost_wake_ups(args.lost_wake_ups);
    builder = builder.origins(args.origins);
    if args.backend != "memory" {
        builder = builder.redis(args.backend);
    }
    builder = match args.http {
        Some(address) => builder.http(address),
        None => builder.without_http(),
    };
    builder = match args.tcp {
        Some(address) => builder.tcp(address),
        None => builder.without_tcp(),
    };
    if let Some(password) = args.password {
        builder = builder.password(password);
    }
    if args.no_ws {
        builder = builder.without_ws();
    }
    if let Some(address) = args.control {
        builder = builder.control(address);
    }
    if args.remote_control {
        builder = builder.remote_control();
    }
    if args.manual_clock {
        builder = builder.clock(Clock::manual());
    }
    #[cfg(feature = "tls")]
    {
        builder = args.tls.apply(builder)?;
    }
    let stop = stop_signal()?;
    let gateway = builder.start().await?;
    for url in [gateway.ws_url(), gateway.http_url(), gateway.tcp_url()] {
        if !url.is_empty() {
            tracing::info!("listening on {url}");
        }
    }
    if !gateway.control_url().is_empty() {
        tracing::info!("control door at {}", gateway.control_url());
    }
    stop.await?;
    tracing::info!("stopping");
    gateway.shutdown().await;
    Ok(())
}
