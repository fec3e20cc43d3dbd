//! What can be wrong with the Redis that hubs share, in one sentence each: what it is, and what mends it.

use redis::{ErrorKind, RedisError};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is wrong with the way to the other hubs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FanoutTrouble {
    /// Nothing listens there, or the connection ended.
    #[error("Redis can't be reached; start it, or correct its address in `redis`")]
    Unreachable,
    /// It takes what is sent, and says nothing.
    #[error("Redis does not answer; restart it if it does not come back by itself")]
    Silent,
    /// Wrong user or password.
    #[error("Redis refuses the user or password; correct them in `redis`")]
    Password,
    /// The user may not do what is needed.
    #[error("Redis does not let its user do what hubs need; give it the permissions in docs/operating.md")]
    Permission,
    /// It has no memory left.
    #[error("Redis is full and takes no more; raise its maxmemory")]
    Full,
    /// It has not read its data yet.
    #[error("Redis is still loading its data, and serves when that is done")]
    Loading,
    /// It only copies another.
    #[error("this Redis is a replica, which takes no writes; name the primary in `redis`")]
    Replica,
    /// It can't save.
    #[error("Redis can't save to its disk and therefore takes no writes; mend the disk, or turn saving off")]
    Unsaved,
    /// Something else.
    #[error("Redis refuses what hubs ask of it; its own log says why")]
    Refuses,
}

impl FanoutTrouble {
    pub(super) fn of(error: &RedisError) -> Self {
        match error.code() {
            Some("WRONGPASS" | "NOAUTH") => Self::Password,
            Some("NOPERM") => Self::Permission,
            Some("OOM") => Self::Full,
            Some("LOADING") => Self::Loading,
            Some("READONLY") => Self::Replica,
            Some("MISCONF") => Self::Unsaved,
            _ if error.kind() == ErrorKind::AuthenticationFailed => Self::Password,
            _ if error.is_timeout() => Self::Silent,
            _ if error.is_io_error() || error.is_connection_dropped() => Self::Unreachable,
            _ => Self::Refuses,
        }
    }
}

/// One way to Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Untried,
    Works,
    Fails(FanoutTrouble),
}

impl Way {
    fn of(trouble: Option<FanoutTrouble>) -> Self {
        trouble.map_or(Self::Works, Self::Fails)
    }
}

/// What was seen last of both ways to Redis: by one a hub asks and tells, by the other it hears.
#[derive(Debug)]
pub(super) struct Health(Mutex<Seen>);

#[derive(Debug)]
struct Seen {
    asking: Way,
    hearing: Way,
    /// What was logged last.
    logged: Way,
}

impl Health {
    /// Nothing is known to work yet.
    pub fn untried() -> Self {
        Self(Mutex::new(Seen { asking: Way::Untried, hearing: Way::Untried, logged: Way::Untried }))
    }

    pub fn asking(&self, trouble: Option<FanoutTrouble>) {
        let mut seen = self.seen();
        seen.asking = Way::of(trouble);
        seen.log();
    }

    pub fn hearing(&self, trouble: Option<FanoutTrouble>) {
        let mut seen = self.seen();
        seen.hearing = Way::of(trouble);
        seen.log();
    }

    /// What does not work, if anything. What was not tried yet does not.
    pub fn trouble(&self) -> Option<FanoutTrouble> {
        match self.seen().both() {
            Way::Works => None,
            Way::Fails(trouble) => Some(trouble),
            Way::Untried => Some(FanoutTrouble::Unreachable),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Of two that fail the one by which it is asked: what is heard ends with it.
    fn both(&self) -> Way {
        match (self.asking, self.hearing) {
            (fails @ Way::Fails(_), _) | (_, fails @ Way::Fails(_)) => fails,
            (Way::Works, Way::Works) => Way::Works,
            (Way::Untried, _) | (_, Way::Untried) => Way::Untried,
        }
    }

    /// One sentence for each change.
    fn log(&mut self) {
        let both = self.both();
        if both == self.logged || both == Way::Untried {
            return;
        }
        self.logged = both;
        match both {
            Way::Fails(why) => tracing::warn!(
                %why,
                "this hub does without Redis: rows of other hubs may come two seconds late, their seats and riders are not told"
            ),
            Way::Works | Way::Untried => tracing::info!("Redis serves: other hubs are heard at once"),
        }
    }
}
