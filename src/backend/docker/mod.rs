//! The real engine: Docker's API through bollard, spoken to Docker, Podman, Colima, OrbStack and Rancher Desktop alike.
//!
//! bollard logs request bodies and whole answers, and with them cluster tokens and kubeconfigs, at its debug level:
//! every log filter has to cap it with `bollard=info`. Nothing in here logs an environment, a file or a login.

mod address;
mod container_answers;
mod containers;
mod disk;
mod endpoint;
mod errors;
mod fetch;
mod files;
mod images;
mod input;
mod login;
mod logs;
mod networks;
mod observe;
mod odd_states;
mod open;
mod resources;
mod ssh;
mod tls;

use std::{sync::Arc, time::Duration};

use bollard::Docker;
use futures::stream::BoxStream;

pub use endpoint::{Candidate, Environment, Tls, Tried, candidates};

use super::{Answer, ByteStream, ContainerRuntime, Error, Fetched};
use crate::domain::{
    LogLine, PublishedPort,
    container::{
        ContainerDetail, ContainerInfo, ContainerSpec, DiskUsage, EngineEvent, EngineInfo,
        ExecOutput, FileEntry, LogRequest, NetworkInfo, NetworkSpec, PullProgress, Usage,
        VolumeSpec,
    },
    image::EngineImage,
};

/// An engine that is asked something has this long to answer; a busy one with a slow disk needs seconds, a dead one
/// is to be noticed while the person still looks.
const ANSWER: Duration = Duration::from_secs(15);
/// Creating, starting and removing unpacks and deletes file systems and sets up networks; engines under load, with
/// many nodes at once, take tens of seconds for it.
const CHANGE: Duration = Duration::from_secs(90);

/// An engine that speaks Docker's API.
struct Engine {
    docker: Docker,
    endpoint: String,
    environment: Environment,
}

/// Connects to the first engine that answers, in the order of [`candidates`]. An endpoint that was named, by `wanted`,
/// by `DOCKER_HOST` or by a context, is the only candidate.
///
/// # Errors
/// Every endpoint that was tried and what each answered.
pub async fn connect(
    environment: &Environment,
    wanted: Option<&str>,
) -> Result<Arc<dyn ContainerRuntime>, Vec<Tried>> {
    let mut tried = Vec::new();
    for candidate in candidates(environment, wanted) {
        match open::open(&candidate).await {
            Ok(docker) => {
                return Ok(Arc::new(Engine {
                    docker,
                    endpoint: candidate.endpoint,
                    environment: environment.clone(),
                }));
            }
            Err(answer) => tried.push(Tried {
                endpoint: candidate.endpoint,
                source: candidate.source,
                answer,
            }),
        }
    }
    Err(tried)
}

/// Gives a request of `bollard` its deadline and its words.
async fn within<T>(
    deadline: Duration,
    what: impl FnOnce() -> String,
    request: impl Future<Output = Result<T, bollard::errors::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(deadline, request).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(errors::explain(&what(), &error)),
        Err(_) => Err(errors::too_late(&what(), deadline)),
    }
}

impl ContainerRuntime for Engine {
    fn info(&self) -> Answer<'_, EngineInfo> {
        Box::pin(self.engine_info())
    }
    fn containers<'a>(&'a self, labels: &'a [&'a str]) -> Answer<'a, Vec<ContainerInfo>> {
        Box::pin(self.list_containers(labels))
    }
    fn inspect<'a>(&'a self, container: &'a str) -> Answer<'a, ContainerDetail> {
        Box::pin(self.inspect_container(container))
    }
    fn networks(&self) -> Answer<'_, Vec<NetworkInfo>> {
        Box::pin(self.list_networks())
    }
    fn volumes<'a>(&'a self, labels: &'a [&'a str]) -> Answer<'a, Vec<VolumeSpec>> {
        Box::pin(self.list_volumes(labels))
    }
    fn disk_usage(&self) -> Answer<'_, DiskUsage> {
        Box::pin(self.measure_disk())
    }
    fn has_image<'a>(&'a self, image: &'a str) -> Answer<'a, bool> {
        Box::pin(self.image_is_there(image))
    }
    fn pull(&self, image: &str) -> BoxStream<'static, Result<PullProgress, Error>> {
        self.pull_image(image)
    }
    fn images(&self) -> Answer<'_, Vec<EngineImage>> {
        Box::pin(self.list_images())
    }
    fn save_images(&self, images: &[String]) -> ByteStream {
        self.export_images(images)
    }
    fn create_network<'a>(&'a self, spec: &'a NetworkSpec) -> Answer<'a, String> {
        Box::pin(self.make_network(spec))
    }
    fn create_volume<'a>(&'a self, spec: &'a VolumeSpec) -> Answer<'a, ()> {
        Box::pin(self.make_volume(spec))
    }
    fn create_container<'a>(&'a self, spec: &'a ContainerSpec) -> Answer<'a, String> {
        Box::pin(self.make_container(spec))
    }
    fn start<'a>(&'a self, container: &'a str) -> Answer<'a, ()> {
        Box::pin(self.start_container(container))
    }
    fn stop<'a>(&'a self, container: &'a str, grace: Duration) -> Answer<'a, ()> {
        Box::pin(self.stop_container(container, grace))
    }
    fn rename<'a>(&'a self, container: &'a str, name: &'a str) -> Answer<'a, ()> {
        Box::pin(self.rename_container(container, name))
    }
    fn remove_container<'a>(&'a self, container: &'a str) -> Answer<'a, ()> {
        Box::pin(self.drop_container(container))
    }
    fn remove_network<'a>(&'a self, network: &'a str) -> Answer<'a, ()> {
        Box::pin(self.drop_network(network))
    }
    fn remove_volume<'a>(&'a self, volume: &'a str) -> Answer<'a, ()> {
        Box::pin(self.drop_volume(volume))
    }
    fn connect<'a>(&'a self, network: &'a str, container: &'a str) -> Answer<'a, ()> {
        Box::pin(self.join_network(network, container))
    }
    fn fetch<'a>(&'a self, port: &'a PublishedPort, path: &'a str) -> Answer<'a, Fetched> {
        Box::pin(self.fetch_from(port, path))
    }
    fn disconnect<'a>(&'a self, network: &'a str, container: &'a str) -> Answer<'a, ()> {
        Box::pin(self.leave_network(network, container))
    }
    fn put_files<'a>(&'a self, container: &'a str, files: &'a [FileEntry]) -> Answer<'a, ()> {
        Box::pin(self.upload(container, files))
    }
    fn read_file<'a>(&'a self, container: &'a str, path: &'a str) -> Answer<'a, Vec<u8>> {
        Box::pin(self.download(container, path))
    }
    fn exec<'a>(
        &'a self,
        container: &'a str,
        command: &'a [&'a str],
        deadline: Duration,
    ) -> Answer<'a, ExecOutput> {
        Box::pin(self.run_command(container, command, deadline))
    }
    fn exec_with_input<'a>(
        &'a self,
        container: &'a str,
        command: &'a [&'a str],
        input: ByteStream,
    ) -> Answer<'a, ExecOutput> {
        Box::pin(self.run_with_input(container, command, input))
    }
    fn logs(
        &self,
        container: &str,
        request: &LogRequest,
    ) -> BoxStream<'static, Result<LogLine, Error>> {
        self.container_log(container, request)
    }
    fn events(&self) -> BoxStream<'static, Result<EngineEvent, Error>> {
        self.event_stream()
    }
    fn usage(&self, container: &str) -> BoxStream<'static, Result<Usage, Error>> {
        self.usage_stream(container)
    }
}
