// Shows the monitor: asks for it every two seconds with an access token that lives in this page alone.
"use strict";

const TEXTS = {
  en: {
    title: "Gwanje: hubs", account: "Account", password: "Password", enter: "Sign in", leave: "Sign out",
    nodes: "Hubs", namespaces: "Namespaces", clients: "Clients", errors: "Warnings and errors", broadcasts: "Broadcasts", by: "By whom", event: "Event", delivered: "Clients", none: "None", show: "Show", more: "More",
    namespace: "Namespace", room: "Room", name: "Name", version: "Version", since: "Since", state: "State", cpu: "Processor", memory: "Memory",
    sockets: "Sockets", frames: "Frames/s", commands: "Commands/s", rooms: "Rooms", role: "Role", seat: "Seat", node: "Hub",
    transport: "By", behind: "Behind (median, worst)", at: "When", level: "Level", text: "What", count: "Times",
    ready: "ready", draining: "draining", without: "without", putOut: "Put out", drain: "Drain", cancel: "Take back",
    sureOut: "Close this connection?", sureDrain: "Empty this hub?", sureForce: "No other hub is ready. Empty it all the same?",
    live: "Live", away: "The hub does not answer; trying again", wrong: "Signing in failed", who: "no account has this name and password; check both",
    warn: "warning", error: "error",
    totals: (t) => `Clients ${t.clients}, accounts ${t.accounts}, namespaces ${t.namespaces}, rooms ${t.rooms}`,
  },
  ko: {
    title: "관제: 허브", account: "계정", password: "비밀번호", enter: "로그인", leave: "로그아웃",
    nodes: "허브", namespaces: "네임스페이스", clients: "접속자", errors: "경고와 오류", broadcasts: "발행한 이벤트", by: "누가", event: "이벤트", delivered: "받은 접속", none: "없음", show: "보기", more: "더 보기",
    namespace: "네임스페이스", room: "룸", name: "이름", version: "버전", since: "시작", state: "상태", cpu: "프로세서", memory: "메모리",
    sockets: "소켓", frames: "프레임/초", commands: "명령/초", rooms: "룸", role: "역할", seat: "자리", node: "허브",
    transport: "방식", behind: "뒤처짐 (중앙값, 최대)", at: "시각", level: "등급", text: "내용", count: "횟수",
    ready: "준비됨", draining: "비우는 중", without: "없이 동작", putOut: "내보내기", drain: "비우기", cancel: "되돌리기",
    sureOut: "이 접속을 끊을까요?", sureDrain: "이 허브를 비울까요?", sureForce: "준비된 다른 허브가 없습니다. 그래도 비울까요?",
    live: "실시간", away: "허브가 응답하지 않아 다시 시도합니다", wrong: "로그인하지 못했습니다", who: "계정이나 비밀번호가 맞지 않습니다",
    warn: "경고", error: "오류",
    totals: (t) => `접속 ${t.clients}, 계정 ${t.accounts}, 네임스페이스 ${t.namespaces}, 룸 ${t.rooms}`,
  },
};
const language = (navigator.language || "en").toLowerCase().startsWith("ko") ? "ko" : "en";
const T = TEXTS[language];
const EVERY_MS = 2000;
/** With more characters a text takes several lines; what is shorter is read at a glance. */
const LONG = 30;
const $ = (id) => document.getElementById(id);

let signedIn = null;
let page = null;
let timer = null;

document.documentElement.lang = language;
document.title = T.title;
for (const element of document.querySelectorAll("[data-text]")) element.textContent = T[element.dataset.text];
const heads = {
  nodes: ["name", "version", "since", "state", "cpu", "memory", "sockets", "frames", "commands", ""],
  namespaces: ["namespace", "clients", "rooms"],
  clients: ["account", "name", "role", "seat", "namespace", "rooms", "since", "node", "transport", "behind", ""],
  errors: ["at", "node", "level", "text", "count"],
  broadcasts: ["at", "by", "namespace", "room", "event", "delivered"],
};
for (const [table, names] of Object.entries(heads)) {
  $(`${table}-head`).replaceChildren(row(names.map((name) => (name ? T[name] : "")), "th"));
}

/** A row of texts and elements: what comes from the hub is never read as HTML. */
function row(cells, tag = "td") {
  const line = document.createElement("tr");
  for (const cell of cells) {
    const box = document.createElement(tag);
    const text = cell instanceof Node ? "" : String(cell ?? "");
    box.append(cell instanceof Node ? cell : text);
    if (text.length > LONG) box.className = "long";
    line.append(box);
  }
  return line;
}

function button(text, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", act);
  return made;
}

/** Of today the time alone. */
function time(at) {
  const when = new Date(at);
  const isToday = when.toDateString() === new Date().toDateString();
  return isToday ? when.toLocaleTimeString("en-GB") : `${when.toLocaleDateString(language)} ${when.toLocaleTimeString("en-GB")}`;
}
const mebibytes = (bytes) => `${Math.round(bytes / 1048576)} MiB`;

async function ask(method, path, body) {
  const send = () =>
    fetch(`/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${signedIn.accessToken}` },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
    });
  let answer = await send();
  if (answer.status === 401) {
    const refreshed = await fetch("/api/v1/login/refresh", {
      method: "POST",
      body: JSON.stringify({ refreshToken: signedIn.refreshToken }),
    });
    if (!refreshed.ok) {
      leave();
      throw new Error(T.wrong);
    }
    signedIn = await refreshed.json();
    answer = await send();
  }
  const text = await answer.text();
  const said = text ? JSON.parse(text) : null;
  if (!answer.ok) throw Object.assign(new Error(said?.detail ?? answer.statusText), { code: said?.code });
  return said;
}

async function show() {
  clearTimeout(timer);
  if (!signedIn) return;
  try {
    const shown = await ask("GET", "/monitor");
    const filter = new URLSearchParams();
    for (const [key, id] of [["namespace", "namespace"], ["room", "room"], ["account", "of"]]) {
      if ($(id).value) filter.set(key, $(id).value);
    }
    filter.set("limit", page?.limit ?? 100);
    const listed = await ask("GET", `/monitor/clients?${filter}`);
    draw(shown, listed);
    $("state").textContent = `${T.live} · ${time(shown.at)}`;
  } catch (error) {
    if (signedIn) $("state").textContent = error instanceof TypeError ? T.away : error.message;
  }
  if (signedIn) timer = setTimeout(show, EVERY_MS);
}

function draw(shown, listed) {
  $("totals").textContent = T.totals(shown.totals);
  const mayAct = signedIn.role === "admin";
  put("nodes", shown.nodes.map((node) => {
    const state = node.draining ? T.draining : node.degraded.length ? `${T.without}: ${node.degraded.join(", ")}` : T.ready;
    const act = node.draining
      ? button(T.cancel, () => drain(node.id, { cancel: true }))
      : button(T.drain, () => confirm(`${node.id}: ${T.sureDrain}`) && drain(node.id, {}));
    return [node.id, node.version, time(node.startedAt), state, `${node.cpuPercent} %`, mebibytes(node.rssBytes),
      node.openSockets, node.framesPerS, node.commandsPerS, mayAct ? act : ""];
  }));
  put("namespaces", shown.namespaces.map((one) =>
    [one.name, one.clients, one.rooms.map((room) => `${room.name} ${room.clients}`).join(", ")]));
  put("clients", listed.clients.map((one) => {
    const out = button(T.putOut, () => confirm(`${one.account}: ${T.sureOut}`) && putOut(one.connectionId));
    return [one.account, one.name, one.role, one.seat, one.namespace, one.rooms.join(", "), time(one.since), one.node,
      one.transport, `${one.behind.median}, ${one.behind.worst}`, mayAct ? out : ""];
  }));
  $("more").hidden = listed.next === null || (page?.limit ?? 100) >= 1000;
  put("errors", shown.errors.map((one) => [time(one.at), one.node, T[one.level] ?? one.level, one.text, one.count]));
  put("broadcasts", shown.broadcasts.map((one) =>
    [time(one.at), one.by, one.namespace, one.room, one.event, one.delivered]));
}

/** Leaves a table alone whose texts are the same, so that no button goes away under the pointer. */
function put(table, rows) {
  const said = JSON.stringify(rows, (_, value) => (value instanceof Node ? value.textContent : value));
  if ($(table).dataset.said === said) return;
  $(table).dataset.said = said;
  const none = row([T.none]);
  none.firstChild.colSpan = heads[table].length;
  $(table).replaceChildren(...(rows.length === 0 ? [none] : rows.map((cells) => row(cells))));
}

async function drain(node, wish) {
  try {
    await ask("POST", "/drain", { node, ...wish });
  } catch (error) {
    if (error.code === "conflict" && confirm(`${node}: ${T.sureForce}`)) return drain(node, { ...wish, force: true });
    alert(error.message);
  }
  show();
}

async function putOut(connection) {
  try {
    await ask("DELETE", `/monitor/clients/${encodeURIComponent(connection)}`);
  } catch (error) {
    alert(error.message);
  }
  show();
}

function leave() {
  if (signedIn) fetch("/api/v1/logout", { method: "POST", headers: { authorization: `Bearer ${signedIn.accessToken}` } }).catch(() => {});
  signedIn = null;
  clearTimeout(timer);
  $("shown").hidden = true;
  $("leave").hidden = true;
  $("enter").hidden = false;
  $("state").textContent = "";
  $("account").focus();
}

$("enter").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const answer = await fetch("/api/v1/login", {
      method: "POST",
      body: JSON.stringify({ account: $("account").value, password: $("password").value }),
    });
    const said = await answer.json();
    if (!answer.ok) throw new Error(answer.status === 401 ? T.who : said.detail);
    signedIn = said;
    $("password").value = "";
    $("enter").hidden = true;
    $("shown").hidden = false;
    $("leave").hidden = false;
    show();
  } catch (error) {
    $("state").textContent = `${T.wrong}: ${error.message}`;
  }
});
$("filter").addEventListener("submit", (event) => {
  event.preventDefault();
  page = null;
  show();
});
$("more").addEventListener("click", () => {
  page = { limit: 1000 };
  show();
});
$("leave").addEventListener("click", leave);
leave();
