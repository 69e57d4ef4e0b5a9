//! SwarmKeyDb's stream restrictions compared with Redis.

use bytes::Bytes;

use super::super::reject::Reject;
use super::id;

/// Rejects a command that SwarmKeyDb does not support, or not with these arguments. `name` is in
/// upper case.
pub(in super::super) fn known_to_swarm(name: &str, args: &[Bytes]) -> Result<(), Reject> {
    let arg = |at: usize| args.get(at).map(Bytes::as_ref).unwrap_or_default();
    let is = |at: usize, word: &[u8]| arg(at).eq_ignore_ascii_case(word);
    match name {
        "XDEL" | "XSETID" => return Err(unknown(name)),
        "XINFO|STREAM" | "XINFO|GROUPS" | "XINFO|CONSUMERS" => return Err(unknown("XINFO")),
        "XGROUP|CREATECONSUMER" => return Err(Reject::text("ERR Unknown XGROUP subcommand")),
        "XGROUP|CREATE" | "XGROUP|SETID" if arg(4) != b"$" => complete(arg(4))?,
        "XAUTOCLAIM" => {
            complete(arg(5))?;
            if args.len() != 6 && (args.len() != 8 || !is(6, b"COUNT")) {
                return Err(Reject::SYNTAX);
            }
        }
        "XTRIM" if is(2, b"MINID") => complete(args.last().map_or(&b""[..], Bytes::as_ref))?,
        // SwarmKeyDb parses any other argument as the ID.
        "XADD" if !is(2, b"MAXLEN") && arg(2) != b"*" => complete(arg(2))?,
        "XRANGE" | "XREVRANGE" | "XPENDING" if args.iter().any(|arg| arg.starts_with(b"(")) => {
            return Err(id::INVALID);
        }
        "XREAD" | "XREADGROUP" => {
            let mut streams = args.iter();
            streams.find(|arg| arg.eq_ignore_ascii_case(b"STREAMS"));
            let ids = streams.as_slice();
            let ids = ids.get(ids.len().div_ceil(2)..).unwrap_or_default();
            for id in ids.iter().filter(|id| !matches!(id.as_ref(), b"$" | b">")) {
                complete(id)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn unknown(name: &str) -> Reject {
    Reject::new(format!("ERR unknown command '{name}'"))
}

/// Rejects an ID without a sequence.
fn complete(id: &[u8]) -> Result<(), Reject> {
    if id.contains(&b'-') {
        Ok(())
    } else {
        Err(id::INVALID)
    }
}
