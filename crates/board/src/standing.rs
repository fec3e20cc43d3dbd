//! Where a row stands in a list: under which group head, and by which key.

use crate::key::Key;
use gwanje_model::{CenterId, RiderId, ShopId, Status, Text, UtcMillis};
use std::borrow::Cow;

/// Names a group of a list, independently of what it is called at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum GroupId {
    /// The pinned group.
    Act,
    Status(Status),
    Rider(RiderId),
    NoRider,
    Shop(ShopId),
    Center(CenterId),
    /// All rows of a list without groups that stand below the pinned group.
    Rest,
    /// Rows that this version can't read.
    Unreadable,
}

/// Keys of groups that are not ids.
const ACT: &str = "act";
const NO_RIDER: &str = "none";
const REST: &str = "rest";
const UNREADABLE: &str = "unreadable";
/// Comes before an id that reads like one of these keys, or that begins with this sign itself. So two groups never have
/// the same key.
const ID_SIGN: char = '=';

impl GroupId {
    /// The text by which a page knows the group.
    pub(crate) fn key(&self) -> Cow<'_, str> {
        match self {
            Self::Act => Cow::Borrowed(ACT),
            Self::Status(status) => Cow::Borrowed(status.as_str()),
            Self::NoRider => Cow::Borrowed(NO_RIDER),
            Self::Rest => Cow::Borrowed(REST),
            Self::Unreadable => Cow::Borrowed(UNREADABLE),
            Self::Rider(RiderId(id)) | Self::Shop(ShopId(id)) | Self::Center(CenterId(id)) => {
                let is_plain = ![ACT, NO_RIDER, REST, UNREADABLE].contains(&id.as_str());
                if is_plain && !id.starts_with(ID_SIGN) {
                    Cow::Borrowed(id.as_str())
                } else {
                    Cow::Owned(format!("{ID_SIGN}{id}"))
                }
            }
        }
    }

    /// Which groups come first: the pinned one, those with a value, those without, the unreadable one.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Act => 0,
            Self::Status(_) | Self::Rider(_) | Self::Shop(_) | Self::Center(_) | Self::Rest => 1,
            Self::NoRider => 2,
            Self::Unreadable => 3,
        }
    }
}

/// Where a row stands; a hold compares spots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) group: GroupId,
    /// Decides its place among the rows of the group.
    pub(crate) key: Key,
}

/// A row as a list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) spot: Spot,
    /// `None`: a list without group heads.
    pub(crate) tally: Option<Tally>,
}

/// What a row adds to the head of its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    /// What this row calls its group.
    pub(crate) name: Text,
    /// For a pinned row that matches: the group it would stand in if it were not pinned.
    pub(crate) above: Option<GroupId>,
    /// Whether it is pinned from outside the filter.
    pub(crate) is_outside: bool,
    pub(crate) is_late: bool,
    pub(crate) is_at_risk: bool,
    pub(crate) is_unconfirmed: bool,
    pub(crate) is_cancelled: bool,
    /// When it was received, while it is under way; `None`: it has ended.
    pub(crate) open_since: Option<UtcMillis>,
}

impl Tally {
    /// The tally of a row that can't be read: it only adds one to the count.
    pub(crate) fn of_unreadable(name: Text) -> Self {
        Self {
            name,
            above: None,
            is_outside: false,
            is_late: false,
            is_at_risk: false,
            is_unconfirmed: false,
            is_cancelled: false,
            open_since: None,
        }
    }
}
