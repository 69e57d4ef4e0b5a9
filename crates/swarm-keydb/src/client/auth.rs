//! Logging in while the client runs.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use super::{Client, ConnectionFactory};
use crate::command::{Builder, Executor};
use crate::commands::ok;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Result};

impl Client {
    /// Logs in with other credentials: on the connection that is there, with nothing else in flight, and on all that will be made.
    /// A text is a password. They take the place of [`ClientOptions::password`](crate::ClientOptions::password) and
    /// [`ClientOptions::credentials`](crate::ClientOptions::credentials).
    ///
    /// Where there is no connection because the server refuses the old credentials, or where the wire has no session, the new ones
    /// are tried on a connection of their own.
    ///
    /// **Errors:** kind [`Auth`](ErrorKind::Auth) when the server refuses them; the old ones stay in use.
    ///
    /// **Cancel safety:** when the future is dropped, the connection may be logged in, while later ones use the old
    /// credentials.
    ///
    /// ```
    /// use swarm_keydb::Client;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::Gateway::builder().ws("127.0.0.1:0").password("s3cret").start().await?;
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
            // No connection will be there to ask over before there are other credentials.
            self.try_out(credentials.clone()).await?;
            self.shared.factory.target.login.set(credentials);
            return Ok(());
        }
        let answered = self.execute(command.build_with(ok)).await;
        match answered {
            Err(error) if is_about_the_way(&error) => self.try_out(credentials.clone()).await?,
            answered => answered?,
        }
        self.shared.factory.target.login.set(credentials);
        Ok(())
    }

    /// Logs in on a connection of its own.
    async fn try_out(&self, credentials: Credentials) -> Result<()> {
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
        let answered = trial.ping().await;
        trial.close().await;
        answered
    }
}

/// Whether the server was not asked at all.
fn is_about_the_way(error: &Error) -> bool {
    error.was_not_sent() && matches!(error.kind(), ErrorKind::Auth | ErrorKind::Argument)
}
