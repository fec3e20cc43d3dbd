//! A plain REST client, as an integrator would write it.

use anyhow::{Context, Result, bail};
use gwanje_wire::Head;
use gwanje_wire::rest::{CenterInfo, LoginReply, Snapshot};
use reqwest::{Client, Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A signed-in client.
pub struct Api {
    client: Client,
    root: String,
    /// What the hub answered to the sign-in.
    pub login: LoginReply,
}

impl Api {
    /// Signs in.
    ///
    /// # Errors
    /// When the hub refuses.
    pub async fn sign_in(server: &str, account: &str, password: &str) -> Result<Self> {
        let client = Client::builder().gzip(true).build()?;
        let root = format!("{server}/api/v1");
        let request =
            client.post(format!("{root}/login")).json(&json!({"account": account, "password": password}));
        let login = answer(request).await.context("signing in")?;
        Ok(Self { client, root, login })
    }

    /// Signs in again with a demo account, whose password is its name.
    ///
    /// # Errors
    /// When the hub refuses.
    pub async fn again(&self) -> Result<Self> {
        let server = self.root.trim_end_matches("/api/v1");
        Self::sign_in(server, &self.login.account, &self.login.account).await
    }

    /// A request below `/api/v1`, with the token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.root)).bearer_auth(&self.login.access_token)
    }

    /// A ticket for one socket.
    ///
    /// # Errors
    /// When the hub refuses.
    pub async fn ticket(&self) -> Result<String> {
        let said = self.post("/socket-tickets", &json!({})).await?;
        Ok(said["ticket"].as_str().context("a ticket")?.to_owned())
    }

    /// GET, parsed.
    ///
    /// # Errors
    /// On any status but success.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        answer(self.request(Method::GET, path)).await.with_context(|| format!("GET {path}"))
    }

    /// POST with a JSON body, parsed.
    ///
    /// # Errors
    /// On any status but success.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        answer(self.request(Method::POST, path).json(body)).await.with_context(|| format!("POST {path}"))
    }

    /// Where a center stands.
    ///
    /// # Errors
    /// On any status but success, or when there is no such center.
    pub async fn head(&self, center: &str) -> Result<Head> {
        let centers: Vec<CenterInfo> = self.get("/centers").await?;
        let found = centers.into_iter().find(|info| info.id.as_str() == center);
        Ok(found.with_context(|| format!("the center {center}"))?.head)
    }

    /// A center's snapshot.
    ///
    /// # Errors
    /// On any status but success.
    pub async fn snapshot(&self, center: &str) -> Result<Snapshot> {
        self.get(&format!("/centers/{center}/deliveries")).await
    }
}

async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T> {
    let response = request.send().await?;
    let status = response.status();
    let text = response.text().await?;
    if !status.is_success() {
        bail!("{status}: {text}");
    }
    let text = if text.is_empty() { "null" } else { &text };
    serde_json::from_str(text).with_context(|| format!("reading {text:.200}"))
}
