//! Places on the earth, and the options and replies of commands on geospatial indexes.

use std::fmt;

use bytes::Bytes;
use swarm_resp::{ArgSink, ConvertError, Frame, FrameRef, FromFrame, ToArg, ToArgs};

use super::option::option;
use crate::command::CommandOptions;
use crate::error::{Error, Result};

/// Place on the earth, in degrees.
///
/// Servers store places with a precision of about half a meter, and only up to a latitude of about
/// 85 degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeoPoint {
    /// Longitude in degrees, from -180 to 180: positive in the east.
    pub longitude: f64,
    /// Latitude in degrees, from about -85.05 to 85.05: positive in the north.
    pub latitude: f64,
}

impl GeoPoint {
    /// Creates a place. The longitude comes first, as in the commands.
    pub const fn new(longitude: f64, latitude: f64) -> Self {
        Self {
            longitude,
            latitude,
        }
    }
}

impl ToArgs for GeoPoint {
    fn write_args(&self, sink: &mut impl ArgSink) {
        sink.arg(&self.longitude.to_arg());
        sink.arg(&self.latitude.to_arg());
    }
}

impl FromFrame for GeoPoint {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let (longitude, latitude) = frame.convert()?;
        Ok(Self::new(longitude, latitude))
    }
}

/// Unit of a distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GeoUnit {
    /// Meters.
    #[default]
    Meters,
    /// Kilometers.
    Kilometers,
    /// Miles.
    Miles,
    /// Feet.
    Feet,
}

impl ToArgs for GeoUnit {
    fn write_args(&self, sink: &mut impl ArgSink) {
        sink.arg(match self {
            Self::Meters => b"m",
            Self::Kilometers => b"km",
            Self::Miles => b"mi",
            Self::Feet => b"ft",
        });
    }
}

/// Options of GEOADD: which members to add or update, and what to count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are passed to geoadd_with"]
pub struct GeoAddOptions {
    nx: bool,
    xx: bool,
    ch: bool,
}

impl GeoAddOptions {
    /// Creates options that add new members and move others.
    pub const fn new() -> Self {
        Self {
            nx: false,
            xx: false,
            ch: false,
        }
    }

    /// Only adds members, and moves none (`NX`).
    pub const fn nx(mut self) -> Self {
        self.nx = true;
        self
    }

    /// Only moves members, and adds none (`XX`).
    pub const fn xx(mut self) -> Self {
        self.xx = true;
        self
    }

    /// Also counts members that were moved (`CH`).
    pub const fn ch(mut self) -> Self {
        self.ch = true;
        self
    }
}

impl ToArgs for GeoAddOptions {
    fn write_args(&self, sink: &mut impl ArgSink) {
        for (is_set, word) in [(self.nx, "NX"), (self.xx, "XX"), (self.ch, "CH")] {
            if is_set {
                sink.arg(word.as_bytes());
            }
        }
    }
}

impl CommandOptions for GeoAddOptions {
    fn validate(&self) -> Result<()> {
        if self.nx && self.xx {
            return Err(Error::argument(
                "options contradict each other; set at most one of nx and xx",
            ));
        }
        Ok(())
    }
}

/// Area to search, for GEOSEARCH and GEOSEARCHSTORE.
///
/// # Examples
///
/// ```
/// use swarm_keydb::{GeoPoint, GeoSearch, GeoUnit};
///
/// // The three places nearest to the center, within 10 km.
/// let near = GeoSearch::radius(GeoPoint::new(13.4, 52.5), 10.0, GeoUnit::Kilometers)
///     .nearest_first()
///     .count(3);
/// // A box around a member.
/// let around = GeoSearch::rectangle("museum", 500.0, 300.0, GeoUnit::Meters);
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "an area does nothing until it is passed to a command"]
pub struct GeoSearch {
    center: GeoCenter,
    shape: Shape,
    unit: GeoUnit,
    /// Whether the nearest come first; `None` without an order.
    nearest_first: Option<bool>,
    count: Option<u64>,
    any: bool,
}

/// Center of an area: a place or a member.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum GeoCenter {
    /// A place.
    Point(GeoPoint),
    /// The place of a member.
    Member(Bytes),
}

impl fmt::Debug for GeoCenter {
    /// Shows the length of a member instead of its text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Point(point) => point.fmt(f),
            Self::Member(member) => write!(f, "Member({} bytes)", member.len()),
        }
    }
}

impl From<GeoPoint> for GeoCenter {
    fn from(point: GeoPoint) -> Self {
        Self::Point(point)
    }
}

macro_rules! members {
    ($($type:ty),+) => {$(
        impl From<$type> for GeoCenter {
            fn from(member: $type) -> Self {
                Self::Member(Bytes::copy_from_slice(&member.to_arg()))
            }
        }
    )+};
}

members!(&str, &String, String, &[u8], Vec<u8>, Bytes);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Circle(f64),
    Box(f64, f64),
}

impl fmt::Debug for GeoSearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeoSearch")
            .field("center", &self.center)
            .field("shape", &self.shape)
            .field("unit", &self.unit)
            .field("nearest_first", &self.nearest_first)
            .field("count", &self.count)
            .field("any", &self.any)
            .finish()
    }
}

impl GeoSearch {
    /// A circle around a place or a member.
    pub fn radius(center: impl Into<GeoCenter>, radius: f64, unit: GeoUnit) -> Self {
        Self::new(center.into(), Shape::Circle(radius), unit)
    }

    /// A rectangle around a place or a member, aligned to the axes.
    pub fn rectangle(center: impl Into<GeoCenter>, width: f64, height: f64, unit: GeoUnit) -> Self {
        Self::new(center.into(), Shape::Box(width, height), unit)
    }

    const fn new(center: GeoCenter, shape: Shape, unit: GeoUnit) -> Self {
        Self {
            center,
            shape,
            unit,
            nearest_first: None,
            count: None,
            any: false,
        }
    }

    /// Sorts by distance, the nearest first (`ASC`).
    pub const fn nearest_first(mut self) -> Self {
        self.nearest_first = Some(true);
        self
    }

    /// Sorts by distance, the farthest first (`DESC`).
    pub const fn farthest_first(mut self) -> Self {
        self.nearest_first = Some(false);
        self
    }

    /// Returns at most this many members, the nearest (`COUNT`). At least 1.
    pub const fn count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self.any = false;
        self
    }

    /// Returns at most this many members, whichever the server finds first, which is faster
    /// (`COUNT … ANY`). At least 1.
    pub const fn count_any(mut self, count: u64) -> Self {
        self.count = Some(count);
        self.any = true;
        self
    }
}

impl ToArgs for GeoSearch {
    fn write_args(&self, sink: &mut impl ArgSink) {
        match &self.center {
            GeoCenter::Point(point) => ("FROMLONLAT", *point).write_args(sink),
            GeoCenter::Member(member) => option(sink, "FROMMEMBER", member),
        }
        match self.shape {
            Shape::Circle(radius) => ("BYRADIUS", radius, self.unit).write_args(sink),
            Shape::Box(width, height) => ("BYBOX", width, height, self.unit).write_args(sink),
        }
        match self.nearest_first {
            Some(true) => sink.arg(b"ASC"),
            Some(false) => sink.arg(b"DESC"),
            None => {}
        }
        if let Some(count) = self.count {
            option(sink, "COUNT", count.min(i64::MAX.unsigned_abs()));
            if self.any {
                sink.arg(b"ANY");
            }
        }
    }
}

impl CommandOptions for GeoSearch {
    fn validate(&self) -> Result<()> {
        if self.count == Some(0) {
            return Err(Error::argument("the count is zero; pass at least 1"));
        }
        Ok(())
    }
}

/// Member found by GEOSEARCH, with its distance and its place.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct GeoMatch {
    /// The member.
    pub member: Bytes,
    /// Distance from the center, in the unit of the search.
    pub distance: f64,
    /// Place of the member.
    pub point: GeoPoint,
}

impl fmt::Debug for GeoMatch {
    /// Shows the length of the member instead of its text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeoMatch")
            .field("member", &format_args!("{} bytes", self.member.len()))
            .field("distance", &self.distance)
            .field("point", &self.point)
            .finish()
    }
}

impl FromFrame for GeoMatch {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let (member, distance, point) = frame.convert()?;
        Ok(Self {
            member,
            distance,
            point,
        })
    }
}

pub(in crate::commands) fn geo_matches(reply: &Frame) -> Result<Vec<GeoMatch>, ConvertError> {
    reply.convert()
}
