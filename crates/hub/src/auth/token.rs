//! Tokens that prove themselves: what they say, and a keyed hash of it (HMAC-SHA256, RFC 2104).
//!
//! The key lives in the store, so tokens outlive a restart. Equal input gives an equal token, so a spent refresh token
//! gets the same pair again without any pair being stored.

use crate::store::{ACCESS_LIFE_MS, Store, StoreError};
use gwanje_model::UtcMillis;
use sha2::{Digest, Sha256};
use std::fmt::{self, Write as _};

/// Bytes that SHA-256 takes at a time.
const BLOCK: usize = 64;
/// By how many milliseconds the clocks of two hubs on a store may lie apart: one that is further off says so.
const CLOCKS_APART_MS: i64 = 2_000;
/// The name under which the key is kept.
const SECRET_NAME: &str = "token-secret";
/// The name under which it is kept which key it is.
const FINGERPRINT_NAME: &str = "token-secret-fingerprint";

/// The key of all tokens and tickets of a store.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret([u8; 32]);

impl fmt::Debug for TokenSecret {
    /// Never what it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret")
    }
}

impl TokenSecret {
    /// A key as 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        from_hex(text.trim()).map(Self)
    }

    /// A key as a file holds it: 32 bytes or more, as they are or as hexadecimal digits.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.trim_ascii_end();
        if let Some(key) = std::str::from_utf8(bytes).ok().and_then(Self::parse) {
            return Some(key);
        }
        match <[u8; 32]>::try_from(bytes) {
            Ok(key) => Some(Self(key)),
            // HMAC takes what is longer by its hash.
            Err(_) => (bytes.len() > 32).then(|| Self(Sha256::digest(bytes).into())),
        }
    }

    /// As a file holds it.
    #[must_use]
    pub fn written(&self) -> String {
        format!("{}\n", hex(&self.0))
    }

    /// The key that a store keeps itself, which is to be kept outside of it from now on; a new one where it keeps none.
    ///
    /// # Errors
    /// When the store can't be read, or its key is kept apart already.
    pub async fn to_be_kept_apart(store: &Store) -> Result<Self, StoreError> {
        match own(store).await? {
            Some(own) => Self::own(&own),
            None if store.meta_get(FINGERPRINT_NAME).await?.is_some() => Err(StoreError::SecretApart),
            None => Ok(Self(random_bytes()?)),
        }
    }

    /// Takes the store's own copy of its key out of it, once that is kept apart.
    ///
    /// # Errors
    /// When the store can't be written, or its key is another, of which this would be the last copy.
    pub async fn leave_store(&self, store: &Store) -> Result<(), StoreError> {
        let Some(own) = own(store).await? else { return Ok(()) };
        if Self::own(&own)? != *self {
            return Err(StoreError::OtherSecret);
        }
        store.meta_set(SECRET_NAME, "").await
    }

    /// The key of a store: the one that is kept apart from it, or the store's own, made at first use. The store knows which
    /// one it is from then on.
    pub(super) async fn load(store: &Store, apart: Option<&Self>) -> Result<Self, StoreError> {
        let own = own(store).await?;
        let (secret, other) = match (apart, own) {
            (Some(apart), None) => (apart.clone(), StoreError::OtherSecret),
            (Some(apart), Some(own)) => {
                // It was made before stores said which key they have.
                store.meta_keep_first(FINGERPRINT_NAME, Self::own(&own)?.fingerprint()).await?;
                (apart.clone(), StoreError::OtherSecret)
            }
            (None, Some(own)) => (Self::own(&own)?, StoreError::SecretApart),
            (None, None) if store.meta_get(FINGERPRINT_NAME).await?.is_some() => {
                return Err(StoreError::SecretApart);
            }
            (None, None) => {
                // Of two hubs that begin with an empty store at once, both use the key of the first.
                let kept = store.meta_keep_first(SECRET_NAME, hex(&random_bytes()?)).await?;
                (Self::own(&kept)?, StoreError::SecretApart)
            }
        };
        let fingerprint = secret.fingerprint();
        let kept = store.meta_keep_first(FINGERPRINT_NAME, fingerprint.clone()).await?;
        if kept == fingerprint { Ok(secret) } else { Err(other) }
    }

    fn own(kept: &str) -> Result<Self, StoreError> {
        Self::parse(kept).ok_or_else(|| StoreError::Unusable {
            doing: "reading the key of tokens".into(),
            source: "it is no key".into(),
            remedy: "restore the store, or remove the key, which signs everybody out",
        })
    }

    /// Which key it is, without showing it. No token says this alone.
    fn fingerprint(&self) -> String {
        hex(&hmac(&self.0, b"fingerprint"))
    }

    /// The access token of a sign-in until an instant.
    pub(super) fn access(&self, sign_in: &str, expires_at: UtcMillis) -> String {
        self.sealed(&format!("a.{sign_in}.{}", expires_at.0))
    }

    /// The sign-in of an access token that holds at `now`. One that claims to hold for longer than any is given was made
    /// by a clock that went wrong, or by somebody else with this key: it never holds.
    pub(super) fn read_access(&self, token: &str, now: UtcMillis) -> Option<String> {
        let (sign_in, expires_at) = self.opened(token, "a")?;
        let left_ms = UtcMillis(expires_at).since(now);
        (left_ms > 0 && left_ms <= ACCESS_LIFE_MS + CLOCKS_APART_MS).then_some(sign_in)
    }

    /// The refresh token of a sign-in's generation.
    pub(super) fn refresh(&self, sign_in: &str, generation: i64) -> String {
        self.sealed(&format!("r.{sign_in}.{generation}"))
    }

    /// Sign-in and generation of a refresh token.
    pub(super) fn read_refresh(&self, token: &str) -> Option<(String, i64)> {
        self.opened(token, "r")
    }

    /// A ticket of a sign-in, which no other has the nonce of, until an instant.
    pub(super) fn ticket(&self, sign_in: &str, nonce: &str, expires_at: UtcMillis) -> String {
        self.sealed(&format!("t.{sign_in}-{nonce}.{}", expires_at.0))
    }

    /// Sign-in, nonce and end of a ticket that holds at `now`.
    pub(super) fn read_ticket(&self, ticket: &str, now: UtcMillis) -> Option<(String, String, UtcMillis)> {
        let (said, expires_at) = self.opened(ticket, "t")?;
        let (sign_in, nonce) = said.rsplit_once('-')?;
        let expires_at = UtcMillis(expires_at);
        (expires_at > now).then(|| (sign_in.to_owned(), nonce.to_owned(), expires_at))
    }

    /// A name for what must not be told, which is the same each time.
    pub(super) fn mark(&self, of: &str) -> String {
        hex(&hmac(&self.0, format!("m.{of}").as_bytes()))
    }

    /// By which a hub shows another that it passes a socket's request on, until an instant.
    pub fn pass(&self, sid: &str, expires_at: UtcMillis) -> String {
        self.sealed(&format!("p.{sid}.{}", expires_at.0))
    }

    /// The socket of a pass that holds at `now`.
    pub fn read_pass(&self, pass: &str, now: UtcMillis) -> Option<String> {
        let (sid, expires_at) = self.opened(pass, "p")?;
        (UtcMillis(expires_at) > now).then_some(sid)
    }

    fn sealed(&self, said: &str) -> String {
        format!("{said}.{}", hex(&hmac(&self.0, said.as_bytes())))
    }

    fn opened(&self, token: &str, kind: &str) -> Option<(String, i64)> {
        let (said, seal) = token.rsplit_once('.')?;
        if !same(&from_hex(seal)?, &hmac(&self.0, said.as_bytes())) {
            return None;
        }
        let mut parts = said.split('.');
        let (said_kind, sign_in, number) = (parts.next()?, parts.next()?, parts.next()?);
        (said_kind == kind && parts.next().is_none())
            .then(|| number.parse().ok().map(|number| (sign_in.to_owned(), number)))
            .flatten()
    }
}

/// The key that a store keeps itself. One that was taken out leaves an empty text.
async fn own(store: &Store) -> Result<Option<String>, StoreError> {
    Ok(store.meta_get(SECRET_NAME).await?.filter(|kept| !kept.is_empty()))
}

/// 32 bytes from the system's source of randomness.
pub(super) fn random_bytes() -> Result<[u8; 32], StoreError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::System {
        doing: "reading random bytes from the system".into(),
        source: std::io::Error::other(error),
    })?;
    Ok(bytes)
}

fn hmac(key: &[u8; 32], said: &[u8]) -> [u8; 32] {
    let padded = |with: u8| {
        let mut block = [with; BLOCK];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(said).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

/// Equality that takes the same time wherever the first difference is.
fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String can't fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::StoreConfig;

    /// RFC 4231, test cases 1 and 2 (a shorter key is padded with zeros, which is what an array of 32 holds).
    #[test]
    fn the_published_vectors_hold() {
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        assert_eq!(
            hex(&hmac(&key, b"Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        assert_eq!(
            hex(&hmac(&key, b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[tokio::test]
    async fn a_store_takes_the_secret_that_it_began_with_and_no_other() {
        let store = || Store::open(StoreConfig::temporary(Clock::wall())).unwrap();
        let [a, b] = [TokenSecret([1; 32]), TokenSecret([2; 32])];
        let own = store();
        let made = TokenSecret::load(&own, None).await.unwrap();
        assert_eq!(TokenSecret::load(&own, None).await.unwrap(), made);
        assert_eq!(TokenSecret::load(&own, Some(&made)).await.unwrap(), made, "the same one, kept apart");
        assert!(matches!(TokenSecret::load(&own, Some(&a)).await, Err(StoreError::OtherSecret)));
        assert_eq!(TokenSecret::load(&own, None).await.unwrap(), made, "nothing has changed");
        let apart = store();
        assert_eq!(TokenSecret::load(&apart, Some(&a)).await.unwrap(), a);
        assert_eq!(TokenSecret::load(&apart, Some(&a)).await.unwrap(), a);
        assert!(matches!(TokenSecret::load(&apart, Some(&b)).await, Err(StoreError::OtherSecret)));
        assert!(matches!(TokenSecret::load(&apart, None).await, Err(StoreError::SecretApart)));
        // A store of before, which does not say which one it has.
        let older = store();
        older.meta_set(SECRET_NAME, hex(&a.0)).await.unwrap();
        assert!(matches!(TokenSecret::load(&older, Some(&b)).await, Err(StoreError::OtherSecret)));
        assert_eq!(TokenSecret::load(&older, None).await.unwrap(), a);
        assert!(!format!("{a:?}").contains('1') && !a.fingerprint().contains(&hex(&a.0)));
    }

    #[tokio::test]
    async fn a_key_goes_out_of_its_store_and_stays_the_same() {
        let store = Store::open(StoreConfig::temporary(Clock::wall())).unwrap();
        let own = TokenSecret::load(&store, None).await.unwrap();
        let apart = TokenSecret::to_be_kept_apart(&store).await.unwrap();
        assert_eq!(apart, own);
        assert_eq!(TokenSecret::load(&store, Some(&apart)).await.unwrap(), own);
        let other = TokenSecret([7; 32]).leave_store(&store).await;
        assert!(matches!(other, Err(StoreError::OtherSecret)), "the last copy stays");
        apart.leave_store(&store).await.unwrap();
        assert_eq!(store.meta_get(SECRET_NAME).await.unwrap().as_deref(), Some(""));
        assert_eq!(TokenSecret::load(&store, Some(&apart)).await.unwrap(), own);
        assert!(matches!(TokenSecret::load(&store, None).await, Err(StoreError::SecretApart)));
        assert!(matches!(TokenSecret::to_be_kept_apart(&store).await, Err(StoreError::SecretApart)));
    }

    #[test]
    fn a_file_holds_a_key_raw_or_as_digits() {
        let key = TokenSecret([0x7f; 32]);
        assert_eq!(TokenSecret::read(key.written().as_bytes()), Some(key.clone()));
        assert_eq!(TokenSecret::read(&[0x7f; 32]), Some(key.clone()));
        assert!(TokenSecret::read(&[0x7f; 48]).is_some_and(|longer| longer != key));
        assert_eq!((TokenSecret::read(b"hunter2"), TokenSecret::read(b"")), (None, None));
    }

    #[test]
    fn a_token_holds_for_its_kind_and_time_and_key_only() {
        let (secret, other) = (TokenSecret([1; 32]), TokenSecret([2; 32]));
        let token = secret.access("S", UtcMillis(10));
        assert_eq!(secret.read_access(&token, UtcMillis(9)).as_deref(), Some("S"));
        assert_eq!(secret.read_access(&token, UtcMillis(10)), None);
        assert_eq!(other.read_access(&token, UtcMillis(9)), None);
        let far = secret.access("S", UtcMillis(ACCESS_LIFE_MS * 100));
        assert_eq!(secret.read_access(&far, UtcMillis(0)), None, "nobody is given one for so long");
        let full = secret.access("S", UtcMillis(ACCESS_LIFE_MS));
        assert_eq!(secret.read_access(&full, UtcMillis(0)).as_deref(), Some("S"));
        assert_eq!(secret.read_refresh(&token), None);
        let forged = token.replacen("a.S.10", "a.T.10", 1);
        assert_eq!(secret.read_access(&forged, UtcMillis(9)), None);
        for garbage in ["", ".", "a.b.c", "a.S.10.", "a.S.10.é"] {
            assert_eq!(secret.read_access(garbage, UtcMillis(9)), None, "{garbage}");
        }
        assert_eq!(secret.read_refresh(&secret.refresh("S", 7)), Some(("S".into(), 7)));
        let pass = secret.pass("S-_1", UtcMillis(10));
        assert_eq!(secret.read_pass(&pass, UtcMillis(9)).as_deref(), Some("S-_1"));
        assert_eq!(secret.read_pass(&pass, UtcMillis(10)), None);
        assert_eq!(
            (secret.read_pass(&token, UtcMillis(9)), secret.read_access(&pass, UtcMillis(9))),
            (None, None)
        );
    }
}
