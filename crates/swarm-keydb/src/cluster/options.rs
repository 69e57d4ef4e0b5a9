//! Options of a cluster client.

use std::fmt;
use std::sync::Arc;

use swarm_resp::Request;
use swarm_transport::Endpoint;

use super::address::Address;
use super::read_from::ReadFrom;
use crate::error::{Error, Result};
use crate::options::{AddressMap, ClientOptions};

/// Options of a [`cluster::Client`](super::Client): the nodes to ask for the topology, and the
/// options of the connections to every node.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use swarm_keydb::cluster::Options;
///
/// let options = Options::new("redis+cluster://app:secret@10.0.0.1:7000,10.0.0.2:7000")
///     .client(|client| client.request_timeout(Duration::from_secs(2)));
/// ```
#[derive(Clone)]
#[must_use = "options do nothing until a client is created with them"]
pub struct Options {
    urls: Vec<String>,
    pub(super) client: ClientOptions,
    map: Option<AddressMap>,
    read_from: ReadFrom,
}

impl Options {
    /// Creates the default options for the cluster of these nodes:
    /// `redis+cluster://[[user]:password@]host:port[,host:port…]`, or `rediss+cluster://` for TLS.
    /// A `redis://` or `rediss://` URL names one node.
    ///
    /// A few nodes suffice; they name the others. If one of them does not answer, the client asks
    /// the next. All nodes have the same credentials. A cluster has only the database 0.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            urls: vec![url.into()],
            client: ClientOptions::default(),
            map: None,
            read_from: ReadFrom::Primary,
        }
    }

    /// Adds a URL with more nodes to ask for the topology. Its scheme and credentials must be those
    /// of the first.
    pub fn seed(mut self, url: impl Into<String>) -> Self {
        self.urls.push(url.into());
        self
    }

    /// Changes the options of the connections to each node: timeouts, credentials, TLS, limits.
    ///
    /// Two options differ from those of a [`Client`](crate::Client): the client always
    /// [reconnects](ClientOptions::reconnect), and limits such as
    /// [`max_in_flight`](ClientOptions::max_in_flight) apply to each node.
    pub fn client(mut self, change: impl FnOnce(ClientOptions) -> ClientOptions) -> Self {
        self.client = change(self.client);
        self
    }

    /// Translates the addresses that nodes announce to ones that this program can reach, for
    /// clusters behind NAT or in containers. `map` returns `None` for an address that needs no
    /// translation. It is not applied to the URLs.
    ///
    /// # Examples
    ///
    /// ```
    /// use swarm_keydb::cluster::Options;
    ///
    /// // The nodes announce 172.18.0.x:6379, and x is published as the port 7000 + x.
    /// let options = Options::new("redis+cluster://localhost:7001").address_map(|host, _| {
    ///     let last: u16 = host.strip_prefix("172.18.0.")?.parse().ok()?;
    ///     Some(("localhost".to_owned(), 7000 + last))
    /// });
    /// ```
    pub fn address_map(
        mut self,
        map: impl Fn(&str, u16) -> Option<(String, u16)> + Send + Sync + 'static,
    ) -> Self {
        self.map = Some(Arc::new(map));
        self
    }

    /// Sets which nodes answer commands that only read. Default: [`ReadFrom::Primary`]. Reads from
    /// replicas are stale: see [`ReadFrom`]. Each replica that is read from has one more
    /// connection.
    pub const fn read_from(mut self, read_from: ReadFrom) -> Self {
        self.read_from = read_from;
        self
    }

    /// Checks the options.
    pub(super) fn settled(self) -> Result<Settled> {
        let mut seeds = Vec::new();
        let mut prefix = None;
        for url in &self.urls {
            let parsed = Url::parse(url)?;
            if prefix.get_or_insert(parsed.prefix) != &parsed.prefix {
                return Err(Error::config(
                    "url: the seeds of a cluster differ in scheme, user or password; all nodes \
                     must have the same",
                ));
            }
            seeds.extend(parsed.nodes);
        }
        let prefix = prefix.unwrap_or(("redis", ""));
        let settled = Settled {
            prefix: format!("{}://{}", prefix.0, prefix.1),
            seeds,
            client: self.client.reconnect(true).settled()?,
            map: self.map,
            read_from: self.read_from,
        };
        // Options that no node could use fail now, rather than with each connection.
        for seed in &settled.seeds {
            settled.seed(seed).target()?;
        }
        Ok(settled)
    }
}

impl From<&str> for Options {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for Options {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

impl From<ClientOptions> for Options {
    /// Takes the node to ask from the URL.
    fn from(client: ClientOptions) -> Self {
        Self {
            urls: vec![client.url.clone()],
            client,
            map: None,
            read_from: ReadFrom::Primary,
        }
    }
}

impl fmt::Debug for Options {
    /// Shows no credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = self.urls.iter().filter_map(|url| Url::parse(url).ok());
        let nodes: Vec<_> = nodes.flat_map(|url| url.nodes).collect();
        f.debug_struct("Options")
            .field("seeds", &nodes)
            .field("client", &self.client)
            .field("read_from", &self.read_from)
            .field("address_map", &self.map.is_some())
            .finish()
    }
}

/// A URL of a cluster.
struct Url<'a> {
    /// Scheme of a node, and credentials with their `@`.
    prefix: (&'static str, &'a str),
    nodes: Vec<Address>,
}

impl<'a> Url<'a> {
    fn parse(url: &'a str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let scheme = match scheme {
            "redis" | "redis+cluster" => "redis",
            "rediss" | "rediss+cluster" => "rediss",
            _ => {
                return Err(Error::config(
                    "url: not the address of a cluster; write \
                     redis+cluster://[[user]:password@]host:port[,host:port…], or \
                     rediss+cluster:// for TLS",
                ));
            }
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if !matches!(path, "" | "0") {
            return Err(Error::config(
                "url: a cluster has only the database 0; remove the path",
            ));
        }
        let (credentials, hosts) = match authority.rfind('@') {
            Some(at) => authority.split_at_checked(at + 1).unwrap_or_default(),
            None => ("", authority),
        };
        let nodes = hosts.split(',').map(|host| {
            let endpoint = Endpoint::parse(&format!("{scheme}://{credentials}{host}"));
            let endpoint = endpoint.map_err(|error| Error::config(format!("url: {error}")))?;
            let host = endpoint.host();
            let host = host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'));
            Ok(Address::new(
                host.unwrap_or(endpoint.host()),
                endpoint.port(),
            ))
        });
        Ok(Self {
            prefix: (scheme, credentials),
            nodes: nodes.collect::<Result<_>>()?,
        })
    }
}

/// Options that were checked.
pub(super) struct Settled {
    /// Scheme and credentials of every node's URL.
    prefix: String,
    pub(super) seeds: Vec<Address>,
    client: ClientOptions,
    map: Option<AddressMap>,
    pub(super) read_from: ReadFrom,
}

impl Settled {
    /// Returns the options of the connections to a node that the cluster has announced.
    pub(super) fn node(&self, address: &Address) -> ClientOptions {
        if self.seeds.contains(address) {
            return self.seed(address);
        }
        let mapped = self
            .map
            .as_ref()
            .and_then(|map| map(address.host(), address.port()));
        match mapped {
            Some((host, port)) => self.seed(&Address::new(host, port)),
            None => self.seed(address),
        }
    }

    fn seed(&self, address: &Address) -> ClientOptions {
        ClientOptions {
            url: format!("{}{address}", self.prefix),
            ..self.client.clone()
        }
    }

    /// Returns the options of the connections that read from a replica.
    pub(super) fn reader(&self, address: &Address) -> ClientOptions {
        let mut options = self.node(address).reconnect(false);
        let read_only = Request::new("READONLY", ());
        options.session.push(("read_from", read_only));
        options
    }

    pub(super) const fn client(&self) -> &ClientOptions {
        &self.client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(options: Options) -> Vec<String> {
        let settled = options.settled().unwrap();
        let urls = settled.seeds.iter().map(|seed| settled.node(seed).url);
        urls.collect()
    }

    #[test]
    fn each_seed_has_the_scheme_and_the_credentials_of_the_url() {
        for (url, seeds) in [
            ("redis+cluster://h", &["redis://h:6379"][..]),
            ("redis+cluster://a:1,b:2", &["redis://a:1", "redis://b:2"]),
            (
                "redis+cluster://:p%40@a:1,[::1]:2/0",
                &["redis://:p%40@a:1", "redis://:p%40@[::1]:2"],
            ),
            ("redis://u:p@h:7000/", &["redis://u:p@h:7000"]),
        ] {
            assert_eq!(urls(Options::new(url)), seeds, "{url}");
        }
        let more = Options::new("redis+cluster://a:1").seed("redis+cluster://b:2");
        assert_eq!(urls(more), ["redis://a:1", "redis://b:2"]);
        assert_eq!(
            urls(ClientOptions::new("redis://a:1").into()),
            ["redis://a:1"]
        );
    }

    #[test]
    fn options_that_make_no_sense_are_named_and_show_no_secret() {
        for (options, word) in [
            (Options::new("ws://h"), "redis+cluster://"),
            (Options::new("h:1"), "redis+cluster://"),
            (Options::new("redis+cluster://:s3cret@h/1"), "database 0"),
            (Options::new("redis+cluster://:s3cret@a:1,b:x"), "url"),
            (Options::new("redis+cluster://a:1,"), "url"),
            (
                Options::new("redis+cluster://a:1").seed("redis://:s3cret@b:2"),
                "differ",
            ),
            (Options::new("redis+cluster://s3cret@a:1"), "no password"),
            (
                Options::new("redis+cluster://a").client(|client| client.max_in_flight(0)),
                "max_in_flight",
            ),
        ] {
            assert!(!format!("{options:?}").contains("s3cret"), "{options:?}");
            let error = options.settled().err().unwrap();
            assert!(error.is_config(), "{error}");
            assert!(error.to_string().contains(word), "{error}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn announced_addresses_are_translated_and_seeds_are_not() {
        let map = |host: &str, port| (host == "inside").then(|| ("outside".to_owned(), port + 1));
        let settled = Options::new("redis+cluster://:p@seed:1").address_map(map);
        let settled = settled.settled().unwrap();
        for (announced, url) in [
            (Address::new("inside", 7), "redis://:p@outside:8"),
            (Address::new("other", 7), "redis://:p@other:7"),
            (Address::new("seed", 1), "redis://:p@seed:1"),
        ] {
            assert_eq!(settled.node(&announced).url, url);
        }
    }
}
