//! Tells on standard output when the first page was painted, for measurements: `painted board` or `painted sign-in`, once,
//! and only with `GWANJE_TRACE_STARTUP=1`.

use std::io::Write as _;
use tauri::{Runtime, WebviewWindowBuilder};

/// Asks for it.
const VARIABLE: &str = "GWANJE_TRACE_STARTUP";
/// The title is the one thing that a page can tell without a command of the app's own.
const PREFIX: &str = "painted ";
/// Looks once a frame. What is found in one frame's callback is painted when the task after the next one's runs.
const SCRIPT: &str = r#"(() => {
  const found = () =>
    document.querySelector("[role=row][data-id]") ? "board"
    : document.querySelector("[data-testid=sign-in-form]") ? "sign-in" : null;
  const look = () => {
    const what = found();
    if (what === null) return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => {
      const title = document.title;
      document.title = "painted " + what;
      setTimeout(() => (document.title = title), 0);
    }, 0));
  };
  requestAnimationFrame(look);
})();"#;

/// Has the window tell, when it was asked for.
pub fn traced<'a, R: Runtime, M: tauri::Manager<R>>(
    window: WebviewWindowBuilder<'a, R, M>,
) -> WebviewWindowBuilder<'a, R, M> {
    if std::env::var_os(VARIABLE).is_none_or(|value| value != "1") {
        return window;
    }
    window.initialization_script(SCRIPT).on_document_title_changed(|_, title| {
        if title.starts_with(PREFIX) {
            // Whoever measures may have gone; the window goes on.
            let _ = writeln!(std::io::stdout(), "{title}");
        }
    })
}
