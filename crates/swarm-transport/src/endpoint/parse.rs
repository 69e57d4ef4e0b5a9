//! Parses addresses. Every error names the faulty part.
//!
//! No message quotes more of the address than the scheme, because any other part may contain a
//! password.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::{Host, ParseError, Url};

use super::{Endpoint, Scheme};
use crate::Printable;
use crate::{TransportError, TransportErrorKind};

const EXAMPLES: &str = "ws://, wss://, http://, https://, redis://, rediss:// or redis+unix://";

fn invalid(message: impl Into<String>) -> TransportError {
    TransportError::new(TransportErrorKind::Endpoint, message)
}

pub(super) fn endpoint(address: &str) -> Result<Endpoint, TransportError> {
    if address.is_empty() {
        return Err(invalid(
            "the address is empty; use for example ws://localhost:8765",
        ));
    }
    // The URL standard drops these characters silently, but an address with a stray line break is a
    // configuration error.
    if (address.chars()).any(|c| c.is_ascii_control() || c.is_whitespace()) {
        return Err(invalid(
            "the address contains a space, a line break or a control character; remove it, or \
             percent-encode it, as in %20",
        ));
    }
    let (scheme, rest) = scheme(address)?;
    if scheme != Scheme::RedisUnix && rest.starts_with(['/', '\\']) {
        // The URL standard skips further slashes, so that the path would become the host.
        return Err(malformed(ParseError::EmptyHost));
    }
    if matches!(scheme, Scheme::Redis | Scheme::Rediss) && has_unescaped_delimiter(rest) {
        return Err(invalid(
            "the user or password contains a /, ? or #, which ends the host part of an address; \
             percent-encode it (%2F for /, %3F for ?, %23 for #)",
        ));
    }
    let url = Url::parse(address).map_err(|error| match authority(rest) {
        authority if is_ipv6_without_brackets(authority) => {
            malformed(ParseError::InvalidIpv6Address)
        }
        _ => malformed(error),
    })?;
    if url.fragment().is_some() {
        return Err(invalid(
            "the address has a fragment (#…), which a server does not use; remove it, and write # \
             in a password as %23",
        ));
    }
    match scheme {
        Scheme::RedisUnix => unix_url(&url),
        _ if scheme.is_redis() => redis(scheme, &url),
        _ => web(scheme, &url),
    }
}

/// Returns host and port of an address without its scheme.
fn authority(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

fn is_ipv6_without_brackets(authority: &str) -> bool {
    authority.matches(':').count() > 1
        && authority
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b':')
}

/// Returns whether an `@` follows the first delimiter of a `redis` address. A database contains no
/// `@`, so the delimiter is part of a user or password.
fn has_unescaped_delimiter(rest: &str) -> bool {
    rest.split_once(['/', '?', '#'])
        .is_some_and(|(authority, rest)| !authority.contains('@') && rest.contains('@'))
}

/// Parses the scheme, the only part of the address that an error may quote. Returns the scheme and
/// the rest of the address.
fn scheme(address: &str) -> Result<(Scheme, &str), TransportError> {
    let missing = || {
        invalid(format!(
            "the address has no scheme; begin it with {EXAMPLES}"
        ))
    };
    let (scheme, rest) = address.split_once("://").ok_or_else(missing)?;
    let scheme = scheme.to_ascii_lowercase();
    let known = Scheme::ALL
        .into_iter()
        .find(|known| scheme == known.as_str());
    match (known, scheme.as_str()) {
        (Some(known), _) => Ok((known, rest)),
        (None, "unix") => Ok((Scheme::RedisUnix, rest)),
        (None, "") => Err(missing()),
        (None, word)
            if (word.bytes()).all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) =>
        {
            Err(invalid(format!(
                "the scheme `{word}://` is not supported; use {EXAMPLES}"
            )))
        }
        _ => Err(missing()),
    }
}

fn malformed(error: ParseError) -> TransportError {
    let message = match error {
        ParseError::InvalidPort => {
            "the port is not a number up to 65535; write it after the host, as in ws://host:8765, \
             and percent-encode \
             special characters in a user or password (%40 for @, %3A for :, %2F for /)"
        }
        ParseError::EmptyHost => {
            "the host is missing; write it after ://, as in ws://localhost:8765"
        }
        ParseError::InvalidIpv6Address => {
            "the host is not a valid IPv6 address; write it in brackets, as in ws://[::1]:8765"
        }
        ParseError::InvalidIpv4Address => {
            "the host is not a valid IPv4 address; write four numbers up to 255, or a host name"
        }
        ParseError::IdnaError | ParseError::InvalidDomainCharacter => {
            "the host is not a valid host name; use letters, digits, dots and dashes"
        }
        _ => "the address is malformed; write scheme://host:port",
    };
    invalid(message)
}

/// Returns the host without brackets. The hosts of all schemes are parsed as Internet host names,
/// so they cannot contain an encoded delimiter, space or control character.
fn host(url: &Url) -> Result<String, TransportError> {
    let text = url.host_str().unwrap_or_default();
    if text.is_empty() {
        return Err(malformed(ParseError::EmptyHost));
    }
    Ok(match Host::parse(text).map_err(malformed)? {
        Host::Domain(name) => name,
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    })
}

fn port(url: &Url, default: u16) -> Result<u16, TransportError> {
    match url.port().unwrap_or(default) {
        0 => Err(invalid(
            "the port is 0, which is not a valid port; use the server's port",
        )),
        port => Ok(port),
    }
}

fn decode(part: &str, text: &str) -> Result<String, TransportError> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(invalid(format!(
            "the {part} in the address is not UTF-8 after percent-decoding; write a literal % as \
             %25"
        ))),
    }
}

/// `ws`, `wss`, `http` and `https`.
fn web(scheme: Scheme, url: &Url) -> Result<Endpoint, TransportError> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(format!(
            "addresses with {scheme}:// cannot contain a user or password; remove the part before \
             the @ and set the password in the client's options"
        )));
    }
    if scheme.is_http() && url.query().is_some() {
        return Err(invalid(format!(
            "addresses with {scheme}:// cannot contain a query (?…); remove it, and set tokens as \
             a header or bearer token"
        )));
    }
    Ok(Endpoint {
        scheme,
        host: host(url)?,
        port: port(url, if scheme.is_tls() { 443 } else { 80 })?,
        path: url.path().to_owned(),
        query: url.query().map(str::to_owned),
        user: None,
        password: None,
        database: None,
        resolved: None,
    })
}

/// `redis` and `rediss`.
fn redis(scheme: Scheme, url: &Url) -> Result<Endpoint, TransportError> {
    if url.query().is_some() {
        return Err(invalid(format!(
            "addresses with {scheme}:// cannot contain a query (?…); write user, password and \
             database as {scheme}://user:password@host:6379/0, and a ? in them as %3F"
        )));
    }
    let database = match url.path().trim_start_matches('/').trim_end_matches('/') {
        "" => None,
        number => Some(database(number)?),
    };
    let user = match url.username() {
        "" => None,
        user => Some(decode("user", user)?),
    };
    let password = match url.password() {
        None | Some("") => None,
        Some(password) => Some(decode("password", password)?),
    };
    Ok(Endpoint {
        scheme,
        host: host(url)?,
        port: port(url, 6379)?,
        path: String::new(),
        query: None,
        user,
        password,
        database,
        resolved: None,
    })
}

fn database(number: &str) -> Result<u32, TransportError> {
    (number.bytes().all(|b| b.is_ascii_digit()))
        .then(|| number.parse().ok())
        .flatten()
        .ok_or_else(|| {
            invalid(
                "the database in the address is not a number that a server can have; use for \
                 example redis://host:6379/0",
            )
        })
}

/// `redis+unix:///path?db=n&user=u&pass=p`.
fn unix_url(url: &Url) -> Result<Endpoint, TransportError> {
    let scheme = Scheme::RedisUnix;
    if url.host_str().is_some_and(|host| !host.is_empty()) {
        return Err(invalid(format!(
            "addresses with {scheme}:// cannot contain a host; write the path of the socket after \
             three slashes, as in {scheme}:///run/redis.sock"
        )));
    }
    let mut endpoint = unix(decode("path", url.path())?.into())?;
    // Not form-encoded: a `+` is a plus, as in the other schemes.
    let parameters = url.query().unwrap_or_default().split('&');
    let mut seen = Vec::new();
    for parameter in parameters.filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let (name, part) = match name {
            "db" => ("db", "database"),
            "user" => ("user", "user"),
            "pass" | "password" => ("pass", "password"),
            _ => {
                return Err(invalid(format!(
                    "the query of an address with {scheme}:// accepts only db, user and pass; \
                     remove other parameters"
                )));
            }
        };
        if seen.contains(&name) {
            return Err(invalid(format!(
                "the query of the address contains {name} twice; remove one"
            )));
        }
        seen.push(name);
        let value = decode(part, value)?;
        match name {
            "db" => endpoint.database = Some(database(&value)?),
            _ if value.is_empty() => {}
            "user" => endpoint.user = Some(value),
            _ => endpoint.password = Some(value),
        }
    }
    Ok(endpoint)
}

pub(super) fn unix(path: PathBuf) -> Result<Endpoint, TransportError> {
    let path = match path.into_os_string().into_string() {
        Ok(path) if Printable(&path).to_string() != path => {
            return Err(invalid(
                "the path of the Unix socket contains a line break or a control character; rename \
                 the socket",
            ));
        }
        Ok(path) if path.is_empty() || path == "/" => {
            return Err(invalid(
                "the path of the Unix socket is missing; write it after three slashes, as in \
                 redis+unix:///run/redis.sock",
            ));
        }
        Ok(path) if path.starts_with('/') => path,
        _ => {
            return Err(invalid(
                "the path of the Unix socket is not an absolute UTF-8 path; use for example \
                 redis+unix:///run/redis.sock",
            ));
        }
    };
    Ok(Endpoint {
        scheme: Scheme::RedisUnix,
        host: String::new(),
        port: 0,
        path,
        query: None,
        user: None,
        password: None,
        database: None,
        resolved: None,
    })
}
