//! Who asks, and what they may: accounts, sign-ins, socket tickets and keys of integrations.
//!
//! Accounts, keys and sign-ins live in the store, so that a restart signs nobody out; what each request needs
//! of them is kept in memory. Access tokens carry their own proof and cost no read.

mod account;
mod caller;
mod following;
mod key;
mod password;
mod people;
mod refusals;
mod sign_in;
mod throttle;
mod ticket;
mod token;
mod turns;

pub use crate::store::{Account, AccountEdit, ApiKey, By, Scope};
pub use account::NewAccount;
pub use caller::{Caller, Identity};
pub use people::{BegunSession, PeopleError, is_good_name};
pub use ticket::TICKET_LIFE_MS;
pub use token::TokenSecret;

use crate::clock::Clock;
use crate::origin::Origin;
use crate::store::{Erasure, Rotation, Store, StoreError, Verdict};
use account::Accounts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use gwanje_model::{CenterId, Text, UtcMillis};
use gwanje_wire::rest::{LoginReply, LoginRequest, TicketReply};
use gwanje_wire::{ErrorCode, Problem};
use refusals::Refusals;
use sign_in::SignIns;
use std::sync::Arc;
use throttle::Slowed;
use ticket::Tickets;
use tokio::sync::{Semaphore, watch};
use turns::{ComeBack, Turns};

/// Passwords hashed at once, of accounts that are made: each takes a core and 19 MiB for some ten milliseconds.
const PASSWORD_CHECKS: usize = 2;
/// How long a hub may say that it passes a request on, milliseconds: hubs' clocks may lie a little apart.
const PASS_LIFE_MS: i64 = 60_000;
/// The most bytes of an account's name.
pub const ACCOUNT_MAX: usize = 200;

/// Accounts, sign-ins, tickets and keys of a hub.
pub struct Auth {
    store: Store,
    clock: Clock,
    secret: TokenSecret,
    accounts: Accounts,
    sign_ins: SignIns,
    tickets: Tickets,
    keys: key::Keys,
    refusals: Refusals,
    turns: Arc<Turns>,
    slowed: Slowed,
    password_checks: Semaphore,
    revocations: watch::Sender<u64>,
}

impl Auth {
    /// Reads what the store holds of accounts, keys and sign-ins. Tokens are signed with `secret`; none: with the store's own.
    ///
    /// # Errors
    /// When the store can't be read or written, or its tokens are signed with another secret.
    pub async fn open(store: Store, secret: Option<&TokenSecret>) -> Result<Self, StoreError> {
        let secret = TokenSecret::load(&store, secret).await?;
        let clock = store.clock().clone();
        let sign_ins = SignIns::load(&store, clock.wall_now()).await?;
        let accounts = Accounts::load(&store).await?;
        let keys = key::Keys::load(&store).await?;
        Ok(Self {
            secret,
            clock,
            accounts,
            sign_ins,
            tickets: Tickets::default(),
            keys,
            refusals: Refusals::default(),
            turns: Arc::new(Turns::of_this_machine()),
            slowed: Slowed::default(),
            password_checks: Semaphore::new(PASSWORD_CHECKS),
            revocations: watch::Sender::new(0),
            store,
        })
    }

    /// The account of that name, as this process knows it.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<Arc<Account>> {
        self.accounts.get(name)
    }

    /// Whether there is any account.
    #[must_use]
    pub fn knows_anybody(&self) -> bool {
        !self.accounts.is_empty()
    }

    /// Signs an account in, from where the request comes. Reads the account anew, so that one added by another process is
    /// known. The audit is told of refusals together, once a minute.
    ///
    /// # Errors
    /// `unauthorized`, `too-many-requests` after failed attempts or in a crowd, or `unavailable`.
    pub async fn login(
        &self,
        request: LoginRequest,
        from: &Origin,
    ) -> Result<(Identity, LoginReply), Refused> {
        let account = Text::from(request.account.as_str());
        let signed_in = self.sign_in(request, from).await;
        if let Err(refused) = &signed_in
            && matches!(refused.problem.code, ErrorCode::Unauthorized | ErrorCode::TooManyRequests)
        {
            // What is no account's name may be a password, or a customer's.
            let known = self.accounts.get(&account).map(|account| account.name.clone());
            self.refusals.note(known, &from.name());
        }
        signed_in
    }

    async fn sign_in(&self, request: LoginRequest, from: &Origin) -> Result<(Identity, LoginReply), Refused> {
        let nobody = || {
            Refused::from(Problem::new(
                ErrorCode::Unauthorized,
                "no account has this name and password; check both",
            ))
        };
        if request.account.len() > ACCOUNT_MAX {
            return Err(nobody());
        }
        let attempt = || throttle::attempt(&request.account, from, self.clock.wall_now());
        let looked = attempt();
        match self.store.look_at_attempt(looked).await?.verdict(looked.now) {
            Verdict::Taken => {}
            Verdict::Slowed => self.slowed.wait().await.map_err(too_many_at_once)?,
            Verdict::Waits(ms) => return Err(too_many_attempts(ms)),
        }
        let turn = self.turns.take(looked.pair).await.map_err(too_many_at_once)?;
        // Counts after the wait and before the check: guesses sent at once do not pass the limit together.
        if let Verdict::Waits(ms) = self.store.begin_attempt(attempt()).await? {
            return Err(too_many_attempts(ms));
        }
        let before = self.accounts.get(&request.account);
        let account = self.accounts.reread(&self.store, &request.account).await?;
        if let Some(before) = before.filter(|before| account.as_ref() != Some(before)) {
            self.changed(&before).await?;
        }
        let hash = account.as_ref().map(|account| account.password.clone());
        let password = request.password.clone();
        let matches = tokio::task::spawn_blocking(move || password::verify(&password, hash.as_deref()))
            .await
            .unwrap_or(false);
        drop(turn);
        let Some(account) = account.filter(|_| matches) else {
            return Err(nobody());
        };
        self.store.attempt_succeeded(attempt()).await?;
        if account.disabled {
            let detail = "this account is disabled; ask whoever administers the hub";
            return Err(Problem::new(ErrorCode::Unauthorized, detail).account_gone().into());
        }
        let now = self.clock.wall_now();
        let Some((id, rotation)) = self.sign_ins.begin(&self.store, &account, &from.name(), now).await?
        else {
            let detail = "the account was changed just now; sign in again";
            return Err(Problem::new(ErrorCode::Unauthorized, detail).into());
        };
        let identity = identity_of(&account, id.as_str().into());
        Ok((identity.clone(), self.reply(&identity, rotation)))
    }

    /// A fresh pair for a refresh token; a spent one gives the same pair again for 60 s, then ends the sign-in.
    ///
    /// # Errors
    /// `unauthorized`, or `unavailable`.
    pub async fn refresh(&self, refresh_token: &str) -> Result<LoginReply, Refused> {
        let (id, generation) = self.secret.read_refresh(refresh_token).ok_or_else(void_refresh_token)?;
        let now = self.clock.wall_now();
        let Some(rotation) = self.sign_ins.rotate(&self.store, &id, generation, now).await? else {
            self.revocations.send_modify(|count| *count += 1);
            return Err(self.ended(&id).await?);
        };
        let Some(identity) = self.found(&id).await? else { return Err(self.ended(&id).await?) };
        Ok(self.reply(&identity, rotation))
    }

    /// Why a sign-in is over: whether with its account, or alone.
    async fn ended(&self, id: &str) -> Result<Refused, StoreError> {
        let account = match self.store.sign_in_of_ever(id).await? {
            Some(name) => self.store.account(&name).await?,
            // Forgotten, so that nobody knows whose it was.
            None => return Ok(void_refresh_token().into()),
        };
        if account.is_some_and(|account| !account.disabled) {
            return Ok(void_refresh_token().into());
        }
        let detail = "the account is disabled or gone; ask whoever administers the hub";
        Ok(Problem::new(ErrorCode::Unauthorized, detail).account_gone().into())
    }

    /// Ends a sign-in: its tokens are void and its sockets are told.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn logout(&self, identity: &Identity) -> Result<(), StoreError> {
        self.sign_ins.end(&self.store, &identity.sign_in).await?;
        self.revocations.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Ends every sign-in of an account.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn revoke_account(&self, name: &str) -> Result<(), StoreError> {
        self.sign_ins.end_all_of(&self.store, name).await?;
        self.revocations.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Counts revocations and changes of accounts. When it changes, whoever holds an [`Identity`] asks
    /// [`Self::is_live`] and, for each center, [`Self::may_see`].
    #[must_use]
    pub fn revocations(&self) -> watch::Receiver<u64> {
        self.revocations.subscribe()
    }

    /// Whether the sign-in behind an identity still holds, and its account may what it could.
    #[must_use]
    pub fn is_live(&self, identity: &Identity) -> bool {
        self.identity(&identity.sign_in)
            .is_some_and(|now| (now.rights, now.role) == (identity.rights, identity.role))
    }

    /// What an identity has become; none: its sign-in ended.
    #[must_use]
    pub fn current(&self, identity: &Identity) -> Option<Identity> {
        self.identity(&identity.sign_in)
    }

    /// Whether the account behind an identity may see that center now.
    #[must_use]
    pub fn may_see(&self, identity: &Identity, center: &CenterId) -> bool {
        self.store.has_center(center) && self.identity(&identity.sign_in).is_some_and(|now| now.sees(center))
    }

    /// Who sent a request: `Authorization: Bearer`, or `X-Api-Key`.
    ///
    /// # Errors
    /// `unauthorized`, or `unavailable`.
    pub async fn identify(&self, headers: &HeaderMap) -> Result<Caller, Refused> {
        let refused = |detail: &str| Refused::from(Problem::new(ErrorCode::Unauthorized, detail));
        let header = |value: &axum::http::HeaderValue| value.to_str().ok().map(str::to_owned);
        if let Some(key) = headers.get("x-api-key").and_then(header) {
            let key = self.keys.find(&self.store, &key).await?;
            return key.map(Caller::Key).ok_or_else(|| refused("this API key is not known"));
        }
        let authorization = headers.get(AUTHORIZATION).and_then(header);
        let bearer = authorization.as_deref().and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let bearer = bearer
            .ok_or_else(|| refused("sign in first: the request needs Authorization: Bearer, or X-Api-Key"))?;
        let expired = "the access token is void or expired; refresh it or sign in again";
        let id = self.secret.read_access(bearer, self.clock.wall_now()).ok_or_else(|| refused(expired))?;
        self.found(&id).await?.map(Caller::Account).ok_or_else(|| refused(expired))
    }

    /// The identity behind a sign-in, which may have begun at another hub on this store.
    async fn found(&self, sign_in: &str) -> Result<Option<Identity>, StoreError> {
        if let Some(account) = self.sign_ins.find(&self.store, sign_in).await?
            && self.accounts.get(&account).is_none()
        {
            self.accounts.reread(&self.store, &account).await?;
        }
        Ok(self.identity(sign_in))
    }

    /// A ticket for one connection.
    #[must_use]
    pub fn issue_ticket(&self, identity: &Identity) -> TicketReply {
        ticket::issue(&self.secret, &identity.sign_in, self.clock.wall_now())
    }

    /// Spends a ticket on a connection, or uses it again on the same one (for another namespace).
    ///
    /// # Errors
    /// `unauthorized`: unknown, expired, spent on another connection, or its sign-in has ended.
    pub async fn spend_ticket(&self, ticket: &str, connection: &str) -> Result<Identity, Problem> {
        let refused = || {
            Problem::new(ErrorCode::Unauthorized, "the ticket is unknown, spent or expired; ask for another")
        };
        let now = self.clock.wall_now();
        let spent = async {
            if !self.is_of_same(connection, ticket, now).await? {
                return Ok(None);
            }
            match self.tickets.spend(&self.store, &self.secret, ticket, connection, now).await? {
                Some(id) => self.found(&id).await,
                None => Ok(None),
            }
        };
        spent.await.map_err(|error: StoreError| error.problem())?.ok_or_else(refused)
    }

    /// Who was erased, by a hash that only whoever has this store's secret can make again.
    #[must_use]
    pub fn mark_of(&self, erasure: &Erasure) -> String {
        let deliveries = erasure.deliveries().iter().map(|id| id.0.to_string());
        let said: Vec<String> = erasure.phones().iter().cloned().chain(deliveries).collect();
        self.secret.mark(&said.join(","))
    }

    /// Whether a ticket is of the account whose tickets that connection has spent. Nothing is spent for it.
    async fn is_of_same(&self, connection: &str, ticket: &str, now: UtcMillis) -> Result<bool, StoreError> {
        let Some(first) = self.tickets.first_of(connection) else { return Ok(true) };
        let Some((sign_in, ..)) = self.secret.read_ticket(ticket, now) else { return Ok(true) };
        if *first == *sign_in {
            return Ok(true);
        }
        let (first, this) = (self.found(&first).await?, self.found(&sign_in).await?);
        Ok(first.zip(this).is_some_and(|(first, this)| first.account == this.account))
    }

    /// By which this hub shows another that it passes a socket's request on.
    #[must_use]
    pub fn pass_for(&self, sid: &str) -> String {
        self.secret.pass(sid, self.clock.wall_now().plus_ms(PASS_LIFE_MS))
    }

    /// Whether a hub on this store passes a request of that socket on.
    #[must_use]
    pub fn is_pass_for(&self, sid: &str, pass: &str) -> bool {
        self.secret.read_pass(pass, self.clock.wall_now()).is_some_and(|of| of == sid)
    }

    /// Forgets the ticket that was spent on a connection, when that has ended.
    pub fn connection_ended(&self, connection: &str) {
        self.tickets.forget(connection);
    }

    fn identity(&self, sign_in: &str) -> Option<Identity> {
        let account = self.accounts.get(&self.sign_ins.account_of(sign_in)?)?;
        if account.disabled {
            return None;
        }
        Some(identity_of(&account, sign_in.into()))
    }

    fn reply(&self, identity: &Identity, rotation: Rotation) -> LoginReply {
        let Rotation { generation, expires_at, .. } = rotation;
        LoginReply {
            access_token: self.secret.access(&identity.sign_in, expires_at),
            refresh_token: self.secret.refresh(&identity.sign_in, generation),
            expires_at,
            account: identity.account.clone(),
            name: identity.person.clone(),
            role: identity.role,
            centers: identity.centers.clone(),
            socket_urls: Vec::new(),
            drill: self.clock.drill_mark(),
        }
    }
}

fn void_refresh_token() -> Problem {
    Problem::new(ErrorCode::Unauthorized, "the refresh token is void; sign in again")
}

fn too_many_attempts(wait_ms: u64) -> Refused {
    let s = wait_ms.div_ceil(1_000).max(1);
    let problem = Problem::new(
        ErrorCode::TooManyRequests,
        format!("too many failed sign-ins from here; try again in {s} s, or from another place"),
    );
    Refused { problem, retry_after_s: Some(s) }
}

fn too_many_at_once(ComeBack(s): ComeBack) -> Refused {
    let problem = Problem::new(
        ErrorCode::TooManyRequests,
        format!("many sign in at once; there is room for this one in {s} s, before all who come later"),
    );
    Refused { problem, retry_after_s: Some(s) }
}

fn identity_of(account: &Account, sign_in: Arc<str>) -> Identity {
    Identity {
        account: account.name.clone(),
        person: account.person.clone(),
        role: account.role,
        centers: account.centers.clone(),
        rider: account.rider.clone(),
        sign_in,
        rights: account.rights,
    }
}

/// Why a request was refused before anything was decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// As it travels.
    pub problem: Problem,
    /// Seconds, for `Retry-After`.
    pub retry_after_s: Option<u64>,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { problem, retry_after_s: None }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        let problem = error.problem();
        let retry_after_s = (problem.code == ErrorCode::Unavailable).then_some(1);
        if retry_after_s.is_some() && !matches!(error, StoreError::Busy | StoreError::TooLong { .. }) {
            tracing::error!(%error, "a request met a store that can't be used");
        }
        Self { problem, retry_after_s }
    }
}
