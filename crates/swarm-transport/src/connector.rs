//! The wire that an address asks for.

use std::sync::Arc;

use crate::{Connect, DialOptions, Endpoint, Scheme, TransportError, TransportErrorKind};

/// A connector for an endpoint, by the wire that its scheme asks for.
///
/// # Errors
///
/// Of kind [`Options`](TransportErrorKind::Options) when an option makes no sense, and of kind
/// [`Endpoint`](TransportErrorKind::Endpoint) when the wire is not compiled in; the message names the feature.
///
/// ```
/// # #[cfg(feature = "ws")] {
/// use swarm_transport::{DialOptions, Endpoint, connector};
///
/// let endpoint = Endpoint::parse("ws://localhost:8765")?;
/// let connector = connector(&endpoint, &DialOptions::new())?;
/// # let _ = connector;
/// # }
/// # Ok::<(), swarm_transport::TransportError>(())
/// ```
pub fn connector(
    endpoint: &Endpoint,
    options: &DialOptions,
) -> Result<Arc<dyn Connect>, TransportError> {
    options.validate()?;
    match endpoint.scheme() {
        #[cfg(feature = "ws")]
        Scheme::Ws | Scheme::Wss => Ok(Arc::new(crate::ws::WsConnector::new(endpoint, options)?)),
        #[cfg(feature = "tcp")]
        Scheme::Redis | Scheme::Rediss | Scheme::RedisUnix => {
            Ok(Arc::new(crate::tcp::TcpConnector::new(endpoint, options)?))
        }
        scheme => Err(not_compiled_in(scheme)),
    }
}

pub(crate) fn not_compiled_in(scheme: Scheme) -> TransportError {
    let wire = match scheme {
        Scheme::Ws | Scheme::Wss => "ws",
        Scheme::Http | Scheme::Https => "http",
        Scheme::Redis | Scheme::Rediss | Scheme::RedisUnix => "tcp",
    };
    let features = if scheme.is_tls() {
        format!("the features `{wire}` and `tls`")
    } else {
        format!("the feature `{wire}`")
    };
    TransportError::new(
        TransportErrorKind::Endpoint,
        format!("{scheme}:// is not compiled in; enable {features}"),
    )
}
