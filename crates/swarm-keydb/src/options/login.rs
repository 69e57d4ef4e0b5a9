//! Who the client says it is, and which replies make it say so anew.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;

use super::Options;
use crate::credentials::{Credentials, Login, provider};

impl Options {
    /// Asks for credentials at every attempt to connect, for tokens that expire; they take the place of
    /// [`password`](Self::password). The time that it takes counts towards [`connect_timeout`](Self::connect_timeout). When it
    /// fails, so does the attempt, with an error of kind [`Auth`](crate::ErrorKind::Auth).
    ///
    /// ```
    /// use std::io;
    /// use swarm_keydb::{Client, Credentials, Options, prelude::*};
    ///
    /// async fn fetch_token() -> io::Result<String> {
    ///     Ok("a token that lasts an hour".to_owned())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let builder = swarm_gateway::Gateway::builder().ws("127.0.0.1:0");
    /// # let gateway = builder.password("a token that lasts an hour").start().await?;
    /// # let url = gateway.ws_url();
    /// let ask = || async { fetch_token().await.map(Credentials::password) };
    /// let client = Client::connect(Options::new(url).credentials(ask)).await?;
    /// client.ping().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn credentials<F, Fut, E>(mut self, ask: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Credentials, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        self.provider = Some(provider(ask));
        self
    }

    /// After which errors of the server the client connects again, by their codes: another connection may lead to another
    /// server. What is in flight is answered before, and a server to which it makes no difference is left alone for
    /// [`reconnect_max_delay`](Self::reconnect_max_delay). The command itself gets its error: it did not run. Default: `READONLY`, of
    /// a primary that is one no more, and `NOAUTH`, of a server that has forgotten who the client is.
    pub fn reconnect_on<'a>(mut self, codes: impl IntoIterator<Item = &'a str>) -> Self {
        self.reconnect_on = codes.into_iter().map(Box::from).collect();
        self
    }

    /// What connections log in with, if nobody is to be asked.
    pub(crate) fn login(&self, fixed: Option<Credentials>) -> Login {
        match &self.provider {
            Some(provider) => Login::asked(Arc::clone(provider)),
            None => Login::fixed(fixed),
        }
    }
}
