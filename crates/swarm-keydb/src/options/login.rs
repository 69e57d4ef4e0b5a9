//! Options of authentication: password, credentials and the identity of every connection.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;

use swarm_resp::{Request, ToArg};

use super::ClientOptions;
use crate::credentials::{Credentials, Login, provider};

/// # Authentication
///
impl ClientOptions {
    /// Sets the password that the client sends on every new connection, before any command.
    /// Default: none.
    ///
    /// This replaces the password of the URL and keeps its user. An empty password is an error.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Sets a function that the client calls for credentials on every attempt to connect, for
    /// tokens that expire. They replace the [`password`](Self::password).
    ///
    /// The time that the function takes counts toward [`connect_timeout`](Self::connect_timeout).
    /// If it fails, the attempt fails with an error of kind [`Auth`](crate::ErrorKind::Auth).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io;
    /// use swarm_keydb::{Client, ClientOptions, Credentials};
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
    /// let fetch = || async { fetch_token().await.map(Credentials::password) };
    /// let client = Client::connect(ClientOptions::new(url).credentials(fetch)).await?;
    /// client.ping().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn credentials<F, Fut, E>(mut self, fetch: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Credentials, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        self.provider = Some(provider(fetch));
        self
    }

    /// Sets the name of every connection in the server's list of clients (`CLIENT SETNAME`).
    /// Default: none.
    pub fn client_name(mut self, name: impl ToArg) -> Self {
        self.session
            .push(("client_name", Request::new("CLIENT SETNAME", name.to_arg())));
        self
    }

    /// Sets the Ethereum address that every connection acts as (`AUTHADDR`, SwarmKeyDb only).
    /// Default: none.
    pub fn auth_addr(mut self, address: impl ToArg) -> Self {
        self.session
            .push(("auth_addr", Request::new("AUTHADDR", address.to_arg())));
        self
    }

    /// Sets the decentralized identifier that every connection acts as (`AUTHDID`, SwarmKeyDb
    /// only). Default: none.
    pub fn auth_did(mut self, did: impl ToArg) -> Self {
        self.session
            .push(("auth_did", Request::new("AUTHDID", did.to_arg())));
        self
    }

    /// Sets the decentralized identifier that every connection acts as, with a signed message that
    /// proves it (`AUTHDID`, SwarmKeyDb only). Default: none.
    pub fn auth_did_signed(
        mut self,
        did: impl ToArg,
        message: impl ToArg,
        signature: impl ToArg,
    ) -> Self {
        let proof = (did.to_arg(), message.to_arg(), signature.to_arg());
        self.session
            .push(("auth_did", Request::new("AUTHDID", proof)));
        self
    }

    /// The source of credentials: the provider if there is one, otherwise `fixed`.
    pub(crate) fn login(&self, fixed: Option<Credentials>) -> Login {
        match &self.provider {
            Some(provider) => Login::from_provider(Arc::clone(provider)),
            None => Login::fixed(fixed),
        }
    }
}
