//! Who may come in, as it travels: accounts, keys of integrations, sign-ins, and what the audit tells of them.

use gwanje_model::{CenterId, DeliveryId, RiderId, Role, Text, UtcMillis};
use serde::{Deserialize, Serialize};

/// An account, without its password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountEntry {
    /// What it signs in by.
    pub account: Text,
    /// What people call whoever has it.
    pub name: Text,
    /// Its role.
    pub role: Role,
    /// The centers that it may see (an admin sees all).
    pub centers: Vec<CenterId>,
    /// With the role rider: which rider.
    pub rider: Option<RiderId>,
    /// Whether it may not sign in for now.
    pub disabled: bool,
}

/// POST `/accounts`.
#[derive(Clone, Deserialize)]
pub struct NewAccountRequest {
    /// What it signs in by; absent: its `name`.
    pub account: Option<Text>,
    /// What people call whoever has it; absent: as `account`.
    pub name: Option<Text>,
    /// Its role.
    pub role: Role,
    /// The centers that it may see.
    #[serde(default)]
    pub centers: Vec<CenterId>,
    /// With the role rider: which rider; absent: the one whose id is the account.
    pub rider: Option<RiderId>,
    /// Its password.
    pub password: String,
    /// Whether it may not sign in yet.
    #[serde(default)]
    pub disabled: bool,
}

/// PATCH `/accounts/{name}`: what is absent stays.
#[derive(Clone, Default, Deserialize)]
pub struct AccountPatch {
    /// What people call whoever has it.
    pub name: Option<Text>,
    /// Its role.
    pub role: Option<Role>,
    /// The centers that it may see.
    pub centers: Option<Vec<CenterId>>,
    /// With the role rider: which rider.
    pub rider: Option<RiderId>,
    /// Whether it may not sign in for now.
    pub disabled: Option<bool>,
    /// Its password.
    pub password: Option<String>,
}

/// A key of an integration, without the key. Scopes are `read`, `create`, `cancel`, `publish`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyEntry {
    /// Its name.
    pub name: Text,
    /// What it may do.
    pub scopes: Vec<Text>,
    /// The centers that it sees.
    pub centers: Vec<CenterId>,
}

/// The answer to POST `/keys`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyAdded {
    /// As it is listed from now on.
    #[serde(flatten)]
    pub key: KeyEntry,
    /// What is sent as `X-Api-Key`: shown this once, and kept nowhere.
    pub secret: String,
}

/// POST `/keys`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewKeyRequest {
    /// Its name.
    pub name: Text,
    /// What it may do.
    pub scopes: Vec<Text>,
    /// The centers that it sees; absent: all that there are.
    pub centers: Option<Vec<CenterId>>,
}

/// A sign-in that lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionEntry {
    /// Its id.
    pub id: String,
    /// Of which account.
    pub account: Text,
    /// When it began; 0: an earlier version did not note it.
    pub since: UtcMillis,
    /// When its tokens were last renewed.
    pub used_at: UtcMillis,
    /// The address that it began from.
    pub from: Text,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Something that was done, and by whom. It holds no customer's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// When, by the wall's clock.
    pub at: UtcMillis,
    /// By which account, or `key:NAME`, or `cli:USER` at the command line; empty: nobody that is known.
    pub account: Text,
    /// From which address; `local`: at the command line.
    pub from: Text,
    /// What.
    pub action: Text,
    /// To whom or what.
    pub target: Text,
    /// Of what was published: the event's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Text>,
    /// Of what was published: bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// How often, where that is told together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// What of it was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Text>,
}

/// GET `/audit?from=&to=&account=&cursor=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReply {
    /// Oldest first.
    pub lines: Vec<AuditLine>,
    /// The cursor of the next page; null: there is none.
    pub next: Option<String>,
}

/// POST `/monitor/shown`: a masked phone was shown to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownRequest {
    /// Of which delivery.
    pub delivery_id: DeliveryId,
}
