//! `HELLO [2|3 [AUTH user password] [SETNAME name]]`: options and reply.

use bytes::Bytes;
use swarm_resp::{Frame, RespVersion};

use crate::dialect::{Dialect, Quirk};

/// Redis's reply to HELLO before authentication.
pub(crate) const NOAUTH: &str = "NOAUTH HELLO must be called with the client already \
    authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to \
    authenticate the client and select the RESP protocol version at the same time";

/// Version of Redis whose commands the embedded store has.
pub(crate) const REDIS_VERSION: &str = "7.0.15";

/// Version of Redis that SwarmKeyDb states.
const SWARM_VERSION: &str = "7.0.0";

/// Returns the version that a dialect states.
pub(crate) const fn version(dialect: Dialect) -> &'static str {
    match dialect.has(Quirk::SwarmCommands) {
        true => SWARM_VERSION,
        false => REDIS_VERSION,
    }
}

/// Parsed HELLO options.
#[derive(Debug)]
pub(crate) struct Hello<'a> {
    pub(crate) protocol: Option<RespVersion>,
    /// User and password.
    pub(crate) credentials: Option<&'a [Bytes]>,
    pub(crate) name: Option<&'a Bytes>,
}

impl<'a> Hello<'a> {
    pub(crate) fn parse(args: &'a [Bytes]) -> Result<Self, String> {
        let mut hello = Self {
            protocol: None,
            credentials: None,
            name: None,
        };
        let Some(version) = args.get(1) else {
            return Ok(hello);
        };
        hello.protocol = Some(match version.as_ref() {
            b"2" => RespVersion::Resp2,
            b"3" => RespVersion::Resp3,
            other if is_integer(other) => {
                return Err("NOPROTO unsupported protocol version".to_owned());
            }
            _ => return Err("ERR Protocol version is not an integer or out of range".to_owned()),
        });
        let mut options = args.get(2..).unwrap_or_default();
        while let Some((option, rest)) = options.split_first() {
            options = if option.eq_ignore_ascii_case(b"AUTH") && rest.len() >= 2 {
                let (credentials, rest) = rest.split_at(2);
                hello.credentials = Some(credentials);
                rest
            } else if let (true, [name, rest @ ..]) =
                (option.eq_ignore_ascii_case(b"SETNAME"), rest)
            {
                hello.name = Some(name);
                rest
            } else {
                let option = String::from_utf8_lossy(option);
                return Err(format!("ERR Syntax error in HELLO option '{option}'"));
            };
        }
        Ok(hello)
    }
}

impl<'a> Hello<'a> {
    /// Parses the options as SwarmKeyDb does: any other version is unsupported, and words that it
    /// does not know are ignored. A password without a user is its own user.
    pub(crate) fn parse_leniently(args: &'a [Bytes]) -> Result<Self, String> {
        let mut hello = Self {
            protocol: None,
            credentials: None,
            name: None,
        };
        hello.protocol = match args.get(1).map(Bytes::as_ref) {
            None => None,
            Some(b"2") => Some(RespVersion::Resp2),
            Some(b"3") => Some(RespVersion::Resp3),
            Some(_) => return Err("NOPROTO unsupported protocol version".to_owned()),
        };
        let mut options = args.get(2..).unwrap_or_default();
        while let Some((option, rest)) = options.split_first() {
            options = match (option.to_ascii_uppercase().as_slice(), rest) {
                (b"AUTH", [_, _, rest @ ..]) => {
                    hello.credentials = options.get(1..3);
                    rest
                }
                (b"AUTH", [_]) => {
                    hello.credentials = options.get(1..2);
                    &[]
                }
                (b"SETNAME", [name, rest @ ..]) => {
                    let valid = name.iter().all(u8::is_ascii_graphic);
                    hello.name = valid.then_some(name);
                    rest
                }
                _ => rest,
            };
        }
        Ok(hello)
    }
}

fn is_integer(text: &[u8]) -> bool {
    let text = std::str::from_utf8(text).unwrap_or_default();
    text.parse::<i64>().is_ok()
}

/// Returns the reply of HELLO.
pub(crate) fn reply(protocol: RespVersion, id: u64, release: &str) -> Frame {
    let id = i64::try_from(id).unwrap_or(i64::MAX);
    let version = if protocol == RespVersion::Resp3 { 3 } else { 2 };
    Frame::build(|reply| {
        reply.map(|map| {
            for (name, value) in [("server", "swarmkeydb"), ("version", release)] {
                map.bulk(name.as_bytes());
                map.bulk(value.as_bytes());
            }
            map.bulk(b"proto");
            map.integer(version);
            map.bulk(b"id");
            map.integer(id);
            for (name, value) in [("mode", "standalone"), ("role", "master")] {
                map.bulk(name.as_bytes());
                map.bulk(value.as_bytes());
            }
            map.bulk(b"modules");
            map.array(|_| {});
        });
    })
}

/// Returns the elements of a map as a reader without map support leaves them behind; each then
/// answers a later command.
pub(crate) fn leftovers() -> impl Iterator<Item = Frame> {
    let before = ["server", "swarmkeydb", "version", SWARM_VERSION, "proto"];
    let after = ["mode", "standalone", "role", "master", "modules"];
    (before.into_iter().map(Frame::bulk))
        .chain([Frame::integer(3), Frame::bulk("id"), Frame::integer(1)])
        .chain(after.into_iter().map(Frame::bulk))
        .chain([Frame::array([])])
}
