//! Places as metres on a plane, and how long the way between two takes.

use gwanje_model::Pos;

/// A minute, in milliseconds: all times here are milliseconds.
pub const MINUTE_MS: i64 = 60_000;

/// A place in metres on a plane.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// Metres east.
    pub x: f64,
    /// Metres north.
    pub y: f64,
}

impl Point {
    /// Metres to another place.
    #[must_use]
    pub fn metres(self, other: Self) -> f64 {
        let (dx, dy) = (self.x - other.x, self.y - other.y);
        (dx * dx + dy * dy).sqrt()
    }
}

/// The plane onto which a center's places are laid: degrees are flattened around its middle, once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ground {
    middle: Pos,
}

impl Ground {
    /// The plane around a place.
    #[must_use]
    pub fn around(middle: Pos) -> Self {
        Self { middle }
    }

    /// The place on it; `None`: degrees on a plane's ground, or the other way round, or no number at all.
    #[must_use]
    pub fn point(&self, pos: Pos) -> Option<Point> {
        /// Metres in a degree of latitude (mean Earth radius, IUGG).
        const METRES_A_DEGREE: f64 = 6_371_008.8 * std::f64::consts::PI / 180.0;
        let point = match (self.middle, pos) {
            (Pos::Plane { .. }, Pos::Plane { x, y }) => Point { x, y },
            (Pos::Geo { lat: lat0, lon: lon0 }, Pos::Geo { lat, lon }) => Point {
                x: (lon - lon0) * METRES_A_DEGREE * lat0.to_radians().cos(),
                y: (lat - lat0) * METRES_A_DEGREE,
            },
            (Pos::Plane { .. }, Pos::Geo { .. }) | (Pos::Geo { .. }, Pos::Plane { .. }) => return None,
        };
        (point.x.is_finite() && point.y.is_finite()).then_some(point)
    }
}

/// How fast riders are, and how long they stand at a shop and at a door.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RiderPace {
    /// A rider's speed.
    pub metres_per_minute: f64,
    /// At the shop before the meal is taken, in milliseconds.
    pub before_pickup_ms: i64,
    /// At the shop after it.
    pub after_pickup_ms: i64,
    /// At the door before the meal is handed over.
    pub before_dropoff_ms: i64,
    /// At the door after it.
    pub after_dropoff_ms: i64,
}

impl RiderPace {
    /// A pace whose stops are cut in halves: the first comes before the pickup (the handing over), the second after it.
    /// A half that is no whole millisecond counts as a longer first one.
    #[must_use]
    pub fn new(metres_per_minute: f64, pickup_ms: i64, dropoff_ms: i64) -> Self {
        let (pickup_ms, dropoff_ms) = (pickup_ms.max(0), dropoff_ms.max(0));
        Self {
            metres_per_minute: metres_per_minute.max(1.0),
            before_pickup_ms: pickup_ms - pickup_ms / 2,
            after_pickup_ms: pickup_ms / 2,
            before_dropoff_ms: dropoff_ms - dropoff_ms / 2,
            after_dropoff_ms: dropoff_ms / 2,
        }
    }

    /// The way between two places, in whole minutes begun, as milliseconds.
    #[must_use]
    pub fn travel_ms(&self, from: Point, to: Point) -> i64 {
        // The cast saturates; a city is far smaller.
        ((from.metres(to) / self.metres_per_minute).ceil() as i64).saturating_mul(MINUTE_MS)
    }
}
