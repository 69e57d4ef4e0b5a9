//! Authentication with new credentials while the client runs.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use super::{Client, ConnectionFactory};
use crate::command::{Builder, Executor};
use crate::commands::ok;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Result};

impl Client {
    /// Authenticates with new credentials: on the current connection, with nothing else in flight,
    /// and on all later connections. A string is a password.
    ///
    /// The new credentials replace [`ClientOptions::password`](crate::ClientOptions::password) and
    /// [`ClientOptions::credentials`](crate::ClientOptions::credentials).
    ///
    /// If there is no connection because the server rejects the old credentials, or if the
    /// transport has no sessions, the client tries the new credentials on a separate connection.
    ///
    /// # Errors
    ///
    /// Kind [`Auth`](ErrorKind::Auth) if the server rejects the credentials; the client keeps the
    /// old ones.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the current connection may be authenticated with the new
    /// credentials, while later ones use the old ones.
    ///
    /// # Examples
    ///
    /// ```
    /// use swarm_keydb::Client;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::Gateway::builder();
    /// # let gateway = gateway.ws("127.0.0.1:0").password("s3cret").start().await?;
    /// let client = Client::connect_lazy(gateway.ws_url())?;
    /// assert!(client.auth("a guess").await.is_err());
    /// client.auth("s3cret").await?;
    /// client.ping().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn auth(&self, credentials: impl Into<Credentials>) -> Result<()> {
        let credentials = credentials.into();
        let command = Builder::new("AUTH").args(credentials.args()).alone();
        if self.shared.availability.is_refused() {
            // The shared connection cannot be opened before the credentials change.
            self.verify(credentials.clone()).await?;
            self.shared.factory.target.login.set(credentials);
            return Ok(());
        }
        let result = self.execute(command.build_with(ok)).await;
        match result {
            Err(error) if was_not_asked(&error) => self.verify(credentials.clone()).await?,
            result => result?,
        }
        self.shared.factory.target.login.set(credentials);
        Ok(())
    }

    /// Tries credentials on a separate connection.
    async fn verify(&self, credentials: Credentials) -> Result<()> {
        let ConnectionFactory {
            target,
            options,
            tasks,
        } = &*self.shared.factory;
        let options = options
            .clone()
            .credentials(move || ready(Ok::<_, Infallible>(credentials.clone())))
            .http_fallback(false)
            .reconnect(false);
        let target = if target.custom {
            options.target_through(Arc::clone(&target.connector))
        } else {
            options.target()?
        };
        let trial = Self::start(ConnectionFactory::new(target, options, tasks.clone())).await?;
        let result = trial.ping().await;
        trial.close().await;
        result
    }
}

/// Whether AUTH was not sent, because of the connection rather than the credentials.
fn was_not_asked(error: &Error) -> bool {
    error.was_not_sent() && matches!(error.kind(), ErrorKind::Auth | ErrorKind::Argument)
}
