//! Who may come in, as it is kept: accounts, keys of integrations, sign-ins.

use super::{Store, StoreError};
use gwanje_model::lifecycle::Action;
use gwanje_model::{CenterId, Permission, RiderId, Role, Text, UtcMillis};
use serde::{Deserialize, Serialize};

/// An account as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Its name.
    pub name: Text,
    /// Its role.
    pub role: Role,
    /// The centers that it may see (an admin sees all).
    pub centers: Vec<CenterId>,
    /// With the role rider: which rider.
    pub rider: Option<RiderId>,
    /// What people call whoever has it.
    pub person: Text,
    /// The hash of its password.
    pub(crate) password: String,
    /// Whether it may not sign in.
    pub disabled: bool,
    /// How often what it may was changed.
    pub(crate) rights: i64,
}

/// Stands before what is kept of the password of an account that is disabled: no version takes that for a hash.
const DISABLED: char = '!';

impl Account {
    /// Its password as it is kept.
    pub(super) fn kept_password(&self) -> String {
        if self.disabled { format!("{DISABLED}{}", self.password) } else { self.password.clone() }
    }

    /// What [`Self::kept_password`] said: the password, and whether the account is disabled.
    pub(super) fn read_password(kept: String) -> (String, bool) {
        match kept.strip_prefix(DISABLED) {
            Some(password) => (password.to_owned(), true),
            None => (kept, false),
        }
    }
}

/// A sign-in that lives, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptSignIn {
    pub id: String,
    pub account: Text,
    pub began_at: UtcMillis,
    pub used_at: UtcMillis,
    pub from: Text,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Read its centers.
    Read,
    /// Take in new orders.
    Create,
    /// Cancel deliveries.
    Cancel,
    /// Publish events.
    Publish,
}

impl Scope {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Read, Self::Create, Self::Cancel, Self::Publish];

    /// The name on the wire and in commands.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Cancel => "cancel",
            Self::Publish => "publish",
        }
    }

    /// The scope of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }

    /// The names of all, for people.
    #[must_use]
    pub fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

/// A key as it is kept, without the key.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiKey {
    /// Its name.
    pub name: Text,
    /// The centers that it sees.
    pub centers: Vec<CenterId>,
    /// What it may do there.
    pub scopes: Vec<Scope>,
}

impl ApiKey {
    /// Whether a scope allows it.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        let scope = match permission {
            Permission::Read => Scope::Read,
            Permission::Create => Scope::Create,
            Permission::Act(Action::Cancel) => Scope::Cancel,
            Permission::Publish => Scope::Publish,
            Permission::Act(_) | Permission::EditRiders | Permission::Monitor | Permission::Operate => {
                return false;
            }
        };
        self.scopes.contains(&scope)
    }
}

/// SHA-256 of a key.
pub(crate) type KeyHash = [u8; 32];

/// How long an access token holds, milliseconds, from the wire contract.
pub(crate) const ACCESS_LIFE_MS: i64 = 15 * 60_000;
/// A spent token gives the same pair again for this long, milliseconds, from the wire contract: an answer may get lost.
const SPENT_GRACE_MS: i64 = 60_000;

/// One refresh: the token of `generation` is the present one from `at` on, with an access token until `expires_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rotation {
    pub generation: i64,
    pub at: UtcMillis,
    pub expires_at: UtcMillis,
}

impl Rotation {
    pub fn new(generation: i64, now: UtcMillis) -> Self {
        Self { generation, at: now, expires_at: now.plus_ms(ACCESS_LIFE_MS) }
    }
}

/// What a refresh token that is spent does to the rotations of its sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rotated {
    /// The answer to its first use may have got lost: it is given again, nothing is written.
    Again(Rotation),
    /// The last of these is the new one; they are kept.
    Next(Vec<Rotation>, Rotation),
    /// It was spent too long ago: the sign-in is over.
    Over,
}

/// Spends the refresh token of a generation.
pub(super) fn rotate(mut rotations: Vec<Rotation>, spent: i64, now: UtcMillis) -> Rotated {
    let again = rotations.iter().find(|rotation| rotation.generation == spent + 1);
    if let Some(again) = again.filter(|again| now.since(again.at) <= SPENT_GRACE_MS) {
        return Rotated::Again(*again);
    }
    if rotations.last().map(|present| present.generation) != Some(spent) {
        return Rotated::Over;
    }
    let next = Rotation::new(spent + 1, now);
    rotations.retain(|rotation| now.since(rotation.at) <= SPENT_GRACE_MS);
    rotations.push(next);
    Rotated::Next(rotations, next)
}

impl Store {
    pub(crate) async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        self.shared.backend.accounts().await
    }

    pub(crate) async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        self.shared.backend.account(name.to_owned()).await
    }

    pub(crate) async fn keys(&self) -> Result<Vec<(KeyHash, ApiKey)>, StoreError> {
        self.shared.backend.keys().await
    }

    pub(crate) async fn key(&self, hash: KeyHash) -> Result<Option<ApiKey>, StoreError> {
        self.shared.backend.key(hash).await
    }

    /// Forgets sign-ins that were not used since then; how many.
    pub(crate) async fn forget_sign_ins(&self, used_since: UtcMillis) -> Result<usize, StoreError> {
        self.shared.backend.forget_sign_ins(used_since).await
    }

    /// Id and account of each sign-in that lives.
    pub(crate) async fn live_sign_ins(&self) -> Result<Vec<(String, Text)>, StoreError> {
        self.shared.backend.live_sign_ins().await
    }

    /// The account of a sign-in that lives.
    pub(crate) async fn sign_in(&self, id: &str) -> Result<Option<Text>, StoreError> {
        self.shared.backend.sign_in(id.to_owned()).await
    }

    /// The account of a sign-in, whether or not that lives still.
    pub(crate) async fn sign_in_of_ever(&self, id: &str) -> Result<Option<Text>, StoreError> {
        self.shared.backend.sign_in_of_ever(id.to_owned()).await
    }

    /// Sign-ins that live, of an account or of all, oldest first.
    pub(crate) async fn sign_ins_of(&self, account: Option<&Text>) -> Result<Vec<KeptSignIn>, StoreError> {
        self.shared.backend.sign_ins_of(account.cloned()).await
    }

    /// False: the account is not any more as it was when its password was looked at.
    pub(crate) async fn begin_sign_in(
        &self,
        id: &str,
        account: &Account,
        first: Rotation,
        from: &Text,
    ) -> Result<bool, StoreError> {
        self.shared.backend.begin_sign_in(id.to_owned(), account.clone(), first, from.clone()).await
    }

    /// Spends the refresh token of a generation; none: the sign-in is over. Twins get one answer.
    pub(crate) async fn rotate(
        &self,
        id: &str,
        generation: i64,
        now: UtcMillis,
    ) -> Result<Option<Rotation>, StoreError> {
        self.shared.backend.rotate(id.to_owned(), generation, now).await
    }

    /// Notes that a ticket is spent; false: it was before.
    pub(crate) async fn spend_ticket(
        &self,
        nonce: &str,
        expires_at: UtcMillis,
        now: UtcMillis,
    ) -> Result<bool, StoreError> {
        self.shared.backend.spend_ticket(nonce.to_owned(), expires_at, now).await
    }

    pub(crate) async fn end_sign_in(&self, id: &str) -> Result<(), StoreError> {
        self.shared.backend.end_sign_in(id.to_owned()).await
    }

    pub(crate) async fn end_sign_ins_of(&self, account: &str) -> Result<(), StoreError> {
        self.shared.backend.end_sign_ins_of(account.to_owned()).await
    }
}
