//! Where the upstream server is: `redis://[[user:]password@]host[:port][/database]`.

use percent_encoding::percent_decode_str;
use swarm_resp::Request;

/// An address taken apart. It has no `Debug`, for it holds a password.
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    user: Option<String>,
    password: Option<String>,
    database: u32,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let rest = (url.strip_prefix("redis://"))
            .ok_or("its address must begin with redis://, as in redis://127.0.0.1:6379")?;
        let (place, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, place) = match place.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, place),
        };
        let (user, password) = match credentials.map(|text| text.split_once(':')) {
            Some(Some((user, password))) => (Some(user), Some(password)),
            Some(None) => (None, credentials),
            None => (None, None),
        };
        // An IPv6 address stands in brackets, and has colons of its own.
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                let port = port.parse().map_err(|_| "its port is not a number");
                (host, port?)
            }
            _ => (place, 6379),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err("its address names no host".to_owned());
        }
        let database = match database {
            "" => 0,
            number => (number.parse()).map_err(|_| "its database is not a number")?,
        };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Ok(Self {
            host: host.to_owned(),
            port,
            user: user.filter(|user| !user.is_empty()).map(decoded),
            password: password.map(decoded),
            database,
        })
    }

    /// The address without the password.
    pub(super) fn shown(&self) -> String {
        format!("redis://{}:{}", self.host, self.port)
    }

    /// What a new connection says first.
    pub(super) fn greetings(&self) -> impl Iterator<Item = Request> {
        let auth = self.password.as_ref();
        let auth = auth.map(|password| Request::new("AUTH", (self.user.as_ref(), password)));
        let select = (self.database > 0).then(|| Request::new("SELECT", self.database));
        auth.into_iter().chain(select)
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn addresses() {
        for (url, shown, user, password, database) in [
            ("redis://localhost", "redis://localhost:6379", None, None, 0),
            ("redis://h:1/2", "redis://h:1", None, None, 2),
            ("redis://pw@h:1", "redis://h:1", None, Some("pw"), 0),
            ("redis://:p%40w@h", "redis://h:6379", None, Some("p@w"), 0),
            (
                "redis://u:pw@[::1]:7",
                "redis://::1:7",
                Some("u"),
                Some("pw"),
                0,
            ),
        ] {
            let address = Address::parse(url).ok().unwrap();
            assert_eq!(address.shown(), shown);
            assert_eq!(address.user.as_deref(), user, "{url}");
            assert_eq!(address.password.as_deref(), password, "{url}");
            assert_eq!(address.database, database, "{url}");
        }
        for url in ["http://h", "redis://", "redis://h:x", "redis://h/x", ""] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }
}
