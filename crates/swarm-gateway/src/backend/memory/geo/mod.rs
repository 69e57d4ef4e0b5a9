//! Geospatial indexes: sorted sets whose scores are places on the earth.

mod area;
mod cell;
mod search;

use bytes::Bytes;
use swarm_resp::{Frame, FrameBuilder};

use super::call::{Call, Reply};
use super::float;
use super::reject::Reject;
use super::sorted_sets::{Conditions, SortedSet, add_members};
use super::table::{Reads, Spec, data};
use cell::Place;

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    data("GEOADD", -5, geoadd),
    data("GEODIST", -4, geodist).reads(Reads::First),
    data("GEOHASH", -2, geohash).reads(Reads::First),
    data("GEOPOS", -2, geopos).reads(Reads::First),
    data("GEORADIUS", -6, search::georadius),
    data("GEORADIUSBYMEMBER", -5, search::georadiusbymember),
    data("GEORADIUSBYMEMBER_RO", -5, search::georadiusbymember_ro).reads(Reads::First),
    data("GEORADIUS_RO", -6, search::georadius_ro).reads(Reads::First),
    data("GEOSEARCH", -7, search::geosearch).reads(Reads::First),
    data("GEOSEARCHSTORE", -8, search::geosearchstore),
];

/// Returns the place of a member.
fn place_of(set: &SortedSet, member: &[u8]) -> Option<Place> {
    set.score(member).map(Place::of_score)
}

/// Writes a longitude and a latitude.
fn put_place(reply: &mut FrameBuilder, place: Place) {
    reply.array(|pair| {
        pair.double_text(&float::human(place.longitude));
        pair.double_text(&float::human(place.latitude));
    });
}

/// `GEOADD key [NX|XX] [CH] longitude latitude member …`.
fn geoadd(call: &mut Call<'_>) -> Reply {
    let mut conditions = Conditions::default();
    let mut places = call.rest(2);
    while let Some((option, rest)) = places.split_first() {
        match option.to_ascii_uppercase().as_slice() {
            b"NX" => conditions.missing = true,
            b"XX" => conditions.present = true,
            b"CH" => conditions.changed = true,
            _ => break,
        }
        places = rest;
    }
    let is_contradiction = conditions.missing && conditions.present;
    if places.is_empty() || !places.len().is_multiple_of(3) || is_contradiction {
        return Err(Reject::SYNTAX);
    }
    let mut members: Vec<(f64, &Bytes)> = Vec::with_capacity(places.len() / 3);
    for place in places.chunks_exact(3) {
        if let [longitude, latitude, member] = place {
            members.push((search::place(longitude, latitude)?.score(), member));
        }
    }
    add_members(call, conditions, &members)
}

/// `GEODIST key member member [unit]`.
fn geodist(call: &mut Call<'_>) -> Reply {
    let unit = match call.rest(4) {
        [] => 1.0,
        [name] => search::unit(name)?,
        _ => return Err(Reject::SYNTAX),
    };
    let Some(set) = call.sorted_set(call.arg(1))? else {
        return Ok(Frame::null());
    };
    let places = place_of(set, call.arg(2)).zip(place_of(set, call.arg(3)));
    Ok(places.map_or_else(Frame::null, |(from, to)| {
        Frame::bulk(float::fixed(from.distance(to) / unit))
    }))
}

fn geohash(call: &mut Call<'_>) -> Reply {
    let set = call.sorted_set(call.arg(1))?;
    Ok(Frame::build(|reply| {
        reply.array(|array| {
            for member in call.rest(2) {
                match set.and_then(|set| place_of(set, member)) {
                    Some(place) => array.bulk(place.text().as_bytes()),
                    None => array.null(),
                }
            }
        });
    }))
}

fn geopos(call: &mut Call<'_>) -> Reply {
    let set = call.sorted_set(call.arg(1))?;
    Ok(Frame::build(|reply| {
        reply.array(|array| {
            for member in call.rest(2) {
                match set.and_then(|set| place_of(set, member)) {
                    Some(place) => put_place(array, place),
                    None => array.null_array(),
                }
            }
        });
    }))
}
