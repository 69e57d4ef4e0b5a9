//! Searches: GEOSEARCH and GEORADIUS with their options.

use bytes::Bytes;
use swarm_resp::{Frame, FrameBuilder};

use super::area::{Extent, Shape};
use super::cell::Place;
use super::{place_of, put_place};
use crate::backend::memory::call::{Call, Reply, count};
use crate::backend::memory::float;
use crate::backend::memory::keyspace::Value;
use crate::backend::memory::limits::Limits;
use crate::backend::memory::number;
use crate::backend::memory::reject::Reject;
use crate::backend::memory::sorted_sets::{Bound, Scored, Scores, SortedSet};

const UNDECODED: Reject = Reject::text("ERR could not decode requested zset member");

/// A variant of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variant {
    /// GEORADIUS, which may store its result.
    Radius {
        store: bool,
    },
    /// GEORADIUSBYMEMBER, which may store its result.
    Member {
        store: bool,
    },
    Search,
    SearchStore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

/// Options of a search.
#[derive(Debug, Default)]
struct Options<'a> {
    with_distance: bool,
    with_hash: bool,
    with_place: bool,
    /// Stops as soon as enough members are found.
    any: bool,
    order: Option<Order>,
    count: Option<usize>,
    store: Option<&'a Bytes>,
    stores_distances: bool,
    from_member: bool,
    from_place: bool,
    center: Option<Place>,
    extent: Option<Extent>,
    /// Factor from the unit to meters.
    unit: f64,
}

/// A member that has been found.
#[derive(Debug)]
struct Found {
    scored: Scored,
    place: Place,
    /// In meters.
    distance: f64,
}

/// Returns the factor from a unit to meters.
pub(super) fn unit(name: &[u8]) -> Result<f64, Reject> {
    Ok(match name.to_ascii_lowercase().as_slice() {
        b"m" => 1.0,
        b"km" => 1000.0,
        b"ft" => 0.3048,
        b"mi" => 1609.34,
        _ => {
            return Err(Reject::text(
                "ERR unsupported unit provided. please use M, KM, FT, MI",
            ));
        }
    })
}

/// Parses a longitude and a latitude.
pub(super) fn place(longitude: &[u8], latitude: &[u8]) -> Result<Place, Reject> {
    let coordinate = |text: &[u8]| float::double(text).ok_or(float::INVALID);
    let place = Place {
        longitude: coordinate(longitude)?,
        latitude: coordinate(latitude)?,
    };
    place.checked().ok_or_else(|| {
        Reject::new(format!(
            "ERR invalid longitude,latitude pair {:.6},{:.6}",
            place.longitude, place.latitude
        ))
    })
}

impl<'a> Options<'a> {
    /// Parses a radius and its unit.
    fn radius(&mut self, radius: &[u8], of: &[u8]) -> Result<(), Reject> {
        let radius = float::double(radius).ok_or(Reject::text("ERR need numeric radius"))?;
        if radius < 0.0 {
            return Err(Reject::text("ERR radius cannot be negative"));
        }
        self.unit = unit(of)?;
        self.extent = Some(Extent::Radius(radius));
        Ok(())
    }

    /// Parses the size of a box and its unit.
    fn size(&mut self, width: &[u8], height: &[u8], of: &[u8]) -> Result<(), Reject> {
        let width = float::double(width).ok_or(Reject::text("ERR need numeric width"))?;
        let height = float::double(height).ok_or(Reject::text("ERR need numeric height"))?;
        if width < 0.0 || height < 0.0 {
            return Err(Reject::text("ERR height or width cannot be negative"));
        }
        self.unit = unit(of)?;
        self.extent = Some(Extent::Box { width, height });
        Ok(())
    }

    /// Parses what follows the fixed arguments.
    fn parse(
        &mut self,
        mut args: &'a [Bytes],
        variant: Variant,
        set: Option<&SortedSet>,
    ) -> Result<(), Reject> {
        let searches = matches!(variant, Variant::Search | Variant::SearchStore);
        let may_store = matches!(
            variant,
            Variant::Radius { store: true } | Variant::Member { store: true }
        );
        let (mut by_radius, mut by_box) = (false, false);
        while let Some((option, rest)) = args.split_first() {
            args = match (option.to_ascii_uppercase().as_slice(), rest) {
                (b"WITHDIST", _) => {
                    self.with_distance = true;
                    rest
                }
                (b"WITHHASH", _) => {
                    self.with_hash = true;
                    rest
                }
                (b"WITHCOORD", _) => {
                    self.with_place = true;
                    rest
                }
                (b"ANY", _) => {
                    self.any = true;
                    rest
                }
                (b"ASC", _) => {
                    self.order = Some(Order::Ascending);
                    rest
                }
                (b"DESC", _) => {
                    self.order = Some(Order::Descending);
                    rest
                }
                (b"COUNT", [most, rest @ ..]) => {
                    let most = usize::try_from(number::integer(most)?).unwrap_or(0);
                    if most == 0 {
                        return Err(Reject::text("ERR COUNT must be > 0"));
                    }
                    self.count = Some(most);
                    rest
                }
                (name @ (b"STORE" | b"STOREDIST"), [key, rest @ ..]) if may_store => {
                    self.store = Some(key);
                    self.stores_distances = name == b"STOREDIST";
                    rest
                }
                (b"STOREDIST", _) if variant == Variant::SearchStore => {
                    self.stores_distances = true;
                    rest
                }
                (b"FROMMEMBER", [member, rest @ ..]) if searches && !self.from_place => {
                    self.from_member = true;
                    if let Some(set) = set {
                        self.center = Some(place_of(set, member).ok_or(UNDECODED)?);
                    }
                    rest
                }
                (b"FROMLONLAT", [longitude, latitude, rest @ ..])
                    if searches && !self.from_member =>
                {
                    self.from_place = true;
                    self.center = Some(place(longitude, latitude)?);
                    rest
                }
                (b"BYRADIUS", [radius, unit, rest @ ..]) if searches && !by_box => {
                    self.radius(radius, unit)?;
                    by_radius = true;
                    rest
                }
                (b"BYBOX", [width, height, unit, rest @ ..]) if searches && !by_radius => {
                    self.size(width, height, unit)?;
                    by_box = true;
                    rest
                }
                _ => return Err(Reject::SYNTAX),
            };
        }
        Ok(())
    }

    /// Rejects options that exclude each other, or are missing.
    fn check(&self, name: &[u8], variant: Variant) -> Result<(), Reject> {
        let searches = matches!(variant, Variant::Search | Variant::SearchStore);
        if self.store.is_some() && (self.with_distance || self.with_hash || self.with_place) {
            let what: &[u8] = match variant {
                Variant::SearchStore => b"GEOSEARCHSTORE",
                _ => b"STORE option in GEORADIUS",
            };
            return Err(Reject::joined(&[
                b"ERR ",
                what,
                b" is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
            ]));
        }
        if searches && !(self.from_member || self.from_place) {
            return Err(Reject::quoting(&[
                b"ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ",
                name,
            ]));
        }
        if searches && self.extent.is_none() {
            return Err(Reject::quoting(&[
                b"ERR exactly one of BYRADIUS and BYBOX can be specified for ",
                name,
            ]));
        }
        if self.any && self.count.is_none() {
            return Err(Reject::text("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }

    /// Returns the members in the shape, up to the limit and in the order of the options.
    fn find(&self, set: &SortedSet, shape: &Shape) -> Vec<Found> {
        let most = self.count.unwrap_or(usize::MAX);
        let enough = if self.any { most } else { usize::MAX };
        let mut found = Vec::new();
        'cells: for cell in shape.cells() {
            let scores = Scores {
                min: Bound {
                    end: cell.min_score(),
                    open: false,
                },
                max: Bound {
                    end: cell.end_score(),
                    open: true,
                },
            };
            let ranks = scores.ranks(set);
            for scored in set.from(ranks.start).take(ranks.len()) {
                if found.len() >= enough {
                    break 'cells;
                }
                let place = Place::of_score(scored.score);
                if let Some(distance) = shape.distance(place) {
                    let scored = scored.clone();
                    found.push(Found {
                        scored,
                        place,
                        distance,
                    });
                }
            }
        }
        // A limit keeps the nearest ones.
        let order = self
            .order
            .or((most < usize::MAX && !self.any).then_some(Order::Ascending));
        found.sort_by(|left, right| match order {
            None => std::cmp::Ordering::Equal,
            Some(Order::Ascending) => left.distance.total_cmp(&right.distance),
            Some(Order::Descending) => right.distance.total_cmp(&left.distance),
        });
        found.truncate(most);
        found
    }

    fn put(&self, reply: &mut FrameBuilder, found: &Found) {
        let with = self.with_distance || self.with_hash || self.with_place;
        if !with {
            return reply.bulk(&found.scored.member);
        }
        reply.array(|array| {
            array.bulk(&found.scored.member);
            if self.with_distance {
                array.bulk(float::fixed(found.distance / self.unit).as_bytes());
            }
            if self.with_hash {
                #[expect(clippy::cast_possible_truncation, reason = "in a cell, so 52 bits")]
                array.integer(found.scored.score as i64);
            }
            if self.with_place {
                put_place(array, found.place);
            }
        });
    }
}

fn search(call: &mut Call<'_>, variant: Variant) -> Reply {
    let mut options = Options::default();
    let source = match variant {
        Variant::SearchStore => {
            options.store = Some(call.arg(1));
            2
        }
        _ => 1,
    };
    let set = call.sorted_set(call.arg(source))?;
    let rest = match variant {
        Variant::Radius { .. } => {
            options.center = Some(place(call.arg(2), call.arg(3))?);
            options.radius(call.arg(4), call.arg(5))?;
            6
        }
        Variant::Member { .. } => {
            // Without a set, Redis does not look at these arguments.
            if let Some(set) = set {
                options.center = Some(place_of(set, call.arg(2)).ok_or(UNDECODED)?);
                options.radius(call.arg(3), call.arg(4))?;
            }
            5
        }
        Variant::Search | Variant::SearchStore => source + 1,
    };
    options.parse(call.rest(rest), variant, set)?;
    options.check(call.arg(0), variant)?;
    let found = match (set, options.center, options.extent) {
        (Some(set), Some(center), Some(extent)) => {
            options.find(set, &Shape::new(center, extent, options.unit))
        }
        _ => Vec::new(),
    };
    let Some(destination) = options.store else {
        return Ok(Frame::build(|reply| {
            reply.array(|array| found.iter().for_each(|found| options.put(array, found)));
        }));
    };
    let number = found.len();
    let members = found.into_iter().map(|found| Scored {
        score: match options.stores_distances {
            true => found.distance / options.unit,
            false => found.scored.score,
        },
        member: found.scored.member,
    });
    let limits = Limits::of_sorted_sets(&call.server.config);
    let stored = Value::SortedSet(Box::new(SortedSet::of(members.collect(), limits)));
    let event = match variant {
        Variant::SearchStore => "geosearchstore",
        _ => "georadiusstore",
    };
    call.store(destination, stored, event);
    Ok(count(number))
}

pub(super) fn georadius(call: &mut Call<'_>) -> Reply {
    search(call, Variant::Radius { store: true })
}

pub(super) fn georadius_ro(call: &mut Call<'_>) -> Reply {
    search(call, Variant::Radius { store: false })
}

pub(super) fn georadiusbymember(call: &mut Call<'_>) -> Reply {
    search(call, Variant::Member { store: true })
}

pub(super) fn georadiusbymember_ro(call: &mut Call<'_>) -> Reply {
    search(call, Variant::Member { store: false })
}

pub(super) fn geosearch(call: &mut Call<'_>) -> Reply {
    search(call, Variant::Search)
}

pub(super) fn geosearchstore(call: &mut Call<'_>) -> Reply {
    search(call, Variant::SearchStore)
}
