//! `GeoCommands`, from `spec/geo.toml` by `cargo xtask codegen`; do not edit.

use crate::commands::scope::*;

/// Commands on geospatial indexes: members of a sorted set with their places on the earth.
pub trait GeoCommands: Executor {
    /// Adds members with their places to an index, or moves members (`GEOADD`).
    ///
    /// Creates the index, a sorted set, if it does not exist.
    ///
    /// Returns how many of the members are new.
    ///
    /// # Errors
    ///
    /// Fails if a place is out of range; the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn geoadd(
        &self,
        key: impl ToKey,
        members: impl IntoIterator<Item = (impl ToArg, GeoPoint)>,
    ) -> Self::Output<u64> {
        self.execute(Builder::new("GEOADD").key(key).places(members).build())
    }

    /// Adds members with their places to an index, or moves members, with conditions (`GEOADD`).
    ///
    /// Returns how many of the members are new; with [`ch`](crate::GeoAddOptions::ch), how many are
    /// new or were moved.
    ///
    /// # Errors
    ///
    /// Fails if a place is out of range; the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn geoadd_with(
        &self,
        key: impl ToKey,
        members: impl IntoIterator<Item = (impl ToArg, GeoPoint)>,
        options: GeoAddOptions,
    ) -> Self::Output<u64> {
        self.execute(
            Builder::new("GEOADD")
                .key(key)
                .options(options)
                .places(members)
                .build(),
        )
    }

    /// Gets the distance between two members (`GEODIST`).
    ///
    /// Returns the distance in the given unit, `None` if a member does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn geodist(
        &self,
        key: impl ToKey,
        member: impl ToArg,
        other: impl ToArg,
        unit: GeoUnit,
    ) -> Self::Output<Option<f64>> {
        self.execute(
            Builder::new("GEODIST")
                .read_only()
                .cached_reply()
                .key(key)
                .arg(member)
                .arg(other)
                .args(unit)
                .build(),
        )
    }

    /// Gets the places of members as geohashes (`GEOHASH`).
    ///
    /// Returns one geohash of 11 characters per member, in the same order; `None` for a member that
    /// does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn geohash(&self, key: impl ToKey, members: impl ToArgs) -> Self::Output<Vec<Option<String>>> {
        self.execute(
            Builder::new("GEOHASH")
                .read_only()
                .cached_list()
                .key(key)
                .values(members)
                .build(),
        )
    }

    /// Gets the places of members (`GEOPOS`).
    ///
    /// Returns one [`GeoPoint`] per member, in the same order; `None` for a member that does not
    /// exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn geopos(&self, key: impl ToKey, members: impl ToArgs) -> Self::Output<Vec<Option<GeoPoint>>> {
        self.execute(
            Builder::new("GEOPOS")
                .read_only()
                .cached_list()
                .key(key)
                .values(members)
                .build(),
        )
    }

    /// Finds the members in an area (`GEOSEARCH`).
    ///
    /// Returns the members, in no particular order unless the area has one.
    ///
    /// # Errors
    ///
    /// Fails if the center is a member that does not exist; the key holds another type (code
    /// `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn geosearch(&self, key: impl ToKey, area: GeoSearch) -> Self::Output<Vec<Bytes>> {
        self.execute(
            Builder::new("GEOSEARCH")
                .read_only()
                .cached_list()
                .key(key)
                .options(area)
                .build(),
        )
    }

    /// Like [`geosearch`](Self::geosearch), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn geosearch_as<T: FromFrame>(&self, key: impl ToKey, area: GeoSearch) -> Self::Output<Vec<T>> {
        self.execute(
            Builder::new("GEOSEARCH")
                .read_only()
                .cached_list()
                .key(key)
                .options(area)
                .build(),
        )
    }

    /// Finds the members in an area, with their distances and places (`GEOSEARCH`).
    ///
    /// Returns a [`GeoMatch`] for each member, in no particular order unless the area has one.
    ///
    /// # Errors
    ///
    /// Fails if the center is a member that does not exist; the key holds another type (code
    /// `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn geosearch_matches(&self, key: impl ToKey, area: GeoSearch) -> Self::Output<Vec<GeoMatch>> {
        self.execute(
            Builder::new("GEOSEARCH")
                .read_only()
                .cached_list()
                .key(key)
                .options(area)
                .arg("WITHDIST")
                .arg("WITHCOORD")
                .build_with(geo_matches),
        )
    }

    /// Stores the members in an area as another index (`GEOSEARCHSTORE`).
    ///
    /// Overwrites the destination, and removes it if the area is empty.
    ///
    /// Returns how many members were stored.
    ///
    /// # Errors
    ///
    /// Fails if the center is a member that does not exist; the key holds another type (code
    /// `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn geosearchstore(
        &self,
        destination: impl ToKey,
        source: impl ToKey,
        area: GeoSearch,
    ) -> Self::Output<u64> {
        self.execute(
            Builder::new("GEOSEARCHSTORE")
                .key(destination)
                .key(source)
                .options(area)
                .build(),
        )
    }

    /// Stores the members in an area as a sorted set, whose scores are the distances from the
    /// center in the unit of the area (`GEOSEARCHSTORE`).
    ///
    /// Overwrites the destination, and removes it if the area is empty.
    ///
    /// Returns how many members were stored.
    ///
    /// # Errors
    ///
    /// Fails if the center is a member that does not exist; the key holds another type (code
    /// `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn geosearchstore_dist(
        &self,
        destination: impl ToKey,
        source: impl ToKey,
        area: GeoSearch,
    ) -> Self::Output<u64> {
        self.execute(
            Builder::new("GEOSEARCHSTORE")
                .key(destination)
                .key(source)
                .options(area)
                .arg("STOREDIST")
                .build(),
        )
    }
}

impl<E: Executor> GeoCommands for E {}
