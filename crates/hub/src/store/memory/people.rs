//! Who may come in.

use crate::store::people::{Account, ApiKey, KeyHash, Rotated, Rotation, rotate};
use gwanje_model::{Text, UtcMillis};
use std::collections::BTreeMap;

/// Accounts, keys of integrations, sign-ins, tickets that were spent.
#[derive(Default)]
pub(super) struct People {
    accounts: BTreeMap<Text, Account>,
    keys: BTreeMap<KeyHash, ApiKey>,
    sign_ins: BTreeMap<String, SignIn>,
    tickets: BTreeMap<String, UtcMillis>,
    written: i64,
}

struct SignIn {
    account: Text,
    rotations: Vec<Rotation>,
    used_at: UtcMillis,
    is_over: bool,
}

impl People {
    /// How often they were written.
    pub fn version(&self) -> i64 {
        self.written
    }

    /// What people call whoever has each account, where that is known.
    pub fn names(&self) -> BTreeMap<Text, Text> {
        let known = self.accounts.values().filter(|account| !account.person.is_empty());
        known.map(|account| (account.name.clone(), account.person.clone())).collect()
    }

    pub fn accounts(&self) -> Vec<Account> {
        self.accounts.values().map(called).collect()
    }

    pub fn account(&self, name: &str) -> Option<Account> {
        self.accounts.get(name).map(called)
    }

    pub fn put_account(&mut self, account: Account) {
        self.written += 1;
        self.accounts.insert(account.name.clone(), account);
    }

    pub fn keys(&self) -> Vec<(KeyHash, ApiKey)> {
        self.keys.iter().map(|(hash, key)| (*hash, key.clone())).collect()
    }

    pub fn key(&self, hash: &KeyHash) -> Option<ApiKey> {
        self.keys.get(hash).cloned()
    }

    /// One of that name is replaced.
    pub fn put_key(&mut self, hash: KeyHash, key: ApiKey) {
        self.written += 1;
        self.keys.retain(|_, known| known.name != key.name);
        self.keys.insert(hash, key);
    }

    /// Forgets sign-ins that were not used since then.
    pub fn forget_sign_ins(&mut self, used_since: UtcMillis) {
        self.sign_ins.retain(|_, sign_in| sign_in.used_at >= used_since);
    }

    /// Id and account of each that lives.
    pub fn live_sign_ins(&self) -> Vec<(String, Text)> {
        let live = self.sign_ins.iter().filter(|(_, sign_in)| !sign_in.is_over);
        live.map(|(id, sign_in)| (id.clone(), sign_in.account.clone())).collect()
    }

    /// The account of a sign-in that lives.
    pub fn sign_in(&self, id: &str) -> Option<Text> {
        let found = self.sign_ins.get(id).filter(|sign_in| !sign_in.is_over);
        found.map(|sign_in| sign_in.account.clone())
    }

    pub fn begin_sign_in(&mut self, id: String, account: Text, first: Rotation) {
        self.written += 1;
        let sign_in = SignIn { account, rotations: vec![first], used_at: first.at, is_over: false };
        self.sign_ins.insert(id, sign_in);
    }

    /// Spends the refresh token of a generation; none: the sign-in is over.
    pub fn spend(&mut self, id: &str, spent: i64, now: UtcMillis) -> Option<Rotation> {
        let sign_in = self.sign_ins.get_mut(id).filter(|sign_in| !sign_in.is_over)?;
        match rotate(sign_in.rotations.clone(), spent, now) {
            Rotated::Again(again) => Some(again),
            Rotated::Over => {
                self.written += 1;
                sign_in.is_over = true;
                None
            }
            Rotated::Next(rotations, next) => {
                (sign_in.rotations, sign_in.used_at) = (rotations, now);
                Some(next)
            }
        }
    }

    /// Notes that a ticket is spent; false: it was before.
    pub fn spend_ticket(&mut self, nonce: String, expires_at: UtcMillis, now: UtcMillis) -> bool {
        self.tickets.retain(|_, expires_at| *expires_at > now);
        self.tickets.insert(nonce, expires_at).is_none()
    }

    /// Ends sign-ins by id and account.
    pub fn end_sign_ins(&mut self, is_ended: impl Fn(&str, &Text) -> bool) {
        self.written += 1;
        for (id, sign_in) in &mut self.sign_ins {
            sign_in.is_over |= is_ended(id, &sign_in.account);
        }
    }
}

/// One whose person's name is not known is called as its account.
fn called(account: &Account) -> Account {
    let person = if account.person.is_empty() { &account.name } else { &account.person };
    Account { person: person.clone(), ..account.clone() }
}
