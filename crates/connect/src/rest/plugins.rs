//! `/connector-plugins`: what connectors can be made of.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Face;
use super::request::flag;
use crate::herder::view::{VERSION, kind_word};
use crate::transform;

pub(super) async fn list(State(face): State<Face>, RawQuery(query): RawQuery) -> Response {
    let entry = |class: &str, kind: &str| json!({"class": class, "type": kind, "version": VERSION});
    let plugins = face.herder.registry().plugins();
    let classes = plugins.flat_map(|p| p.classes().iter().map(|class| (*class, kind_word(p.kind()))));
    let mut all: Vec<Value> = classes.map(|(class, kind)| entry(class, kind)).collect();
    if !flag(query.as_deref(), "connectorsOnly", true) {
        let names = transform::classes().flat_map(|class| class.names.iter());
        all.extend(names.map(|name| entry(name, "transformation")));
    }
    Json(all).into_response()
}
