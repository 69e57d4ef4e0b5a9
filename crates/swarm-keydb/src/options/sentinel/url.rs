//! URLs of a primary that sentinels name.

use std::fmt;

use percent_encoding::percent_decode_str;
use swarm_transport::Endpoint;

use super::address::{Address, list};
use crate::credentials::Credentials;
use crate::error::{Error, Result};

const FORM: &str = "redis+sentinel://[[user]:password@]host:port[,host:port…]/name[/database], or \
                    rediss+sentinel:// for TLS";

const DEFAULT_PORT: &str = ":26379";

/// A URL of a primary that sentinels name.
#[derive(Debug)]
pub(crate) struct SentinelUrl {
    /// Scheme, credentials and database of the servers. Its host is that of the first sentinel.
    pub(crate) server: Endpoint,
    pub(crate) sentinels: Vec<Address>,
    /// The name that the sentinels know the primary by.
    pub(crate) name: String,
    /// The credentials that the sentinels ask for.
    pub(crate) credentials: Option<Credentials>,
}

/// Whether a URL is one of sentinels, rather than of servers.
pub(crate) fn is_sentinel(url: &str) -> bool {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.ends_with("+sentinel"))
}

impl SentinelUrl {
    /// Parses a URL.
    ///
    /// # Errors
    ///
    /// If a part is missing or malformed. The error shows no part that may be a secret.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let invalid = |what: &str| Error::config(format!("url: {what}; write {FORM}"));
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let scheme = match scheme {
            "redis+sentinel" => "redis",
            "rediss+sentinel" => "rediss",
            _ => return Err(invalid("not the address of sentinels")),
        };
        if rest.contains("://") {
            return Err(invalid("give one URL, with a list of sentinels"));
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').ok_or_else(|| {
            invalid("the name of the primary is missing, or credentials are not percent-encoded")
        })?;
        if path.contains(['@', '#']) {
            return Err(invalid(
                "the name of the primary contains @ or #; percent-encode that, or the characters \
                 / ? # @ in credentials",
            ));
        }
        let (name, database) = path.split_once('/').unwrap_or((path, ""));
        let name = decoded(name).ok_or_else(|| invalid("the name of the primary is not UTF-8"))?;
        if name.is_empty() {
            return Err(invalid("the name of the primary is empty"));
        }
        let at = authority.rfind('@').map_or(0, |at| at + 1);
        let (login, hosts) = authority.split_at_checked(at).unwrap_or_default();
        let mut servers = Vec::new();
        for host in hosts.split(',') {
            if host.is_empty() {
                return Err(invalid("a sentinel in the list has no host"));
            }
            let has_port = host.rsplit_once(':').is_some_and(|(_, port)| {
                !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
            });
            let port = if has_port { "" } else { DEFAULT_PORT };
            let endpoint = Endpoint::parse(&format!("{scheme}://{login}{host}{port}/{database}"));
            servers.push(endpoint.map_err(|error| Error::config(format!("url: {error}")))?);
        }
        let sentinels = servers.iter().map(|endpoint| Address {
            host: endpoint.host().into(),
            port: endpoint.port(),
        });
        let sentinels = sentinels.collect();
        let server = servers.into_iter().next();
        Ok(Self {
            server: server.ok_or_else(|| invalid("no sentinel is given"))?,
            sentinels,
            name,
            credentials: credentials(query)?,
        })
    }
}

impl fmt::Display for SentinelUrl {
    /// Shows no credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &*self.sentinels {
            [_] => "the sentinel",
            _ => "the sentinels",
        };
        let sentinels = list(&self.sentinels);
        write!(f, "the primary {:?} of {what} {sentinels}", self.name)
    }
}

/// Returns the credentials in a query.
fn credentials(query: &str) -> Result<Option<Credentials>> {
    let (mut user, mut password) = (None, None);
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (field, value) = part.split_once('=').unwrap_or((part, ""));
        let value = decoded(value).filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| {
            Error::config("url: a value in the query is empty or not UTF-8; percent-encode it")
        })?;
        match field {
            "sentinel_username" => user = Some(value),
            "sentinel_password" => password = Some(value),
            _ => {
                return Err(Error::config(
                    "url: the query has an unknown field; sentinel_username and \
                     sentinel_password are known, and the rest are options of the client",
                ));
            }
        }
    }
    match (user, password) {
        (None, None) => Ok(None),
        (user, Some(password)) => Ok(Some(Credentials::new(user.as_deref(), &password))),
        (Some(_), None) => Err(Error::config(
            "url has sentinel_username and no sentinel_password; give both",
        )),
    }
}

fn decoded(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    Some(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> (String, String, String) {
        let url = SentinelUrl::parse(url).unwrap();
        (url.server.to_string(), list(&url.sentinels), url.name)
    }

    #[test]
    fn the_parts_of_a_url_are_those_of_servers_and_sentinels() {
        for (url, server, sentinels, name) in [
            (
                "redis+sentinel://s1/mymaster",
                "redis://s1:26379",
                "s1:26379",
                "mymaster",
            ),
            (
                "redis+sentinel://:p@s1,s2:7,[::1]:8,[::2]/my%2Fmaster/3",
                "redis://:***@s1:26379/3",
                "s1:26379, s2:7, [::1]:8, [::2]:26379",
                "my/master",
            ),
            (
                "rediss+sentinel://u:p%40@s1:1/m?sentinel_password=q",
                "rediss://u:***@s1:1",
                "s1:1",
                "m",
            ),
        ] {
            let (server, sentinels) = (server.to_owned(), sentinels.to_owned());
            assert_eq!(shown(url), (server, sentinels, name.to_owned()), "{url}");
        }
        let url =
            SentinelUrl::parse("redis+sentinel://s/m?sentinel_username=u&sentinel_password=%26p");
        let credentials = url.unwrap().credentials.unwrap();
        assert_eq!(credentials.args(), (Some("u"), "&p"));
    }

    #[test]
    fn urls_that_make_no_sense_are_named_and_show_no_secret() {
        for (url, word) in [
            ("redis+sentinel://:s3cret@h", "name of the primary"),
            ("redis+sentinel://:s3cret@h/", "name of the primary"),
            ("redis+sentinel://:s3cret@h/m/x", "database"),
            ("redis+sentinel://:s3cret@h,/m", "no host"),
            ("redis+sentinel://:s3cret@h:x/m", "url"),
            ("redis+sentinel://u:1/s3cret@h/m", "percent-encode"),
            ("redis+sentinel://:1/s3cret@h:2/m", "percent-encode"),
            ("redis+sentinel://:1?s3cret@h/m", "percent-encode"),
            ("redis+sentinel://:1#s3cret@h/m", "url"),
            ("redis+sentinel://h/m#s3cret", "percent-encode"),
            (
                "redis+sentinel://h/m?sentinel_password=s3cret redis+sentinel://h/m",
                "one URL",
            ),
            ("ws+sentinel://:s3cret@h/m", "redis+sentinel://"),
            ("redis+sentinel://h/m?sentinel_username=s3cret", "give both"),
            ("redis+sentinel://h/m?password=s3cret", "unknown field"),
            ("redis+sentinel://h/m?sentinel_password=", "empty"),
        ] {
            let error = SentinelUrl::parse(url).unwrap_err();
            assert!(error.is_config(), "{error}");
            assert!(error.to_string().contains(word), "{url}: {error}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }
}
