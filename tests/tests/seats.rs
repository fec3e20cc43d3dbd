//! Two seats at one center, each in a real window: what one does under the other's hands.

use anyhow::{Context, Result};
use gwanje_tests::api::Api;
use gwanje_tests::hub::Hub;
use gwanje_tests::window::Window;
use serde_json::{Value, json};
use std::time::Duration;
use thirtyfour::Key;

/// A quiet evening on which little moves by itself.
fn evening<'a>(data: &'a str, listen: &'a str) -> [&'a str; 14] {
    [
        "--data",
        data,
        "--listen",
        listen,
        "--centers",
        "1",
        "--orders",
        "400",
        "--start",
        "23:00",
        "--speed",
        "1",
        "--seed",
        "7",
    ]
}

/// An order of this test's own. Its shop has its name from its order number.
async fn order(desk: &Api, no: &str, target_min: u32) -> Result<Value> {
    let order = json!({
        "orderNo": no,
        "shop": {"id": no, "name": format!("{no} 분식"), "phone": "070-0000-0001", "address": "강남구 역삼동 1",
                 "pos": {"lat": 37.5, "lon": 127.03}, "remark": ""},
        "dropoff": {"address": "강남구 대치동 902", "detail": "1204호", "phone": "010-0000-0001", "recipientPhone": "",
                    "pos": {"lat": 37.505, "lon": 127.035}},
        "pickupTargetMin": target_min, "deliveryTargetMin": target_min,
        "items": [{"name": "떡볶이", "quantity": 1}], "priceWon": 9000, "request": "",
    });
    let row = desk.post("/centers/gangnam/deliveries", &order).await?;
    desk.post(&format!("{}/accept", path_of(&row)), &json!({})).await
}

fn path_of(row: &Value) -> String {
    format!("/centers/gangnam/deliveries/{}", row["id"])
}

/// One field of the row, as the hub has it.
async fn at_hub(desk: &Api, row: &Value, pointer: &str) -> Result<Value> {
    let now: Value = desk.get(&path_of(row)).await?;
    Ok(now.pointer(pointer).cloned().unwrap_or_default())
}

async fn seat(hub: &Hub, account: &str) -> Result<Window> {
    let window = Window::open(&["--server", &hub.url]).await?;
    for field in ["account", "password"] {
        let input = window.find(field).await?;
        input.clear().await?;
        input.send_keys(account).await?;
    }
    window.press(Key::Enter + "").await?;
    window.find("board-grid").await?;
    live(&window).await?;
    Ok(window)
}

async fn live(window: &Window) -> Result<()> {
    freshness(window, "live").await
}

async fn freshness(window: &Window, wanted: &str) -> Result<()> {
    let shown = "document.querySelector(\"[data-testid='link-state']\")?.dataset.state";
    window.until(&format!("the board to be {wanted}"), &format!("{shown} === '{wanted}'")).await
}

/// The board's row of a delivery, as a script finds it.
fn row_node(row: &Value) -> String {
    format!("document.querySelector(\"[data-testid='board-grid'] [role='row'][data-id='{}']\")", row["id"])
}

fn status_cell(row: &Value) -> String {
    format!("{}?.querySelector(\"[data-column='status']\")?.textContent", row_node(row))
}

/// Searches for a delivery, chooses it, and leaves the focus on the list.
async fn choose(window: &Window, row: &Value) -> Result<()> {
    let number = row["number"].as_str().context("a number")?;
    window.press("/").await?;
    window.press(number).await?;
    window.until("the row to be found", &format!("{} != null", row_node(row))).await?;
    window.press(Key::Enter + "").await?;
    window.press("j").await?;
    let chosen = format!("{}?.getAttribute('aria-selected') === 'true'", row_node(row));
    window.until("the row to be chosen", &chosen).await
}

async fn open_riders(window: &Window) -> Result<()> {
    window.press("a").await?;
    window.find("assign-dialog").await?;
    window.find("rider-option").await?;
    Ok(())
}

/// What the rail's block says; the empty text when there is none.
const BLOCK: &str = "(document.querySelector(\"[data-testid='alarm-banner']\")?.textContent ?? '')";

#[tokio::test(flavor = "multi_thread")]
async fn what_one_seat_does_under_the_others_hands_is_seen_and_never_overwritten() -> Result<()> {
    let data = tempfile::tempdir()?;
    let data = data.path().to_str().context("a temporary folder in UTF-8")?;
    let hub = Hub::demo(&evening(data, "127.0.0.1:0"))?;
    let desk = hub.sign_in("callcenter").await?;
    let admin = hub.sign_in("admin").await?;
    let row = order(&desk, "SEATS1", 60).await?;
    let (here, there) = tokio::try_join!(seat(&hub, "dispatcher"), seat(&hub, "supervisor"))?;
    tokio::try_join!(choose(&here, &row), choose(&there, &row))?;
    let waiting: String = here.value(&status_cell(&row)).await?;

    // Both have the riders open. The one over there is quicker.
    tokio::try_join!(open_riders(&here), open_riders(&there))?;
    there.press(Key::Down + "").await?;
    there.press(Key::Enter + "").await?;
    there.until("the row to be assigned", &format!("{} !== {}", status_cell(&row), json!(waiting))).await?;
    let assigned: Value = desk.get(&path_of(&row)).await?;
    let rider = assigned.pointer("/rider/name").and_then(Value::as_str).context("a rider")?;
    let changed = "document.querySelector(\"[data-testid='subject-changed']\")";
    let names = format!("!{changed}.hidden && {changed}.textContent.includes({})", json!(rider));
    here.until("the dialog to say what changed", &names).await?;
    here.press(Key::Enter + "").await?;
    here.press(Key::Escape + "").await?;
    let closed = "!document.querySelector(\"[data-testid='assign-dialog']\")";
    here.until("the dialog to be closed", closed).await?;
    assert_eq!(at_hub(&desk, &row, "/rev").await?, assigned["rev"], "Enter did nothing");

    // Who assigned takes it back, at the boards of both.
    there.press("z").await?;
    for window in [&here, &there] {
        let back = format!("{} === {}", status_cell(&row), json!(waiting));
        window.until("the assignment to be taken back", &back).await?;
    }
    assert_eq!(at_hub(&desk, &row, "/status").await?, "waiting");

    // The doer of a cancellation is spared, the other seat is told.
    there.press("c").await?;
    there.find("cancel-reason-1").await?;
    there.press("1").await?;
    there.press(Key::Enter + "").await?;
    let number = row["number"].as_str().context("a number")?;
    let cancelled = format!("{} !== {}", status_cell(&row), json!(waiting));
    there.until("the row to be cancelled", &cancelled).await?;
    here.until("the cancellation to be told", &format!("{BLOCK}.includes({})", json!(number))).await?;
    assert!(
        !there.value::<String>(BLOCK).await?.contains(number),
        "nobody is alarmed of what he did himself"
    );

    // An order that becomes late is on the rails of both.
    let slow = order(&desk, "SEATS2", 1).await?;
    admin.post("/drill", &json!({"speed": 60})).await?;
    for window in [&here, &there] {
        let rail = "document.querySelector(\"[data-testid='alarm-rail']\").textContent";
        let number = slow["number"].as_str().context("a number")?;
        // Several that are late are one line.
        let late = format!("/지연|late/i.test({rail}) || {rail}.includes({})", json!(number));
        window.until("the late order to be told", &late).await?;
    }
    Ok(())
}

/// Begins to note, each frame, where the list and a row of it stand on the screen.
fn watch(row: &Value) -> String {
    format!(
        "(() => {{ window.seen = {{ list: new Set(), row: new Set() }};
           const look = () => {{
             const grid = document.querySelector(\"[data-testid='board-grid']\");
             if (grid) window.seen.list.add(grid.getBoundingClientRect().top);
             const row = {};
             window.seen.row.add(row ? row.getBoundingClientRect().top : null);
             requestAnimationFrame(look);
           }};
           look(); return true; }})()",
        row_node(row)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_moves_under_a_still_hand() -> Result<()> {
    let data = tempfile::tempdir()?;
    let data = data.path().to_str().context("a temporary folder in UTF-8")?;
    let mut hub = Hub::demo(&evening(data, "127.0.0.1:0"))?;
    let desk = hub.sign_in("callcenter").await?;
    let row = order(&desk, "STILL1", 60).await?;
    let here = seat(&hub, "dispatcher").await?;
    let shown = format!("{} != null", row_node(&row));
    here.until("the row to be in sight", &shown).await?;
    // A hand on the list: places are held from here on.
    here.press("j").await?;
    let _: bool = here.value(&watch(&row)).await?;

    let mut others = Vec::new();
    for nth in 0..12 {
        others.push(order(&desk, &format!("STILL9{nth}"), 60).await?);
    }
    let strip = "document.querySelector(\"[data-testid='held']\").textContent";
    here.until("the strip to say what waits", &format!("/12/.test({strip})")).await?;
    here.press("j").await?;
    for other in others.iter().take(3) {
        let cancel = json!({"reason": "고객 변심", "by": "customer"});
        desk.post(&format!("{}/cancel", path_of(other)), &cancel).await?;
    }
    let number = others[2]["number"].as_str().context("a number")?;
    let rail = "document.querySelector(\"[data-testid='alarm-rail']\").textContent";
    here.until("the alarms to be on the rail", &format!("{rail}.includes({})", json!(number))).await?;
    here.press("k").await?;
    let address = hub.address().to_owned();
    hub.process.kill()?;
    freshness(&here, "offline").await?;
    here.press("j").await?;
    let _hub = Hub::demo(&evening(data, &address))?;
    here.press("k").await?;
    live(&here).await?;

    let places: Vec<Vec<Option<f64>>> = here.value("[[...window.seen.list], [...window.seen.row]]").await?;
    assert_eq!(places[0].len(), 1, "the list moved: {places:?}");
    assert_eq!(places[1].len(), 1, "the row moved: {places:?}");
    assert!(places[1][0].is_some(), "the row was in sight");
    tokio::time::timeout(Duration::from_secs(60), here.driver.quit()).await??;
    Ok(())
}
