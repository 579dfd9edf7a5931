//! A place on an engine for one case of the suite: names of its own, and everything taken down afterwards.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use coracle::{
    backend::ContainerRuntime,
    domain::{
        Subnet,
        container::{ContainerInfo, ContainerSpec, Labels, NetworkSpec},
    },
};
use futures::FutureExt;

/// Nothing that is waited for takes longer, on a busy machine either.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The engine that the suite runs on.
#[derive(Clone)]
pub struct Ground {
    /// The adapter.
    pub runtime: Arc<dyn ContainerRuntime>,
    /// An image with a shell, `echo`, `sleep` and `cat`. Containers are made from it without an entry point.
    pub image: String,
}

/// Where one case works.
pub struct Site {
    /// The adapter.
    pub runtime: Arc<dyn ContainerRuntime>,
    image: String,
    prefix: String,
    number: u8,
}

impl Ground {
    /// Runs a case, and takes down what it has made, also when it fails.
    pub async fn run(self, case: &str, number: u8, body: impl AsyncFnOnce(&Site)) {
        let site = Site {
            runtime: self.runtime,
            image: self.image,
            prefix: format!("contract-{}-{}", std::process::id(), case.replace('_', "-")),
            number,
        };
        let outcome = AssertUnwindSafe(body(&site)).catch_unwind().await;
        site.take_down().await;
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Site {
    /// A name that only this case has.
    pub fn name(&self, what: &str) -> String {
        format!("{}-{what}", self.prefix)
    }

    /// The label of everything that this case makes, as a filter.
    pub fn mark(&self) -> String {
        format!("coracle.contract={}", self.prefix)
    }

    /// The labels of everything that this case makes.
    pub fn labels(&self) -> Labels {
        BTreeMap::from([("coracle.contract".to_owned(), self.prefix.clone())])
    }

    /// Addresses that only this case uses.
    pub fn subnet(&self) -> Subnet {
        let process = u8::try_from(std::process::id() % 100).unwrap();
        format!("10.{}.{}.0/24", 100 + process, self.number)
            .parse()
            .unwrap()
    }

    /// Creates the network of this case and returns its name and ID.
    pub async fn network(&self) -> (String, String) {
        let name = self.name("net");
        let spec = NetworkSpec {
            name: name.clone(),
            subnet: self.subnet(),
            ipv6: None,
            labels: self.labels(),
        };
        let id = self.runtime.create_network(&spec).await.unwrap();
        (name, id)
    }

    /// A container in a network, that runs a script of the shell: `echo WORD`, `sleep SECONDS` and `exit CODE`,
    /// separated by `; `, which is all that a simulated engine has to understand.
    pub fn container(&self, what: &str, network: &str, script: &str) -> ContainerSpec {
        ContainerSpec {
            name: self.name(what),
            image: self.image.clone(),
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            labels: self.labels(),
            network: network.to_owned(),
            ..Default::default()
        }
    }

    /// A container in a network of its own, that runs. Returns its name.
    pub async fn running(&self, script: &str) -> String {
        let (network, _) = self.network().await;
        let spec = self.container("one", &network, script);
        self.runtime.create_container(&spec).await.unwrap();
        self.runtime.start(&spec.name).await.unwrap();
        spec.name
    }

    /// The containers of this case.
    pub async fn listed(&self) -> Vec<ContainerInfo> {
        self.runtime.containers(&[&self.mark()]).await.unwrap()
    }

    async fn take_down(&self) {
        let mark = self.mark();
        for container in self.listed().await {
            let removed = self.runtime.remove_container(&container.id).await;
            removed.unwrap_or_else(|error| eprintln!("left behind: {error}"));
        }
        for network in self.runtime.networks().await.unwrap() {
            if network.labels.get("coracle.contract") == Some(&self.prefix) {
                let removed = self.runtime.remove_network(&network.id).await;
                removed.unwrap_or_else(|error| eprintln!("left behind: {error}"));
            }
        }
        for volume in self.runtime.volumes(&[&mark]).await.unwrap() {
            let removed = self.runtime.remove_volume(&volume.name).await;
            removed.unwrap_or_else(|error| eprintln!("left behind: {error}"));
        }
    }
}

/// Waits for something that has to come.
pub async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
