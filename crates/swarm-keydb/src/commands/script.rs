//! Scripts that servers keep by their digest.

use std::borrow::Cow;
use std::fmt;

use sha1::{Digest, Sha1};
use swarm_resp::{FromFrame, ServerError, ToArgs};

use crate::command::{Builder, Executor};
use crate::key::ToKeys;

/// Lua script, which the client sends by its digest where that is safe.
///
/// A [`Client`](crate::Client) and an [`Exclusive`](crate::Exclusive) handle send `EVALSHA`, and if
/// the server does not have the script (`NOSCRIPT`), `EVAL` within the same timeout, which also
/// makes the server keep the script. They send `EVAL` at once in these cases:
///
/// - On connections that cannot tell errors from lists, such as a WebSocket to SwarmKeyDb: a script
///   could return the same list as `NOSCRIPT`, and would then run twice.
/// - Before the first connection, whose server is not known.
/// - If the source contains the word `NOSCRIPT`, because the script could return that error itself.
///   A script must not return it with a text taken from its keys or arguments.
///
/// Pipelines, bulks and transactions always send `EVAL`.
///
/// A script is never retried after its reply was lost, unless you allow it with
/// [`Reply::retry_safe`](crate::Reply::retry_safe). See [delivery](crate::guide::delivery) for
/// outcomes, and [server guarantees](crate::guide::guarantees) for isolation, which SwarmKeyDb does
/// not provide.
///
/// # Examples
///
/// A lock that only its owner releases:
///
/// ```
/// use std::time::Duration;
/// use swarm_keydb::{Client, Script, SetOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::test().await?;
/// # let client = Client::connect(gateway.ws_url()).await?;
/// let release = Script::new(
///     "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
///      return 0",
/// );
/// // Another owner has another token.
/// let token = "worker-7-3f2a";
/// let lock = SetOptions::new().nx().ttl(Duration::from_millis(30_500));
/// assert!(client.set_with("lock:report", token, lock).await?);
/// assert!(!client.set_with("lock:report", "another", lock).await?);
///
/// let released: bool = client.run_script(&release, "lock:report", "another").await?;
/// assert!(!released);
/// let released: bool = client.run_script(&release, "lock:report", token).await?;
/// assert!(released);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Script {
    source: Cow<'static, str>,
    /// SHA-1 of the source in hexadecimal.
    digest: String,
}

impl Script {
    /// Creates a script from its source. Sends nothing.
    pub fn new(source: impl Into<Cow<'static, str>>) -> Self {
        let source = source.into();
        let digest = Sha1::digest(source.as_bytes());
        Self {
            digest: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            source,
        }
    }

    /// Returns the source.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the digest by which servers know the script: SHA-1 in lower-case hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

impl fmt::Debug for Script {
    /// Shows the digest and the length, but not the source.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script({}, {} bytes)", self.digest, self.source.len())
    }
}

/// Runs scripts on any executor.
pub trait RunScript: Executor {
    /// Runs a script, and converts what it returns to `T`: see [`Script`].
    ///
    /// # Errors
    ///
    /// - Kind [`Server`](crate::ErrorKind::Server) if the script fails. Its writes before the error
    ///   remain, so the outcome is [`MayHaveRun`](crate::Outcome::MayHaveRun) unless the server
    ///   did not start the script.
    /// - Kind [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply) if the reply cannot be converted
    ///   to `T`.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped after it was sent, the script may run.
    fn run_script<T: FromFrame>(
        &self,
        script: &Script,
        keys: impl ToKeys,
        args: impl ToArgs,
    ) -> Self::Output<T> {
        let mut builder = Builder::new("EVAL")
            .fenced()
            .arg(&*script.source)
            .counted_keys(&keys)
            .args(&args);
        if !script.source.contains("NOSCRIPT") {
            let mut by_digest = Builder::new("EVALSHA")
                .arg(&*script.digest)
                .counted_keys(keys)
                .args(args);
            builder.by_digest = Some(Box::new(by_digest.request.build()));
        }
        self.execute(builder.build())
    }
}

impl<E: Executor> RunScript for E {}

/// Whether an error proves that the server does not have a script, so that it did not run.
pub(crate) fn is_unknown_script(error: &ServerError) -> bool {
    error.code() == "NOSCRIPT"
        && matches!(
            error.message(),
            "No matching script. Please use EVAL."
                // SwarmKeyDb.
                | "No matching script. Please use EVAL. Script replication is not enabled."
        )
}
