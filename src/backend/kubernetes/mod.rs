//! The adapter of [`KubeApi`] to real API servers, through kube's HTTP client.
//!
//! kube gives TLS, credentials and proxies; the requests, the server's tables and the list-and-watch loop are our own,
//! because rows for the screen cost a hundredth of whole objects (see [`watch`]).

mod connect;
mod contexts;
mod dial;
mod errors;
mod forward;
mod logs;
mod objects;
mod plugin;
mod proxy;
mod renewal;
mod request;
mod token_file;
mod usage;
mod watch;
mod web;

use std::sync::{Arc, Mutex};

use futures::stream::BoxStream;
use serde_json::Value;

pub use self::{contexts::contexts, web::get};
use crate::{
    backend::{Answer, Error, KubeApi, KubeConnect, KubeTarget, PodConnection, WatchItem},
    domain::{
        LogLine, ObjectKey,
        container::{LogRequest, Usage},
        kube::ApiHealth,
    },
    resources::{KindSpec, Scope},
};
use request::Wire;

/// Opens real Kubernetes APIs for the screen: credential plugins get no terminal, and whoever waits for one is told so.
#[derive(Debug, Clone, Copy, Default)]
pub struct Connector;

/// Opens real Kubernetes APIs for a command: credential plugins may ask and tell on its terminal.
#[derive(Debug, Clone, Copy, Default)]
pub struct CommandConnector;

/// Ends the credential plugins that still run. For the end of the process.
pub fn end_plugins() {
    plugin::end_all();
}

impl KubeConnect for Connector {
    fn connect<'a>(&'a self, target: &'a KubeTarget) -> Answer<'a, Arc<dyn KubeApi>> {
        Box::pin(connect::connect(target, plugin::Manner::Screen))
    }
}

impl KubeConnect for CommandConnector {
    fn connect<'a>(&'a self, target: &'a KubeTarget) -> Answer<'a, Arc<dyn KubeApi>> {
        Box::pin(connect::connect(target, plugin::Manner::Command))
    }
}

/// One real Kubernetes API.
struct Api {
    wire: Wire,
    /// The namespace of those who may not see all.
    home: String,
    /// The server's version, asked for again after the server was away: it may have come back as another.
    version: Mutex<Option<String>>,
}

impl Api {
    fn new(wire: Wire, home: String) -> Self {
        Self {
            wire,
            home,
            version: Mutex::new(None),
        }
    }
}

impl KubeApi for Api {
    fn health(&self) -> Answer<'_, ApiHealth> {
        Box::pin(self.ask_health())
    }
    fn watch(&self, kind: &'static KindSpec, scope: &Scope) -> BoxStream<'static, WatchItem> {
        watch::watch(&self.wire, &self.home, kind, scope)
    }
    fn get<'a>(&'a self, kind: &'static KindSpec, key: &'a ObjectKey) -> Answer<'a, Value> {
        Box::pin(self.get_object(kind, key))
    }
    fn list<'a>(
        &'a self,
        kind: &'static KindSpec,
        namespace: &'a str,
        field_selector: &'a str,
    ) -> Answer<'a, Vec<Value>> {
        Box::pin(self.list_objects(kind, namespace, field_selector))
    }
    fn create<'a>(
        &'a self,
        kind: &'static KindSpec,
        namespace: &'a str,
        object: &'a Value,
    ) -> Answer<'a, ()> {
        Box::pin(self.create_object(kind, namespace, object))
    }
    fn patch<'a>(
        &'a self,
        kind: &'static KindSpec,
        key: &'a ObjectKey,
        patch: &'a Value,
    ) -> Answer<'a, ()> {
        Box::pin(self.patch_object(kind, key, patch))
    }
    fn delete<'a>(&'a self, kind: &'static KindSpec, key: &'a ObjectKey) -> Answer<'a, ()> {
        Box::pin(self.delete_object(kind, key))
    }
    fn evict<'a>(&'a self, pod: &'a ObjectKey) -> Answer<'a, ()> {
        Box::pin(self.evict_pod(pod))
    }
    fn logs(
        &self,
        pod: &ObjectKey,
        container: &str,
        request: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, Error>> {
        self.pod_log(pod, container, request)
    }
    fn forward<'a>(&'a self, pod: &'a ObjectKey, port: u16) -> Answer<'a, PodConnection> {
        Box::pin(forward::connect(&self.wire, pod, port))
    }
    fn pod_usage<'a>(&'a self, scope: &'a Scope) -> Answer<'a, Vec<(ObjectKey, Usage)>> {
        Box::pin(self.usage_of_pods(scope))
    }
}
