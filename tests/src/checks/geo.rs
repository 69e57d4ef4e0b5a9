//! Checks of geospatial indexes.

use swarm_keydb::{Bytes, GeoAddOptions, GeoPoint, GeoSearch, GeoUnit, prelude::*};

use super::{holds, refused, same};

const PALERMO: GeoPoint = GeoPoint::new(13.361_389, 38.115_556);
const CATANIA: GeoPoint = GeoPoint::new(15.087_269, 37.502_669);

/// Whether two places are the same, within the precision of servers.
fn is_near(found: GeoPoint, expected: GeoPoint) -> bool {
    let near = |one: f64, other: f64| (one - other).abs() < 1e-5;
    near(found.longitude, expected.longitude) && near(found.latitude, expected.latitude)
}

family! {
    ["geoadd", "geoadd_with", "geodist", "geohash", "geopos"] |c, keys| {
        let k = &keys.key("k");
        same("GEOADD", c.geoadd(k, [("palermo", PALERMO), ("catania", CATANIA)]).await?, 2)?;
        let existing = GeoAddOptions::new().xx().ch();
        let moved = c.geoadd_with(k, [("catania", PALERMO), ("x", PALERMO)], existing).await?;
        same("GEOADD XX CH", moved, 1)?;
        c.geoadd(k, [("catania", CATANIA)]).await?;
        let far = c.geodist(k, "palermo", "catania", GeoUnit::Kilometers).await?;
        holds("GEODIST", far.is_some_and(|far| (166.0..167.0).contains(&far)), far)?;
        let far = c.geodist(k, "palermo", "x", GeoUnit::Feet).await?;
        same("GEODIST of a missing member", far, None)?;
        let hashes = c.geohash(k, ["palermo", "x"]).await?;
        same("GEOHASH", hashes, [Some("sqc8b49rny0".to_owned()), None])?;
        let places = c.geopos(k, ["catania", "x"]).await?;
        let right = matches!(places[..], [Some(place), None] if is_near(place, CATANIA));
        holds("GEOPOS", right, places)?;
        let nowhere = c.geoadd(k, [("x", GeoPoint::new(0.0, 91.0))]).await;
        refused("a place out of range", nowhere, "ERR")?;
    }
    [
        "geosearch", "geosearch_as", "geosearch_matches", "geosearchstore", "geosearchstore_dist"
    ] |c, keys| {
        let (k, to) = (&keys.key("k"), &keys.key("to"));
        c.geoadd(k, [("palermo", PALERMO), ("catania", CATANIA)]).await?;
        let area = |radius| GeoSearch::radius(PALERMO, radius, GeoUnit::Kilometers);
        same("GEOSEARCH", c.geosearch(k, area(100.0)).await?, ["palermo"])?;
        let found: Vec<String> = c.geosearch_as(k, area(200.0).farthest_first()).await?;
        same("GEOSEARCH DESC", found, ["catania", "palermo"])?;
        let found = c.geosearch(k, area(200.0).count_any(1)).await?;
        same("GEOSEARCH COUNT ANY", found.len(), 1)?;
        let around = GeoSearch::rectangle("catania", 400.0, 400.0, GeoUnit::Kilometers);
        let found = c.geosearch_matches(k, around.nearest_first().count(2)).await?;
        let names: Vec<&Bytes> = found.iter().map(|found| &found.member).collect();
        same("GEOSEARCH BYBOX", names, [&Bytes::from("catania"), &Bytes::from("palermo")])?;
        let expected = [(0.0, CATANIA), (166.27, PALERMO)];
        let right = found.iter().zip(expected).all(|(found, (far, place))| {
            (found.distance - far).abs() < 0.1 && is_near(found.point, place)
        });
        holds("distances and places", right, &found)?;
        same("GEOSEARCHSTORE", c.geosearchstore(to, k, area(100.0)).await?, 1)?;
        same("what was stored", c.geopos(to, ["palermo"]).await?.len(), 1)?;
        same("STOREDIST", c.geosearchstore_dist(to, k, area(200.0)).await?, 2)?;
        let far = c.zscore(to, "catania").await?;
        holds("the distance", far.is_some_and(|far| (166.0..167.0).contains(&far)), far)?;
        let unknown = GeoSearch::radius("x", 1.0, GeoUnit::Miles);
        // Unlike an error, the reply to GEOSEARCH may be a list of any words.
        refused("an unknown center", c.geosearchstore(to, k, unknown).await, "ERR")?;
    }
}
