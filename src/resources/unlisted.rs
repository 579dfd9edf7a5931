//! Kinds that are read and written, and that no screen lists: they have no columns.

use serde_json::Value;

use super::{KindSpec, Row, TableRow};
use crate::domain::Health;

/// `ConfigMap`, where CoreDNS' settings are.
pub static CONFIG_MAPS: KindSpec = core_kind("configmaps");

/// `Secret`, where k3s keeps the passwords that nodes join with.
pub static SECRETS: KindSpec = core_kind("secrets");

/// `ServiceAccount`, without whose `default` a namespace admits no pod.
pub static SERVICE_ACCOUNTS: KindSpec = core_kind("serviceaccounts");

/// Services, of which only the selector and the ports are read.
pub static SERVICES: KindSpec = core_kind("services");

/// Deployments, of which only the selector is read.
pub static DEPLOYMENTS: KindSpec = grouped_kind("apps", "deployments");

/// `StatefulSet`s, of which only the selector is read.
pub static STATEFUL_SETS: KindSpec = grouped_kind("apps", "statefulsets");

/// `DaemonSet`s, of which only the selector is read.
pub static DAEMON_SETS: KindSpec = grouped_kind("apps", "daemonsets");

/// `ReplicaSet`s, of which only the selector is read.
pub static REPLICA_SETS: KindSpec = grouped_kind("apps", "replicasets");

/// Jobs, of which only the selector is read.
pub static JOBS: KindSpec = grouped_kind("batch", "jobs");

/// `Namespace`; of each only the name is read.
pub static NAMESPACES: KindSpec = KindSpec {
    plural: "namespaces",
    group: "",
    version: "v1",
    namespaced: false,
    whole: false,
    columns: &[],
    from_table: name_from_table,
    from_object,
};

const fn core_kind(plural: &'static str) -> KindSpec {
    grouped_kind("", plural)
}

pub(super) const fn grouped_kind(group: &'static str, plural: &'static str) -> KindSpec {
    KindSpec {
        plural,
        group,
        version: "v1",
        namespaced: true,
        whole: false,
        columns: &[],
        from_table,
        from_object,
    }
}

fn from_table(_: &TableRow<'_>) -> Option<Row> {
    None
}

fn name_from_table(line: &TableRow<'_>) -> Option<Row> {
    Some(Row {
        key: line.key()?,
        uid: None,
        health: Health::Good,
        cells: Box::default(),
    })
}

fn from_object(_: &Value) -> Option<Row> {
    None
}
