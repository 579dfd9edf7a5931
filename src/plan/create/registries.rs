//! The registries of a new cluster: one that is made with it, those that are there and are used, and what its nodes are
//! told of them before they start.

use super::{Create, Present};
use crate::{
    distro::k3s::{nodes::Layout, registries, registry_files},
    domain::{
        ClusterSpec, Problem, Registry,
        container::{ContainerState, FileEntry},
        registry::RegistrySpec,
    },
    plan::{KubeAccess, Plan, Step, StepId, registry},
};

/// The registries of one create.
pub(super) struct Found<'a> {
    made: Option<(&'a RegistrySpec, Registry)>,
    used: Vec<&'a Registry>,
    file: Option<FileEntry>,
}

impl<'a> Found<'a> {
    /// Finds those that are used, and decides about the one that is made.
    ///
    /// # Errors
    /// When one that is to be used is not there, one that is to be made is, or the person's file is wrong.
    pub(super) fn new(
        input: &Create<'a>,
        layout: &Layout,
        present: Present<'_>,
    ) -> Result<Self, Problem> {
        let spec = input.spec;
        let wanted = &spec.registries;
        let used: Vec<&Registry> = wanted
            .used
            .iter()
            .map(|name| registry::find(input.registries, name))
            .collect::<Result<_, _>>()?;
        if let (Some(first), "host") = (wanted.used.first(), layout.network.as_str()) {
            return Err(Problem::usage(
                format!("cluster \"{}\" cannot use {first}", spec.name),
                "it has the machine's own network, in which containers have no names",
            ));
        }
        let made = wanted.create.as_ref().map(|create| {
            let name = name(create, spec);
            let port = input.chosen.registry_port;
            let cluster = Some(&spec.name);
            let registry = registries::wanted(create, &name, port, cluster, &layout.network);
            (create, registry)
        });
        let taken = made.as_ref().filter(|(_, registry)| {
            let there = input.registries.iter().any(|one| one.name == registry.name);
            there && present.node(&registry.name).is_none()
        });
        if let Some((_, registry)) = taken {
            let name = &registry.name;
            return Err(Problem::refused(
                format!("cluster \"{}\" was not created", spec.name),
                format!("there is a registry {name} already"),
            )
            .with_hint(format!("use it as it is: --registry-use {name}")));
        }
        let all: Vec<Registry> = made
            .iter()
            .map(|(_, registry)| registry)
            .chain(used.iter().copied())
            .cloned()
            .collect();
        let file = registry_files::file(&all, wanted.config.as_deref())?;
        Ok(Self { made, used, file })
    }

    /// What a node finds when it starts.
    pub(super) fn file(&self) -> Option<FileEntry> {
        self.file.clone()
    }

    /// Adds the steps that make one and connect the others; `objects` are the network and the volumes.
    pub(super) fn steps(
        &self,
        plan: &mut Plan,
        layout: &Layout,
        present: Present<'_>,
        objects: &[StepId],
    ) {
        for registry in &self.used {
            if registry.state != ContainerState::Running {
                plan.warnings
                    .push(format!("registry {} does not run", registry.name));
            }
            let step = Step::Connect {
                network: layout.network.clone(),
                container: registry.name.clone(),
            };
            plan.add(step, objects.iter().copied());
        }
        let Some((spec, made)) = &self.made else {
            return;
        };
        match present.node(&made.name) {
            None => {
                registry::add(plan, spec, made, objects);
            }
            Some(node) if !node.is_running() => {
                let container = made.name.clone();
                plan.add(Step::StartContainer { container }, objects.iter().copied());
            }
            Some(_) => {}
        }
    }

    /// Tells tools in the cluster of the first one.
    pub(super) fn record(&self, plan: &mut Plan, access: &KubeAccess, api: StepId) {
        let made = self.made.as_ref().map(|(_, registry)| registry);
        if let Some(registry) = made.or(self.used.first().copied()) {
            let step = Step::SetRegistryRecord {
                access: access.clone(),
                text: registries::hosting(registry),
                present: true,
            };
            plan.add(step, [api]);
        }
    }
}

/// The container's name of a registry that is made with a cluster: as it is written, without `k3d-`.
fn name(create: &RegistrySpec, spec: &ClusterSpec) -> String {
    if create.name.is_empty() {
        format!("k3d-{}-registry", spec.name)
    } else {
        create.name.clone()
    }
}
