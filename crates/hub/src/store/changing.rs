//! What changes accounts and keys: decided over all of them within the transaction that writes it, so that two hubs never take the
//! last admin together, or one name twice.

use super::people::{Account, ApiKey, KeyHash};
use super::{Store, StoreError};
use gwanje_model::{CenterId, RiderId, Role, Text, UtcMillis};
use gwanje_wire::people::AuditLine;
use gwanje_wire::{ErrorCode, Problem};
use thiserror::Error;

/// Who does something that the audit tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// The account, `key:NAME`, or `cli:USER`.
    pub account: Text,
    /// From which address.
    pub from: Text,
}

impl By {
    /// What the audit tells of it.
    #[must_use]
    pub fn did(&self, at: UtcMillis, action: &str, target: Text) -> AuditLine {
        let (account, from, action) = (self.account.clone(), self.from.clone(), action.into());
        AuditLine { at, account, from, action, target, event: None, size: None, count: None, detail: None }
    }
}

/// A change of an account or a key.
#[derive(Clone)]
pub(crate) enum PeopleChange {
    /// Makes an account, or replaces the one of that name.
    Put(Account),
    /// Makes an account.
    Add(Account),
    /// Changes one.
    Edit(Text, AccountEdit),
    /// Takes one away, with its sign-ins and what it keeps for itself.
    Remove(Text),
    /// Makes a key, or replaces the one of that name.
    PutKey(KeyHash, ApiKey),
    /// Makes a key.
    AddKey(KeyHash, ApiKey),
    /// Takes a key away.
    RemoveKey(Text),
}

/// What becomes different of an account; what is absent stays.
#[derive(Clone, Default)]
pub struct AccountEdit {
    /// What people call whoever has it.
    pub person: Option<Text>,
    /// Its role.
    pub role: Option<Role>,
    /// The centers that it may see.
    pub centers: Option<Vec<CenterId>>,
    /// With the role rider: which rider.
    pub rider: Option<RiderId>,
    /// Whether it may not sign in.
    pub disabled: Option<bool>,
    /// Its password, or what is kept of it.
    pub password: Option<String>,
}

impl AccountEdit {
    /// Whether it leaves everything as it is.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        let Self { person, role, centers, rider, disabled, password } = self;
        person.is_none()
            && role.is_none()
            && centers.is_none()
            && rider.is_none()
            && disabled.is_none()
            && password.is_none()
    }
}

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PeopleRefused {
    /// Accounts and keys are one namespace.
    #[error("the name {0} is taken; accounts and keys share their names")]
    NameTaken(Text),
    /// Nobody could administer the hub any more.
    #[error("{0} is the last admin who may sign in; make another first")]
    LastAdmin(Text),
    /// No account of that name.
    #[error("there is no account {0}")]
    NoAccount(Text),
    /// No key of that name.
    #[error("there is no key {0}")]
    NoKey(Text),
}

impl PeopleRefused {
    /// As it travels.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let code = match self {
            Self::NameTaken(_) | Self::LastAdmin(_) => ErrorCode::Conflict,
            Self::NoAccount(_) | Self::NoKey(_) => ErrorCode::NotFound,
        };
        Problem::new(code, self.to_string())
    }
}

/// What a change leaves to write.
#[derive(Clone)]
pub(crate) enum PeopleWrite {
    /// This account; its sign-ins end with it where so said.
    Account {
        account: Account,
        ends_sign_ins: bool,
    },
    Removal(Text),
    Key(KeyHash, ApiKey),
    KeyRemoval(Text),
}

/// What a change leaves to write, and what the audit tells of it.
pub(super) struct PeopleDecision {
    pub write: PeopleWrite,
    pub line: Option<AuditLine>,
}

/// Decides a change over all accounts and keys.
pub(super) fn decide(
    accounts: &[Account],
    keys: &[(KeyHash, ApiKey)],
    change: PeopleChange,
    by: Option<&By>,
    at: UtcMillis,
) -> Result<PeopleDecision, PeopleRefused> {
    let account = |name: &Text| accounts.iter().find(|account| account.name == *name);
    let has_key = |name: &Text| keys.iter().any(|(_, key)| key.name == *name);
    let decided = |write, action: &str, target: Text, detail: Option<String>| {
        let line = by.map(|by| AuditLine { detail: detail.map(Text::from), ..by.did(at, action, target) });
        PeopleDecision { write, line }
    };
    match change {
        PeopleChange::Add(new) if account(&new.name).is_some() => Err(PeopleRefused::NameTaken(new.name)),
        PeopleChange::Put(new) | PeopleChange::Add(new) => {
            if has_key(&new.name) {
                return Err(PeopleRefused::NameTaken(new.name));
            }
            let name = new.name.clone();
            match account(&name) {
                None => {
                    let write = PeopleWrite::Account { account: new, ends_sign_ins: false };
                    Ok(decided(write, "account.add", name, None))
                }
                Some(before) => {
                    let (write, detail) = replaced(accounts, before, new)?;
                    Ok(decided(write, "account.edit", name, Some(detail)))
                }
            }
        }
        PeopleChange::Edit(name, edit) => {
            let before = account(&name).ok_or_else(|| PeopleRefused::NoAccount(name.clone()))?;
            let (write, detail) = replaced(accounts, before, edited(before, edit))?;
            Ok(decided(write, "account.edit", name, Some(detail)))
        }
        PeopleChange::Remove(name) => {
            let before = account(&name).ok_or_else(|| PeopleRefused::NoAccount(name.clone()))?;
            keeps_an_admin(accounts, before, None)?;
            Ok(decided(PeopleWrite::Removal(name.clone()), "account.remove", name, None))
        }
        PeopleChange::AddKey(_, key) if has_key(&key.name) => Err(PeopleRefused::NameTaken(key.name)),
        PeopleChange::PutKey(hash, key) | PeopleChange::AddKey(hash, key) => {
            if account(&key.name).is_some() {
                return Err(PeopleRefused::NameTaken(key.name));
            }
            let name = key.name.clone();
            Ok(decided(PeopleWrite::Key(hash, key), "key.add", name, None))
        }
        PeopleChange::RemoveKey(name) if !has_key(&name) => Err(PeopleRefused::NoKey(name)),
        PeopleChange::RemoveKey(name) => {
            Ok(decided(PeopleWrite::KeyRemoval(name.clone()), "key.remove", name, None))
        }
    }
}

fn edited(before: &Account, edit: AccountEdit) -> Account {
    let role = edit.role.unwrap_or(before.role);
    let rider = edit.rider.or_else(|| before.rider.clone());
    Account {
        name: before.name.clone(),
        role,
        centers: edit.centers.unwrap_or_else(|| before.centers.clone()),
        rider: (role == Role::Rider).then(|| rider.unwrap_or_else(|| RiderId(before.name.clone()))),
        person: edit.person.unwrap_or_else(|| before.person.clone()),
        password: edit.password.unwrap_or_else(|| before.password.clone()),
        disabled: edit.disabled.unwrap_or(before.disabled),
        rights: before.rights,
    }
}

/// An account instead of another, and which of its fields differ.
fn replaced(
    accounts: &[Account],
    before: &Account,
    after: Account,
) -> Result<(PeopleWrite, String), PeopleRefused> {
    keeps_an_admin(accounts, before, Some(&after))?;
    let rights = [
        ("role", before.role != after.role),
        ("centers", before.centers != after.centers),
        ("rider", before.rider != after.rider),
        ("disabled", before.disabled != after.disabled),
        ("password", before.password != after.password),
    ];
    let changed = rights.iter().any(|(_, differs)| *differs);
    let named = [("name", before.person != after.person)];
    let detail: Vec<&str> =
        named.iter().chain(&rights).filter(|(_, differs)| *differs).map(|(name, _)| *name).collect();
    let ends_sign_ins = after.disabled || before.password != after.password;
    let account = Account { rights: before.rights + i64::from(changed), ..after };
    Ok((PeopleWrite::Account { account, ends_sign_ins }, detail.join(",")))
}

/// Refuses what would leave a hub that has an admin without any who may sign in.
fn keeps_an_admin(
    accounts: &[Account],
    before: &Account,
    after: Option<&Account>,
) -> Result<(), PeopleRefused> {
    let administers = |account: &Account| account.role == Role::Admin && !account.disabled;
    let another = accounts.iter().any(|account| account.name != before.name && administers(account));
    if another || !administers(before) || after.is_some_and(administers) {
        return Ok(());
    }
    Err(PeopleRefused::LastAdmin(before.name.clone()))
}

impl Store {
    /// Makes a change of accounts or keys, and writes what the audit tells of it in the same transaction.
    pub(crate) async fn change_people(
        &self,
        change: PeopleChange,
        by: Option<&By>,
    ) -> Result<Result<PeopleWrite, PeopleRefused>, StoreError> {
        let at = self.clock().wall_now();
        self.shared.backend.change_people(change, by.cloned(), at).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admin(name: &str) -> Account {
        Account {
            name: name.into(),
            role: Role::Admin,
            centers: Vec::new(),
            rider: None,
            person: name.into(),
            password: "hash".into(),
            disabled: false,
            rights: 0,
        }
    }

    fn refused(accounts: &[Account], change: PeopleChange) -> Option<PeopleRefused> {
        decide(accounts, &[], change, None, UtcMillis(0)).err()
    }

    #[test]
    fn one_admin_stays_who_may_sign_in() {
        let (kim, lee) = (admin("kim"), Account { disabled: true, ..admin("lee") });
        let disable = || AccountEdit { disabled: Some(true), ..AccountEdit::default() };
        let demote = || AccountEdit { role: Some(Role::Dispatcher), ..AccountEdit::default() };
        let last = Some(PeopleRefused::LastAdmin("kim".into()));
        let both = [kim.clone(), lee.clone()];
        for change in [
            PeopleChange::Remove("kim".into()),
            PeopleChange::Edit("kim".into(), disable()),
            PeopleChange::Edit("kim".into(), demote()),
            PeopleChange::Put(Account { role: Role::Supervisor, ..admin("kim") }),
        ] {
            assert_eq!(refused(&both, change), last);
        }
        assert_eq!(refused(&both, PeopleChange::Remove("lee".into())), None);
        let enabled = [kim, admin("lee")];
        assert_eq!(refused(&enabled, PeopleChange::Edit("kim".into(), disable())), None);
    }

    #[test]
    fn what_an_account_may_counts_up_and_its_name_does_not() {
        let kim = [admin("kim"), admin("lee")];
        let after = |edit| match decide(&kim, &[], PeopleChange::Edit("kim".into(), edit), None, UtcMillis(0))
        {
            Ok(PeopleDecision { write: PeopleWrite::Account { account, ends_sign_ins }, .. }) => {
                (account.rights, ends_sign_ins)
            }
            Ok(_) | Err(_) => panic!("an account"),
        };
        let none = AccountEdit::default;
        assert_eq!(after(AccountEdit { person: Some("김은지".into()), ..none() }), (0, false));
        assert_eq!(after(AccountEdit { role: Some(Role::Supervisor), ..none() }), (1, false));
        assert_eq!(after(AccountEdit { disabled: Some(true), ..none() }), (1, true));
        assert_eq!(after(AccountEdit { password: Some("other".into()), ..none() }), (1, true));
    }
}
