//! Resolves host names and connects sockets, trying addresses concurrently (RFC 8305).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::progress::Progress;
use crate::{Endpoint, TransportError, TransportErrorKind, TransportOptions};

/// Delay before the next address is tried concurrently, as recommended by RFC 8305.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Resolves the endpoint's host name and connects to the first address that accepts.
pub(super) async fn tcp(
    endpoint: &Endpoint,
    options: &TransportOptions,
    progress: &Progress,
) -> Result<TcpStream, TransportError> {
    let addresses: Vec<_> = match endpoint.resolved() {
        Some(address) => vec![address],
        None => match lookup_host((endpoint.host(), endpoint.port())).await {
            Ok(addresses) => addresses.collect(),
            Err(error) => return Err(unresolved(endpoint).with_source(error)),
        },
    };
    let stream = connect_any(&addresses, progress)
        .await
        .map_err(|error| match error {
            Some(error) => refused(endpoint, error),
            None => unresolved(endpoint),
        })?;
    progress.connected(stream.peer_addr().ok());
    configure(&stream, options).map_err(|error| {
        TransportError::new(
            TransportErrorKind::Io,
            format!("the options of the socket to {endpoint} cannot be set"),
        )
        .with_source(error)
    })?;
    Ok(stream)
}

/// Connects to the endpoint's Unix socket.
#[cfg(unix)]
pub(super) async fn unix(endpoint: &Endpoint) -> Result<UnixStream, TransportError> {
    let path = endpoint.socket_path().unwrap_or(std::path::Path::new(""));
    UnixStream::connect(path).await.map_err(|error| {
        let kind = match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                TransportErrorKind::Refused
            }
            _ => TransportErrorKind::Io,
        };
        let message =
            format!("no connection to {endpoint}: {error}; check the path; is the server running?");
        TransportError::new(kind, message).with_source(error)
    })
}

/// Tries the addresses in order. If an attempt is slow, the next one starts beside it, so that an
/// unreachable address does not use up the timeout of a reachable one.
async fn connect_any(
    addresses: &[SocketAddr],
    progress: &Progress,
) -> Result<TcpStream, Option<io::Error>> {
    let mut attempts = JoinSet::new();
    let mut failed = None;
    let mut left = addresses.iter();
    let mut next = Instant::now();
    loop {
        if attempts.is_empty() || next <= Instant::now() {
            match left.next() {
                Some(address) => {
                    progress.trying(*address);
                    attempts.spawn(TcpStream::connect(*address));
                    next = Instant::now() + ATTEMPT_DELAY;
                }
                None if attempts.is_empty() => return Err(failed),
                None => {}
            }
        }
        tokio::select! {
            Some(attempt) = attempts.join_next() => match attempt {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => {
                    failed = Some(error);
                    // Start the next attempt immediately.
                    next = Instant::now();
                }
                Err(panicked) => failed = Some(io::Error::other(panicked)),
            },
            () = sleep_until(next), if left.len() > 0 => {}
        }
    }
}

fn configure(stream: &TcpStream, options: &TransportOptions) -> io::Result<()> {
    stream.set_nodelay(options.tcp_nodelay)?;
    let socket = SockRef::from(stream);
    if let Some(idle) = options.tcp_keepalive.filter(|&idle| idle != Duration::MAX) {
        let keepalive = TcpKeepalive::new().with_time(idle);
        #[cfg(any(
            target_os = "linux",
            target_os = "android",
            target_vendor = "apple",
            windows
        ))]
        let keepalive = keepalive
            .with_interval((idle / 3).max(Duration::from_secs(1)))
            .with_retries(2);
        socket.set_tcp_keepalive(&keepalive)?;
    }
    // The kernel probes idle connections only; unacknowledged data needs its own timeout.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(
        options
            .tcp_user_timeout
            .filter(|&timeout| timeout != Duration::MAX),
    )?;
    Ok(())
}

fn unresolved(endpoint: &Endpoint) -> TransportError {
    TransportError::new(
        TransportErrorKind::Resolve,
        format!(
            "the host name {} cannot be resolved; check the name and the name servers",
            endpoint.host()
        ),
    )
}

fn refused(endpoint: &Endpoint, error: io::Error) -> TransportError {
    let kind = match error.kind() {
        io::ErrorKind::TimedOut => TransportErrorKind::Timeout,
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable
        | io::ErrorKind::ConnectionReset => TransportErrorKind::Refused,
        _ => TransportErrorKind::Io,
    };
    TransportError::new(
        kind,
        format!(
            "no connection to {endpoint}: {error}; check host and port; is the server running?"
        ),
    )
    .with_source(error)
}

#[cfg(test)]
mod tests {
    //! Socket options, and address selection.

    use tokio::net::TcpListener;

    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn options_are_set_on_the_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let endpoint = Endpoint::parse(&format!("redis://127.0.0.1:{port}")).unwrap();
        let stream = tcp(&endpoint, &TransportOptions::new(), &Progress::default())
            .await
            .unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(
            socket.tcp_keepalive_time().unwrap(),
            Duration::from_secs(15)
        );
        assert_eq!(
            socket.tcp_keepalive_interval().unwrap(),
            Duration::from_secs(5)
        );
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 2);
        assert_eq!(
            socket.tcp_user_timeout().unwrap(),
            Some(Duration::from_secs(30))
        );

        let off = TransportOptions::new()
            .tcp_nodelay(false)
            .tcp_keepalive(None)
            .tcp_user_timeout(None);
        let stream = tcp(&endpoint, &off, &Progress::default()).await.unwrap();
        let socket = SockRef::from(&stream);
        assert!(!socket.tcp_nodelay().unwrap() && !socket.keepalive().unwrap());
        assert_eq!(socket.tcp_user_timeout().unwrap(), None);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_first_address_that_accepts_wins() {
        let live = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let live = live.local_addr().unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refusing = closed.local_addr().unwrap();
        drop(closed);
        // Fill the accept queue, so that further connection attempts get no response.
        let unresponsive =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        unresponsive
            .bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into())
            .unwrap();
        unresponsive.listen(0).unwrap();
        let unresponsive_address = unresponsive.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = Vec::new();
        let moment = Duration::from_millis(50);
        while let Ok(stream) =
            tokio::time::timeout(moment, TcpStream::connect(unresponsive_address)).await
        {
            waiting.push(stream.unwrap());
        }

        let start = Instant::now();
        for addresses in [
            vec![refusing, live],
            vec![unresponsive_address, live],
            vec![unresponsive_address, refusing, live],
        ] {
            let stream = connect_any(&addresses, &Progress::default()).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), live);
        }
        assert!(start.elapsed() < Duration::from_secs(5));
        let error = connect_any(&[refusing, refusing], &Progress::default())
            .await
            .unwrap_err()
            .unwrap();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(
            connect_any(&[], &Progress::default())
                .await
                .unwrap_err()
                .is_none()
        );
    }
}
