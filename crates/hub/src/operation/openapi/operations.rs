//! All operations of the interface. A route without an entry here fails the test that compares both.

use gwanje_wire::ErrorCode::{
    self, Conflict, Forbidden, Invalid, InvalidTransition, NotFound, Resync, Unauthorized, Void,
};

/// What stands for a center in paths.
pub(super) const CENTER: &str = "center";
const JSON: &str = "application/json";
const HTML: &str = "text/html";
const TEXT: &str = "text/plain";

/// What an operation reads.
#[derive(Clone, Copy)]
pub(super) enum Body {
    Nothing,
    /// A shape, and whether it must be there.
    Json(&'static str, bool),
}

pub(super) struct Query {
    pub name: &'static str,
    pub kind: &'static str,
    pub required: bool,
    pub what: &'static str,
}

pub(super) struct Operation {
    pub method: &'static str,
    pub path: &'static str,
    pub summary: &'static str,
    pub query: &'static [Query],
    pub headers: &'static [(&'static str, &'static str)],
    pub body: Body,
    /// Status, content type (empty: nothing), shape (empty: text).
    pub answers: &'static [(u16, &'static str, &'static str)],
    pub refusals: &'static [ErrorCode],
    /// Without a credential.
    pub open: bool,
    /// Whatever else is under way.
    pub always_answers: bool,
}

/// What most are.
const USUAL: Operation = Operation {
    method: "get",
    path: "",
    summary: "",
    query: &[],
    headers: &[],
    body: Body::Nothing,
    answers: &[],
    refusals: &[Unauthorized, Forbidden, NotFound],
    open: false,
    always_answers: false,
};

const fn optional(name: &'static str, kind: &'static str, what: &'static str) -> Query {
    Query { name, kind, required: false, what }
}

const fn needed(name: &'static str, kind: &'static str, what: &'static str) -> Query {
    Query { name, kind, required: true, what }
}

const OF_READ: &[ErrorCode] = &[Invalid, Unauthorized, Forbidden, NotFound];
const OF_COMMAND: &[ErrorCode] =
    &[Invalid, Unauthorized, Forbidden, NotFound, Conflict, InvalidTransition, Void];
const KEYED: &[(&str, &str)] =
    &[("Idempotency-Key", "1 to 200 bytes: the same request again has the same outcome")];
const KEYED_AND_MATCHED: &[(&str, &str)] = &[
    ("Idempotency-Key", "1 to 200 bytes: the same request again has the same outcome"),
    ("If-Match", "the row's ETag: another revision is refused with `conflict`"),
];
const IF_NONE_MATCH: &[(&str, &str)] = &[("If-None-Match", "an ETag: 304 where it is still the same")];

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        method: "post",
        path: "/api/v1/login",
        summary: "signs in",
        body: Body::Json("LoginRequest", true),
        answers: &[(200, JSON, "LoginReply")],
        refusals: &[Invalid, Unauthorized],
        open: true,
        ..USUAL
    },
    Operation {
        method: "post",
        path: "/api/v1/login/refresh",
        summary: "another pair of tokens",
        body: Body::Json("RefreshRequest", true),
        answers: &[(200, JSON, "LoginReply")],
        refusals: &[Invalid, Unauthorized],
        open: true,
        ..USUAL
    },
    Operation {
        method: "post",
        path: "/api/v1/logout",
        summary: "signs out",
        answers: &[(204, "", "")],
        refusals: &[Unauthorized, Forbidden],
        ..USUAL
    },
    Operation {
        method: "post",
        path: "/api/v1/socket-tickets",
        summary: "a ticket for one connection",
        answers: &[(200, JSON, "TicketReply")],
        refusals: &[Unauthorized, Forbidden],
        ..USUAL
    },
    Operation {
        path: "/api/v1/accounts",
        summary: "the accounts, by name (admin)",
        answers: &[(200, JSON, "AccountEntry[]")],
        refusals: &[Unauthorized, Forbidden],
        ..USUAL
    },
    Operation {
        method: "post",
        path: "/api/v1/accounts",
        summary: "makes an account (admin)",
        body: Body::Json("NewAccount", true),
        answers: &[(201, JSON, "AccountEntry")],
        refusals: &[Invalid, Unauthorized, Forbidden, Conflict],
        ..USUAL
    },
    Operation {
        method: "patch",
        path: "/api/v1/accounts/{name}",
        summary: "changes an account (admin); its sockets are closed, and a new password or `disabled` ends its sign-ins",
        body: Body::Json("AccountPatch", true),
        answers: &[(200, JSON, "AccountEntry")],
        refusals: &[Invalid, Unauthorized, Forbidden, NotFound, Conflict],
        ..USUAL
    },
    Operation {
        method: "delete",
        path: "/api/v1/accounts/{name}",
        summary: "takes an account away with its sign-ins (admin)",
        answers: &[(204, "", "")],
        refusals: &[Unauthorized, Forbidden, NotFound, Conflict],
        ..USUAL
    },
    Operation {
        path: "/api/v1/keys",
        summary: "the keys of integrations, by name, without their secrets (admin)",
        answers: &[(200, JSON, "KeyEntry[]")],
        refusals: &[Unauthorized, Forbidden],
        ..USUAL
    },
    Operation {
        method: "post",
        path: "/api/v1/keys",
        summary: "makes a key, whose secret is in this answer alone (admin)",
        body: Body::Json("NewKey", true),
        answers: &[(201, JSON, "KeyAdded")],
        refusals: &[Invalid, Unauthorized, Forbidden, Conflict],
        ..USUAL
    },
    Operation {
        method: "delete",
        path: "/api/v1/keys/{name}",
        summary: "takes a key away (admin)",
        answers: &[(204, "", "")],
        ..USUAL
    },
    Operation {
        path: "/api/v1/sessions",
        summary: "the own sign-ins, or those of an account (admin)",
        query: &[optional("account", "string", "whose; absent: the own")],
        answers: &[(200, JSON, "SessionEntry[]")],
        refusals: &[Invalid, Unauthorized, Forbidden],
        ..USUAL
    },
    Operation {
        method: "delete",
        path: "/api/v1/sessions/{id}",
        summary: "ends a sign-in: an own one, or any (admin)",
        answers: &[(204, "", "")],
        ..USUAL
    },
    Operation {
        path: "/api/v1/audit",
        summary: "who did what, oldest first, by page (admin)",
        query: &[
            optional("from", "string", "not before: milliseconds, or an instant of RFC 3339"),
            optional("to", "string", "before: milliseconds, or an instant of RFC 3339"),
            optional("account", "string", "by whom"),
            optional("cursor", "string", "`next` of the page before"),
        ],
        answers: &[(200, JSON, "AuditReply")],
        refusals: &[Invalid, Unauthorized, Forbidden],
        ..USUAL
    },
    Operation {
        path: "/api/v1/preferences/{key}",
        summary: "what the account keeps under a name",
        headers: IF_NONE_MATCH,
        answers: &[(200, JSON, "Anything"), (304, "", "")],
        refusals: OF_READ,
        ..USUAL
    },
    Operation {
        method: "put",
        path: "/api/v1/preferences/{key}",
        summary: "keeps something under a name",
        headers: &[
            ("If-None-Match", "`*`: nothing is there yet"),
            ("If-Match", "the ETag of what is replaced"),
        ],
        body: Body::Json("Anything", true),
        answers: &[(204, "", "")],
        refusals: &[Invalid, Unauthorized, Forbidden, Conflict],
        ..USUAL
    },
    Operation {
        path: "/api/v1/centers",
        summary: "the centers that may be seen",
        answers: &[(200, JSON, "CenterInfo[]")],
        refusals: &[Unauthorized, Forbidden],
        ..USUAL
    },
    Operation {
        path: "/api/v1/centers/{center}/deliveries",
        summary: "the board, or selected rows of it",
        query: &[
            optional("buckets", "string", "numbers of buckets, 0 to 255, with commas between them"),
            optional("ids", "string", "ids of deliveries, with commas between them"),
            optional("fields", "string", "`rev`: revisions alone"),
            optional("epoch", "string", "of the cursor"),
            optional("after", "integer", "of the cursor: with the rows comes the frame after it"),
        ],
        headers: IF_NONE_MATCH,
        answers: &[(200, JSON, "Rows"), (304, "", "")],
        refusals: &[Invalid, Unauthorized, Forbidden, NotFound, Resync],
        ..USUAL
    },
    Operation {
        method: "post",
        path: "/api/v1/centers/{center}/deliveries",
        summary: "takes in an order",
        headers: KEYED,
        body: Body::Json("NewOrder", true),
        answers: &[(201, JSON, "Delivery")],
        refusals: OF_COMMAND,
        ..USUAL
    },
    Operation {
        method: "post",
        path: "/api/v1/centers/{center}/deliveries/batch",
        summary: "one action on several deliveries, a result each",
        headers: KEYED,
        body: Body::Json("BatchRequest", true),
        answers: &[(200, JSON, "BatchReply")],
        refusals: OF_COMMAND,
        ..USUAL
    },
    Operation {
        path: "/api/v1/centers/{center}/deliveries/{id}",
        summary: "a delivery",
        headers: IF_NONE_MATCH,
        answers: &[(200, JSON, "Delivery"), (304, "", "")],
        ..USUAL
    },
    Operation {
        path: "/api/v1/centers/{center}/deliveries/{id}/history",
        summary: "what happened to a delivery",
        answers: &[(200, JSON, "HistoryEvent[]")],
        ..USUAL
    },
    Operation {
        path: "/api/v1/centers/{center}/deliveries/{id}/trace",
        summary: "where its rider was",
        answers: &[(200, JSON, "RiderPos[]")],
        ..USUAL
    },
    Operation {
        method: "post",
        path: "/api/v1/centers/{center}/deliveries/{id}/{action}",
        summary: "an action on a delivery: accept, assign, unassign, confirm, pickup, deliver, cancel, note, undo",
        headers: KEYED_AND_MATCHED,
        body: Body::Json("CommandBody", false),
        answers: &[(200, JSON, "Delivery")],
        refusals: OF_COMMAND,
        ..USUAL
    },
    Operation {
        method: "post",
        path: "/api/v1/centers/{center}/commands/{key}/close",
        summary: "the outcome under an idempotency key; none yet: there will be none",
        answers: &[(200, JSON, "CloseReply")],
        refusals: OF_READ,
        ..USUAL
    },
    Operation {
        path: "/api/v1/centers/{center}/changes",
        summary: "what a cursor lacks",
        query: &[
            optional("epoch", "string", "of the cursor"),
            needed("after", "integer", "the cursor's revision"),
            optional("limit", "integer", "entries, 1 to 1,000"),
        ],
        answers: &[(200, JSON, "ChangesReply")],
        refusals: &[Invalid, Unauthorized, Forbidden, NotFound, Resync],
        ..USUAL
    },
    Operation {
        path: "/api/v1/centers/{center}/digest",
        summary: "counts and digests of the 256 buckets",
        query: &[
            optional("epoch", "string", "of the cursor"),
            optional("after", "integer", "of the cursor: the frame after it comes, too"),
        ],
        answers: &[(200, JSON, "DigestReply")],
        refusals: &[Invalid, Unauthorized, Forbidden, NotFound, Resync],
        ..USUAL
    },
    Operation {
        path: "/api/v1/centers/{center}/at",
        summary: "the board at an instant",
        query: &[needed("time", "integer", "operations time, milliseconds")],
        answers: &[(200, JSON, "BoardAt")],
        refusals: OF_READ,
        ..USUAL
    },
    Operation {
        path: "/api/v1/centers/{center}/search",
        summary: "deliveries of the past",
        query: &[
            optional("q", "string", "words"),
            optional("from", "string", "first day or instant"),
            optional("to", "string", "last day or instant"),
            optional("limit", "integer", "rows"),
            optional("cursor", "string", "`next` of the page before"),
        ],
        answers: &[(200, JSON, "Anything")],
        refusals: OF_READ,
        ..USUAL
    },
    Operation {
        path: "/api/v1/centers/{center}/riders",
        summary: "the center's riders",
        answers: &[(200, JSON, "Rider[]")],
        ..USUAL
    },
    Operation {
        method: "post",
        path: "/api/v1/centers/{center}/riders",
        summary: "takes a rider in",
        body: Body::Json("RiderEdit", true),
        answers: &[(201, JSON, "Rider")],
        refusals: &[Invalid, Unauthorized, Forbidden, NotFound, Conflict],
        ..USUAL
    },
    Operation {
        method: "patch",
        path: "/api/v1/centers/{center}/riders/{id}",
        summary: "changes a rider",
        body: Body::Json("RiderEdit", true),
        answers: &[(200, JSON, "Rider")],
        refusals: OF_READ,
        ..USUAL
    },
    Operation {
        path: "/api/v1/centers/{center}/alarms",
        summary: "alarms, by page",
        query: &[
            optional("after", "integer", "`next` of the page before"),
            optional("limit", "integer", "alarms, 1 to 1,000"),
        ],
        answers: &[(200, JSON, "AlarmsReply")],
        refusals: OF_READ,
        ..USUAL
    },
    Operation {
        method: "post",
        path: "/api/v1/centers/{center}/alarms/{id}/{kind}/{raised_at}",
        summary: "a seat's word on an alarm",
        body: Body::Json("ReceiptRequest", true),
        answers: &[(200, JSON, "SimpleAck")],
        refusals: OF_READ,
        ..USUAL
    },
    Operation {
        path: "/api/v1/monitor",
        summary: "hubs, who is where, what went wrong",
        answers: &[(200, JSON, "MonitorReply")],
        refusals: &[Unauthorized, Forbidden],
        ..USUAL
    },
    Operation {
        path: "/api/v1/monitor/clients",
        summary: "who is connected, by page",
        query: &[
            optional("namespace", "string", "in this namespace"),
            optional("room", "string", "in a room of this name"),
            optional("account", "string", "with this account"),
            optional("cursor", "string", "`next` of the page before"),
            optional("limit", "integer", "clients, 1 to 1,000"),
        ],
        answers: &[(200, JSON, "ClientsReply")],
        refusals: &[Invalid, Unauthorized, Forbidden],
        ..USUAL
    },
    Operation {
        method: "delete",
        path: "/api/v1/monitor/clients/{connection_id}",
        summary: "puts a client out",
        answers: &[(204, "", "")],
        ..USUAL
    },
    Operation {
        method: "post",
        path: "/api/v1/monitor/shown",
        summary: "tells the audit that a masked phone was shown (staff)",
        body: Body::Json("ShownRequest", true),
        answers: &[(204, "", "")],
        refusals: OF_READ,
        ..USUAL
    },
    Operation {
        method: "post",
        path: "/api/v1/drain",
        summary: "empties a hub before it is stopped",
        body: Body::Json("DrainRequest", false),
        answers: &[(200, JSON, "DrainReply")],
        refusals: &[Invalid, Unauthorized, Forbidden, NotFound, Conflict],
        ..USUAL
    },
    Operation {
        path: "/healthz",
        summary: "the process lives",
        answers: &[(200, TEXT, "")],
        refusals: &[],
        open: true,
        always_answers: true,
        ..USUAL
    },
    Operation {
        path: "/readyz",
        summary: "whether requests should be sent here",
        query: &[optional("balancer", "string", "404 instead of 503 while it drains")],
        answers: &[(200, JSON, "Readiness"), (404, JSON, "Readiness"), (503, JSON, "Readiness")],
        refusals: &[],
        open: true,
        always_answers: true,
        ..USUAL
    },
    Operation {
        path: "/metrics",
        summary: "measurements for Prometheus; open to the hub's machine and to listed addresses",
        answers: &[(200, TEXT, "")],
        refusals: &[Unauthorized, Forbidden],
        ..USUAL
    },
    Operation {
        path: "/openapi.json",
        summary: "this document",
        answers: &[(200, JSON, "Anything")],
        refusals: &[],
        open: true,
        always_answers: true,
        ..USUAL
    },
    Operation {
        path: "/admin",
        summary: "a page over the monitor",
        answers: &[(200, HTML, "")],
        refusals: &[],
        open: true,
        always_answers: true,
        ..USUAL
    },
    Operation {
        path: "/admin/admin.js",
        summary: "the page's script",
        answers: &[(200, "text/javascript", "")],
        refusals: &[],
        open: true,
        always_answers: true,
        ..USUAL
    },
    Operation {
        path: "/admin/admin.css",
        summary: "the page's looks",
        answers: &[(200, "text/css", "")],
        refusals: &[],
        open: true,
        always_answers: true,
        ..USUAL
    },
];
