//! The number behind a port: a Service's own ports lead to others at its pods, and a name may be another number in each.

use serde_json::Value;

use crate::{
    backend::KubeApi,
    domain::{ForwardTarget, ObjectKey, Problem, RemotePort, Workload, workload::WorkloadKind},
    ops::workload,
    resources::{pods, selector, unlisted},
};

/// Where a forward leads now.
pub(super) enum Lead {
    /// To this port of the pod.
    Port(u16),
    /// The Service has other pods than it had.
    OtherPods,
}

/// The port of the pod that is meant, with the selector that the pod was found by. What a person may change while the
/// forward is open is asked for each time: a Service's ports and its selector.
///
/// # Errors
/// [`crate::domain::ProblemKind::Usage`] when there is no such port, anything else when the API does not answer.
pub(super) async fn of_pod(
    api: &dyn KubeApi,
    target: &ForwardTarget,
    found_by: &str,
    pod: &ObjectKey,
    remote: &RemotePort,
) -> Result<Lead, Problem> {
    let wanted = match target {
        ForwardTarget::Workload(service) if service.kind == WorkloadKind::Service => {
            let object = api.get(&unlisted::SERVICES, &service.key).await?;
            if selector::of_object(&object).as_deref() != Some(found_by) {
                return Ok(Lead::OtherPods);
            }
            of_service(service, &object, remote)?
        }
        _ => remote.clone(),
    };
    match wanted {
        RemotePort::Number(number) => Ok(Lead::Port(number)),
        RemotePort::Name(name) => {
            let object = api.get(&pods::KIND, pod).await?;
            named(pod, &object, &name).map(Lead::Port)
        }
    }
}

/// The label selector of a forward's pods; of a single pod there is none.
pub(super) async fn selector_of(
    api: &dyn KubeApi,
    target: &ForwardTarget,
) -> Result<String, Problem> {
    match target {
        ForwardTarget::Selector { selector, .. } => Ok(selector.clone()),
        ForwardTarget::Workload(_) if target.pod().is_some() => Ok(String::new()),
        ForwardTarget::Workload(other) => workload::selector(api, other).await,
    }
}

fn is_tcp(port: &Value) -> bool {
    port["protocol"].as_str().is_none_or(|word| word == "TCP")
}

/// A list as a person reads it.
fn said(all: &[String]) -> String {
    if all.is_empty() {
        "it has none".to_owned()
    } else {
        format!("there are {}", all.join(", "))
    }
}

/// The port of its pods that a Service's port leads to.
///
/// # Errors
/// When it has no such port for TCP.
pub(super) fn of_service(
    service: &Workload,
    object: &Value,
    remote: &RemotePort,
) -> Result<RemotePort, Problem> {
    let all = object["spec"]["ports"].as_array();
    let all = || all.into_iter().flatten().filter(|port| is_tcp(port));
    let found = all().find(|port| match remote {
        RemotePort::Number(number) => port["port"].as_u64() == Some(u64::from(*number)),
        RemotePort::Name(name) => port["name"].as_str() == Some(name),
    });
    let Some(port) = found else {
        let names = all().filter_map(|port| match port["name"].as_str() {
            Some(name) => Some(format!("{} ({name})", port["port"].as_u64()?)),
            None => Some(port["port"].as_u64()?.to_string()),
        });
        let names: Vec<String> = names.collect();
        return Err(Problem::usage(
            format!("{service} has no TCP port {remote}"),
            said(&names),
        ));
    };
    let number = |value: &Value| value.as_u64().and_then(|n| u16::try_from(n).ok());
    let lead = match &port["targetPort"] {
        Value::String(text) => text.parse().ok(),
        Value::Null => number(&port["port"]).map(RemotePort::Number),
        value => number(value).map(RemotePort::Number),
    };
    lead.ok_or_else(|| {
        Problem::failed(
            format!("{service} leads nowhere"),
            "the target of its port is no port",
        )
    })
}

/// The number of a container's port of that name.
fn named(pod: &ObjectKey, object: &Value, name: &str) -> Result<u16, Problem> {
    // A sidecar is an init container that goes on.
    let all = ["containers", "initContainers"]
        .into_iter()
        .filter_map(|list| object["spec"][list].as_array())
        .flatten()
        .filter_map(|container| container["ports"].as_array())
        .flatten();
    let mut names = Vec::new();
    for port in all.filter(|port| is_tcp(port)) {
        let Some(this) = port["name"].as_str() else {
            continue;
        };
        let number = port["containerPort"].as_u64().unwrap_or_default();
        if this == name
            && let Ok(number @ 1..) = u16::try_from(number)
        {
            return Ok(number);
        }
        names.push(format!("{this} ({number})"));
    }
    Err(Problem::usage(
        format!("pod {pod} has no TCP port of the name {name:?}"),
        said(&names),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_s_port_leads_to_its_target() {
        let service = "svc/web".parse().unwrap();
        let object = json!({ "spec": { "ports": [
            { "name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53 },
            { "name": "http", "port": 80, "targetPort": 8080 },
            { "name": "admin", "port": 81, "targetPort": "admin" },
            { "port": 82 },
        ] } });
        let lead = |port: &str| of_service(&service, &object, &port.parse().unwrap());
        for (port, want) in [
            ("80", "8080"),
            ("http", "8080"),
            ("81", "admin"),
            ("82", "82"),
        ] {
            assert_eq!(lead(port).unwrap().to_string(), want, "{port}");
        }
        let problem = lead("53").unwrap_err();
        assert_eq!(problem.what, "service/web has no TCP port 53");
        assert_eq!(problem.why, "there are 80 (http), 81 (admin), 82");
    }

    #[test]
    fn a_name_is_looked_for_in_all_containers() {
        let pod = ObjectKey::new("shop", "web-1");
        let object = json!({ "spec": {
            "containers": [{}, { "ports": [{ "name": "http", "containerPort": 8080 }] }],
            "initContainers": [{ "ports": [{ "name": "mesh", "containerPort": 15000 }] }],
        } });
        assert_eq!(named(&pod, &object, "http").unwrap(), 8080);
        assert_eq!(named(&pod, &object, "mesh").unwrap(), 15000);
        let problem = named(&pod, &object, "grpc").unwrap_err();
        assert_eq!(problem.why, "there are http (8080), mesh (15000)");
    }
}
