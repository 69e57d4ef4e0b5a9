//! Parses lists of addresses, and addresses with several hosts.

use super::{Endpoint, Scheme};
use crate::{TransportError, TransportErrorKind};

/// Maximum number of endpoints in a list.
const MAX_ENDPOINTS: usize = 1000;

pub(super) fn endpoints(list: &str) -> Result<Vec<Endpoint>, TransportError> {
    let mut endpoints = Vec::new();
    for address in addresses(list) {
        match hosts(address) {
            Some((before, hosts, after)) => {
                for host in hosts.split(',') {
                    if host.is_empty() {
                        return Err(TransportError::new(
                            TransportErrorKind::Endpoint,
                            "a host in the list of hosts is empty; remove the surplus comma",
                        ));
                    }
                    endpoints.push(Endpoint::parse(&format!("{before}{host}{after}"))?);
                }
            }
            None => endpoints.push(Endpoint::parse(address)?),
        }
    }
    if endpoints.len() > MAX_ENDPOINTS {
        return Err(TransportError::new(
            TransportErrorKind::Endpoint,
            format!("the list has more than {MAX_ENDPOINTS} endpoints"),
        ));
    }
    Ok(endpoints)
}

/// Splits a list into addresses: each begins with a scheme, after commas or whitespace.
fn addresses(list: &str) -> Vec<&str> {
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let is_separator = |c: char| c == ',' || c.is_whitespace();
    let mut starts = vec![0];
    for (at, _) in list.match_indices("://") {
        let (before, _) = list.split_at(at);
        let others = before.trim_end_matches(is_scheme);
        // What precedes the first address belongs to it, so that its error names that.
        let is_first = others.trim_end_matches(is_separator).is_empty();
        if others.ends_with(is_separator) && others.len() < at && !is_first {
            starts.push(others.len());
        }
    }
    starts.dedup();
    let ends = starts.iter().skip(1).copied().chain([list.len()]);
    (starts.iter().zip(ends))
        .filter_map(|(start, end)| {
            let address = list.get(*start..end)?;
            // The last address keeps what it ends with, so that its error names that.
            Some(match end == list.len() {
                true => address,
                false => address.trim_end_matches(is_separator),
            })
        })
        .collect()
}

/// Splits an address with several hosts into what precedes them, the hosts, and what follows.
fn hosts(address: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = address.split_once("://")?;
    if scheme.eq_ignore_ascii_case(Scheme::RedisUnix.as_str()) || scheme == "unix" {
        return None;
    }
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, _) = rest.split_at(authority);
    let hosts = match authority.rsplit_once('@') {
        Some((_, hosts)) => hosts,
        None => authority,
    };
    if !hosts.contains(',') {
        return None;
    }
    let end = scheme.len() + "://".len() + authority.len();
    let (before, after) = address.split_at(end);
    let (before, hosts) = before.split_at(end - hosts.len());
    Some((before, hosts, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(list: &str) -> Vec<String> {
        let endpoints = endpoints(list).unwrap();
        endpoints.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lists_of_hosts_and_of_addresses_are_split() {
        for (list, expected) in [
            ("ws://a", &["ws://a:80/"][..]),
            (
                "ws://a:1,b,[::1]:3/p?q=1,2",
                &["ws://a:1/p?***", "ws://b:80/p?***", "ws://[::1]:3/p?***"],
            ),
            (
                "redis://u:p,w@a,b:7/2",
                &["redis://u:***@a:6379/2", "redis://u:***@b:7/2"],
            ),
            ("ws://a:1/,wss://b", &["ws://a:1/", "wss://b:443/"]),
            (
                "ws://a,b ,\n redis://c",
                &["ws://a:80/", "ws://b:80/", "redis://c:6379"],
            ),
            ("redis+unix:///a,b.sock", &["redis+unix:///a,b.sock"]),
            (
                "redis+unix:///a.sock,unix:///b.sock",
                &["redis+unix:///a.sock", "redis+unix:///b.sock"],
            ),
        ] {
            assert_eq!(shown(list), expected, "{list}");
        }
    }

    #[test]
    fn a_space_ahead_of_the_first_address_is_a_fault_of_that_address() {
        for list in [" ws://a", ",ws://a", " ws://a,ws://b"] {
            let error = endpoints(list).unwrap_err().to_string();
            assert!(!error.contains("empty"), "{error}");
        }
    }

    #[test]
    fn faults_are_those_of_a_single_address() {
        for list in [
            "",
            "ws://",
            "ws://a,",
            "ws://a,,b",
            "ws://a b",
            "a,ws://b",
            "ws://a ",
            "a,b",
        ] {
            let error = endpoints(list).unwrap_err();
            assert_eq!(error.kind(), TransportErrorKind::Endpoint, "{list}");
        }
    }
}
