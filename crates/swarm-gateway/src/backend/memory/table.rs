//! Command table: names, arities, and implementations.

use std::sync::LazyLock;

use bytes::Bytes;
use fnv::FnvHashMap;

use super::call::{Call, Reply};
use super::link::{self, Local, Replies};
use super::reject::Reject;
#[cfg(feature = "lua")]
use super::traits::Traits;
use super::{
    State, acl, admin, alone, bitmaps, bzpop, clients, command, config, connection, databases,
    dump, expire, geo, hashes, help, hyperloglog, info, keys, latency, lcs, lists, login,
    memory_stats, monitor, object, pause, pubsub, ranges, scan, script, server, sets, silence,
    slowlog, sort, sorted_sets, streams, strings, tracking, transaction,
};

/// A command.
#[derive(Debug)]
pub(super) struct Spec {
    /// Upper case; a subcommand follows after `|`.
    pub(super) name: &'static str,
    /// Number of arguments including the name; a negative number is a minimum.
    pub(super) arity: i8,
    pub(super) run: Run,
    /// Runs inside MULTI instead of being queued.
    pub(super) immediate: bool,
    /// Allowed on a RESP2 connection with subscriptions.
    pub(super) while_subscribed: bool,
    /// Keys that the command reads, for CLIENT TRACKING.
    pub(super) reads: Reads,
}

/// Which arguments are keys that a command reads but does not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    Nothing,
    First,
    FirstTwo,
    Second,
    All,
    /// As many keys as the first argument says.
    Counted,
    /// First half of the arguments after STREAMS.
    Streams,
}

pub(super) type RunConnection = fn(&mut Local, &mut State, &[Bytes], i64) -> Replies;

/// Command that works on data.
pub(super) type Data = fn(&mut Call<'_>) -> Reply;

/// Implementation of a command.
#[derive(Debug, Clone, Copy)]
pub(super) enum Run {
    /// Works on data, alone or inside EXEC.
    Data(Data),
    /// Works on queued commands, watches, and subscriptions of the connection.
    Connection(RunConnection),
    /// Runs a script.
    Script,
    /// Runs the commands of a transaction.
    Exec,
    /// Has subcommands, which are separate entries of the table.
    Container,
}

pub(super) const fn spec(name: &'static str, arity: i8, run: Run) -> Spec {
    Spec {
        name,
        arity,
        run,
        immediate: false,
        while_subscribed: false,
        reads: Reads::Nothing,
    }
}

pub(super) const fn data(name: &'static str, arity: i8, run: fn(&mut Call<'_>) -> Reply) -> Spec {
    spec(name, arity, Run::Data(run))
}

const fn link(name: &'static str, arity: i8, run: RunConnection) -> Spec {
    spec(name, arity, Run::Connection(run))
}

impl Spec {
    /// Returns whether a call with this many arguments is complete, including the name.
    pub(super) fn accepts(&self, args: usize) -> bool {
        let least = usize::from(self.arity.unsigned_abs());
        match self.arity < 0 {
            true => args >= least,
            false => args == least,
        }
    }

    /// A command of SwarmKeyDb, which checks its arguments itself.
    pub(super) const fn upstream(name: &'static str, run: Run) -> Self {
        spec(name, -1, run)
    }

    pub(super) const fn immediate(mut self) -> Self {
        self.immediate = true;
        self
    }

    pub(super) const fn reads(mut self, reads: Reads) -> Self {
        self.reads = reads;
        self
    }

    const fn while_subscribed(mut self) -> Self {
        self.while_subscribed = true;
        self
    }
}

/// Sorted by name.
#[rustfmt::skip]
static TABLE: &[Spec] = &[
    data("APPEND", 3, ranges::append),
    link("AUTH", -2, login::auth),
    data("AUTHADDR", 2, admin::identity),
    data("AUTHDID", -2, admin::identity),
    data("BACKENDMETA", 2, admin::backendmeta),
    data("BACKUP", 1, admin::backup),
    spec("CLIENT", -2, Run::Container),
    data("CLIENT|CACHING", 3, tracking::caching),
    data("CLIENT|GETNAME", 2, connection::getname),
    data("CLIENT|GETREDIR", 2, tracking::getredir),
    data("CLIENT|HELP", 2, help::help),
    data("CLIENT|ID", 2, connection::id),
    data("CLIENT|INFO", 2, connection::info),
    data("CLIENT|LIST", -2, connection::list),
    data("CLIENT|PAUSE", -3, pause::pause),
    link("CLIENT|REPLY", 3, silence::client_reply),
    data("CLIENT|SETINFO", 4, connection::setinfo),
    data("CLIENT|SETNAME", 3, connection::setname),
    data("CLIENT|TRACKING", -3, tracking::tracking),
    data("CLIENT|TRACKINGINFO", 2, tracking::trackinginfo),
    data("CLIENT|UNPAUSE", 2, pause::unpause),
    data("COMMAND", -1, command::info),
    data("COMMAND|COUNT", 2, command::count_all),
    data("COMMAND|DOCS", -2, command::docs),
    data("COMMAND|GETKEYS", -4, command::getkeys),
    data("COMMAND|HELP", 2, command::help),
    data("COMMAND|INFO", -2, command::info),
    data("COMMAND|LIST", -2, command::list),
    spec("CONFIG", -2, Run::Container),
    data("CONFIG|GET", -3, config::get),
    data("CONFIG|HELP", 2, help::help),
    data("CONFIG|RESETSTAT", 2, config::resetstat),
    data("CONFIG|REWRITE", 2, config::rewrite),
    data("CONFIG|SET", -4, config::set),
    data("COPY", -3, keys::copy),
    data("DBSIZE", 1, keys::dbsize),
    data("DECR", 2, strings::decr),
    data("DECRBY", 3, strings::decrby),
    data("DEL", -2, keys::del),
    link("DISCARD", 1, transaction::discard).immediate(),
    data("ECHO", 2, connection::echo),
    spec("EVAL", -3, Run::Script),
    spec("EVALSHA", -3, Run::Script),
    spec("EVALSHA_RO", -3, Run::Script),
    spec("EVAL_RO", -3, Run::Script),
    spec("EXEC", 1, Run::Exec).immediate(),
    data("EXISTS", -2, keys::exists).reads(Reads::All),
    data("EXPIRE", -3, expire::expire),
    data("EXPIREAT", -3, expire::expireat),
    data("EXPIRETIME", 2, expire::expiretime).reads(Reads::First),
    data("FLUSHALL", -1, databases::flushall),
    data("FLUSHDB", -1, databases::flushdb),
    data("GET", 2, strings::get).reads(Reads::First),
    data("GETDEL", 2, strings::getdel),
    data("GETEX", -2, strings::getex),
    data("GETRANGE", 4, ranges::getrange).reads(Reads::First),
    data("GETSET", 3, strings::getset),
    link("HELLO", -1, login::hello),
    data("INCR", 2, strings::incr),
    data("INCRBY", 3, strings::incrby),
    data("INCRBYFLOAT", 3, strings::incrbyfloat),
    data("INFO", -1, info::info),
    data("KEYS", 2, scan::keys),
    data("LCS", -3, lcs::lcs).reads(Reads::FirstTwo),
    data("MDEL", -2, keys::del),
    data("MGET", -2, strings::mget).reads(Reads::All),
    link("MONITOR", 1, monitor::monitor),
    data("MOVE", 3, databases::move_key),
    data("MSET", -3, strings::mset),
    data("MSETNX", -3, strings::msetnx),
    link("MULTI", 1, transaction::multi).immediate(),
    data("PERSIST", 2, expire::persist),
    data("PEXPIRE", -3, expire::pexpire),
    data("PEXPIREAT", -3, expire::pexpireat),
    data("PEXPIRETIME", 2, expire::pexpiretime).reads(Reads::First),
    data("PING", -1, connection::ping).while_subscribed(),
    data("PSETEX", 4, strings::psetex),
    link("PSUBSCRIBE", -2, pubsub::psubscribe).while_subscribed(),
    data("PTTL", 2, expire::pttl).reads(Reads::First),
    data("PUBLISH", 3, pubsub::publish),
    spec("PUBSUB", -2, Run::Container),
    data("PUBSUB|CHANNELS", -2, pubsub::pubsub_channels),
    data("PUBSUB|HELP", 2, help::help),
    data("PUBSUB|NUMPAT", 2, pubsub::pubsub_numpat),
    data("PUBSUB|NUMSUB", -2, pubsub::pubsub_numsub),
    data("PUBSUB|SHARDCHANNELS", -2, pubsub::pubsub_shardchannels),
    data("PUBSUB|SHARDNUMSUB", -2, pubsub::pubsub_shardnumsub),
    link("PUNSUBSCRIBE", -1, pubsub::punsubscribe).while_subscribed(),
    link("QUIT", -1, login::quit).immediate().while_subscribed(),
    data("RANDOMKEY", 1, scan::randomkey),
    data("RENAME", 3, keys::rename),
    data("RENAMENX", 3, keys::renamenx),
    link("RESET", 1, link::reset).immediate().while_subscribed(),
    data("RESTOREDB", -2, admin::restoredb),
    data("ROTATEKEY", 3, admin::rotatekey),
    data("SCAN", -2, scan::scan),
    spec("SCRIPT", -2, Run::Container),
    data("SCRIPT|EXISTS", -3, script::script_exists),
    data("SCRIPT|FLUSH", -2, script::script_flush),
    data("SCRIPT|HELP", 2, help::help),
    data("SCRIPT|KILL", 2, script::script_kill),
    data("SCRIPT|LOAD", 3, script::script_load),
    link("SELECT", 2, databases::select),
    data("SET", -3, strings::set),
    data("SETEX", 4, strings::setex),
    data("SETNX", 3, strings::setnx),
    data("SETRANGE", 4, ranges::setrange),
    data("SPUBLISH", 3, pubsub::spublish),
    link("SSUBSCRIBE", -2, pubsub::ssubscribe).while_subscribed(),
    data("STRLEN", 2, ranges::strlen).reads(Reads::First),
    link("SUBSCRIBE", -2, pubsub::subscribe).while_subscribed(),
    data("SUBSTR", 4, ranges::getrange).reads(Reads::First),
    link("SUNSUBSCRIBE", -1, pubsub::sunsubscribe).while_subscribed(),
    data("SWAPDB", 3, databases::swapdb),
    data("SWARM.RESYNC", -1, admin::resync),
    data("TIME", 1, server::time),
    data("TOUCH", -2, keys::touch).reads(Reads::All),
    data("TTL", 2, expire::ttl).reads(Reads::First),
    data("TYPE", 2, keys::type_of).reads(Reads::First),
    data("UNLINK", -2, keys::del),
    link("UNSUBSCRIBE", -1, pubsub::unsubscribe).while_subscribed(),
    link("UNWATCH", 1, transaction::unwatch),
    link("WATCH", -2, transaction::watch).immediate(),
    data("XACK", -4, streams::xack),
    data("XADD", -5, streams::xadd),
    data("XAUTOCLAIM", -6, streams::xautoclaim),
    data("XCLAIM", -6, streams::xclaim),
    data("XDEL", -3, streams::xdel),
    spec("XGROUP", -2, Run::Container),
    data("XGROUP|CREATE", -5, streams::xgroup_create),
    data("XGROUP|CREATECONSUMER", 5, streams::xgroup_createconsumer),
    data("XGROUP|DELCONSUMER", 5, streams::xgroup_delconsumer),
    data("XGROUP|DESTROY", 4, streams::xgroup_destroy),
    data("XGROUP|HELP", 2, help::help),
    data("XGROUP|SETID", -5, streams::xgroup_setid),
    spec("XINFO", -2, Run::Container),
    data("XINFO|CONSUMERS", 4, streams::xinfo_consumers),
    data("XINFO|GROUPS", 3, streams::xinfo_groups),
    data("XINFO|HELP", 2, help::help),
    data("XINFO|STREAM", -3, streams::xinfo_stream),
    data("XLEN", 2, streams::xlen).reads(Reads::First),
    data("XPENDING", -3, streams::xpending).reads(Reads::First),
    data("XRANGE", -4, streams::xrange).reads(Reads::First),
    data("XREAD", -4, streams::xread).reads(Reads::Streams),
    data("XREADGROUP", -7, streams::xreadgroup),
    data("XREVRANGE", -4, streams::xrevrange).reads(Reads::First),
    data("XSETID", -3, streams::xsetid),
    data("XTRIM", -4, streams::xtrim),
];

/// Commands by family. Each is sorted by name.
static FAMILIES: &[&[Spec]] = &[
    TABLE,
    acl::COMMANDS,
    alone::COMMANDS,
    bitmaps::COMMANDS,
    bzpop::COMMANDS,
    clients::COMMANDS,
    dump::COMMANDS,
    geo::COMMANDS,
    hashes::COMMANDS,
    hyperloglog::COMMANDS,
    latency::COMMANDS,
    lists::COMMANDS,
    memory_stats::COMMANDS,
    object::COMMANDS,
    script::FUNCTIONS,
    sets::COMMANDS,
    slowlog::COMMANDS,
    sort::COMMANDS,
    sorted_sets::COMMANDS,
];

/// Commands by name. Clients add no names, so the hash need not resist collisions.
type Names = FnvHashMap<&'static str, &'static Spec>;

/// Returns a command or, with `|` in the name, a subcommand.
pub(super) fn named(name: &str) -> Option<&'static Spec> {
    static NAMED: LazyLock<Names> = LazyLock::new(|| all().map(|spec| (spec.name, spec)).collect());
    NAMED.get(name).copied()
}

/// Returns the command that `args` call, whatever their number. `name` is the command name in upper
/// case.
pub(super) fn lookup(name: &str, args: &[Bytes]) -> Result<&'static Spec, Reject> {
    static WHOLE: LazyLock<Names> =
        LazyLock::new(|| whole().map(|spec| (spec.name, spec)).collect());
    let spec = WHOLE.get(name).copied();
    let mut spec = spec.ok_or_else(|| Reject::unknown(args))?;
    // COMMAND is also a command by itself.
    let has_subcommands = matches!(spec.run, Run::Container) || name == "COMMAND";
    if let (true, Some(given)) = (has_subcommands, args.get(1)) {
        let sub = String::from_utf8_lossy(given).to_ascii_uppercase();
        let found = named(&format!("{name}|{sub}"));
        spec = found.ok_or_else(|| Reject::subcommand(name, given))?;
    }
    Ok(spec)
}

/// Returns whether Redis has a command, whether this store does or not.
#[cfg(feature = "lua")]
pub(super) fn is_known(args: &[Bytes]) -> bool {
    let name = args.first().map(|name| name.to_ascii_uppercase());
    let name = String::from_utf8_lossy(name.as_deref().unwrap_or_default()).into_owned();
    let with_sub = |sub: &Bytes| {
        let sub = String::from_utf8_lossy(sub).to_ascii_uppercase();
        Traits::of(&format!("{name}|{sub}")).is_some()
    };
    match args.get(1) {
        _ if lookup(&name, args).is_ok() => true,
        _ if name.contains('|') => false,
        Some(sub) if Traits::has_subcommands(&name) => with_sub(sub),
        _ => Traits::of(&name).is_some(),
    }
}

/// Returns the command that `args` call. `name` is the command name in upper case.
pub(super) fn find(name: &str, args: &[Bytes]) -> Result<&'static Spec, Reject> {
    let spec = lookup(name, args)?;
    match spec.accepts(args.len()) {
        true => Ok(spec),
        false => Err(Reject::arity(&spec.name.to_ascii_lowercase())),
    }
}

/// Returns all commands, with their subcommands.
pub(super) fn all() -> impl Iterator<Item = &'static Spec> {
    FAMILIES.iter().copied().flatten()
}

/// Iterates over commands without their subcommands.
pub(super) fn whole() -> impl Iterator<Item = &'static Spec> {
    all().filter(|spec| !spec.name.contains('|'))
}

/// Iterates over the subcommands of a command.
pub(super) fn subcommands(container: &'static Spec) -> impl Iterator<Item = &'static Spec> {
    let is_sub = |spec: &&Spec| {
        let rest = spec.name.strip_prefix(container.name);
        rest.is_some_and(|rest| rest.starts_with('|'))
    };
    all().filter(is_sub)
}

#[cfg(test)]
mod tests {
    use super::FAMILIES;

    #[test]
    fn every_family_is_sorted() {
        for pair in FAMILIES.iter().flat_map(|family| family.windows(2)) {
            assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
        }
    }
}
