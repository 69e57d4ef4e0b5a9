//! Commands about what this server lacks: replicas, a cluster, and modules.

use swarm_resp::Frame;

use super::call::{Call, Reply};
use super::help;
use super::number;
use super::reject::Reject;
use super::table::{Run, Spec, data, spec};
use crate::hello::REDIS_VERSION;

const NO_CLUSTER: Reject = Reject::text("ERR This instance has cluster support disabled");

#[rustfmt::skip]
pub(super) static COMMANDS: &[Spec] = &[
    data("ASKING", 1, no_cluster),
    spec("CLUSTER", -2, Run::Container),
    data("CLUSTER|ADDSLOTS", -3, no_cluster),
    data("CLUSTER|ADDSLOTSRANGE", -4, no_cluster),
    data("CLUSTER|BUMPEPOCH", 2, no_cluster),
    data("CLUSTER|COUNT-FAILURE-REPORTS", 3, no_cluster),
    data("CLUSTER|COUNTKEYSINSLOT", 3, no_cluster),
    data("CLUSTER|DELSLOTS", -3, no_cluster),
    data("CLUSTER|DELSLOTSRANGE", -4, no_cluster),
    data("CLUSTER|FAILOVER", -2, no_cluster),
    data("CLUSTER|FLUSHSLOTS", 2, no_cluster),
    data("CLUSTER|FORGET", 3, no_cluster),
    data("CLUSTER|GETKEYSINSLOT", 4, no_cluster),
    data("CLUSTER|HELP", 2, no_cluster),
    data("CLUSTER|INFO", 2, no_cluster),
    data("CLUSTER|KEYSLOT", 3, no_cluster),
    data("CLUSTER|LINKS", 2, no_cluster),
    data("CLUSTER|MEET", -4, no_cluster),
    data("CLUSTER|MYID", 2, no_cluster),
    data("CLUSTER|NODES", 2, no_cluster),
    data("CLUSTER|REPLICAS", 3, no_cluster),
    data("CLUSTER|REPLICATE", 3, no_cluster),
    data("CLUSTER|RESET", -2, no_cluster),
    data("CLUSTER|SAVECONFIG", 2, no_cluster),
    data("CLUSTER|SET-CONFIG-EPOCH", 3, no_cluster),
    data("CLUSTER|SETSLOT", -4, no_cluster),
    data("CLUSTER|SHARDS", 2, no_cluster),
    data("CLUSTER|SLAVES", 3, no_cluster),
    data("CLUSTER|SLOTS", 2, no_cluster),
    data("LASTSAVE", 1, lastsave),
    data("LOLWUT", -1, lolwut),
    spec("MODULE", -2, Run::Container),
    data("MODULE|HELP", 2, help::help),
    data("MODULE|LIST", 2, module_list),
    data("READONLY", 1, no_cluster),
    data("READWRITE", 1, no_cluster),
    data("ROLE", 1, role),
];

fn no_cluster(_: &mut Call<'_>) -> Reply {
    Err(NO_CLUSTER)
}

/// Returns when the server started, as Redis does until the first SAVE or BGSAVE, which this store
/// lacks. Snapshots of the program do not count.
fn lastsave(call: &mut Call<'_>) -> Reply {
    Ok(Frame::integer(call.server.started / 1000))
}

/// `LOLWUT [VERSION version]`: the text of a version that has no art.
fn lolwut(call: &mut Call<'_>) -> Reply {
    if let [option, version, ..] = call.rest(1)
        && option.eq_ignore_ascii_case(b"VERSION")
    {
        number::integer(version)?;
    }
    let text = format!("Redis ver. {REDIS_VERSION}\n");
    Ok(Frame::build(|reply| {
        reply.verbatim(*b"txt", text.as_bytes());
    }))
}

fn module_list(_: &mut Call<'_>) -> Reply {
    Ok(Frame::array([]))
}

/// A master without replicas.
fn role(_: &mut Call<'_>) -> Reply {
    let none = Frame::array([]);
    Ok(Frame::array(&[
        Frame::bulk("master"),
        Frame::integer(0),
        none,
    ]))
}
