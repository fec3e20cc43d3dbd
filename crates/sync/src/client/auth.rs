//! The credentials: none, being asked for, or held; when they are renewed.
//!
//! | state | sign in | resume | sign out | answer: pair | answer: refused | no answer | told to come back soon | 401 on its token | its time comes |
//! | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
//! | `SignedOut` | `SigningIn` | `Renewing` | – | – | – | – | – | – | – |
//! | `SigningIn` | `SigningIn` | `Renewing` | `SignedOut` | `Held` | `SignedOut` | next server, then `SignedOut` | next server, then `TurnedAway` | – | – |
//! | `TurnedAway` | `SigningIn` | `Renewing` | `SignedOut` | – | – | – | – | – | `SigningIn` |
//! | `Held` | `SigningIn` | `Renewing` | `SignedOut` | – | – | – | – | `Renewing` | `Renewing` |
//! | `Renewing` | `SigningIn` | `Renewing` | `SignedOut` | `Held` | `SignedOut` | `Waiting` | `Waiting` | – | – |
//! | `Waiting` | `SigningIn` | `Renewing` | `SignedOut` | – | – | – | – | – | `Renewing` |
//!
//! A test walks every cell. A sign-in is turned away a few times at most: a person waits for it.

use super::calls::Call;
use crate::io::{Mono, Now, RequestId};
use gwanje_wire::rest::LoginReply;

/// Milliseconds before its expiry at which an access token is renewed, at most; a fifth of its life when that is less.
const RENEW_AHEAD_MS: u64 = 60_000;
/// A token that seems to live shorter than this, in milliseconds, tells that the desk's clock is wrong. It is renewed
/// when the server says 401, not ahead.
const SHORTEST_LIFE_MS: u64 = 10_000;

/// The credentials.
#[derive(Debug)]
pub(crate) enum Auth {
    /// None.
    SignedOut,
    /// Asked for with a password.
    SigningIn {
        /// The request under way.
        request: RequestId,
        /// Servers not tried yet.
        servers_left: usize,
        /// How often it was told to come back.
        turned_away: u32,
    },
    /// The server has no time for a sign-in just now, and said when it will.
    TurnedAway {
        /// Then.
        until: Mono,
        /// What is asked again.
        call: Call,
        /// How often it was told so.
        times: u32,
    },
    /// Held: requests go out.
    Held { access: Access, refresh_token: String },
    /// Being renewed: requests wait.
    Renewing { request: RequestId, refresh_token: String },
    /// The renewal found no server; requests wait until it is tried again.
    Waiting { until: Mono, refresh_token: String },
}

/// An access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) token: String,
    /// When to renew it, ahead of its expiry.
    pub(crate) renew_at: Option<Mono>,
}

impl Access {
    /// The token of an answer that came at `now`.
    pub(crate) fn new(reply: &LoginReply, now: Now) -> Self {
        let life_ms = u64::try_from(reply.expires_at.since(now.wall)).unwrap_or(0);
        let renew_at = (life_ms >= SHORTEST_LIFE_MS)
            .then(|| now.mono.plus_ms(life_ms - (life_ms / 5).min(RENEW_AHEAD_MS)));
        Self { token: reply.access_token.clone(), renew_at }
    }
}

impl Auth {
    /// The access token, while requests may go out with it.
    pub(crate) fn access(&self) -> Option<&Access> {
        match self {
            Self::Held { access, .. } => Some(access),
            Self::SignedOut
            | Self::SigningIn { .. }
            | Self::TurnedAway { .. }
            | Self::Renewing { .. }
            | Self::Waiting { .. } => None,
        }
    }

    /// The refresh token, while there are credentials.
    pub(crate) fn refresh_token(&self) -> Option<&str> {
        match self {
            Self::Held { refresh_token, .. }
            | Self::Renewing { refresh_token, .. }
            | Self::Waiting { refresh_token, .. } => Some(refresh_token),
            Self::SignedOut | Self::SigningIn { .. } | Self::TurnedAway { .. } => None,
        }
    }

    /// When something is to be done by itself.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        match self {
            Self::Held { access, .. } => access.renew_at,
            Self::Waiting { until, .. } | Self::TurnedAway { until, .. } => Some(*until),
            Self::SignedOut | Self::SigningIn { .. } | Self::Renewing { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gwanje_model::{Role, UtcMillis};

    #[test]
    fn a_token_is_renewed_ahead_unless_the_desk_clock_is_off() {
        let now = Now { mono: Mono(1_000), wall: UtcMillis(1_000_000) };
        for (expires_at, renew_at) in [
            (1_000_000 + 900_000, Some(Mono(1_000 + 840_000))),
            (1_000_000 + 100_000, Some(Mono(1_000 + 80_000))),
            (1_000_000 + 9_999, None),
            (0, None),
        ] {
            let reply = LoginReply {
                access_token: "a".to_owned(),
                refresh_token: "r".to_owned(),
                expires_at: UtcMillis(expires_at),
                account: "x".into(),
                name: "x".into(),
                role: Role::Dispatcher,
                centers: Vec::new(),
                socket_urls: Vec::new(),
                drill: None,
            };
            assert_eq!(Access::new(&reply, now).renew_at, renew_at);
        }
    }
}
