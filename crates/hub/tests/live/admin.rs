//! `/admin`: its files come from the hub, and name no other place.

use crate::harness::Running;

#[tokio::test]
async fn the_page_is_whole_and_asks_no_other_server() {
    let running = Running::start(false).await;
    let file = async |path: &str| {
        let answer = reqwest::get(format!("{}{path}", running.rest)).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part) && !policy.contains("unsafe"), "{policy}");
        }
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        answer.text().await.unwrap()
    };
    let page = file("/admin").await;
    for (path, kind) in [("/admin/admin.js", "src"), ("/admin/admin.css", "href")] {
        assert!(page.contains(&format!("{kind}=\"{path}\"")), "{path} in {page}");
        let text = file(path).await;
        assert!(!text.contains("http://") && !text.contains("https://"), "{path} asks another server");
        assert!(!text.contains("innerHTML"), "what comes from the hub is never read as HTML");
    }
    assert!(
        !page.contains("<style") && !page.contains("style=") && !page.contains("onclick"),
        "nothing inline"
    );
    // Each text of the page is in both languages.
    let script = file("/admin/admin.js").await;
    for name in page.split("data-text=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let times = script.matches(&format!("{name}: \"")).count();
        assert!(times == 2, "{name} is there {times} times");
    }
    running.stop().await;
}
