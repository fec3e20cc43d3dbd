//! Who may call what, where: each role and key, each call of the described interface, in an own and in another center, at two
//! hubs on one database; and each role in each namespace of the sockets.

use crate::harness::{Node, Shared, gangnam};
use crate::peer::Peer;
use gwanje_hub::auth::{ApiKey, NewAccount, Scope};
use gwanje_hub::origin::Origin;
use gwanje_hub::store::{Ask, CenterRecord, Command, Intent};
use gwanje_model::{CenterId, DeliveryId, Rider, RiderStatus, Role};
use gwanje_wire::NewOrder;
use gwanje_wire::rest::LoginRequest;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// In the order of the tables' columns. `reader` and `taker` are keys, of which the latter may create and cancel alone.
const WHO: [&str; 8] =
    ["dispatcher", "callcenter", "supervisor", "admin", "rider", "reader", "taker", "nobody"];

/// A call, and who may: `y` may (whatever else is wrong with it), `u` is not known (401), `f` may not (403), `n` is told that it
/// is not there (404). First in an own center, then in another; a call that is of no center has no second.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// `{id}`: a delivery there that the rider was given. `NEW`: a name that nobody has.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("post", "/login", r#"{}"#, "yyyyyyyy", ""),
    ("post", "/login/refresh", r#"{}"#, "yyyyyyyy", ""),
    ("post", "/logout", "", "yyyyyffu", ""),
    ("post", "/socket-tickets", "", "yyyyyffu", ""),
    ("get", "/accounts", "", "fffyfffu", ""),
    ("post", "/accounts", r#"{"account": "NEW", "role": "dispatcher", "centers": ["gangnam"], "password": "x"}"#, "fffyfffu", ""),
    ("patch", "/accounts/{name}", r#"{"name": "n"}"#, "fffyfffu", ""),
    ("delete", "/accounts/{name}", "", "fffyfffu", ""),
    ("get", "/keys", "", "fffyfffu", ""),
    ("post", "/keys", r#"{"name": "NEW", "scopes": ["read"], "centers": ["gangnam"]}"#, "fffyfffu", ""),
    ("delete", "/keys/{name}", "", "fffnfffu", ""),
    ("get", "/sessions", "", "yyyyyffu", ""),
    ("get", "/sessions?account=victim", "", "fffyfffu", ""),
    ("delete", "/sessions/{id}", "", "nnnnnffu", ""),
    ("get", "/audit", "", "fffyfffu", ""),
    ("get", "/preferences/{key}", "", "nnnnnffu", ""),
    ("put", "/preferences/{key}", "1", "yyyyyffu", ""),
    ("get", "/centers", "", "yyyyyyfu", ""),
    ("get", "/centers/{center}/deliveries", "", "yyyyyyfu", "nnnynnnu"),
    ("post", "/centers/{center}/deliveries", r#"{"shop": {"id": "s", "name": "한솥"}, "dropoff": {"address": "역삼동 1"}}"#, "fyyfffyu", "nnnfnnnu"),
    ("post", "/centers/{center}/deliveries/batch", r#"{"action": "note", "body": {"text": "x"}, "ids": [{"id": {id}}]}"#, "yyyffffu", "nnnfnnnu"),
    ("get", "/centers/{center}/deliveries/{id}", "", "yyyyyyfu", "nnnynnnu"),
    ("get", "/centers/{center}/deliveries/{id}/history", "", "yyyyyyfu", "nnnynnnu"),
    ("get", "/centers/{center}/deliveries/{id}/trace", "", "yyyyyyfu", "nnnynnnu"),
    ("post", "/centers/{center}/deliveries/{id}/accept", "{}", "yyyffffu", "nnnfnnnu"),
    ("post", "/centers/{center}/deliveries/{id}/assign", r#"{"riderId": "other"}"#, "yfyffffu", "nnnfnnnu"),
    ("post", "/centers/{center}/deliveries/{id}/unassign", "{}", "yfyffffu", "nnnfnnnu"),
    ("post", "/centers/{center}/deliveries/{id}/confirm", "{}", "yfyfyffu", "nnnfnnnu"),
    ("post", "/centers/{center}/deliveries/{id}/pickup", "{}", "yfyfyffu", "nnnfnnnu"),
    ("post", "/centers/{center}/deliveries/{id}/deliver", "{}", "yfyfyffu", "nnnfnnnu"),
    ("post", "/centers/{center}/deliveries/{id}/cancel", r#"{"reason": "x", "by": "customer"}"#, "yyyfffyu", "nnnfnnnu"),
    ("post", "/centers/{center}/deliveries/{id}/note", r#"{"text": "x"}"#, "yyyffffu", "nnnfnnnu"),
    ("post", "/centers/{center}/deliveries/{id}/undo", r#"{"rev": 1}"#, "yyyfyffu", "nnnfnnnu"),
    ("post", "/centers/{center}/commands/{key}/close", "", "yyyyyyyu", "nnnynnnu"),
    ("get", "/centers/{center}/changes?after=0", "", "yyyyfyfu", "nnnynnnu"),
    ("get", "/centers/{center}/digest", "", "yyyyfyfu", "nnnynnnu"),
    ("get", "/centers/{center}/at?time=0", "", "yyyyfyfu", "nnnynnnu"),
    ("get", "/centers/{center}/search", "", "yyyyfyfu", "nnnynnnu"),
    ("get", "/centers/{center}/riders", "", "yyyyfyfu", "nnnynnnu"),
    ("post", "/centers/{center}/riders", r#"{"id": "NEW", "name": "새 라이더"}"#, "ffyyfffu", "nnnynnnu"),
    ("patch", "/centers/{center}/riders/other", r#"{"name": "n"}"#, "ffyyfffu", "nnnynnnu"),
    ("get", "/centers/{center}/alarms", "", "yyyyfyfu", "nnnynnnu"),
    ("post", "/centers/{center}/alarms/{id}/late/1", r#"{"stage": "delivered"}"#, "yyyyfffu", "nnnynnnu"),
    ("get", "/monitor", "", "yyyyfffu", ""),
    ("get", "/monitor/clients", "", "yyyyfffu", ""),
    ("delete", "/monitor/clients/{connection_id}", "", "fffnfffu", ""),
    ("post", "/monitor/shown", r#"{"deliveryId": {id}}"#, "yyyyfffu", "nnnyfffu"),
    ("post", "/drain", r#"{"node": "nobody"}"#, "fffnfffu", ""),
    ("get", "/healthz", "", "yyyyyyyy", ""),
    ("get", "/readyz", "", "yyyyyyyy", ""),
    ("get", "/metrics", "", "yyyyyyyy", ""),
    ("get", "/openapi.json", "", "yyyyyyyy", ""),
    ("get", "/admin", "", "yyyyyyyy", ""),
    ("get", "/admin/admin.js", "", "yyyyyyyy", ""),
    ("get", "/admin/admin.css", "", "yyyyyyyy", ""),
];

/// The path as the interface describes it; those at the root are whole.
fn described(path: &str) -> String {
    let bare = path.split('?').next().unwrap();
    let bare = ["accept", "assign", "unassign", "confirm", "pickup", "deliver", "cancel", "note", "undo"]
        .iter()
        .find_map(|action| bare.strip_suffix(&format!("/{{id}}/{action}")))
        .map_or_else(|| bare.to_owned(), |before| format!("{before}/{{id}}/{{action}}"));
    let bare = bare
        .replace("/riders/other", "/riders/{id}")
        .replace("/alarms/{id}/late/1", "/alarms/{id}/{kind}/{raised_at}");
    if is_at_root(&bare) { bare } else { format!("/api/v1{bare}") }
}

fn is_at_root(path: &str) -> bool {
    ["/healthz", "/readyz", "/metrics", "/openapi.json", "/admin"].iter().any(|root| path.starts_with(root))
}

/// What each of [`WHO`] shows of itself, and by what all ask.
struct Credentials {
    shown: BTreeMap<&'static str, String>,
    client: reqwest::Client,
}

async fn prepare(node: &Node) -> Credentials {
    let songpa =
        CenterRecord {
            id: "songpa".into(), name: "송파".into(), pos: None, time_zone: "Asia/Seoul".into()
        };
    node.hub.store.ensure_center(songpa).await.unwrap();
    for center in [gangnam(), "songpa".into()] {
        let rider = |id: &str| Rider {
            id: id.into(),
            name: id.into(),
            phone: "010".into(),
            home: center.clone(),
            status: RiderStatus::Idle,
            pos: None,
            seen_at: None,
            load: 0,
        };
        node.hub.store.upsert_riders(&center, vec![rider("rider"), rider("other")]).await.unwrap();
    }
    let mut shown = BTreeMap::new();
    for role in Role::ALL {
        let name = role.as_str();
        let (rider, person, password) = (None, None, name.to_owned());
        let centers = vec![gangnam()];
        let account = NewAccount { name: name.into(), role, centers, rider, person, password };
        node.hub.auth.put_account(account).await.unwrap();
        shown.insert(name, signed_in(node, name).await);
    }
    for (name, scopes) in [("reader", vec![Scope::Read]), ("taker", vec![Scope::Create, Scope::Cancel])] {
        let key = ApiKey { name: name.into(), centers: vec![gangnam()], scopes };
        shown.insert(name, node.hub.auth.put_key(key).await.unwrap());
    }
    Credentials { shown, client: reqwest::Client::new() }
}

async fn signed_in(node: &Node, name: &str) -> String {
    let request = LoginRequest { account: name.into(), password: name.into() };
    node.hub.auth.login(request, &Origin::default()).await.unwrap().1.access_token
}

/// A delivery that the rider was given.
async fn given(node: &Node, center: &CenterId) -> DeliveryId {
    let order = json!({"shop": {"id": "s", "name": "한솥"}, "dropoff": {"address": "역삼동 1"}});
    let order: NewOrder = serde_json::from_value(order).unwrap();
    let execute = async |intent| {
        let command = Command::new(center.clone(), intent, "test", node.hub.clock.day_now());
        node.hub.store.execute(command).await.unwrap().result.unwrap().row.id
    };
    let id = execute(Intent::Create(Box::new(order))).await;
    execute(Intent::Act(id, Ask::Accept)).await;
    execute(Intent::Act(id, Ask::Assign("rider".into()))).await
}

/// What a call is about.
struct About<'a> {
    center: CenterId,
    /// A delivery there.
    id: &'a str,
    /// A name that nobody has.
    new: String,
}

impl Credentials {
    /// Whether `who` may: as the tables say it.
    async fn may(&self, node: &Node, who: &str, row: &Row, about: &About<'_>) -> (char, String) {
        let (method, path, body, ..) = row;
        let About { center, id, new } = about;
        let filled = |text: &str| {
            text.replace("{center}", center.as_str())
                .replace("{id}", id)
                .replace("{name}", "victim")
                .replace("{key}", "K1")
                .replace("{connection_id}", "nobody")
                .replace("NEW", new)
        };
        let root = if is_at_root(path) { "" } else { "/api/v1" };
        let url = format!("{}{root}{}", node.url, filled(path));
        let method: Method = method.to_uppercase().parse().unwrap();
        let request = self.client.request(method, url);
        let request = match (who, self.shown.get(who)) {
            ("reader" | "taker", Some(key)) => request.header("x-api-key", key),
            // It ends the sign-in.
            (who, Some(_)) if *path == "/logout" => request.bearer_auth(signed_in(node, who).await),
            (_, Some(token)) => request.bearer_auth(token),
            (_, None) => request,
        };
        let request = if body.is_empty() {
            request
        } else {
            request.header("content-type", "application/json").body(filled(body))
        };
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let said = answer.text().await.unwrap();
        let short: String = said.chars().take(160).collect();
        let may = match status {
            401 => 'u',
            403 => 'f',
            404 => 'n',
            500.. => '!',
            _ => 'y',
        };
        (may, format!("{status} {short}"))
    }
}

#[tokio::test]
async fn everybody_may_what_the_contract_says_and_nothing_else() {
    let shared = Shared::start();
    let (first, second) = shared.two().await;
    let credentials = prepare(&first).await;
    let mut wrong = Vec::new();
    for (at, node) in [(1, &first), (2, &second)] {
        if !node.hub.store.has_center(&"songpa".into()) {
            // It looks for centers of other hubs each two seconds.
            node.shows(|_| node.hub.store.has_center(&"songpa".into())).await;
        }
        let mut known = node.hub.auth.account("victim");
        for (n, row) in TABLE.iter().enumerate() {
            if known.is_none() || row.1.contains("{name}") {
                let (role, password) = (Role::Dispatcher, "victim".to_owned());
                let centers = vec![gangnam()];
                let new =
                    NewAccount { name: "victim".into(), role, centers, rider: None, person: None, password };
                node.hub.auth.put_account(new).await.unwrap();
                known = node.hub.auth.account("victim");
            }
            for (where_, expected) in [("gangnam", row.3), ("songpa", row.4)] {
                let has_delivery = row.1.contains("{id}") || row.2.contains("{id}");
                let mut id = String::new();
                for (who, expected) in WHO.into_iter().zip(expected.chars()) {
                    let center = CenterId::from(where_);
                    // Who may has changed the one before, perhaps.
                    if has_delivery && (id.is_empty() || expected == 'y') {
                        id = given(node, &center).await.0.to_string();
                    }
                    let about = About { center, id: &id, new: format!("new-{at}-{n}-{who}-{where_}") };
                    let (may, said) = credentials.may(node, who, row, &about).await;
                    if may != expected {
                        wrong.push(format!(
                            "{who} {} {} in {where_} at hub {at}: {expected}, but {said}",
                            row.0, row.1
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
    first.stopped().await;
    second.stopped().await;
}

#[tokio::test]
async fn every_call_that_is_described_has_its_row() {
    let node = crate::harness::alone(gwanje_hub::logged::LogKept::default(), None, None).await;
    let text = reqwest::get(format!("{}/openapi.json", node.url)).await.unwrap().text().await.unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let calls: BTreeSet<(String, String)> = paths
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| (method.clone(), path.clone()))
        })
        .collect();
    let rows: BTreeSet<(String, String)> =
        TABLE.iter().map(|row| (row.0.to_owned(), described(row.1))).collect();
    assert_eq!(calls.difference(&rows).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "have no row");
    assert_eq!(rows.difference(&calls).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "are no calls");
    node.stopped().await;
}

#[tokio::test]
async fn each_role_joins_the_namespaces_that_it_may() {
    let shared = Shared::start();
    let (first, second) = shared.two().await;
    prepare(&first).await;
    second.hub.auth.reload().await.unwrap();
    second.shows(|_| second.hub.store.has_center(&"songpa".into())).await;
    for node in [&first, &second] {
        for (who, own, other, monitor) in [
            ("dispatcher", "joined", "not-found", "joined"),
            ("callcenter", "joined", "not-found", "joined"),
            ("supervisor", "joined", "not-found", "joined"),
            ("admin", "joined", "joined", "joined"),
            ("rider", "forbidden", "not-found", "forbidden"),
        ] {
            for (namespace, expected) in
                [("/center/gangnam", own), ("/center/songpa", other), ("/monitor", monitor)]
            {
                let request = LoginRequest { account: who.into(), password: who.into() };
                let identity = node.hub.auth.login(request, &Origin::default()).await.unwrap().0;
                let ticket = node.hub.auth.issue_ticket(&identity).ticket;
                let (mut peer, _) = Peer::open(&node.url, namespace).await;
                let joined = peer.join(&ticket, who).await;
                let said = joined.err().map_or("joined".to_owned(), |refusal| {
                    refusal["code"].as_str().or(refusal["data"]["code"].as_str()).unwrap_or("?").to_owned()
                });
                assert_eq!(said, expected, "{who} in {namespace} at {}", node.name());
            }
        }
    }
    first.stopped().await;
    second.stopped().await;
}
