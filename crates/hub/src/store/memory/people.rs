//! Who may come in.

use crate::store::audit::{AuditSearch, Placed, placed};
use crate::store::changing::{By, PeopleChange, PeopleDecision, PeopleRefused, PeopleWrite, decide};
use crate::store::people::{Account, ApiKey, KeptSignIn, KeyHash, Rotated, Rotation, rotate};
use gwanje_model::{Text, UtcMillis};
use std::collections::BTreeMap;

/// Accounts, keys of integrations, sign-ins, tickets that were spent.
#[derive(Default)]
pub(super) struct People {
    accounts: BTreeMap<Text, Account>,
    keys: BTreeMap<KeyHash, ApiKey>,
    sign_ins: BTreeMap<String, SignIn>,
    tickets: BTreeMap<String, UtcMillis>,
    audit: Vec<Placed>,
    written: i64,
}

struct SignIn {
    account: Text,
    rotations: Vec<Rotation>,
    used_at: UtcMillis,
    is_over: bool,
    began_at: UtcMillis,
    from: Text,
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

    /// Decides a change over all there are, and keeps what it leaves.
    pub fn change(
        &mut self,
        change: PeopleChange,
        by: Option<&By>,
        at: UtcMillis,
    ) -> Result<PeopleWrite, PeopleRefused> {
        let accounts: Vec<Account> = self.accounts();
        let PeopleDecision { write, line } = decide(&accounts, &self.keys(), change, by, at)?;
        self.written += 1;
        match write.clone() {
            PeopleWrite::Account { account, ends_sign_ins } => {
                if ends_sign_ins {
                    self.end_sign_ins(|_, of| *of == account.name);
                }
                self.accounts.insert(account.name.clone(), account);
            }
            PeopleWrite::Removal(name) => {
                self.accounts.remove(&name);
                self.end_sign_ins(|_, of| *of == name);
            }
            PeopleWrite::Key(hash, key) => {
                self.keys.retain(|_, known| known.name != key.name);
                self.keys.insert(hash, key);
            }
            PeopleWrite::KeyRemoval(name) => self.keys.retain(|_, known| known.name != name),
        }
        self.write_audit(placed(line.into_iter().collect()));
        Ok(write)
    }

    pub fn write_audit(&mut self, lines: Vec<Placed>) {
        self.audit.extend(lines);
        self.audit.sort_by(|(a, _), (b, _)| a.cmp(b));
    }

    /// By instant and id.
    pub fn audit(&self, search: &AuditSearch) -> Vec<Placed> {
        let AuditSearch { from, to, account, after, limit } = search;
        let found = self.audit.iter().filter(|(place, line)| {
            from.is_none_or(|from| from <= place.at)
                && to.is_none_or(|to| place.at < to)
                && after.as_ref().is_none_or(|after| after < place)
                && account.as_ref().is_none_or(|account| *account == line.account)
        });
        found.take(*limit).cloned().collect()
    }

    pub fn forget_audit(&mut self, before: UtcMillis, at_most: usize) -> usize {
        let old = self.audit.iter().take_while(|(place, _)| place.at < before).count().min(at_most);
        self.audit.drain(..old).count()
    }

    pub fn keys(&self) -> Vec<(KeyHash, ApiKey)> {
        self.keys.iter().map(|(hash, key)| (*hash, key.clone())).collect()
    }

    pub fn key(&self, hash: &KeyHash) -> Option<ApiKey> {
        self.keys.get(hash).cloned()
    }

    /// Forgets sign-ins that were not used since then; how many.
    pub fn forget_sign_ins(&mut self, used_since: UtcMillis) -> usize {
        let before = self.sign_ins.len();
        self.sign_ins.retain(|_, sign_in| sign_in.used_at >= used_since);
        let forgotten = before - self.sign_ins.len();
        self.written += i64::from(forgotten > 0);
        forgotten
    }

    /// The account of a sign-in, whether or not that lives still.
    pub fn sign_in_of_ever(&self, id: &str) -> Option<Text> {
        self.sign_ins.get(id).map(|sign_in| sign_in.account.clone())
    }

    /// Those that live, of an account or of all, oldest first.
    pub fn sign_ins_of(&self, account: Option<&Text>) -> Vec<KeptSignIn> {
        let live = self.sign_ins.iter().filter(|(_, sign_in)| !sign_in.is_over);
        let of = live.filter(|(_, sign_in)| account.is_none_or(|account| sign_in.account == *account));
        let kept = |(id, sign_in): (&String, &SignIn)| KeptSignIn {
            id: id.clone(),
            account: sign_in.account.clone(),
            began_at: sign_in.began_at,
            used_at: sign_in.used_at,
            from: sign_in.from.clone(),
        };
        let mut all: Vec<KeptSignIn> = of.map(kept).collect();
        all.sort_by(|a, b| (a.began_at, &a.id).cmp(&(b.began_at, &b.id)));
        all
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

    /// False: the account is not any more as it is here.
    pub fn begin_sign_in(&mut self, id: String, account: &Account, first: Rotation, from: Text) -> bool {
        let is_same = |known: Account| {
            (known.kept_password(), known.rights) == (account.kept_password(), account.rights)
        };
        if !self.account(&account.name).is_some_and(is_same) {
            return false;
        }
        let by = By { account: account.name.clone(), from: from.clone() };
        self.write_audit(placed(vec![by.did(first.at, "session.begin", id.as_str().into())]));
        let (account, rotations) = (account.name.clone(), vec![first]);
        let sign_in =
            SignIn { account, rotations, used_at: first.at, is_over: false, began_at: first.at, from };
        self.sign_ins.insert(id, sign_in);
        true
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
