//! Places on the Earth, and how far they lie apart.

use crate::value::Value;

/// All places within a distance of a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Circle {
    /// Degrees north.
    pub(crate) lat: f64,
    /// Degrees east.
    pub(crate) lon: f64,
    pub(crate) km: f64,
}

impl Circle {
    /// The circle, if its centre is on the Earth and its radius above nothing.
    pub(crate) fn new(lat: f64, lon: f64, km: f64) -> Option<Self> {
        let sound = is_place(lat, lon) && km > 0.0 && km.is_finite();
        // Adding zero turns -0 into 0, which is how it is written back.
        sound.then_some(Self { lat: lat + 0.0, lon: lon + 0.0, km })
    }

    pub(crate) fn holds(&self, (lat, lon): (f64, f64)) -> bool {
        is_place(lat, lon) && distance((self.lat, self.lon), (lat, lon)) <= self.km
    }
}

/// The place that a value names: a list of latitude and longitude, or an object that has both.
pub(crate) fn place(value: &Value) -> Option<(f64, f64)> {
    match value {
        Value::List(values) => match &**values {
            [Value::Number(lat), Value::Number(lon)] => Some((*lat, *lon)),
            _ => None,
        },
        Value::Object(fields) => {
            let first = |names: &[&str]| names.iter().find_map(|name| fields.get(*name)?.as_number());
            Some((first(&LATITUDES)?, first(&LONGITUDES)?))
        }
        _ => None,
    }
}

/// The names under which an object holds its latitude.
pub(crate) const LATITUDES: [&str; 2] = ["lat", "latitude"];
/// The names under which an object holds its longitude.
pub(crate) const LONGITUDES: [&str; 3] = ["lon", "lng", "longitude"];

fn is_place(lat: f64, lon: f64) -> bool {
    (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon)
}

/// Kilometres along a great circle, by the haversine formula; the Earth is taken for a sphere, which is wrong by at
/// most 0.6 %.
fn distance(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (lat, lon) = (to.0 - from.0, to.1 - from.1);
    let half = |degrees: f64| libm::sin(degrees.to_radians() / 2.0);
    let across = libm::cos(from.0.to_radians()) * libm::cos(to.0.to_radians());
    let chord = half(lat) * half(lat) + across * half(lon) * half(lon);
    // Rounding can lead past 1 for places on opposite sides.
    2.0 * EARTH_KM * libm::asin(libm::sqrt(chord).min(1.0))
}

/// The mean radius of the Earth (IUGG, R1).
const EARTH_KM: f64 = 6371.0088;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_a_globe() {
        // Nashville to Los Angeles airport, the example of Rosetta Code: 2887.2599 km on a radius of 6372.8 km.
        let km = distance((36.12, -86.67), (33.94, -118.40));
        assert!((km - 2887.2599 * EARTH_KM / 6372.8).abs() < 0.001, "{km}");
        // A quarter and half of the way around, by hand: π/2 and π radii.
        assert!((distance((0.0, 0.0), (90.0, 13.0)) - EARTH_KM * std::f64::consts::FRAC_PI_2).abs() < 1e-6);
        assert!((distance((0.0, 0.0), (0.0, 180.0)) - EARTH_KM * std::f64::consts::PI).abs() < 1e-6);
        // Across the date line: one degree of the equator.
        assert!((distance((0.0, 179.5), (0.0, -179.5)) - EARTH_KM.to_radians()).abs() < 1e-6);
    }

    #[test]
    fn places_are_read_from_lists_and_objects() {
        let read = |json: &str| place(&serde_json::from_str(json).unwrap());
        assert_eq!(read("[52.5, 13.4]"), Some((52.5, 13.4)));
        assert_eq!(read(r#"{"lat": 1, "lng": 2, "x": 3}"#), Some((1.0, 2.0)));
        assert_eq!(read(r#"{"latitude": 1, "longitude": 2}"#), Some((1.0, 2.0)));
        assert_eq!(read(r#"{"lat": 1}"#), None);
        assert_eq!(read("[1, 2, 3]"), None);
        assert!(Circle::new(91.0, 0.0, 1.0).is_none() && Circle::new(0.0, 0.0, f64::NAN).is_none());
    }
}
