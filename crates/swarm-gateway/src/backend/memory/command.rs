//! COMMAND: what clients ask about commands, from the table and the facts about commands.

use bytes::Bytes;
use swarm_resp::{Frame, FrameBuilder, Request};
use swarm_transport::facts::{self, Access, Facts, Place};

use super::call::{Call, Reply, count};
use super::glob;
use super::number;
use super::reject::Reject;
use super::table::{self, Run, Spec};
use super::traits::Traits;

const HELP: &[&str] = &[
    "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "(no subcommand)",
    "    Return details about all commands.",
    "COUNT",
    "    Return the total number of commands in this server.",
    "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
    "    Return a list of all commands in this server.",
    "INFO [<command-name> ...]",
    "    Return details about multiple commands, or all.",
    "DOCS [<command-name> ...]",
    "    Return documentation details; this server has none.",
    "GETKEYS <full-command>",
    "    Return the keys from a full command.",
    "HELP",
    "    Prints this help.",
];

const NO_KEYS: Reject = Reject::text("ERR The command has no key arguments");

/// Returns the facts about a command of the table.
fn facts_of(spec: &Spec) -> &'static Facts {
    let (name, sub) = spec.name.split_once('|').unwrap_or((spec.name, ""));
    facts::named(name.as_bytes(), sub.as_bytes())
}

/// Returns where the keys are. Those of a container are those of its subcommands.
fn places_of(spec: &Spec) -> &'static [Place] {
    match spec.run {
        Run::Container => &[],
        _ => facts_of(spec).key_places(),
    }
}

/// Returns the first and the last position of keys and their distance, or zeros if they depend on
/// other arguments. Of several places, only those that do not depend on them count.
fn positions(places: &[Place]) -> (i64, i64, i64) {
    let mut ranges = places.iter().filter_map(|place| match place {
        Place::Range { first, last, step } => Some((*first, *last, *step)),
        _ => None,
    });
    let Some((first, last, step)) = ranges.next() else {
        return (0, 0, 0);
    };
    let (last, step) = ranges
        .next_back()
        .map_or((last, step), |(_, last, _)| (last, 1));
    (first.into(), last.into(), step.into())
}

fn traits_of(spec: &Spec) -> Traits {
    Traits::of(spec.name).unwrap_or_default()
}

/// Writes a map of a type and the parts of a specification.
fn put_step(map: &mut FrameBuilder, name: &str, kind: &str, parts: &[(&str, i64)]) {
    map.bulk(name.as_bytes());
    map.map(|step| {
        step.bulk(b"type");
        step.bulk(kind.as_bytes());
        step.bulk(b"spec");
        step.map(|spec| {
            for (name, value) in parts {
                spec.bulk(name.as_bytes());
                spec.integer(*value);
            }
        });
    });
}

/// Writes how a client finds the keys of a place.
fn put_place(specs: &mut FrameBuilder, place: Place, writes: bool) {
    specs.map(|map| {
        map.bulk(b"flags");
        map.set(|flags| {
            flags.simple(if writes { "RW" } else { "RO" });
            flags.simple(if writes { "update" } else { "access" });
        });
        let keyword = |map: &mut FrameBuilder, keyword: &str| {
            map.bulk(b"begin_search");
            map.map(|step| {
                step.bulk(b"type");
                step.bulk(b"keyword");
                step.bulk(b"spec");
                step.map(|spec| {
                    spec.bulk(b"keyword");
                    spec.bulk(keyword.as_bytes());
                    spec.bulk(b"startfrom");
                    spec.integer(1);
                });
            });
        };
        let range = |map: &mut FrameBuilder, last: i64, step: i64, limit: i64| {
            let parts = [("lastkey", last), ("keystep", step), ("limit", limit)];
            put_step(map, "find_keys", "range", &parts);
        };
        match place {
            Place::Range { first, last, step } => {
                let (first, last) = (i64::from(first), i64::from(last));
                put_step(map, "begin_search", "index", &[("index", first)]);
                // Relative to the first key, unless it counts from the end.
                range(
                    map,
                    if last < 0 { last } else { last - first },
                    step.into(),
                    0,
                );
            }
            Place::Counted(at) => {
                put_step(map, "begin_search", "index", &[("index", at.into())]);
                let parts = [("keynumidx", 0), ("firstkey", 1), ("keystep", 1)];
                put_step(map, "find_keys", "keynum", &parts);
            }
            Place::HalfAfter(word) => {
                keyword(map, word);
                range(map, -1, 1, 2);
            }
            Place::After(word, most) => {
                keyword(map, word);
                range(
                    map,
                    if most == u8::MAX {
                        -1
                    } else {
                        i64::from(most) - 1
                    },
                    1,
                    0,
                );
            }
            _ => {}
        }
    });
}

/// Writes the ten facts about a command.
fn put(reply: &mut FrameBuilder, spec: &'static Spec) {
    let traits = traits_of(spec);
    let places = places_of(spec);
    let (first, last, step) = positions(places);
    let writes = facts_of(spec).access == Access::Write;
    reply.array(|info| {
        info.bulk(spec.name.to_ascii_lowercase().as_bytes());
        info.integer(spec.arity.into());
        info.set(|set| traits.flags().for_each(|flag| set.simple(flag)));
        for position in [first, last, step] {
            info.integer(position);
        }
        info.set(|set| {
            traits
                .categories()
                .for_each(|category| set.simple(category));
        });
        info.set(|set| traits.tips().for_each(|tip| set.bulk(tip.as_bytes())));
        info.set(|specs| {
            places
                .iter()
                .for_each(|place| put_place(specs, *place, writes));
        });
        let mut subs = table::subcommands(spec).peekable();
        match subs.peek() {
            Some(_) => info.array(|array| subs.for_each(|sub| put(array, sub))),
            None => info.set(|_| {}),
        }
    });
}

/// `COMMAND` and `COMMAND INFO [name …]`.
pub(super) fn info(call: &mut Call<'_>) -> Reply {
    let specs: Vec<_> = match call.rest(2) {
        [] => table::whole().map(Some).collect(),
        wanted => wanted.iter().map(|name| named(name)).collect(),
    };
    Ok(Frame::build(|reply| {
        reply.array(|array| {
            for spec in specs {
                match spec {
                    Some(spec) => put(array, spec),
                    None => array.null(),
                }
            }
        });
    }))
}

fn named(name: &[u8]) -> Option<&'static Spec> {
    table::named(&String::from_utf8_lossy(name).to_ascii_uppercase())
}

pub(super) fn count_all(_: &mut Call<'_>) -> Reply {
    Ok(count(table::whole().count()))
}

/// `COMMAND LIST [FILTERBY MODULE|ACLCAT|PATTERN value]`.
pub(super) fn list(call: &mut Call<'_>) -> Reply {
    type Filter<'a> = Box<dyn Fn(&Spec) -> bool + 'a>;
    let filter: Filter<'_> = match call.rest(2) {
        [] => Box::new(|_| true),
        [filter, kind, value] if filter.eq_ignore_ascii_case(b"FILTERBY") => {
            let value = value.to_ascii_lowercase();
            match kind.to_ascii_uppercase().as_slice() {
                b"MODULE" => Box::new(|_| false),
                b"PATTERN" => Box::new(move |spec| {
                    glob::matches(&value, spec.name.to_ascii_lowercase().as_bytes())
                }),
                b"ACLCAT" => {
                    let category = [b"@", value.as_slice()].concat();
                    Box::new(move |spec| {
                        let mut categories = traits_of(spec).categories();
                        categories.any(|known| known.as_bytes() == category)
                    })
                }
                _ => return Err(Reject::SYNTAX),
            }
        }
        _ => return Err(Reject::SYNTAX),
    };
    let specs = table::all().filter(|spec| filter(spec));
    Ok(Frame::build(|reply| {
        reply.array(|array| {
            specs.for_each(|spec| array.bulk(spec.name.to_ascii_lowercase().as_bytes()));
        });
    }))
}

/// `COMMAND GETKEYS command argument …`.
pub(super) fn getkeys(call: &mut Call<'_>) -> Reply {
    let given = call.rest(2);
    let args = given;
    let word = |at: usize| args.get(at).map(Bytes::as_ref).unwrap_or_default();
    let name = String::from_utf8_lossy(word(0)).to_ascii_uppercase();
    let sub = [word(0), b"|", word(1)].concat();
    let spec = named(&sub).or_else(|| named(word(0)));
    let spec = spec.filter(|spec| !matches!(spec.run, Run::Container));
    let spec = spec.ok_or(Reject::text("ERR Invalid command specified"))?;
    if places_of(spec).is_empty() {
        return Err(NO_KEYS);
    }
    if table::find(&name, args).is_err() {
        let text = "ERR Invalid number of arguments specified for command";
        return Err(Reject::text(text));
    }
    // As in C, a number is what a text begins with.
    let mut args = given.to_vec();
    let mut is_prefix = false;
    for place in places_of(spec) {
        if let Place::Counted(at) = place
            && let Some(arg) = args.get_mut(usize::from(*at))
        {
            is_prefix |= number::integer(arg).is_err();
            *arg = number::prefix(arg).to_string().into();
        }
    }
    let request = Request::new("", &args);
    let positions = facts_of(spec).keys(&request.args());
    let mut keys: Vec<_> = positions.iter().filter_map(|at| args.get(at)).collect();
    if is_prefix && matches!(places_of(spec), [Place::Range { .. }, ..]) && !keys.is_empty() {
        // Redis then finds the destination last.
        keys.rotate_left(1);
    }
    // The number of keys may be an argument, which may be wrong.
    let is_wrong = |place: &Place| match place {
        Place::Counted(at) => {
            let at = usize::from(*at);
            let announced = args.get(at).and_then(|number| number::integer(number).ok());
            let announced = announced.and_then(|count| usize::try_from(count).ok());
            announced.is_none_or(|count| count > args.len().saturating_sub(at + 1))
        }
        _ => false,
    };
    if places_of(spec).iter().any(is_wrong) {
        keys.clear();
    }
    if keys.is_empty() && !facts_of(spec).script {
        return Err(Reject::text("ERR Invalid arguments specified for command"));
    }
    Ok(Frame::build(|reply| {
        reply.array(|array| keys.iter().for_each(|key| array.bulk(key)));
    }))
}

/// Replies with no documentation; clients show their own.
pub(super) fn docs(_: &mut Call<'_>) -> Reply {
    Ok(Frame::build(|reply| reply.map(|_| {})))
}

pub(super) fn help(_: &mut Call<'_>) -> Reply {
    Ok(Frame::build(|reply| {
        reply.array(|lines| HELP.iter().for_each(|line| lines.simple(line)));
    }))
}
