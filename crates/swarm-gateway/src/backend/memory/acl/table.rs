//! The subcommands of ACL.

use bytes::Bytes;
use swarm_resp::{Frame, FrameBuilder};

use super::super::call::{Call, Reply, count, ok};
use super::super::help;
use super::super::number;
use super::super::reject::Reject;
use super::super::table::{self, Run, Spec, data, spec};
use super::commands::{self, CATEGORIES};
use super::selector::{Denied, Selector};
use super::user::{self, User};
use super::{DEFAULT, MOST_USERS, log};

#[rustfmt::skip]
pub(in super::super) static COMMANDS: &[Spec] = &[
    spec("ACL", -2, Run::Container),
    data("ACL|CAT", -2, cat),
    data("ACL|DELUSER", -3, deluser),
    data("ACL|DRYRUN", -4, dryrun),
    data("ACL|GENPASS", -2, genpass),
    data("ACL|GETUSER", 3, getuser),
    data("ACL|HELP", 2, help::help),
    data("ACL|LIST", 2, list),
    data("ACL|LOAD", 2, no_file),
    data("ACL|LOG", -2, log::log),
    data("ACL|SAVE", 2, no_file),
    data("ACL|SETUSER", -3, setuser),
    data("ACL|USERS", 2, users),
    data("ACL|WHOAMI", 2, whoami),
];

const NO_FILE: Reject = Reject::text(
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users \
     via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis \
     configuration file set) in order to store users in the Redis configuration.",
);
const NO_SPACES: Reject = Reject::text("ERR Usernames can't contain spaces or null characters");
const TOO_MANY: Reject = Reject::text("ERR too many users; delete some with ACL DELUSER");
const BAD_SIZE: Reject = Reject::text(
    "ERR ACL GENPASS argument must be the number of bits for the output password, a positive \
     number up to 4096",
);
const IS_DEFAULT: Reject = Reject::text("ERR The 'default' user cannot be removed");

/// Returns a copy of a user.
fn found(call: &mut Call<'_>, name: &[u8]) -> Option<User> {
    let password = call.client.password.as_ref();
    match call.server.acl.changed() {
        Some(users) => users.get(name).cloned(),
        None => (name == DEFAULT.as_bytes()).then(|| User::default_user(password)),
    }
}

fn whoami(call: &mut Call<'_>) -> Reply {
    let peer = call.server.peers.get(&call.client.id);
    let name = peer.map(|peer| peer.user.clone());
    Ok(name.map_or_else(Frame::null, Frame::bulk))
}

/// Returns the names of all users.
fn names(call: &Call<'_>) -> Vec<Bytes> {
    match call.server.acl.changed() {
        Some(users) => users.keys().cloned().collect(),
        None => vec![Bytes::from_static(DEFAULT.as_bytes())],
    }
}

fn users(call: &mut Call<'_>) -> Reply {
    let names = names(call);
    Ok(Frame::build(|reply| {
        reply.array(|array| names.iter().for_each(|name| array.bulk(name)));
    }))
}

fn list(call: &mut Call<'_>) -> Reply {
    let mut lines = Vec::new();
    for name in names(call) {
        if let Some(user) = found(call, &name) {
            lines.push([b"user ", name.as_ref(), b" ", &user.describe()].concat());
        }
    }
    Ok(Frame::build(|reply| {
        reply.array(|array| lines.iter().for_each(|line| array.bulk(line)));
    }))
}

/// Writes the rules of a selector.
fn put(map: &mut FrameBuilder, selector: &Selector) {
    map.bulk(b"commands");
    map.bulk(selector.describe_commands().as_bytes());
    map.bulk(b"keys");
    map.bulk(&selector.describe_keys());
    map.bulk(b"channels");
    map.bulk(&selector.describe_channels());
}

/// `ACL GETUSER name`.
fn getuser(call: &mut Call<'_>) -> Reply {
    let Some(user) = found(call, call.arg(2)) else {
        return Ok(Frame::null());
    };
    Ok(Frame::build(|reply| {
        reply.map(|map| {
            map.bulk(b"flags");
            map.set(|flags| {
                user.flags()
                    .iter()
                    .for_each(|flag| flags.bulk(flag.as_bytes()));
            });
            map.bulk(b"passwords");
            map.array(|hashes| {
                user.passwords
                    .iter()
                    .for_each(|hash| hashes.bulk(hash.as_bytes()));
            });
            if let Some((root, others)) = user.selectors.split_first() {
                put(map, root);
                map.bulk(b"selectors");
                map.array(|array| {
                    others
                        .iter()
                        .for_each(|selector| array.map(|map| put(map, selector)));
                });
            }
        });
    }))
}

/// `ACL SETUSER name [rule …]`: applies all rules or none.
fn setuser(call: &mut Call<'_>) -> Reply {
    let name = Bytes::copy_from_slice(call.arg(2));
    if name
        .iter()
        .any(|byte| byte.is_ascii_whitespace() || matches!(byte, 0 | 0x0b))
    {
        return Err(NO_SPACES);
    }
    let rules = user::joined(call.rest(3))?;
    let opens = call.server.config.value("acl-pubsub-default") == b"allchannels";
    let mut user = found(call, &name).unwrap_or_else(|| User::new(opens));
    user.open_channels(opens);
    for rule in &rules {
        user.apply(rule).map_err(|fault| {
            let start: &[u8] = b"ERR Error in ACL SETUSER modifier '";
            Reject::quoting(&[start, rule, b"': ", fault.text().as_bytes()])
        })?;
    }
    let known = call.server.acl.users(call.client.password.as_ref());
    if known.len() >= MOST_USERS && !known.contains_key(&name) {
        return Err(TOO_MANY);
    }
    known.insert(name.clone(), user);
    call.server.end_subscribers(call.client.id, &name);
    Ok(ok())
}

/// `ACL DELUSER name …`: also ends the connections of the users.
fn deluser(call: &mut Call<'_>) -> Reply {
    if call.rest(2).iter().any(|name| name == DEFAULT) {
        return Err(IS_DEFAULT);
    }
    let mut deleted = 0;
    for name in call.rest(2) {
        let known = call.server.acl.users(call.client.password.as_ref());
        if known.remove(name).is_some() {
            deleted += 1;
            call.server
                .end_connections(call.client.id, name, |_, _| true);
        }
    }
    Ok(count(deleted))
}

/// `ACL CAT [category]`.
fn cat(call: &mut Call<'_>) -> Reply {
    let names: Vec<String> = match call.rest(2) {
        [] => CATEGORIES
            .iter()
            .map(|&category| category.to_owned())
            .collect(),
        [name] => {
            let error = || Reject::quoting(&[b"ERR Unknown category '", name, b"'"]);
            let category = commands::category(name).ok_or_else(error)?;
            let specs = table::all().filter(|spec| commands::is_in(spec.name, category));
            specs.map(|spec| spec.name.to_ascii_lowercase()).collect()
        }
        _ => return Err(Reject::usage("ACL", call.arg(1))),
    };
    Ok(Frame::build(|reply| {
        reply.array(|array| names.iter().for_each(|name| array.bulk(name.as_bytes())));
    }))
}

/// `ACL GENPASS [bits]`: random hexadecimal digits, of 4 bits each. They are no secrets.
fn genpass(call: &mut Call<'_>) -> Reply {
    let bits = match call.rest(2) {
        [] => 256,
        [bits] => match number::integer(bits)? {
            bits @ 1..=4096 => bits,
            _ => return Err(BAD_SIZE),
        },
        _ => return Err(Reject::usage("ACL", call.arg(1))),
    };
    let digits = (bits + 3) / 4;
    let digit = |_| char::from(*fastrand::choice(b"0123456789abcdef").unwrap_or(&b'0'));
    Ok(Frame::bulk((0..digits).map(digit).collect::<String>()))
}

fn no_file(_: &mut Call<'_>) -> Reply {
    Err(NO_FILE)
}

/// `ACL DRYRUN name command [argument …]`.
fn dryrun(call: &mut Call<'_>) -> Reply {
    let name = call.arg(2);
    let Some(user) = found(call, name) else {
        return Err(Reject::quoting(&[b"ERR User '", name, b"' not found"]));
    };
    let args = call.rest(3);
    let given = args.first().map_or(&[][..], Bytes::as_ref);
    let upper = String::from_utf8_lossy(given).to_ascii_uppercase();
    let Ok(spec) = table::lookup(&upper, args) else {
        return Err(Reject::quoting(&[b"ERR Command '", given, b"' not found"]));
    };
    if !spec.accepts(args.len()) {
        return Err(Reject::arity(&spec.name.to_ascii_lowercase()));
    }
    let arg = |at: usize| args.get(at).map_or(&[][..], Bytes::as_ref);
    let lower = spec.name.to_ascii_lowercase();
    let (start, object, end): (_, &[u8], _) = match user.check(spec.name, args) {
        Ok(()) => return Ok(ok()),
        Err(Denied::Command) => ("run the '", lower.as_bytes(), "command"),
        Err(Denied::Key(at)) => ("access the '", arg(at), "key"),
        Err(Denied::Channel(at)) => ("access the '", arg(at), "channel"),
    };
    let start = format!("This user has no permissions to {start}");
    let end = format!("' {end}");
    Ok(Frame::bulk(
        [start.as_bytes(), object, end.as_bytes()].concat(),
    ))
}
