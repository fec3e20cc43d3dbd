//! Accounts, keys, sign-ins and the audit.

use crate::day::START;
use crate::place::Place;
use gwanje_hub::auth::{Account, AccountEdit, ApiKey, By, NewAccount, Scope};
use gwanje_hub::origin::Origin;
use gwanje_hub::store::{AuditPlace, AuditSearch, PreferenceKept, Replaces, Store, StoreConfig};
use gwanje_hub::{Clock, Hub, HubConfig};
use gwanje_model::{Role, UtcMillis};
use gwanje_wire::people::AuditLine;
use gwanje_wire::rest::LoginRequest;

fn by() -> By {
    By { account: "admin".into(), from: "10.0.0.9".into() }
}

fn new(name: &str, role: Role) -> NewAccount {
    let (rider, person, password) = (None, None, name.to_owned());
    NewAccount { name: name.into(), role, centers: vec!["gangnam".into()], rider, person, password }
}

fn key(name: &str) -> ApiKey {
    ApiKey { name: name.into(), centers: vec!["gangnam".into()], scopes: vec![Scope::Read] }
}

async fn hub_on(place: &Place, clock: &Clock) -> Hub {
    let store = place.open(StoreConfig::temporary(clock.clone())).await;
    Hub::open(store, HubConfig::default()).await.unwrap()
}

async fn signs_in(hub: &Hub, name: &str) -> Result<(), String> {
    let request = LoginRequest { account: name.into(), password: name.into() };
    let signed_in = hub.auth.login(request, &from("10.0.0.1")).await;
    signed_in.map(drop).map_err(|refused| refused.problem.detail)
}

fn disabled(disabled: bool) -> AccountEdit {
    AccountEdit { disabled: Some(disabled), ..AccountEdit::default() }
}

async fn names(hub: &Hub) -> Vec<String> {
    let known = |account: Account| format!("{} {}", account.name, account.role);
    hub.auth.list_accounts().await.unwrap().into_iter().map(known).collect()
}

async fn told(store: &Store) -> Vec<String> {
    let audit = store.audit(AuditSearch::default()).await.unwrap();
    let line = |line: AuditLine| {
        let detail = line.detail.filter(|_| line.action.as_str() != "session.end").unwrap_or_default();
        format!("{} {} {} {}", line.account, line.action, line.target, detail).trim_end().to_owned()
    };
    audit.lines.into_iter().filter(|line| line.action.as_str() != "session.begin").map(line).collect()
}

pub async fn an_account_lives_from_its_making_to_its_end(place: Place) {
    let hub = hub_on(&place, &Clock::wall()).await;
    hub.auth.add_account(new("admin", Role::Admin), false, &by()).await.unwrap();
    hub.auth.add_account(new("kim", Role::Dispatcher), false, &by()).await.unwrap();
    let secret = hub.auth.add_key(key("till"), &by()).await.unwrap();
    // One namespace.
    let refused = [
        hub.auth.add_account(new("kim", Role::Admin), false, &by()).await.unwrap_err(),
        hub.auth.add_account(new("till", Role::Admin), false, &by()).await.unwrap_err(),
        hub.auth.add_key(key("kim"), &by()).await.unwrap_err(),
        hub.auth.put_key(key("kim")).await.unwrap_err(),
        hub.auth.add_key(key("till"), &by()).await.unwrap_err(),
    ];
    assert!(refused.iter().all(|refused| refused.to_string().contains("is taken")), "{refused:?}");
    // A role and centers that change.
    let edit = AccountEdit {
        role: Some(Role::Supervisor),
        centers: Some(vec!["gangnam".into(), "mapo".into()]),
        person: Some("김은지".into()),
        ..AccountEdit::default()
    };
    let kim = hub.auth.edit_account(&"kim".into(), edit, Some(&by())).await.unwrap();
    assert_eq!((kim.role, kim.centers.len(), kim.person.as_str()), (Role::Supervisor, 2, "김은지"));
    // Disabled, its sign-ins end, and nobody comes in by it until it is enabled.
    signs_in(&hub, "kim").await.unwrap();
    let replaces = Replaces::Nothing;
    let kept = hub.store.keep_preference("kim".into(), "views".into(), "1".into(), replaces).await;
    assert!(matches!(kept.unwrap(), PreferenceKept::As(_)));
    assert_eq!(hub.auth.sessions(Some(&"kim".into())).await.unwrap().len(), 1);
    hub.auth.edit_account(&"kim".into(), disabled(true), Some(&by())).await.unwrap();
    assert!(hub.auth.sessions(None).await.unwrap().is_empty());
    let said = signs_in(&hub, "kim").await.unwrap_err();
    assert!(said.contains("disabled"), "{said}");
    assert!(hub.auth.list_accounts().await.unwrap().iter().any(|account| account.disabled));
    hub.auth.edit_account(&"kim".into(), disabled(false), Some(&by())).await.unwrap();
    signs_in(&hub, "kim").await.unwrap();
    let session = hub.auth.sessions(Some(&"kim".into())).await.unwrap().remove(0);
    assert_eq!((session.from.as_str(), session.since), ("10.0.0.1", session.used_at));
    assert!(!hub.auth.end_session(&session.id, Some(&"admin".into()), &by()).await.unwrap(), "another's");
    assert!(hub.auth.end_session(&session.id, None, &by()).await.unwrap());
    assert!(!hub.auth.end_session(&session.id, None, &by()).await.unwrap(), "it is over");
    // The last admin stays.
    for refused in [
        hub.auth.remove_account(&"admin".into(), &by()).await.unwrap_err(),
        hub.auth.edit_account(&"admin".into(), disabled(true), Some(&by())).await.unwrap_err(),
    ] {
        assert!(refused.to_string().contains("the last admin"), "{refused}");
    }
    // Gone; whoever gets the name next begins with nothing.
    hub.auth.remove_account(&"kim".into(), &by()).await.unwrap();
    assert!(hub.auth.remove_account(&"kim".into(), &by()).await.is_err());
    assert_eq!(names(&hub).await, ["admin admin"]);
    hub.auth.remove_key(&"till".into(), &by()).await.unwrap();
    assert!(hub.auth.remove_key(&"till".into(), &by()).await.is_err());
    let headers = axum::http::HeaderMap::from_iter([("x-api-key".parse().unwrap(), secret.parse().unwrap())]);
    assert!(hub.auth.identify(&headers).await.is_err(), "the key is void");
    hub.auth.add_account(new("kim", Role::Dispatcher), false, &by()).await.unwrap();
    assert!(hub.store.preference("kim".into(), "views".into()).await.unwrap().is_none());
    let told = told(&hub.store).await;
    let expected = [
        "admin account.add admin",
        "admin account.add kim",
        "admin key.add till",
        "admin account.edit kim name,role,centers",
        "admin account.edit kim disabled",
        "admin account.edit kim disabled",
        "admin session.end kim",
        "admin account.remove kim",
        "admin key.remove till",
        "admin account.add kim",
    ];
    let mut expected = expected.map(str::to_owned).to_vec();
    let mut sorted = told.clone();
    // Lines of one millisecond have no order.
    sorted.sort();
    expected.sort();
    assert_eq!(sorted, expected, "in time: {told:?}");
}

/// What is refused is told together, and no word that could be a password.
pub async fn refused_sign_ins_are_told_together(place: Place) {
    let hub = hub_on(&place, &Clock::wall()).await;
    hub.auth.put_account(new("kim", Role::Dispatcher)).await.unwrap();
    for _ in 0..3 {
        let request = LoginRequest { account: "kim".into(), password: "guess".into() };
        hub.auth.login(request, &from("10.0.0.1")).await.unwrap_err();
    }
    let request = LoginRequest { account: "hunter2".into(), password: "kim".into() };
    hub.auth.login(request, &from("10.0.0.2")).await.unwrap_err();
    hub.auth.tell_refusals().await;
    let lines = hub.store.audit(AuditSearch::default()).await.unwrap().lines;
    let mut told: Vec<_> = lines
        .iter()
        .map(|line| (line.action.as_str(), line.target.as_str(), line.from.as_str(), line.count))
        .collect();
    told.sort_unstable();
    let refused = "session.refused";
    assert_eq!(told, [(refused, "", "10.0.0.2", Some(1)), (refused, "kim", "10.0.0.1", Some(3))]);
}

pub async fn the_audit_comes_by_page_and_ends_with_its_time(place: Place) {
    let store = place.open(StoreConfig::temporary(Clock::wall())).await;
    let line = |n: i64| {
        let by = By { account: if n % 2 == 0 { "kim" } else { "lee" }.into(), from: "10.0.0.1".into() };
        let size = Some(u64::try_from(n).unwrap());
        AuditLine { size, ..by.did(UtcMillis(n / 3), "publish", "gangnam".into()) }
    };
    store.write_audit((0..1_200).map(line).collect()).await.unwrap();
    let all = async |search: AuditSearch| {
        let (mut lines, mut pages, mut after) = (Vec::new(), 0, None);
        loop {
            let page = store.audit(AuditSearch { after, ..search.clone() }).await.unwrap();
            lines.extend(page.lines);
            pages += 1;
            after = page.next.as_deref().map(|next| AuditPlace::read(next).unwrap());
            if after.is_none() {
                return (lines, pages);
            }
        }
    };
    let (lines, pages) = all(AuditSearch::default()).await;
    assert_eq!((lines.len(), pages), (1_200, 3));
    assert!(lines.is_sorted_by_key(|line| line.at), "oldest first");
    let mut sizes: Vec<u64> = lines.iter().filter_map(|line| line.size).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, (0..1_200).collect::<Vec<_>>(), "each once");
    let some = AuditSearch {
        from: Some(UtcMillis(100)),
        to: Some(UtcMillis(300)),
        account: Some("kim".into()),
        ..AuditSearch::default()
    };
    let (lines, _) = all(some).await;
    assert_eq!(lines.len(), 300);
    assert!(lines.iter().all(|line| line.account.as_str() == "kim" && (100..300).contains(&line.at.0)));
    assert_eq!(store.forget_audit(UtcMillis(390)).await.unwrap(), 1_170);
    assert_eq!(all(AuditSearch::default()).await.0.len(), 30);
}

pub async fn a_sign_in_that_nobody_uses_ends_while_the_hub_runs(place: Place) {
    const DAY_MS: i64 = 86_400_000;
    let clock = Clock::still(START, START);
    let hub = hub_on(&place, &clock).await;
    hub.auth.put_account(new("kim", Role::Dispatcher)).await.unwrap();
    hub.auth.put_account(new("lee", Role::Dispatcher)).await.unwrap();
    signs_in(&hub, "kim").await.unwrap();
    let request = LoginRequest { account: "lee".into(), password: "lee".into() };
    let (identity, reply) = hub.auth.login(request, &Origin::default()).await.unwrap();
    clock.set_still(START.plus_ms(29 * DAY_MS), START);
    assert_eq!(hub.auth.end_unused().await.unwrap(), 0);
    hub.auth.refresh(&reply.refresh_token).await.unwrap();
    let mut revoked = hub.auth.revocations();
    revoked.mark_unchanged();
    clock.set_still(START.plus_ms(31 * DAY_MS), START);
    assert_eq!(hub.auth.end_unused().await.unwrap(), 1);
    assert!(revoked.has_changed().unwrap(), "sockets are told");
    let left: Vec<_> = hub.auth.sessions(None).await.unwrap();
    assert_eq!(left.iter().map(|session| session.account.as_str()).collect::<Vec<_>>(), ["lee"]);
    assert!(hub.auth.is_live(&identity));
}

/// Two admins take each other away at two hubs at once: one of them stays.
pub async fn two_hubs_leave_one_admin(place: Place) {
    let (first, second) = (hub_on(&place, &Clock::wall()).await, hub_on(&place, &Clock::wall()).await);
    for _ in 0..4 {
        for name in ["kim", "lee"] {
            first.auth.put_account(new(name, Role::Admin)).await.unwrap();
        }
        let (kim, lee, by) = ("kim".into(), "lee".into(), by());
        let (one, other) = tokio::join!(
            first.auth.edit_account(&kim, disabled(true), Some(&by)),
            second.auth.edit_account(&lee, disabled(true), Some(&by)),
        );
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    }
}

/// What one hub changes is in force at the other when it next looks.
pub async fn a_change_at_one_hub_is_in_force_at_the_other(place: Place) {
    let (first, second) = (hub_on(&place, &Clock::wall()).await, hub_on(&place, &Clock::wall()).await);
    first.auth.put_account(new("admin", Role::Admin)).await.unwrap();
    first.auth.put_account(new("kim", Role::Dispatcher)).await.unwrap();
    let signed_in = async || {
        let request = LoginRequest { account: "kim".into(), password: "kim".into() };
        second.auth.login(request, &Origin::default()).await.unwrap().0
    };
    let role = AccountEdit { role: Some(Role::Supervisor), ..AccountEdit::default() };
    let centers = AccountEdit { centers: Some(vec!["mapo".into()]), ..AccountEdit::default() };
    for edit in [role, centers, disabled(true)] {
        let identity = signed_in().await;
        first.auth.edit_account(&"kim".into(), edit, Some(&by())).await.unwrap();
        second.auth.reload().await.unwrap();
        assert!(!second.auth.is_live(&identity));
    }
    assert!(signs_in(&second, "kim").await.is_err());
    first.auth.edit_account(&"kim".into(), disabled(false), Some(&by())).await.unwrap();
    let identity = signed_in().await;
    first.auth.remove_account(&"kim".into(), &by()).await.unwrap();
    second.auth.reload().await.unwrap();
    assert!(!second.auth.is_live(&identity));
    assert!(second.auth.current(&identity).is_none());
    let secret = first.auth.add_key(key("till"), &by()).await.unwrap();
    let headers = axum::http::HeaderMap::from_iter([("x-api-key".parse().unwrap(), secret.parse().unwrap())]);
    assert!(second.auth.identify(&headers).await.is_ok(), "known at once");
    first.auth.remove_key(&"till".into(), &by()).await.unwrap();
    second.auth.reload().await.unwrap();
    assert!(second.auth.identify(&headers).await.is_err());
}

fn from(address: &str) -> Origin {
    Origin { address: address.parse().ok(), ..Origin::default() }
}
