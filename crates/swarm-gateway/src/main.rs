//! The program: a gateway on the ports that clients expect.

#[cfg(feature = "tls")]
use std::fs;
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
#[cfg(feature = "tls")]
use swarm_gateway::Builder;
use swarm_gateway::{Dialect, Gateway, WriteQueue};
use tracing_subscriber::EnvFilter;

/// SwarmKeyDb's front doors for development, over a store in memory or a real server.
///
/// The store in memory starts empty and forgets everything when the program stops.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Examples:
  swarm-gateway                                    listen on ws://127.0.0.1:8765/
  swarm-gateway --ws 127.0.0.1:0                   on a free port, which the first log line names
  swarm-gateway --tcp                              on redis://127.0.0.1:6379 too: redis-cli works
  swarm-gateway --http                             on http://127.0.0.1:8080 too: curl works
  swarm-gateway --backend redis://127.0.0.1:6379   in front of a Redis that runs already
  swarm-gateway --password secret                  clients must AUTH first
  swarm-gateway --dialect upstream                 speak like the deployed server, quirks included

Dialects: fixed; upstream; or a list of quirks; or one of the two with quirks added, or removed by a minus sign,
such as upstream,nagle,-write-queue. The quirks:
  array-errors         errors of commands arrive as an array of their words
  hello-garbage        HELLO 3 breaks the stream of replies
  simple-as-bulk       OK arrives as a bulk string
  utf8-input           bytes that are not UTF-8 are replaced
  rest-discarded       only the first command of a message is run, the rest dropped in silence
  json-null-object     in JSON mode, null arrives as {}
  json-envelope        in JSON mode, replies and pushes arrive wrapped in an object
  tracking-everything  CLIENT TRACKING announces every key that others write
  overtaking           AUTH and HELLO are answered ahead of replies that are owed
  swarm-streams        streams as SwarmKeyDb has them: complete IDs, fewer commands and options
  late-replies         SUBSCRIBE with several names makes later replies late
  push-buffer          when 256 pushes wait, further ones are dropped
  write-queue          each key that is written waits for a flush, every 100 ms
  torn-writes          INCR, EXEC, EVAL and WATCH are not atomic between connections
  close-drops          closing a WebSocket, or QUIT, stops its commands midway
  nagle                replies are written in fragments on sockets without TCP_NODELAY
  cr-lf                line breaks in errors and status replies shift all later replies
  no-tcp-auth          the TCP door needs no password and refuses AUTH
  busy-scripts         a script that takes too long is answered BUSY, and runs on

TLS on every listener: build with --features tls, which adds --tls-cert FILE and --tls-key FILE.

Set RUST_LOG=swarm_gateway=debug to see connections come and go."
)]
struct Args {
    /// Where the WebSocket door listens.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8765")]
    ws: String,

    /// Keeps the WebSocket door closed.
    #[arg(long)]
    no_ws: bool,

    /// Opens the HTTP door too; on 127.0.0.1:8080 unless told otherwise.
    #[arg(long, value_name = "ADDRESS:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:8080")]
    http: Option<String>,

    /// Opens the TCP door too, for redis-cli and its like; on 127.0.0.1:6379 unless told otherwise.
    #[arg(long, value_name = "ADDRESS:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:6379")]
    tcp: Option<String>,

    /// Where the data is: `memory`, or a server to stand in front of, as in redis://127.0.0.1:6379.
    #[arg(
        long,
        value_name = "memory|REDIS-URL",
        default_value = "memory",
        env = "SWARM_GATEWAY_BACKEND",
        hide_env_values = true
    )]
    backend: String,

    /// The password that clients must give.
    #[arg(
        long,
        value_name = "SECRET",
        env = "SWARM_KEYDB_REQUIREPASS",
        hide_env_values = true
    )]
    password: Option<String>,

    /// Origins of browser pages that may connect, with commas between them; without it, everybody may.
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

    /// How to speak: fixed, upstream, or quirks with commas between them.
    #[arg(long, default_value_t, allow_hyphen_values = true)]
    dialect: Dialect,

    /// Milliseconds between flushes of the write queue, which the quirk write-queue turns on.
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 100,
        env = "SWARM_KEYDB_BATCH_FLUSH_INTERVAL_MS"
    )]
    flush_interval: u64,

    /// Milliseconds that a script may take, with the quirk busy-scripts.
    #[arg(long, value_name = "MS", default_value_t = 5000)]
    script_limit: u64,

    /// Share of the wake-ups of blocking reads that are lost, from 0 to 1.
    #[arg(long, value_name = "RATE", default_value_t = 0.0)]
    lost_wake_ups: f64,
}

/// TLS on every door.
#[cfg(feature = "tls")]
#[derive(Debug, clap::Args)]
struct Tls {
    /// A file with the certificates, the gateway's own first, in PEM: every door then speaks TLS and nothing else.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// A file with the private key of the certificate, in PEM, without a passphrase.
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

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).init();
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("swarm-gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    if args.no_ws && args.http.is_none() && args.tcp.is_none() {
        return Err("no door is open; add --http or --tcp, or leave out --no-ws".into());
    }
    let interval = Duration::from_millis(args.flush_interval);
    let mut builder = Gateway::builder()
        .ws(args.ws)
        .dialect(args.dialect)
        .write_queue(WriteQueue::new().interval(interval))
        .script_limit(Duration::from_millis(args.script_limit))
        .lost_wake_ups(args.lost_wake_ups);
    // An empty variable is no origin.
    builder = builder.origins(args.origins.into_iter().filter(|origin| !origin.is_empty()));
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
    #[cfg(feature = "tls")]
    {
        builder = args.tls.apply(builder)?;
    }
    let gateway = builder.start().await?;
    for url in [gateway.ws_url(), gateway.http_url(), gateway.tcp_url()] {
        if !url.is_empty() {
            tracing::info!("listening on {url}");
        }
    }
    tokio::signal::ctrl_c().await?;
    tracing::info!("stopping");
    gateway.shutdown().await;
    Ok(())
}
