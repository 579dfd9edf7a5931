//! Kinds that operations read and write, and that no screen lists: they have no columns.

use jiff::Timestamp;
use serde_json::Value;

use super::{KindSpec, Row};

/// `ConfigMap`, where CoreDNS' settings are.
pub static CONFIG_MAPS: KindSpec = core_kind("configmaps");

/// `Secret`, where k3s keeps the passwords that nodes join with.
pub static SECRETS: KindSpec = core_kind("secrets");

/// `ServiceAccount`, without whose `default` a namespace admits no pod.
pub static SERVICE_ACCOUNTS: KindSpec = core_kind("serviceaccounts");

const fn core_kind(plural: &'static str) -> KindSpec {
    KindSpec {
        plural,
        group: "",
        version: "v1",
        namespaced: true,
        columns: &[],
        from_table,
        from_object,
    }
}

fn from_table(_: &[String], _: &[Value], _: &str, _: Timestamp) -> Option<Row> {
    None
}

fn from_object(_: &Value) -> Option<Row> {
    None
}
