//! A place to try an operation in: a fake world, a kubeconfig, and what the tests wish for.

use std::{fs, path::PathBuf};

use coracle::{
    backend::Backends,
    domain::{ClusterName, ClusterSpec},
    ops::{
        Cancel, Failure, Report, Request, Wish, carry_out, kubeconfig_file::KubeconfigFiles,
        prepare,
    },
    plan::{Event, Kubeconfig},
};
use tokio::sync::mpsc;

use super::fake::{Fake, Fault, Things};

pub fn demo() -> ClusterName {
    ClusterName::existing("demo")
}

pub fn spec(servers: u16, agents: u16) -> ClusterSpec {
    ClusterSpec {
        servers,
        agents,
        ..ClusterSpec::new(
            demo(),
            "rancher/k3s:v1.34.2-k3s1",
            "ghcr.io/k3d-io/k3d-proxy:5.9.0",
        )
    }
}

pub fn create(servers: u16, agents: u16) -> Wish {
    Wish::Create {
        spec: Box::new(spec(servers, agents)),
        kubeconfig: Kubeconfig::MergeAndSwitch,
    }
}

/// A world with a kubeconfig of its own.
pub struct Place {
    pub fake: Fake,
    directory: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let place = Self {
            fake: Fake::default(),
            directory: tempfile::tempdir().unwrap(),
        };
        fs::write(place.kubeconfig(), "x-mine: 1\ncurrent-context: work\n").unwrap();
        place
    }

    /// The same world, for somebody who has not cancelled anything.
    pub fn next_session(mut self) -> Self {
        self.fake.cancel = Cancel::new();
        self
    }

    fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("config")
    }

    pub fn write_kubeconfig(&self, text: &str) {
        fs::write(self.kubeconfig(), text).unwrap();
    }

    pub fn backends(&self) -> Backends {
        self.fake.backends()
    }

    pub fn request(&self, wish: Wish) -> Request {
        let mut request = Request::new(&self.backends(), wish);
        request.files = KubeconfigFiles::new(vec![self.kubeconfig()]);
        request
    }

    /// Plans and carries out, with a fault at the n-th call of the carrying out.
    pub async fn run(&self, wish: Wish, fault: Option<(usize, Fault)>) -> Result<Report, Failure> {
        let request = self.request(wish);
        let backends = self.backends();
        let plan = prepare(&backends, &request).await.unwrap();
        if let Some((call, fault)) = fault {
            self.fake.strike(call, fault);
        }
        let (events, taken) = mpsc::channel::<Event>(64);
        drop(taken);
        carry_out(&backends, &request, plan, events, &self.fake.cancel).await
    }

    pub fn snapshot(&self) -> (Things, serde_json::Value) {
        let text = fs::read_to_string(self.kubeconfig()).unwrap();
        let mut document: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        // Empty lists are as good as none.
        if let Some(map) = document.as_object_mut() {
            map.retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
        }
        (self.fake.things(), document)
    }
}
