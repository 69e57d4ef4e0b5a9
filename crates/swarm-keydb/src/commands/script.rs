//! Scripts that servers keep by their digest.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use sha1::{Digest, Sha1};
use swarm_resp::{FromFrame, ToArgs};

use crate::command::{Builder, Executor};
use crate::key::ToKeys;

/// Size of the smallest source that is sent by its digest. For a shorter one, the transaction costs
/// more than the bytes that it saves.
const WORTH_A_DIGEST: usize = 1024;

/// Lua script, which the client sends by its digest where that is worth it and safe.
///
/// A [`Client`](crate::Client) sends `EVAL` with the source, except for scripts of 1 KiB or more on
/// Redis, Valkey and KeyDB, which keep scripts that they have run. There, the client sends
/// `SCRIPT EXISTS` and `EVALSHA` in a transaction, so that the server proves whether the script
/// ran. Only if it did not, because the server does not have it, the client sends `EVAL` within the
/// same timeout. The error `NOSCRIPT` alone would prove nothing, because a script can return it.
///
/// Other handles always send `EVAL`, and so does a client whose user may not send `MULTI`, `EXEC`,
/// `EVALSHA` or `SCRIPT EXISTS`.
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
    digest: Arc<String>,
}

impl Script {
    /// Creates a script from its source. Sends nothing.
    pub fn new(source: impl Into<Cow<'static, str>>) -> Self {
        let source = source.into();
        let digest = Sha1::digest(source.as_bytes());
        Self {
            digest: Arc::new(digest.iter().map(|byte| format!("{byte:02x}")).collect()),
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
            .counted_keys(keys)
            .args(args);
        if script.source.len() >= WORTH_A_DIGEST {
            builder.digest = Some(Arc::clone(&script.digest));
        }
        self.execute(builder.build())
    }
}

impl<E: Executor> RunScript for E {}
