//! Why a gateway did not start.

use std::io;

/// A gateway that could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another program listens on the address.
    #[error(
        "cannot listen on {address}: the port is taken; stop the program that has it, or choose another port (0 takes a free one)"
    )]
    PortTaken {
        /// The address asked for.
        address: String,
    },
    /// The address cannot be listened on: it does not exist here, or permission is missing.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address asked for.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// A gateway on a thread of its own got none.
    #[error("cannot start a thread for the gateway: {0}")]
    Thread(#[source] io::Error),
    /// The server behind the gateway cannot be used.
    #[error("cannot use the server behind the gateway, {address}: {reason}")]
    Upstream {
        /// Its address, without the password.
        address: String,
        /// What is wrong.
        reason: String,
    },
    /// The certificate or the private key cannot be used.
    #[cfg(feature = "tls")]
    #[error("cannot speak TLS: {reason}")]
    Tls {
        /// What is wrong, and with which of them.
        reason: String,
    },
}

impl StartError {
    pub(crate) fn upstream(reason: String, address: &str) -> Self {
        // Whatever stands before the last @ is a secret.
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
