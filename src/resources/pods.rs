//! Pods: problems first, with the reason in words.

use jiff::Timestamp;
use serde_json::Value;

use super::{Column, KindSpec, Row};

/// The kind.
pub static KIND: KindSpec = KindSpec {
    plural: "pods",
    group: "",
    version: "v1",
    namespaced: true,
    columns: &[
        Column {
            title: "NAME",
            min: 20,
            max: 63,
            priority: 0,
            right: false,
        },
        Column {
            title: "READY",
            min: 5,
            max: 6,
            priority: 1,
            right: false,
        },
        Column {
            title: "STATUS",
            min: 9,
            max: 28,
            priority: 0,
            right: false,
        },
        Column {
            title: "RESTARTS",
            min: 4,
            max: 8,
            priority: 1,
            right: true,
        },
        Column {
            title: "AGE",
            min: 4,
            max: 6,
            priority: 1,
            right: true,
        },
        Column {
            title: "IP",
            min: 9,
            max: 39,
            priority: 4,
            right: false,
        },
        Column {
            title: "NODE",
            min: 10,
            max: 40,
            priority: 3,
            right: false,
        },
    ],
    from_table,
    from_object,
};

fn from_table(
    _names: &[String],
    _cells: &[Value],
    _namespace: &str,
    _now: Timestamp,
) -> Option<Row> {
    None
}

fn from_object(_object: &Value) -> Option<Row> {
    None
}
