//! [`Coordinates`]: a position on earth.

/// An approximate position on earth.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Coordinates {
    /// Degrees north of the equator, -90 to 90.
    pub latitude: f64,
    /// Degrees east of Greenwich, -180 to 180.
    pub longitude: f64,
    /// The radius, in kilometers, of the area around the position. The address
    /// is probably in this area. `None` if the database contains no radius.
    pub radius_km: Option<u32>,
}

impl Coordinates {
    /// Creates a position. Returns `None` if the latitude or the longitude is
    /// out of range.
    #[cfg(feature = "geoip")]
    pub(super) fn new(latitude: f64, longitude: f64, radius_km: Option<u32>) -> Option<Self> {
        let is_there = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        is_there.then_some(Coordinates { latitude, longitude, radius_km })
    }
}

#[cfg(test)]
#[cfg(feature = "geoip")]
mod tests {
    use super::*;

    #[test]
    fn coordinates_off_the_earth_are_rejected() {
        assert!(Coordinates::new(-90.0, 180.0, None).is_some());
        for (latitude, longitude) in
            [(90.1, 0.0), (0.0, -181.0), (f64::NAN, 0.0), (0.0, f64::INFINITY)]
        {
            assert_eq!(Coordinates::new(latitude, longitude, None), None);
        }
    }
}
