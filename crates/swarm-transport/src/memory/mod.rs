//! In-process transport, and the peer that answers it.
//!
//! For tests and examples without a network. It is also the smallest complete implementation of a
//! transport. Nothing is encoded: requests and frames are moved between the two ends.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), swarm_transport::TransportError> {
//! use std::future::poll_fn;
//! use swarm_resp::{Frame, Request};
//! use swarm_transport::{Transport, memory};
//!
//! let (mut transport, mut peer) = memory::pair();
//! let server = tokio::spawn(async move {
//!     while let Some(request) = peer.next_request().await {
//!         peer.reply(Frame::bulk(request.name().to_vec())).await?;
//!     }
//!     Ok::<_, swarm_transport::TransportError>(())
//! });
//!
//! poll_fn(|cx| transport.poll_ready(cx)).await?;
//! transport.start_send(Request::new("PING", ()).view())?;
//! poll_fn(|cx| transport.poll_flush(cx)).await?;
//! let reply = poll_fn(|cx| transport.poll_receive(cx)).await?;
//! assert_eq!(reply.as_str(), Some("PING"));
//!
//! poll_fn(|cx| transport.poll_close(cx)).await?;
//! server.await.unwrap()
//! # }
//! ```

mod channel;
mod peer;
#[cfg(test)]
mod tests;
mod transport;

pub use peer::MemoryPeer;
pub use transport::MemoryTransport;

/// Default capacity of each direction of a [`pair`].
const CAPACITY: usize = 1024;

/// Creates a transport and its peer, with a capacity of 1024 requests and 1024 frames.
pub fn pair() -> (MemoryTransport, MemoryPeer) {
    pair_with_capacity(CAPACITY)
}

/// Creates a transport and its peer, with a capacity of `capacity` requests and as many frames, at
/// least one each.
pub fn pair_with_capacity(capacity: usize) -> (MemoryTransport, MemoryPeer) {
    let requests = channel::Channel::new(capacity.max(1));
    let frames = channel::Channel::new(capacity.max(1));
    (
        MemoryTransport::new(requests.clone(), frames.clone()),
        MemoryPeer::new(requests, frames),
    )
}
