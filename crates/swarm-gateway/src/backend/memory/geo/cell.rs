//! Cells of the earth: geohashes of 52 bits, as scores contain them.

/// A place on the earth, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) longitude: f64,
    pub(super) latitude: f64,
}

/// Limits of a coordinate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Limits {
    fn contain(self, value: f64) -> bool {
        (self.min..=self.max).contains(&value)
    }

    /// Returns the number of the part, of 2^step, that contains a value.
    fn part(self, value: f64, step: u8) -> u32 {
        let offset = (value - self.min) / (self.max - self.min);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 2^26 for a value within the limits"
        )]
        let part = (offset * parts(step)) as i64 as u32;
        part
    }

    /// Returns the limits of a part.
    fn of_part(self, part: u32, step: u8) -> Self {
        let scale = self.max - self.min;
        let edge = |part: u32| self.min + (f64::from(part) / parts(step)) * scale;
        Self {
            min: edge(part),
            max: edge(part.wrapping_add(1)),
        }
    }

    /// Returns the middle, which lies within the outer limits.
    fn middle(self, outer: Self) -> f64 {
        let middle = f64::midpoint(self.min, self.max);
        middle.min(outer.max).max(outer.min)
    }
}

fn parts(step: u8) -> f64 {
    2_f64.powi(i32::from(step))
}

const LONGITUDES: Limits = Limits {
    min: -180.0,
    max: 180.0,
};

/// The poles are not supported.
const LATITUDES: Limits = Limits {
    min: -85.051_128_78,
    max: 85.051_128_78,
};

/// Latitudes of geohashes in text.
const ALL_LATITUDES: Limits = Limits {
    min: -90.0,
    max: 90.0,
};

/// Steps of the cells that scores contain.
pub(super) const STEPS: u8 = 26;

/// Bits of longitudes and of latitudes.
const LONGITUDE_BITS: u64 = 0xaaaa_aaaa_aaaa_aaaa;
const LATITUDE_BITS: u64 = 0x5555_5555_5555_5555;

impl Place {
    /// Returns the place if it is supported.
    pub(super) fn checked(self) -> Option<Self> {
        let is_supported = LONGITUDES.contain(self.longitude) && LATITUDES.contain(self.latitude);
        is_supported.then_some(self)
    }

    /// Returns the place that a score encodes.
    pub(super) fn of_score(score: f64) -> Self {
        let cell = Cell {
            bits: truncated(score),
            step: STEPS,
        };
        let area = cell.area();
        Self {
            longitude: area.longitudes.middle(LONGITUDES),
            latitude: area.latitudes.middle(LATITUDES),
        }
    }

    /// Returns the score that encodes the place.
    pub(super) fn score(self) -> f64 {
        Cell::of(self, STEPS).min_score()
    }

    /// Returns the geohash as text.
    pub(super) fn text(self) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let cell = Cell::within(self, STEPS, ALL_LATITUDES);
        let letter = |at: u32| {
            let index = (cell.bits >> (52 - (at + 1) * 5)) & 31;
            let letter = usize::try_from(index)
                .ok()
                .and_then(|index| ALPHABET.get(index));
            letter.copied().map_or('0', char::from)
        };
        // There are no bits for the eleventh letter.
        (0..10).map(letter).chain(['0']).collect()
    }

    /// Returns the distance to another place in meters, on a sphere.
    pub(super) fn distance(self, other: Self) -> f64 {
        let v = ((radians(other.longitude) - radians(self.longitude)) / 2.0).sin();
        if v == 0.0 {
            return self.distance_of_latitudes(other);
        }
        let (from, to) = (radians(self.latitude), radians(other.latitude));
        let u = ((to - from) / 2.0).sin();
        // Redis does not fuse these operations, so neither may we.
        let a = u * u + from.cos() * to.cos() * v * v;
        2.0 * RADIUS * a.sqrt().asin()
    }

    pub(super) fn distance_of_latitudes(self, other: Self) -> f64 {
        RADIUS * (radians(other.latitude) - radians(self.latitude)).abs()
    }
}

/// Mean radius of the earth in meters.
pub(super) const RADIUS: f64 = 6_372_797.560_856;

const DEGREE: f64 = std::f64::consts::PI / 180.0;

pub(super) fn radians(degrees: f64) -> f64 {
    degrees * DEGREE
}

pub(super) fn degrees(radians: f64) -> f64 {
    radians / DEGREE
}

/// Converts a score to bits as C does on x86-64.
fn truncated(score: f64) -> u64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    const TOP: u64 = 1 << 63;
    let signed = |number: f64| match (-LIMIT..LIMIT).contains(&number) {
        #[expect(clippy::cast_possible_truncation, reason = "in range")]
        true => (number as i64).cast_unsigned(),
        false => TOP,
    };
    if score >= LIMIT {
        signed(score - LIMIT) ^ TOP
    } else {
        signed(score)
    }
}

/// A cell: one of 4^step parts of the earth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    bits: u64,
    step: u8,
}

/// The limits of a cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) longitudes: Limits,
    pub(super) latitudes: Limits,
}

impl Cell {
    pub(super) fn of(place: Place, step: u8) -> Self {
        Self::within(place, step, LATITUDES)
    }

    fn within(place: Place, step: u8, latitudes: Limits) -> Self {
        let latitude = spread(latitudes.part(place.latitude, step));
        let longitude = spread(LONGITUDES.part(place.longitude, step));
        Self {
            bits: latitude | longitude << 1,
            step,
        }
    }

    pub(super) fn area(self) -> Area {
        Area {
            longitudes: LONGITUDES.of_part(gather(self.bits >> 1), self.step),
            latitudes: LATITUDES.of_part(gather(self.bits), self.step),
        }
    }

    /// Returns the lowest score of the places in the cell.
    pub(super) fn min_score(self) -> f64 {
        self.shifted_score(self.bits)
    }

    /// Returns the score behind those of the places in the cell.
    pub(super) fn end_score(self) -> f64 {
        self.shifted_score(self.bits.wrapping_add(1))
    }

    fn shifted_score(self, bits: u64) -> f64 {
        let shift = 2 * u32::from(STEPS.saturating_sub(self.step));
        #[expect(clippy::cast_precision_loss, reason = "at most 2^52")]
        let score = (bits << shift) as f64;
        score
    }

    /// Returns the cell beside this one: `-1` is west or south, `1` is east or north.
    pub(super) fn neighbor(self, east: i8, north: i8) -> Self {
        let mut longitude = self.bits & LONGITUDE_BITS;
        let mut latitude = self.bits & LATITUDE_BITS;
        let shift = 64 - 2 * u32::from(self.step);
        let moved = |bits: u64, own: u64, others: u64, by: i8| {
            // Carries pass through the bits of the other coordinate.
            let (own, others) = (own >> shift, others >> shift);
            let step = others.wrapping_add(1);
            match by {
                0 => bits,
                1.. => bits.wrapping_add(step) & own,
                _ => (bits | others).wrapping_sub(step) & own,
            }
        };
        longitude = moved(longitude, LONGITUDE_BITS, LATITUDE_BITS, east);
        latitude = moved(latitude, LATITUDE_BITS, LONGITUDE_BITS, north);
        Self {
            bits: longitude | latitude,
            step: self.step,
        }
    }
}

/// Moves each bit of a number to twice its position.
fn spread(number: u32) -> u64 {
    (0..32).fold(0, |spread, bit| {
        spread | (u64::from(number >> bit) & 1) << (2 * bit)
    })
}

/// Moves every second bit back.
fn gather(bits: u64) -> u32 {
    (0..32).fold(0, |number, bit| {
        number | u32::from(bits >> (2 * bit) & 1 == 1) << bit
    })
}
