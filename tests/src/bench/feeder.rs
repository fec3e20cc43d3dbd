//! A hub that only feeds: enough of the contract for a real engine to follow it, and frames as fast as the socket takes them.

use super::sample::CENTER;
use super::stream::{Sent, Stream, head, wall_now};
use anyhow::{Context, Result, bail};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::{SinkExt, StreamExt};
use gwanje_model::{Rev, Role, RowDigest};
use gwanje_wire::rest::{API_ROOT, AlarmsReply, CenterInfo, ChangesReply, LoginReply, TicketReply};
use gwanje_wire::sio::{Handshake, Packet, Transport, event};
use gwanje_wire::socket::{
    HEAD_INTERVAL_MS, PING_INTERVAL_MS, PING_TIMEOUT_MS, SimpleAck, SubscribeAck, center_namespace,
};
use gwanje_wire::{Frame, Head};
use serde_json::value::{RawValue, to_raw_value};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Interval;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

const HEAD_INTERVAL: Duration = Duration::from_millis(HEAD_INTERVAL_MS);
/// Tokens outlive every benchmark.
const TOKEN_MS: i64 = 3_600_000;

/// A running feeder; it ends with this handle.
pub struct Feeder {
    /// Where REST is served.
    pub url: String,
    orders: mpsc::UnboundedSender<Order>,
    shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 2],
}

enum Order {
    Prelude,
    Go,
    Flood(Duration),
}

struct Shared {
    stream: Arc<Stream>,
    place: Mutex<(Rev, RowDigest)>,
    sockets: String,
}

impl Shared {
    fn head(&self) -> Head {
        head(*self.place.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn reach(&self, sent: &Sent) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = (sent.to, sent.rows);
    }
}

impl Feeder {
    /// Serves the stream's snapshot, and waits.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(stream: &Arc<Stream>) -> Result<Self> {
        let rest = TcpListener::bind("127.0.0.1:0").await.context("listening for REST")?;
        let sockets = TcpListener::bind("127.0.0.1:0").await.context("listening for sockets")?;
        let shared = Arc::new(Shared {
            stream: Arc::clone(stream),
            place: Mutex::new(stream.base),
            sockets: format!("http://{}", sockets.local_addr()?),
        });
        let url = format!("http://{}", rest.local_addr()?);
        let (orders, inbox) = mpsc::unbounded_channel();
        let router = router(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(rest, router).await {
                eprintln!("the feeder's REST ended: {error}");
            }
        });
        let feeding = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                if let Err(error) = feed(sockets, &shared, inbox).await {
                    eprintln!("the feeder's socket ended: {error:#}");
                }
            }
        });
        Ok(Self { url, orders, shared, tasks: [serving, feeding] })
    }

    /// Sends the change ahead of the measured ones.
    pub fn prelude(&self) {
        // A feeder whose socket ended has said so; the wait for what it should have sent ends in a time-out.
        let _ = self.orders.send(Order::Prelude);
    }

    /// Sends a frame at that interval until all are sent, and heads as a hub does. It makes up for what is behind this
    /// pace.
    pub fn flood(&self, every: Duration) {
        let _ = self.orders.send(Order::Flood(every));
    }

    /// The revision that was sent last.
    #[must_use]
    pub fn sent(&self) -> Rev {
        self.shared.head().rev
    }

    /// Sends all frames, then a head.
    pub fn go(&self) {
        let _ = self.orders.send(Order::Go);
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/login", post(login))
        .route("/login/refresh", post(login))
        .route("/socket-tickets", post(ticket))
        .route("/centers", get(centers))
        .route("/centers/{center}/deliveries", get(snapshot))
        .route("/centers/{center}/changes", get(changes))
        .route("/centers/{center}/alarms", get(alarms))
        .route("/centers/{center}/alarms/{id}/{kind}/{raised_at}", post(receipt))
        .with_state(shared);
    Router::new().nest(API_ROOT, api)
}

async fn login(State(shared): State<Arc<Shared>>) -> Json<LoginReply> {
    Json(LoginReply {
        access_token: "access".to_owned(),
        refresh_token: "refresh".to_owned(),
        expires_at: wall_now().plus_ms(TOKEN_MS),
        account: "dispatcher".into(),
        name: "dispatcher".into(),
        role: Role::Dispatcher,
        centers: vec![CENTER.into()],
        socket_urls: vec![shared.sockets.clone()],
        drill: None,
    })
}

async fn ticket() -> Json<TicketReply> {
    Json(TicketReply { ticket: "ticket".to_owned(), expires_at: wall_now().plus_ms(30_000) })
}

async fn centers(State(shared): State<Arc<Shared>>) -> Json<[CenterInfo; 1]> {
    Json([CenterInfo {
        id: CENTER.into(),
        name: "강남".into(),
        pos: None,
        time_zone: "Asia/Seoul".into(),
        head: shared.head(),
        unread: 0,
        undo_within_ms: 0,
        at_risk_min: gwanje_model::AT_RISK_MIN,
        drill: None,
    }])
}

async fn snapshot(State(shared): State<Arc<Shared>>) -> Response {
    ([("content-type", "application/json")], shared.stream.snapshot.clone()).into_response()
}

/// The frame that begins at a cursor, and where the center stands: a follower that is behind what the socket has taken may ask.
async fn changes(State(shared): State<Arc<Shared>>, uri: axum::http::Uri) -> Response {
    let head = shared.head();
    let after = uri.query().unwrap_or_default().split('&').find_map(|part| part.strip_prefix("after="));
    let after = after.and_then(|after| after.parse().ok()).map_or(head.rev, Rev);
    let all = std::iter::once(&shared.stream.prelude).chain(&shared.stream.frames);
    // Cursors stand where frames end, so that the first frame beyond one begins at it.
    let next = all.take_while(|sent| sent.to <= head.rev).find(|sent| sent.to > after);
    let Some(frame) = next.and_then(Sent::frame) else {
        let frame = Frame::empty(head.epoch.clone(), head.rev, head.at);
        return Json(ChangesReply { frame, head }).into_response();
    };
    match serde_json::to_string(&head) {
        Ok(head) => {
            let body = format!(r#"{{"frame":{frame},"head":{head}}}"#);
            ([("content-type", "application/json")], body).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn alarms() -> Json<AlarmsReply> {
    Json(AlarmsReply { alarm_seq: 0, alarms: Vec::new(), next: None })
}

async fn receipt(Path(_alarm): Path<(String, u64, String, i64)>) -> Json<SimpleAck> {
    Json(SimpleAck { ok: true, code: None, detail: None })
}

type Socket = WebSocketStream<TcpStream>;

/// One follower: talks it in, then obeys orders.
async fn feed(
    listener: TcpListener,
    shared: &Shared,
    mut orders: mpsc::UnboundedReceiver<Order>,
) -> Result<()> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let mut socket = accept_async(stream).await?;
    let open = Handshake {
        sid: "feeder".to_owned(),
        ping_interval: PING_INTERVAL_MS,
        ping_timeout: PING_TIMEOUT_MS,
        max_payload: 0,
    };
    socket.send(Message::text(Transport::Open(open).to_text())).await?;
    let mut heads = tokio::time::interval(HEAD_INTERVAL);
    let mut subscribed = false;
    let mut flood: Option<(Interval, std::slice::Iter<'_, Sent>)> = None;
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => subscribed |= answer(&mut socket, &text, shared).await?,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Ok(()),
            },
            _ = heads.tick() => {
                socket.send(Message::text(Transport::Ping("").to_text())).await?;
                if subscribed {
                    send_head(&mut socket, shared).await?;
                }
            }
            frame = next_of(&mut flood), if flood.is_some() => match frame {
                Some(frame) => {
                    socket.send(Message::Text(frame.text.clone())).await?;
                    shared.reach(frame);
                }
                None => flood = None,
            },
            order = orders.recv() => match order {
                Some(Order::Prelude) => {
                    socket.send(Message::Text(shared.stream.prelude.text.clone())).await?;
                    shared.reach(&shared.stream.prelude);
                }
                Some(Order::Flood(every)) => {
                    flood = Some((tokio::time::interval(every), shared.stream.frames.iter()));
                }
                Some(Order::Go) => send_all(&mut socket, shared).await?,
                None => return Ok(()),
            },
        }
    }
}

/// The next frame of a flood, when it is due.
async fn next_of<'a>(flood: &mut Option<(Interval, std::slice::Iter<'a, Sent>)>) -> Option<&'a Sent> {
    let (due, frames) = flood.as_mut()?;
    due.tick().await;
    frames.next()
}

/// All frames, with heads between them as often as the contract wants them, and one at the end.
async fn send_all(socket: &mut Socket, shared: &Shared) -> Result<()> {
    let mut headed = Instant::now();
    for frame in &shared.stream.frames {
        socket.send(Message::Text(frame.text.clone())).await?;
        shared.reach(frame);
        if headed.elapsed() >= HEAD_INTERVAL {
            send_head(socket, shared).await?;
            headed = Instant::now();
        }
    }
    send_head(socket, shared).await
}

async fn send_head(socket: &mut Socket, shared: &Shared) -> Result<()> {
    let text = event(&center_namespace(&CENTER.into()), None, "head", &shared.head())?;
    Ok(socket.send(Message::text(text)).await?)
}

/// Answers a packet; true: it subscribed.
async fn answer(socket: &mut Socket, text: &str, shared: &Shared) -> Result<bool> {
    let Transport::Message(payload) = Transport::parse(text)? else { return Ok(false) };
    let (reply, subscribed) = match Packet::parse(payload)? {
        Packet::Connect { namespace, .. } => {
            let sid = to_raw_value(&serde_json::json!({"sid": "feeder"}))?;
            (Packet::Connect { namespace, data: Some(&sid) }.to_text(), false)
        }
        Packet::Event { namespace, ack: Some(id), name, .. } => {
            let subscribes = name == "subscribe";
            let data = if subscribes { subscribe_ack(shared)? } else { plain_ack()? };
            (Packet::Ack { namespace, id, data: &data }.to_text(), subscribes)
        }
        Packet::Disconnect { .. } => bail!("the engine left"),
        Packet::Event { .. } | Packet::Ack { .. } | Packet::ConnectError { .. } => return Ok(false),
    };
    socket.send(Message::text(reply)).await?;
    Ok(subscribed)
}

fn subscribe_ack(shared: &Shared) -> Result<Box<RawValue>> {
    let head = Some(shared.head());
    Ok(to_raw_value(&SubscribeAck { ok: true, head, missed: None, resync: None, code: None })?)
}

fn plain_ack() -> Result<Box<RawValue>> {
    Ok(to_raw_value(&SimpleAck { ok: true, code: None, detail: None })?)
}
