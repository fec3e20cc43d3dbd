//! The app in a real window on a virtual display, driven as a person would: by tauri-driver and WebKitWebDriver.

use crate::display::Display;
use crate::process::{PATIENCE, Process, binary};
use anyhow::{Context, Result};
use serde_json::json;
use std::net::TcpListener;
use std::path::Path;
use tempfile::TempDir;
use thirtyfour::TypingData;
use thirtyfour::prelude::*;
use thirtyfour::{Capabilities, WebDriver};

/// A running app with its display, its driver and a home of its own.
pub struct Window {
    /// Finds, clicks and types.
    pub driver: WebDriver,
    _processes: Process,
    _display: Display,
    home: TempDir,
}

/// How often a condition in the window is looked at.
const LOOK: std::time::Duration = std::time::Duration::from_millis(50);

impl Window {
    /// Opens the app with these arguments, in an empty home.
    ///
    /// # Errors
    /// When display, driver or app don't come up.
    pub async fn open(arguments: &[&str]) -> Result<Self> {
        Self::open_at_home(arguments, tempfile::tempdir().context("making a home")?).await
    }

    /// Opens the app in a home where it has been before.
    ///
    /// # Errors
    /// When display, driver or app don't come up.
    pub async fn open_at_home(arguments: &[&str], home: TempDir) -> Result<Self> {
        let app = binary("gwanje")?;
        let (port, native_port) = (free_port()?, free_port()?);
        let display = Display::start(home.path())?;
        let mut command = display.command("tauri-driver");
        command.args(["--port", &port.to_string(), "--native-port", &native_port.to_string()]);
        let processes = Process::start(&mut command)?;
        wait_for_port(port, &processes).await?;
        let mut capabilities = Capabilities::new();
        capabilities.set("tauri:options", json!({"application": app, "args": arguments}))?;
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities)
            .await
            .with_context(|| format!("opening the window; the driver's log:\n{}", processes.log()))?;
        Ok(Self { driver, _processes: processes, _display: display, home })
    }

    /// Closes the app and gives its home back, for opening it again.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn close(self) -> Result<TempDir> {
        self.driver.quit().await.context("closing the window")?;
        Ok(self.home)
    }

    /// The element with that test id, once it is there.
    ///
    /// # Errors
    /// When it does not appear.
    pub async fn find(&self, test_id: &str) -> Result<WebElement> {
        let selector = By::Css(format!("[data-testid='{test_id}']"));
        match self.driver.query(selector).wait(PATIENCE, LOOK).first().await {
            Ok(found) => Ok(found),
            Err(error) => {
                let said = self.as_it_is().await?;
                Err(error).with_context(|| format!("{test_id} is not there; {said}"))
            }
        }
    }

    /// Its text, as shown.
    ///
    /// # Errors
    /// When it does not appear.
    pub async fn text(&self, test_id: &str) -> Result<String> {
        Ok(self.find(test_id).await?.text().await?)
    }

    /// Waits until a script's expression over the page is true.
    ///
    /// # Errors
    /// When it stays false; with a picture of the window under `target/`.
    pub async fn until(&self, what: &str, expression: &str) -> Result<()> {
        let script = format!("return Boolean({expression});");
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            if self.driver.execute(script.as_str(), vec![]).await?.convert::<bool>()? {
                return Ok(());
            }
            if tokio::time::Instant::now() > end {
                anyhow::bail!("{what} did not happen; {}", self.as_it_is().await?);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What the window says, for a failure; with a picture of it under `target/`.
    async fn as_it_is(&self) -> Result<String> {
        let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/window-failure.png");
        let _ = self.driver.screenshot(&picture).await;
        let text = self.driver.execute("return document.body.innerText;", vec![]).await?;
        Ok(format!("the window (picture: {}) says:\n{}", picture.display(), text.convert::<String>()?))
    }

    /// What a script's expression over the page is.
    ///
    /// # Errors
    /// When it fails or is of another type.
    pub async fn value<T: serde::de::DeserializeOwned>(&self, expression: &str) -> Result<T> {
        let found = self.driver.execute(format!("return {expression};"), vec![]).await?;
        found.convert().with_context(|| format!("evaluating {expression}"))
    }

    /// Presses keys wherever the focus is.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub async fn press(&self, keys: impl Into<TypingData>) -> Result<()> {
        // Not sent to the active element, which would take the focus back from where the page has moved it meanwhile.
        self.driver.action_chain().send_keys(keys).perform().await?;
        Ok(())
    }
}

/// A port that was free a moment ago. The driver can't be asked to choose one.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").context("looking for a free port")?.local_addr()?.port())
}

async fn wait_for_port(port: u16, processes: &Process) -> Result<()> {
    let end = tokio::time::Instant::now() + PATIENCE;
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        if tokio::time::Instant::now() > end {
            anyhow::bail!("tauri-driver does not listen; its log:\n{}", processes.log());
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
