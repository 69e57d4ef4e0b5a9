//! Errors of starting a gateway, and of replacing its data.

use std::io;

/// Error returned when a gateway cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another program is listening on the address.
    #[error(
        "cannot listen on {address}: port already in use; stop the other program or choose \
         another port"
    )]
    PortTaken {
        /// The requested address.
        address: String,
    },
    /// The address cannot be bound: it does not exist on this machine, or permission is missing.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The requested address.
        address: String,
        /// The operating system's error.
        source: io::Error,
    },
    /// The thread of a [blocking](crate::blocking) gateway could not be started.
    #[error("cannot start a thread for the gateway: {0}")]
    Thread(#[source] io::Error),
    /// The server behind the gateway cannot be used.
    #[error("cannot use the server behind the gateway at {address}: {reason}")]
    Upstream {
        /// Address of the server, without the password.
        address: String,
        /// What is wrong.
        reason: String,
    },
    /// The control door would be reachable from other machines, which was not allowed.
    #[error(
        "the control door at {address} would be reachable from other machines; use a loopback \
         address such as 127.0.0.1, or allow remote control"
    )]
    NotLoopback {
        /// The requested address.
        address: String,
    },
    /// The certificate or the private key is invalid.
    #[cfg(feature = "tls")]
    #[error("cannot enable TLS: {reason}")]
    Tls {
        /// What is wrong, and with which of the two.
        reason: String,
    },
}

impl StartError {
    pub(crate) fn upstream(reason: String, address: &str) -> Self {
        // Everything before the last `@` is secret.
        let address = address.rsplit('@').next().unwrap_or_default().to_owned();
        Self::Upstream { address, reason }
    }

    pub(crate) fn bind(address: &str, source: io::Error) -> Self {
        let address = address.to_owned();
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::PortTaken { address },
            _ => Self::Bind { address, source },
        }
    }
}

/// Error returned when the data of a gateway cannot be copied or replaced.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The data is not in the gateway's embedded store.
    #[error("the data is in the server behind the gateway; use the embedded store")]
    NotEmbedded,
    /// The snapshot is malformed, or contradicts itself.
    #[error("invalid snapshot: {reason}")]
    Invalid {
        /// What is wrong, and with which key.
        reason: String,
    },
}

impl StoreError {
    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Invalid { reason }
    }
}
