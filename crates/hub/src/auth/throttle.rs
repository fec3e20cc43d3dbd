//! What failed sign-ins are counted of, and those that are slowed down.

use super::turns::ComeBack;
use crate::origin::Origin;
use crate::store::{Attempt, ThrottleKey};
use gwanje_model::UtcMillis;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long a sign-in waits that is slowed down.
const SLOWED_BY: Duration = Duration::from_secs(2);
/// At most this many are slowed down at once: each holds a connection. More are told to come back then.
const SLOWED_MAX: usize = 256;

/// A sign-in of that account from there.
pub(super) fn attempt(account: &str, from: &Origin, now: UtcMillis) -> Attempt {
    let network = from.network().map(|network| match network {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    });
    let network = network.as_deref().unwrap_or_default();
    let account = account.as_bytes();
    Attempt {
        pair: key("pair", &[account, network]),
        address: key("address", &[network]),
        account: key("account", &[account]),
        now,
    }
}

fn key(kind: &str, of: &[&[u8]]) -> ThrottleKey {
    let mut hash = Sha256::new().chain_update(kind);
    for part in of {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    let mut short = ThrottleKey::default();
    short.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    short
}

/// Those that are slowed down.
pub(super) struct Slowed(Semaphore);

impl Default for Slowed {
    fn default() -> Self {
        Self(Semaphore::new(SLOWED_MAX))
    }
}

impl Slowed {
    /// Waits a while.
    pub async fn wait(&self) -> Result<(), ComeBack> {
        let Ok(_place) = self.0.try_acquire() else { return Err(ComeBack(SLOWED_BY.as_secs())) };
        tokio::time::sleep(SLOWED_BY).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told_apart() {
        let from = |text: &str| Origin { address: Some(text.parse().unwrap()), ..Origin::default() };
        let keys = |account: &str, address: &str| attempt(account, &from(address), UtcMillis(0));
        let (a, b) = (keys("kim", "192.0.2.1"), keys("kim", "192.0.2.2"));
        assert!(a.pair != b.pair && a.address != b.address && a.account == b.account);
        let c = keys("lee", "192.0.2.1");
        assert!(a.pair != c.pair && a.address == c.address && a.account != c.account);
        assert_eq!(keys("kim", "2001:db8::1"), keys("kim", "2001:db8::2"), "one network");
        let nowhere = attempt("kim", &Origin::default(), UtcMillis(0));
        assert_ne!(nowhere.address, a.address);
    }
}
