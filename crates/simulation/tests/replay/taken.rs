//! Model and hub agree on what they tell of a command whose center was meanwhile taken from the account.

use crate::random::setup;
use crate::real::Real;
use crate::setting::Setting;
use gwanje_model::UtcMillis;
use gwanje_simulation::hub::{Instants, ModelHub, Operation};
use gwanje_sync::{HttpRequest, HttpResponse, Method};
use serde_json::{Value, json};

struct Caller {
    hub: ModelHub,
    token: String,
    now_ms: i64,
}

impl Caller {
    fn at(&mut self) -> Instants {
        self.now_ms += 10;
        Instants {
            wall: UtcMillis(1_772_413_200_000 + self.now_ms),
            day: UtcMillis(1_772_380_000_000 + self.now_ms),
        }
    }

    fn post(&mut self, path: &str, key: Option<&str>, said: &Value) -> HttpResponse {
        let mut headers = vec![("authorization", format!("Bearer {}", self.token))];
        headers.extend(key.map(|key| ("idempotency-key", key.to_owned())));
        let url = format!("https://hub.example:8443/api/v1{path}");
        let body = Some(said.to_string());
        let (request, at) =
            (HttpRequest { method: Method::Post, url, headers, body, timeout_ms: 1_000 }, self.at());
        self.hub.rest(&request, at)
    }

    /// The status, and what is told: an outcome, marked when it has a body; or a code.
    fn close(&mut self, center: &str, key: &str) -> (u16, String) {
        let answer = self.post(&format!("/centers/{center}/commands/{key}/close"), None, &Value::Null);
        let body = body(&answer);
        let told = body["outcome"].as_str().or(body["code"].as_str()).unwrap().to_owned();
        let mark = if body["body"].is_object() { "+" } else { "" };
        (answer.status, format!("{told}{mark}"))
    }

    fn see(&mut self, centers: &[&str]) {
        let centers = centers.iter().map(|id| (*id).into()).collect();
        let at = self.at();
        self.hub.operate(&Operation::SetCenters("kim".into(), centers), at);
    }
}

fn body(answer: &HttpResponse) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn model_and_hub_agree_when_a_center_is_taken_away_and_given_back() {
    let mut hub = ModelHub::new(&setup());
    hub.keep_log();
    let mut caller = Caller { hub, token: String::new(), now_ms: 0 };
    let login = caller.post("/login", None, &json!({"account": "kim", "password": "kim"}));
    caller.token = body(&login)["accessToken"].as_str().unwrap().to_owned();
    let at = caller.at();
    let order = json!({"shop": {"id": "s", "name": "s"}, "dropoff": {"address": "x"}});
    let order = Operation::Create("gangnam".into(), serde_json::from_value(order).unwrap());
    caller.hub.operate(&order, at);
    let accept =
        |caller: &mut Caller, key| caller.post("/centers/gangnam/deliveries/1/accept", Some(key), &json!({}));
    assert_eq!(accept(&mut caller, "done").status, 200);
    assert_eq!(accept(&mut caller, "refused").status, 409);

    caller.see(&["songpa"]);
    assert_eq!(caller.close("gangnam", "done"), (200, "done".to_owned()));
    assert_eq!(caller.close("gangnam", "refused"), (200, "refused+".to_owned()));
    for center in ["gangnam", "mapo", "gangnam"] {
        assert_eq!(caller.close(center, "none"), (404, "not-found".to_owned()), "{center}");
    }
    caller.see(&["gangnam", "songpa"]);
    assert_eq!(accept(&mut caller, "none").status, 409);
    assert_eq!(caller.close("gangnam", "none"), (200, "void".to_owned()));
    assert_eq!(caller.close("gangnam", "done"), (200, "done+".to_owned()));

    let log = caller.hub.take_log();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut real = Real::new(&Setting::of(&setup()).await).await;
        for call in &log {
            real.check(call).await.unwrap_or_else(|drift| panic!("model and hub drift apart: {drift}"));
        }
    });
}
