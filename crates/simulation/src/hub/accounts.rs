//! Who asks: accounts, sign-ins with their pairs of tokens, tickets for sockets.

use super::reply::{Refusal, refuse};
use super::setup::{AccountSetup, Instants};
use gwanje_model::{CenterId, Permission, RiderId, Role, Text, UtcMillis};
use gwanje_wire::rest::{LoginReply, LoginRequest, TicketReply};
use gwanje_wire::{ErrorCode, Problem};
use std::collections::BTreeMap;

/// How long an access token holds, milliseconds.
pub const ACCESS_LIFE_MS: i64 = 15 * 60_000;
/// A spent refresh token gives the same pair again for this long, milliseconds, from the wire contract.
const SPENT_GRACE_MS: i64 = 60_000;
/// How long a ticket may be spent, milliseconds, from the wire contract.
const TICKET_LIFE_MS: i64 = 30_000;
/// The most tickets that one connection spends.
const TICKETS_OF_CONNECTION: usize = 16;
/// After this many failures within a minute an account has to wait.
const FAILURES: u32 = 10;
/// Forgets the first failure, and the others with it, after this many milliseconds.
const FAILURES_MS: i64 = 60_000;

/// Somebody who may ask, with the rights of now.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Caller {
    pub account: Text,
    pub role: Role,
    pub centers: Vec<CenterId>,
    pub sign_in: u64,
    /// How often what the account may was changed.
    pub rights: u64,
}

impl Caller {
    pub fn may(&self, permission: Permission) -> bool {
        self.role.may(permission)
    }

    pub fn sees(&self, center: &CenterId) -> bool {
        self.role.sees_all_centers() || self.centers.contains(center)
    }

    /// The rider to whose deliveries the caller is limited.
    pub fn only_rider(&self) -> Option<RiderId> {
        (self.role == Role::Rider).then(|| RiderId(self.account.clone()))
    }
}

#[derive(Debug, Clone, PartialEq)]
struct SignIn {
    account: Text,
    /// When each pair was given out; the last pair is the present one.
    pairs: Vec<UtcMillis>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Ticket {
    sign_in: u64,
    expires_at: UtcMillis,
    spent_by: Option<u64>,
}

/// Accounts, and what was given out to them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Accounts {
    known: BTreeMap<Text, AccountSetup>,
    /// How often what each may was changed; none: never.
    rights: BTreeMap<Text, u64>,
    /// Living sign-ins, by number.
    sign_ins: BTreeMap<u64, SignIn>,
    sign_ins_begun: u64,
    tickets: BTreeMap<String, Ticket>,
    tickets_given: u64,
    /// The sign-in whose ticket a connection spent first.
    first_spent: BTreeMap<u64, u64>,
    failures: BTreeMap<String, (UtcMillis, u32)>,
}

impl Accounts {
    pub fn new(accounts: &[AccountSetup]) -> Self {
        Self {
            known: accounts.iter().map(|account| (account.name.clone(), account.clone())).collect(),
            rights: BTreeMap::new(),
            sign_ins: BTreeMap::new(),
            sign_ins_begun: 0,
            tickets: BTreeMap::new(),
            tickets_given: 0,
            first_spent: BTreeMap::new(),
            failures: BTreeMap::new(),
        }
    }

    /// Signs in, unless the account has failed too often lately.
    pub fn login(&mut self, request: &LoginRequest, at: Instants) -> Result<LoginReply, Refusal> {
        let now = at.wall;
        self.failures.retain(|_, (since, _)| (0..FAILURES_MS).contains(&now.since(*since)));
        let (since, count) = self.failures.entry(request.account.clone()).or_insert((now, 0));
        if *count >= FAILURES {
            let left_ms = (FAILURES_MS - now.since(*since)).unsigned_abs();
            let problem = Problem::new(ErrorCode::TooManyRequests, "too many failed attempts; wait");
            return Err(Refusal { problem, retry_after_s: Some(left_ms.div_ceil(1_000)) });
        }
        *count += 1;
        let account = self.known.get(request.account.as_str());
        let Some(account) = account.filter(|account| account.password == request.password) else {
            return refuse(ErrorCode::Unauthorized, "no account has this name and password");
        };
        self.failures.remove(&request.account);
        self.sign_ins_begun += 1;
        let sign_in = SignIn { account: account.name.clone(), pairs: vec![now] };
        self.sign_ins.insert(self.sign_ins_begun, sign_in);
        self.pair(self.sign_ins_begun, 1)
    }

    /// Gives the pair after a spent one: once, and the same again for a minute; after that the sign-in ends.
    pub fn refresh(&mut self, refresh_token: &str, at: Instants) -> Result<LoginReply, Refusal> {
        let refused = || refuse(ErrorCode::Unauthorized, "the refresh token is void; sign in again");
        let Some((id, spent)) = numbers(refresh_token, "refresh") else { return refused() };
        let (Ok(nth), Some(sign_in)) = (usize::try_from(spent), self.sign_ins.get_mut(&id)) else {
            return refused();
        };
        match sign_in.pairs.get(nth) {
            None if nth == sign_in.pairs.len() => sign_in.pairs.push(at.wall),
            Some(given) if at.wall.since(*given) <= SPENT_GRACE_MS => {}
            None | Some(_) => {
                self.sign_ins.remove(&id);
                return refused();
            }
        }
        self.pair(id, spent + 1)
    }

    /// The `nth` pair of a sign-in.
    fn pair(&self, id: u64, nth: u64) -> Result<LoginReply, Refusal> {
        let found = self.sign_ins.get(&id).and_then(|sign_in| {
            let given = usize::try_from(nth - 1).ok().and_then(|nth| sign_in.pairs.get(nth))?;
            Some((self.known.get(&sign_in.account)?, given))
        });
        let Some((account, given)) = found else {
            return refuse(ErrorCode::Unauthorized, "the account is gone; sign in again");
        };
        let expires_at = given.plus_ms(ACCESS_LIFE_MS);
        Ok(LoginReply {
            access_token: format!("access-{id}-{}", expires_at.0),
            refresh_token: format!("refresh-{id}-{nth}"),
            expires_at,
            account: account.name.clone(),
            name: account.person.clone(),
            role: account.role,
            centers: account.centers.clone(),
            socket_urls: Vec::new(),
            drill: None,
        })
    }

    /// The caller behind an `Authorization` header.
    pub fn caller(&self, authorization: Option<&str>, at: Instants) -> Result<Caller, Refusal> {
        let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
        let opened = token.and_then(|token| numbers(token, "access"));
        let living = opened.filter(|(_, expires_at)| i64::try_from(*expires_at).is_ok_and(|e| e > at.wall.0));
        match living.and_then(|(id, _)| self.living(id)) {
            Some(caller) => Ok(caller),
            None => refuse(ErrorCode::Unauthorized, "the access token is void or expired"),
        }
    }

    /// The caller behind a sign-in, with the account's rights of now.
    pub fn living(&self, sign_in: u64) -> Option<Caller> {
        let account = self.known.get(&self.sign_ins.get(&sign_in)?.account)?;
        let AccountSetup { name, role, centers, .. } = account.clone();
        let rights = self.rights.get(&name).copied().unwrap_or_default();
        Some(Caller { account: name, role, centers, sign_in, rights })
    }

    pub fn end(&mut self, sign_in: u64) {
        self.sign_ins.remove(&sign_in);
    }

    pub fn end_all_of(&mut self, account: &str) {
        self.sign_ins.retain(|_, sign_in| sign_in.account != account);
    }

    /// Gives an account other centers. False: there is no account of this name.
    pub fn set_centers(&mut self, account: &str, centers: Vec<CenterId>) -> bool {
        let Some(known) = self.known.get_mut(account) else { return false };
        if known.centers != centers {
            *self.rights.entry(known.name.clone()).or_default() += 1;
        }
        known.centers = centers;
        true
    }

    pub fn issue_ticket(&mut self, sign_in: u64, at: Instants) -> TicketReply {
        self.tickets_given += 1;
        let ticket = format!("ticket-{}", self.tickets_given);
        let expires_at = at.wall.plus_ms(TICKET_LIFE_MS);
        self.tickets.insert(ticket.clone(), Ticket { sign_in, expires_at, spent_by: None });
        TicketReply { ticket, expires_at }
    }

    /// The caller behind a ticket. One connection spends the ticket; on it the ticket holds for all namespaces, and it spends
    /// a few of one account.
    pub fn spend_ticket(&mut self, ticket: &str, connection: u64, at: Instants) -> Option<Caller> {
        let Ticket { sign_in, expires_at, spent_by } = *self.tickets.get(ticket)?;
        let first = self.first_spent.get(&connection).copied().filter(|first| *first != sign_in);
        if let Some(first) = first.filter(|_| expires_at > at.wall) {
            let (first, this) = self.living(first).zip(self.living(sign_in))?;
            if first.account != this.account {
                return None;
            }
        }
        let spent = || self.tickets.values().filter(|ticket| ticket.spent_by == Some(connection)).count();
        let holds = match spent_by {
            Some(by) => by == connection,
            None => expires_at > at.wall && spent() < TICKETS_OF_CONNECTION,
        };
        if !holds {
            return None;
        }
        self.tickets.get_mut(ticket)?.spent_by = Some(connection);
        self.first_spent.entry(connection).or_insert(sign_in);
        self.living(sign_in)
    }

    /// Forgets what no store keeps.
    pub fn restart(&mut self) {
        // Those that were spent went with their connections; the others prove themselves.
        self.tickets.retain(|_, ticket| ticket.spent_by.is_none());
        self.first_spent.clear();
    }

    /// Forgets the ticket that a connection spent.
    pub fn connection_ended(&mut self, connection: u64) {
        self.tickets.retain(|_, ticket| ticket.spent_by != Some(connection));
        self.first_spent.remove(&connection);
    }
}

/// The two numbers in a token of this kind.
fn numbers(token: &str, kind: &str) -> Option<(u64, u64)> {
    let (id, number) = token.strip_prefix(kind)?.strip_prefix('-')?.split_once('-')?;
    Some((id.parse().ok()?, number.parse().ok()?))
}
