//! What of the machine a container may use, in the engine's words and back.

use crate::domain::{
    container::Resources,
    limits::{DeviceRequest, Ulimit},
};
use bollard::models::{self, HostConfig, ResourcesUlimits};

/// The part of a request that says it.
pub(super) fn asked(wanted: &Resources) -> HostConfig {
    let number = |value: Option<u64>| value.and_then(|value| i64::try_from(value).ok());
    let ulimits = wanted.ulimits.iter().map(|limit| ResourcesUlimits {
        name: Some(limit.name.clone()),
        soft: Some(limit.soft),
        hard: Some(limit.hard),
    });
    let devices = wanted.devices.iter().map(|device| models::DeviceRequest {
        driver: (!device.driver.is_empty()).then(|| device.driver.clone()),
        // The engine refuses a number beside names.
        count: device.ids.is_empty().then_some(device.count),
        device_ids: (!device.ids.is_empty()).then(|| device.ids.clone()),
        capabilities: Some(vec![device.capabilities.clone()]),
        options: Some(device.options.clone().into_iter().collect()),
    });
    HostConfig {
        memory: number(wanted.memory),
        nano_cpus: number(wanted.nano_cpus),
        ulimits: (!wanted.ulimits.is_empty()).then(|| ulimits.collect()),
        device_requests: (!wanted.devices.is_empty()).then(|| devices.collect()),
        pid_mode: wanted.host_pid.then(|| "host".to_owned()),
        ..Default::default()
    }
}

/// What an inspection says of it. The engine writes 0 for what is not limited.
pub(super) fn given(host: &HostConfig) -> Resources {
    let number = |value: Option<i64>| {
        value
            .and_then(|value| u64::try_from(value).ok())
            .filter(|value| *value > 0)
    };
    let ulimits = host.ulimits.iter().flatten().map(|limit| Ulimit {
        name: limit.name.clone().unwrap_or_default(),
        soft: limit.soft.unwrap_or_default(),
        hard: limit.hard.unwrap_or_default(),
    });
    let devices = host.device_requests.iter().flatten();
    let devices = devices.map(|device| DeviceRequest {
        driver: device.driver.clone().unwrap_or_default(),
        count: device.count.unwrap_or_default(),
        ids: device.device_ids.clone().unwrap_or_default(),
        // Alternatives; nobody here asks for more than one.
        capabilities: device
            .capabilities
            .iter()
            .flatten()
            .next()
            .cloned()
            .unwrap_or_default(),
        options: device
            .options
            .clone()
            .unwrap_or_default()
            .into_iter()
            .collect(),
    });
    Resources {
        memory: number(host.memory),
        nano_cpus: number(host.nano_cpus),
        ulimits: ulimits.collect(),
        devices: devices.collect(),
        host_pid: host.pid_mode.as_deref() == Some("host"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_what_an_inspection_says() {
        let wanted = Resources {
            memory: Some(1 << 30),
            nano_cpus: Some(1_500_000_000),
            ulimits: vec!["nofile=1024:2048".parse().unwrap()],
            devices: vec![
                DeviceRequest::parse("all").unwrap(),
                DeviceRequest::parse("\"device=0,1\",driver=nvidia").unwrap(),
            ],
            host_pid: true,
        };
        let sent = serde_json::to_value(asked(&wanted)).unwrap();
        assert_eq!(sent["Memory"], 1 << 30);
        assert_eq!(sent["PidMode"], "host");
        assert_eq!(sent["DeviceRequests"][0]["Count"], -1);
        assert_eq!(
            sent["DeviceRequests"][0]["Capabilities"],
            serde_json::json!([["gpu"]])
        );
        assert_eq!(given(&serde_json::from_value(sent).unwrap()), wanted);
        assert_eq!(given(&asked(&Resources::default())), Resources::default());
    }
}
