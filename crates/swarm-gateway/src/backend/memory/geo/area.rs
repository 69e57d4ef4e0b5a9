//! Areas of searches, and the cells that cover them.

use super::cell::{Cell, Place, RADIUS, STEPS, degrees, radians};

/// Size of an area, in the unit of the command.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Extent {
    Radius(f64),
    Box { width: f64, height: f64 },
}

/// Area of a search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    center: Place,
    extent: Extent,
    /// Factor from the unit to meters.
    unit: f64,
}

/// Edges of a box around an area, in degrees.
#[derive(Debug, Clone, Copy)]
struct Edges {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

impl Shape {
    pub(super) const fn new(center: Place, extent: Extent, unit: f64) -> Self {
        Self {
            center,
            extent,
            unit,
        }
    }

    /// Returns the distance of a place from the center in meters, if the place is in the area.
    pub(super) fn distance(&self, place: Place) -> Option<f64> {
        match self.extent {
            Extent::Radius(radius) => {
                let distance = self.center.distance(place);
                (distance <= radius * self.unit).then_some(distance)
            }
            Extent::Box { width, height } => {
                let height = height * self.unit;
                if place.distance_of_latitudes(self.center) > height / 2.0 {
                    return None;
                }
                let below = Place {
                    longitude: self.center.longitude,
                    latitude: place.latitude,
                };
                let width = width * self.unit;
                let is_within = place.distance(below) <= width / 2.0;
                is_within.then(|| self.center.distance(place))
            }
        }
    }

    fn edges(&self) -> Edges {
        let (width, height) = match self.extent {
            Extent::Radius(radius) => (radius, radius),
            Extent::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let (width, height) = (self.unit * width, self.unit * height);
        let Place {
            longitude,
            latitude,
        } = self.center;
        let latitudes = degrees(height / RADIUS);
        let longitudes = |latitude: f64| degrees(width / RADIUS / radians(latitude).cos());
        // A box is wider at the side of the pole.
        let longitudes = if latitude < 0.0 {
            longitudes(latitude - latitudes)
        } else {
            longitudes(latitude + latitudes)
        };
        Edges {
            west: longitude - longitudes,
            south: latitude - latitudes,
            east: longitude + longitudes,
            north: latitude + latitudes,
        }
    }

    /// Returns the farthest distance from the center in meters.
    fn reach(&self) -> f64 {
        let reach = match self.extent {
            Extent::Radius(radius) => radius,
            Extent::Box { width, height } => {
                let (width, height) = (width / 2.0, height / 2.0);
                (width * width + height * height).sqrt()
            }
        };
        reach * self.unit
    }

    /// Returns the steps of cells that are about as large as the area.
    fn steps(&self) -> u8 {
        const MOST: f64 = 20_037_726.37;
        let mut meters = self.reach();
        if meters == 0.0 {
            return STEPS;
        }
        let mut steps: i32 = 1;
        while meters < MOST {
            meters *= 2.0;
            steps += 1;
        }
        steps -= 2;
        // Cells are narrower near the poles.
        let latitude = self.center.latitude.abs();
        steps -= i32::from(latitude > 66.0) + i32::from(latitude > 80.0);
        u8::try_from(steps.clamp(1, i32::from(STEPS))).unwrap_or(STEPS)
    }

    /// Returns the cell of the center and those around it that may contain a part of the area, in
    /// the order in which Redis searches them.
    pub(super) fn cells(&self) -> Vec<Cell> {
        /// Directions to the east and to the north.
        const NEIGHBORS: [(i8, i8); 9] = [
            (0, 0),
            (0, 1),
            (0, -1),
            (1, 0),
            (-1, 0),
            (1, 1),
            (-1, 1),
            (1, -1),
            (-1, -1),
        ];
        let edges = self.edges();
        let mut steps = self.steps();
        let mut cell = Cell::of(self.center, steps);
        let [north, south, east, west] = [(0, 1), (0, -1), (1, 0), (-1, 0)]
            .map(|(east, north)| cell.neighbor(east, north).area());
        let exceeds = north.latitudes.max < edges.north
            || south.latitudes.min > edges.south
            || east.longitudes.max < edges.east
            || west.longitudes.min > edges.west;
        if steps > 1 && exceeds {
            steps -= 1;
            cell = Cell::of(self.center, steps);
        }
        let area = cell.area();
        let is_needed = |(east, north): (i8, i8)| {
            steps < 2
                || !(north < 0 && area.latitudes.min < edges.south
                    || north > 0 && area.latitudes.max > edges.north
                    || east < 0 && area.longitudes.min < edges.west
                    || east > 0 && area.longitudes.max > edges.east)
        };
        let mut cells: Vec<Cell> = Vec::with_capacity(NEIGHBORS.len());
        for direction in NEIGHBORS {
            if direction != (0, 0) && !is_needed(direction) {
                continue;
            }
            let neighbor = cell.neighbor(direction.0, direction.1);
            // In a large area, neighbors may be the same. Redis compares with the last one, unless
            // that is the center.
            if cells.len() > 1 && cells.last() == Some(&neighbor) {
                continue;
            }
            cells.push(neighbor);
        }
        cells
    }
}
