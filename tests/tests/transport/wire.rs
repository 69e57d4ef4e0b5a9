//! Every transport, with a peer to dial.

use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use swarm_resp::{Frame, Request};
use swarm_transport::{
    BoxTransport, Connect, Endpoint, RespTransport, TransportError, TransportOptions, Wrapper,
    connector, memory,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use crate::hooks::Hooks;
use crate::{identity, peer};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Ws,
    Wss,
    Http,
    Https,
    Tcp,
    Tls,
    Unix,
    /// The RESP transport over a pipe, in a wrapper.
    Pipe,
    Memory,
}

impl Wire {
    const ALL: [Self; 9] = [
        Self::Ws,
        Self::Wss,
        Self::Http,
        Self::Https,
        Self::Tcp,
        Self::Tls,
        Self::Unix,
        Self::Pipe,
        Self::Memory,
    ];

    pub(crate) const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    pub(crate) const fn scheme(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Http => "http",
            Self::Https => "https",
            Self::Tcp => "redis",
            Self::Tls => "rediss",
            Self::Unix => "redis+unix",
            Self::Pipe => "pipe",
            Self::Memory => "memory",
        }
    }

    /// Starts a peer; each dial opens a connection to it.
    pub(crate) async fn listen(self, hooks: &Hooks) -> Server {
        let hooks = hooks.clone();
        match self {
            Self::Memory => Server::Memory(hooks),
            Self::Pipe => Server::Pipe(hooks),
            Self::Unix => {
                static COUNT: AtomicUsize = AtomicUsize::new(0);
                let n = COUNT.fetch_add(1, Ordering::Relaxed);
                let path =
                    std::env::temp_dir().join(format!("swarm-{}-{n}.sock", std::process::id()));
                let _ = std::fs::remove_file(&path);
                let listener = UnixListener::bind(&path).unwrap();
                tokio::spawn(async move {
                    while let Ok((stream, _)) = listener.accept().await {
                        self.serve(stream, hooks.clone());
                    }
                });
                let endpoint = Endpoint::unix(&path).unwrap();
                Server::Socket {
                    endpoint,
                    _remove: Some(Remove(path)),
                }
            }
            _ => {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let endpoint = self.endpoint(listener.local_addr().unwrap().port());
                tokio::spawn(async move {
                    while let Ok((stream, _)) = listener.accept().await {
                        stream.set_nodelay(true).unwrap();
                        self.serve(stream, hooks.clone());
                    }
                });
                Server::Socket {
                    endpoint,
                    _remove: None,
                }
            }
        }
    }

    pub(crate) fn endpoint(self, port: u16) -> Endpoint {
        Endpoint::parse(&format!("{}://localhost:{port}", self.scheme())).unwrap()
    }

    fn serve<S>(self, stream: S, hooks: Hooks)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        tokio::spawn(async move {
            if !matches!(self, Self::Wss | Self::Https | Self::Tls) {
                self.speak(stream, &hooks).await;
            } else if let Ok(stream) = identity::acceptor().accept(stream).await {
                self.speak(stream, &hooks).await;
            }
            hooks.end();
        });
    }

    async fn speak<S>(self, stream: S, hooks: &Hooks)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        match self {
            Self::Ws | Self::Wss => peer::ws(stream, hooks).await,
            Self::Http | Self::Https => peer::http(stream, hooks).await,
            Self::Tcp | Self::Tls | Self::Unix | Self::Pipe => peer::resp(stream, hooks).await,
            Self::Memory => {}
        }
    }
}

/// A peer that can be dialed.
pub(crate) enum Server {
    Memory(Hooks),
    Pipe(Hooks),
    Socket {
        endpoint: Endpoint,
        _remove: Option<Remove>,
    },
}

/// Removes a socket file when dropped.
pub(crate) struct Remove(PathBuf);

impl Drop for Remove {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Server {
    pub(crate) fn connector(&self, options: TransportOptions) -> Arc<dyn Connect> {
        match self {
            Self::Memory(hooks) => {
                let hooks = hooks.clone();
                // Any closure that returns a transport is a connector.
                Arc::new(move || {
                    let hooks = hooks.clone();
                    async move {
                        let (transport, peer) = memory::pair_with_capacity(64);
                        tokio::spawn(async move {
                            let _ = peer::memory(peer, &hooks).await;
                            hooks.end();
                        });
                        Ok(Box::new(transport) as BoxTransport)
                    }
                })
            }
            Self::Pipe(hooks) => {
                let hooks = hooks.clone();
                Arc::new(move || {
                    let (hooks, options) = (hooks.clone(), options.clone());
                    async move {
                        let (ours, theirs) = tokio::io::duplex(64 << 10);
                        Wire::Pipe.serve(theirs, hooks);
                        let transport = RespTransport::with_options(ours, &options);
                        Ok(Wrapper::new(transport, ()).boxed())
                    }
                })
            }
            Self::Socket { endpoint, .. } => {
                connector(endpoint, &options.tls(identity::trusting())).unwrap()
            }
        }
    }

    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Memory(_) | Self::Pipe(_) => 0,
            Self::Socket { endpoint, .. } => endpoint.port(),
        }
    }
}

/// Time limit of a step, shorter than the default timeouts of the transports.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(5), future)
        .await
        .expect("timed out after 5 s")
}

pub(crate) async fn start(
    transport: &mut BoxTransport,
    request: Request,
) -> Result<(), TransportError> {
    poll_fn(|cx| transport.poll_ready(cx)).await?;
    transport.start_send(request.view())
}

pub(crate) async fn flush(transport: &mut BoxTransport) -> Result<(), TransportError> {
    poll_fn(|cx| transport.poll_flush(cx)).await
}

pub(crate) async fn receive(transport: &mut BoxTransport) -> Result<Frame, TransportError> {
    poll_fn(|cx| transport.poll_receive(cx)).await
}

pub(crate) async fn call(
    transport: &mut BoxTransport,
    request: Request,
) -> Result<Frame, TransportError> {
    start(transport, request).await?;
    flush(transport).await?;
    receive(transport).await
}

/// Every scheme that an address can have is among the wires, and in the guide.
#[test]
fn every_scheme_has_a_wire_and_a_row_in_the_guide() {
    let guide = include_str!("../../../crates/swarm-keydb/src/guide/transports.md");
    let known = Wire::ALL.map(Wire::scheme);
    let unknown = Endpoint::parse("gopher://host").unwrap_err().to_string();
    let (_, supported) = unknown
        .split_once("; use ")
        .expect("the error lists all schemes");
    let schemes = supported
        .split([' ', ','])
        .filter_map(|word| word.strip_suffix("://"));
    let schemes: Vec<_> = schemes.collect();
    assert!(schemes.len() >= 7, "{unknown}");
    for scheme in schemes {
        assert!(known.contains(&scheme), "{scheme} has no wire");
        assert!(
            guide.contains(&format!("`{scheme}://")),
            "{scheme} is not in the guide"
        );
    }
}
