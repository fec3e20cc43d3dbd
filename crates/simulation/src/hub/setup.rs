//! What a model hub begins with: centers, accounts, riders.

use gwanje_model::{CenterId, Epoch, Pos, Rider, RiderId, RiderStatus, Role, Text, UtcMillis};

/// The moment of a call, by the hub's two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instants {
    /// The wall clock's instant.
    pub wall: UtcMillis,
    /// The instant of operations, which all instants of rows follow.
    pub day: UtcMillis,
}

/// What a hub begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// Its centers.
    pub centers: Vec<CenterSetup>,
    /// Its accounts.
    pub accounts: Vec<AccountSetup>,
    /// Tombstones kept for a center when deliveries are archived.
    pub tombstones_kept: u64,
    /// Base URLs for sockets, as sign-ins tell them; empty: the same as REST.
    pub socket_urls: Vec<String>,
}

/// A center to begin with.
#[derive(Debug, Clone, PartialEq)]
pub struct CenterSetup {
    /// Its id.
    pub id: CenterId,
    /// Its name.
    pub name: Text,
    /// Where it is.
    pub pos: Option<Pos>,
    /// IANA name.
    pub time_zone: Text,
    /// Its first epoch; epochs sort.
    pub epoch: Epoch,
    /// The riders listed to it.
    pub riders: Vec<Rider>,
}

/// An account to begin with.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountSetup {
    /// Its name; with the role rider also the rider's id.
    pub name: Text,
    /// What people call whoever has it.
    pub person: Text,
    /// Its password.
    pub password: String,
    /// Its role.
    pub role: Role,
    /// The centers that it may see (an admin sees all).
    pub centers: Vec<CenterId>,
}

impl CenterSetup {
    /// A center in Seoul without riders, named after its id.
    #[must_use]
    pub fn new(id: impl Into<CenterId>, epoch: impl Into<Epoch>) -> Self {
        let id = id.into();
        Self {
            name: id.0.clone(),
            id,
            pos: None,
            time_zone: "Asia/Seoul".into(),
            epoch: epoch.into(),
            riders: Vec::new(),
        }
    }

    /// Adds a rider, on shift and of this center.
    #[must_use]
    pub fn with_rider(mut self, id: impl Into<RiderId>) -> Self {
        let id = id.into();
        self.riders.push(Rider {
            name: id.0.clone(),
            id,
            phone: Text::default(),
            home: self.id.clone(),
            status: RiderStatus::Idle,
            pos: None,
            seen_at: None,
            load: 0,
        });
        self
    }
}

impl AccountSetup {
    /// An account whose password is its name, of somebody who is called by that name in capitals.
    #[must_use]
    pub fn new(name: &str, role: Role, centers: &[&str]) -> Self {
        Self {
            name: name.into(),
            person: name.to_uppercase().into(),
            password: name.to_owned(),
            role,
            centers: centers.iter().map(|id| CenterId::from(*id)).collect(),
        }
    }
}
