//! The control room in a real window on a real hub, used as a dispatcher uses it.

use anyhow::{Context, Result};
use gwanje_tests::api::Api;
use gwanje_tests::hub::Hub;
use gwanje_tests::peers::{Kind, Peer};
use gwanje_tests::window::Window;
use serde_json::{Value, json};
use thirtyfour::Key;

/// As many orders as the busiest of the real days.
const ORDERS: &str = "3213";

/// A quiet board late in the evening: nearly all of the day's orders are on it, and little moves by itself.
fn evening<'a>(data: &'a str, listen: &'a str) -> Vec<&'a str> {
    let fixed = ["--centers", "1", "--orders", ORDERS, "--start", "23:00", "--speed", "1", "--seed", "7"];
    let mut arguments = vec!["--data", data, "--listen", listen];
    arguments.extend(fixed);
    arguments
}

/// An order of this test's own, waiting for a rider: nobody else touches it.
async fn waiting_order(desk: &Api) -> Result<Value> {
    let order = json!({
        "orderNo": "WINDOW000001",
        "shop": {"id": "window-shop", "name": "창문분식", "phone": "070-0000-0001", "address": "강남구 역삼동 1",
                 "pos": {"lat": 37.5, "lon": 127.03}, "remark": ""},
        "dropoff": {"address": "강남구 대치동 902", "detail": "1204호", "phone": "010-0000-0001", "recipientPhone": "",
                    "pos": {"lat": 37.505, "lon": 127.035}},
        "items": [{"name": "떡볶이", "quantity": 1}], "priceWon": 9000, "request": "",
    });
    let row = desk.post("/centers/gangnam/deliveries", &order).await?;
    desk.post(&format!("/centers/gangnam/deliveries/{}/accept", row["id"]), &json!({})).await
}

/// The page's count of rows that match.
const TOTAL: &str =
    "Number(document.querySelector(\"[data-testid='total']\").textContent.replace(/\\D/g, ''))";
/// How many row nodes the grid has, whatever the board's size.
const ROW_NODES: &str = "document.querySelectorAll(\"[data-testid='board-grid'] [role='row']\").length";

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatchers_evening() -> Result<()> {
    let data = tempfile::tempdir()?;
    let data = data.path().to_str().context("a temporary folder in UTF-8")?;
    let mut hub = Hub::demo(&evening(data, "127.0.0.1:0"))?;
    let desk = hub.sign_in("callcenter").await?;
    let order = waiting_order(&desk).await?;
    let number = order["number"].as_str().context("a number")?.to_owned();
    let path = format!("/centers/gangnam/deliveries/{}", order["id"]);
    let count = desk.snapshot("gangnam").await?.count;

    let window = Window::open(&["--server", &hub.url]).await?;
    wrong_password(&window).await?;
    sign_in(&window).await?;
    window.until("the whole board to be there", &format!("{TOTAL} >= {count}")).await?;

    plain_list(&window).await?;
    scroll_to_the_end(&window).await?;
    search(&window, &number).await?;
    assign_by_keyboard(&window, &desk, &path).await?;
    cancelled_by_another_seat(&window, &desk, &path, &number).await?;
    clear_search(&window).await?;
    sort_and_filter(&window).await?;
    compare_everything(&window).await?;

    let address = hub.address().to_owned();
    hub.process.kill()?;
    link_state(&window, &["offline"]).await?;
    window
        .until(
            "the outage to be in view",
            "document.querySelector(\"[data-testid='complete-as-of']\").textContent.length > 0",
        )
        .await?;
    let hub = Hub::demo(&evening(data, &address))?;
    link_state(&window, &["live"]).await?;
    let desk = hub.sign_in("callcenter").await?;
    let row: Value = desk.get(&path).await?;
    assert_eq!(row["status"], "cancelled", "the restarted hub went on where it was: {row}");

    switch_language(&window).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_without_a_server_offers_the_demo() -> Result<()> {
    let window = Window::open(&[]).await?;
    window.find("try-demo").await?.click().await?;
    link_state(&window, &["live"]).await?;
    window.until("a board with deliveries", &format!("{TOTAL} > 100")).await?;
    window
        .until("the window to say that the day is simulated", "/모의|drill/i.test(document.body.innerText)")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_servers_board_is_named_proven_by_its_list_and_takes_no_commands() -> Result<()> {
    // Not much moves: the list is equal to what the socket told.
    let mut server = Peer::start(Kind::Legacy, &["--speed", "1"])?;
    let dialect = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/dialects/legacy.toml");
    let window = Window::open(&["--dialect", dialect, "--server", &server.url]).await?;
    window.find("board-grid").await?;
    link_state(&window, &["live"]).await?;
    window.until("a board with deliveries", &format!("{TOTAL} > 50")).await?;
    let named = "document.querySelector(\"[data-testid='foreign']\")?.textContent.includes('레거시 배차')";
    window.until("the server to be named", named).await?;
    window
        .until("no revision to be shown", "!/\\brev\\b/.test(document.querySelector('footer').innerText)")
        .await?;
    window.press("j").await?;
    window.press(Key::Enter + "").await?;
    let details = "document.querySelector(\"[data-testid='detail-panel']\").dataset.open === 'true'";
    window.until("details", details).await?;
    window.press("a").await?;
    window.press("c").await?;
    let dialogs = "document.querySelectorAll('[role=dialog]').length";
    window.until("no command to be asked about", &format!("{dialogs} === 0")).await?;
    server.kill()?;
    link_state(&window, &["offline"]).await?;
    server.restart()?;
    link_state(&window, &["live"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_watches_the_hub_go_and_come_back() -> Result<()> {
    let data = tempfile::tempdir()?;
    let data = data.path().to_str().context("a temporary folder in UTF-8")?;
    let mut hub = Hub::demo(&evening(data, "127.0.0.1:0"))?;
    let window = Window::open(&["--server", &hub.url]).await?;
    fill(&window, "account", "admin").await?;
    fill(&window, "password", "admin").await?;
    window.press(Key::Enter + "").await?;
    window.find("board-grid").await?;
    link_state(&window, &["live"]).await?;

    window.press("gm").await?;
    let address = hub.address().to_owned();
    let nodes = "document.querySelector(\"[data-testid='monitor-nodes']\")?.textContent ?? ''";
    window.until("the hub to be named", &format!("({nodes}).includes('{address}')")).await?;
    window.until("the charts to be drawn", "document.querySelectorAll('.uplot canvas').length === 6").await?;
    window.find("monitor-tab-clients").await?.click().await?;
    let clients = "document.querySelectorAll('[data-client]').length";
    window.until("this seat to be among the clients", &format!("{clients} === 1")).await?;
    window.press("j").await?;
    window.press(Key::Enter + "").await?;
    window.find("monitor-put-out").await?.click().await?;
    window.find("put-out-confirm").await?.click().await?;
    window.find("monitor-put-out-said").await?;
    link_state(&window, &["live"]).await?;

    hub.process.kill()?;
    window.find("monitor-old").await?;
    assert!(window.value::<u64>(clients).await? <= 1, "what was known stays");
    let _hub = Hub::demo(&evening(data, &address))?;
    window
        .until("the monitor to be of now", "document.querySelector(\"[data-testid='monitor-old']\") === null")
        .await?;
    link_state(&window, &["live"]).await
}

async fn wrong_password(window: &Window) -> Result<()> {
    fill(window, "account", "dispatcher").await?;
    fill(window, "password", "wrong").await?;
    window.find("sign-in").await?.click().await?;
    let said = "document.querySelector(\"[data-testid='sign-in-error']\")?.textContent.trim()";
    window.until("one clear sentence about the password", &format!("{said}?.length > 10")).await
}

async fn sign_in(window: &Window) -> Result<()> {
    fill(window, "password", "dispatcher").await?;
    window.press(Key::Enter + "").await?;
    window.find("board-grid").await?;
    link_state(window, &["live"]).await
}

async fn fill(window: &Window, field: &str, text: &str) -> Result<()> {
    let field = window.find(field).await?;
    field.clear().await?;
    field.send_keys(text).await?;
    Ok(())
}

async fn link_state(window: &Window, wanted: &[&str]) -> Result<()> {
    let wanted = serde_json::to_string(wanted)?;
    let shown = "document.querySelector(\"[data-testid='link-state']\")?.dataset.state";
    window.until(&format!("the link to be {wanted}"), &format!("{wanted}.includes({shown})")).await
}

/// What the row at a place (from 0) shows in a column.
fn cell(place: u64, column: &str) -> String {
    let row = format!("[role='row'][aria-rowindex='{}']", place + 2);
    format!(
        "document.querySelector(\"[data-testid='board-grid'] {row} [data-column='{column}']\")?.textContent"
    )
}

/// A list without groups, the newest first: rows stand where they can be named.
async fn plain_list(window: &Window) -> Result<()> {
    let choose = "(() => { const group = document.querySelector(\"[data-testid='group']\"); group.value = ''; \
                  group.dispatchEvent(new Event('change', { bubbles: true })); return true; })()";
    let _: bool = window.value(choose).await?;
    let heads = "document.querySelectorAll(\"[data-testid='board-grid'] [data-group]\").length";
    window.until("no group heads", &format!("{heads} === 0")).await?;
    for descending in ["ascending", "descending"] {
        click_head(window, "number").await?;
        let sorted = "document.querySelector(\"[data-sort='number']\").closest('[aria-sort]').ariaSort";
        window.until("the order", &format!("{sorted} === '{descending}'")).await?;
    }
    Ok(())
}

async fn click_head(window: &Window, sort: &str) -> Result<()> {
    let grid = window.find("board-grid").await?;
    grid.find(thirtyfour::By::Css(format!("[data-sort='{sort}']"))).await?.click().await?;
    Ok(())
}

async fn scroll_to_the_end(window: &Window) -> Result<()> {
    let nodes: u64 = window.value(ROW_NODES).await?;
    assert!((10..200).contains(&nodes), "{nodes} row nodes");
    // Down once puts the keyboard's mark on the first row; End takes it to the last.
    window.press("j").await?;
    window.press(Key::End + "").await?;
    let last = format!(
        "[...document.querySelectorAll(\"[data-testid='board-grid'] [role='row'][data-id]\")]\
         .some((row) => Number(row.getAttribute('aria-rowindex')) === {TOTAL} + 1)"
    );
    window.until("the last row to be in sight", &last).await?;
    let after: u64 = window.value(ROW_NODES).await?;
    assert_eq!(after, nodes, "the number of row nodes is constant");
    window.press(Key::Home + "").await
}

async fn search(window: &Window, words: &str) -> Result<()> {
    window.press("/").await?;
    window.press(words).await?;
    window.until("the search to find one row", &format!("{TOTAL} === 1")).await?;
    window.until("the row found to be shown", &format!("{} === {}", cell(0, "number"), json!(words))).await
}

async fn clear_search(window: &Window) -> Result<()> {
    // Esc ends the topmost alone, and places are held while someone reads.
    window.press(".").await?;
    window.press(Key::Escape + "").await?;
    window.until("the whole board to be back", &format!("{TOTAL} > 3000")).await
}

async fn assign_by_keyboard(window: &Window, desk: &Api, path: &str) -> Result<()> {
    let status = cell(0, "status");
    let before: String = window.value(&status).await?;
    // Enter leaves the search for the list, J chooses the row, A opens the riders, Enter takes the first of them.
    window.press(Key::Enter + "").await?;
    window.press("j").await?;
    window.press("a").await?;
    window.find("assign-dialog").await?;
    window.find("rider-option").await?;
    window.press(Key::Enter + "").await?;
    window.until("the row to be assigned", &format!("{status} !== {}", json!(before))).await?;
    let row: Value = desk.get(path).await?;
    assert_eq!(row["status"], "assigned", "{row}");
    Ok(())
}

async fn cancelled_by_another_seat(window: &Window, desk: &Api, path: &str, number: &str) -> Result<()> {
    desk.post(&format!("{path}/cancel"), &json!({"reason": "고객 변심", "by": "customer"})).await?;
    // What has not been in view for long enough to be read is not acknowledged by a key.
    let banner = "document.querySelector(\"[data-testid='alarm-banner'][data-read='true']\")";
    let shows = format!("{banner}?.textContent.includes({})", json!(number));
    window.until("the cancellation to appear as a banner", &shows).await?;
    window.press(Key::Space + "").await?;
    window.until("the banner to go when acknowledged", &format!("!({shows})")).await
}

async fn sort_and_filter(window: &Window) -> Result<()> {
    let first = cell(0, "number");
    let before: String = window.value(&first).await?;
    click_head(window, "distance").await?;
    window.until("another order of rows", &format!("{first} !== {}", json!(before))).await?;
    let delivered = "Number(document.querySelector(\"[data-testid='count-delivered']\").dataset.value)";
    window.find("status-filter-delivered").await?.click().await?;
    window.until("only delivered rows", &format!("{TOTAL} === {delivered} && {delivered} > 0")).await?;
    window.find("status-filter-delivered").await?.click().await?;
    window.until("all rows again", &format!("{TOTAL} > {delivered}")).await
}

/// What stands behind the link state: everything is compared when asked for, and the whole page can be handed on.
async fn compare_everything(window: &Window) -> Result<()> {
    window.find("open-diagnosis").await?.click().await?;
    window.find("check-everything").await?.click().await?;
    let result = "document.querySelector(\"[data-testid='check-result']\")";
    window.until("everything to be compared", &format!("{result}.dataset.phase === 'done'")).await?;
    let rows = format!("/3[,.]\\d{{3}}/.test({result}.textContent)");
    window.until("the result to say how many rows were compared", &rows).await?;
    window.find("copy-diagnosis").await?.click().await?;
    let said = "document.querySelector(\"[data-testid='copy-said']\").dataset.said";
    window.until("the page to be in the clipboard", &format!("{said} === 'copied'")).await?;
    window.press(Key::Escape + "").await?;
    window.until("the dialog to be closed", &format!("!{result}")).await
}

async fn switch_language(window: &Window) -> Result<()> {
    let headers = "[...document.querySelectorAll(\"[data-testid='board-grid'] [role='columnheader']\")].map((h) => h.textContent.trim()).join(' ')";
    let before: String = window.value(headers).await?;
    window.find("account-menu").await?.click().await?;
    window.find("language-toggle").await?.click().await?;
    window.until("the other language", &format!("{headers} !== {}", json!(before))).await
}
