//! The names of keys and channels: each begins with `gwanje:` and the name of the store.

use crate::fanout::{Kept, Routed, Topic};
use gwanje_model::CenterId;

pub(super) struct Keys {
    prefix: String,
    node: String,
}

/// Of a center's places.
pub(super) struct PlaceKeys {
    /// When each rider was seen last.
    pub seen: String,
    /// The places as they are told.
    pub rows: String,
    /// Those in degrees, to find who is near.
    pub geo: String,
}

impl Keys {
    pub fn of(store: &str, node: &str) -> Self {
        Self { prefix: format!("gwanje:{store}"), node: node.to_owned() }
    }

    pub fn channel(&self, topic: Topic) -> String {
        let name = match topic {
            Topic::Commits => "signals",
            Topic::Seats => "seats",
            Topic::Places => "places",
            Topic::Roster => "roster",
        };
        format!("{}:{name}", self.prefix)
    }

    /// On which this hub hears its own beats alone.
    pub fn beats(&self) -> String {
        format!("{}:beats:{}", self.prefix, self.node)
    }

    /// On which this hub tries whether it may do what it needs.
    pub fn rehearsal(&self, kind: &str) -> String {
        format!("{}:rehearsal:{}:{kind}", self.prefix, self.node)
    }

    /// The hubs whose entries are there.
    pub fn nodes(&self, kept: Kept) -> String {
        let name = match kept {
            Kept::Seats => "nodes",
            Kept::Roster => "roster-nodes",
        };
        format!("{}:{name}", self.prefix)
    }

    pub fn entries_of(&self, kept: Kept, node: &str) -> String {
        let name = match kept {
            Kept::Seats => "seats",
            Kept::Roster => "roster",
        };
        format!("{}:{name}:{node}", self.prefix)
    }

    pub fn route(&self, routed: Routed<'_>) -> String {
        match routed {
            Routed::Rider(rider) => format!("{}:rider:{rider}", self.prefix),
            Routed::Socket(sid) => format!("{}:socket:{sid}", self.prefix),
            Routed::Chore(name) => format!("{}:chore:{name}", self.prefix),
        }
    }

    pub fn places(&self, center: &CenterId) -> PlaceKeys {
        let of = |kind: &str| format!("{}:{kind}:{center}", self.prefix);
        PlaceKeys { seen: of("seen"), rows: of("place"), geo: of("geo") }
    }
}
