//! `K3D_<PATH>`: the keys of a config file from the environment, over those of the file and below the flags.
//!
//! k3d takes them for keys with one value and for two lists; the path is in capitals, its parts joined by `_`:
//! `K3D_OPTIONS_K3D_TIMEOUT`. Empty variables count as none.

use super::Simple;
use crate::domain::{Problem, Secret};

type Texts = fn(&mut Simple) -> &mut Option<String>;
type Switches = fn(&mut Simple) -> &mut Option<bool>;
type Numbers = fn(&mut Simple) -> &mut Option<u16>;
type Lists = fn(&mut Simple) -> &mut Vec<String>;

const TEXTS: [(&str, Texts); 12] = [
    ("METADATA_NAME", |to| &mut to.metadata.name),
    ("KUBEAPI_HOST", |to| &mut to.kube_api.host),
    ("KUBEAPI_HOSTIP", |to| &mut to.kube_api.host_ip),
    ("KUBEAPI_HOSTPORT", |to| &mut to.kube_api.host_port),
    ("IMAGE", |to| &mut to.image),
    ("NETWORK", |to| &mut to.network),
    ("SUBNET", |to| &mut to.subnet),
    ("REGISTRIES_CONFIG", |to| &mut to.registries.config),
    ("OPTIONS_K3D_TIMEOUT", |to| &mut to.options.k3d.timeout),
    ("OPTIONS_RUNTIME_GPUREQUEST", |to| {
        &mut to.options.runtime.gpu_request
    }),
    ("OPTIONS_RUNTIME_SERVERSMEMORY", |to| {
        &mut to.options.runtime.servers_memory
    }),
    ("OPTIONS_RUNTIME_AGENTSMEMORY", |to| {
        &mut to.options.runtime.agents_memory
    }),
];

const SWITCHES: [(&str, Switches); 7] = [
    ("OPTIONS_K3D_WAIT", |to| &mut to.options.k3d.wait),
    ("OPTIONS_K3D_DISABLELOADBALANCER", |to| {
        &mut to.options.k3d.disable_loadbalancer
    }),
    ("OPTIONS_K3D_DISABLEIMAGEVOLUME", |to| {
        &mut to.options.k3d.disable_image_volume
    }),
    ("OPTIONS_K3D_DISABLEROLLBACK", |to| {
        &mut to.options.k3d.disable_rollback
    }),
    ("OPTIONS_KUBECONFIG_UPDATEDEFAULTKUBECONFIG", |to| {
        &mut to.options.kubeconfig.update_default_kubeconfig
    }),
    ("OPTIONS_KUBECONFIG_SWITCHCURRENTCONTEXT", |to| {
        &mut to.options.kubeconfig.switch_current_context
    }),
    ("OPTIONS_RUNTIME_HOSTPIDMODE", |to| {
        &mut to.options.runtime.host_pid_mode
    }),
];

const NUMBERS: [(&str, Numbers); 2] = [
    ("SERVERS", |to| &mut to.servers),
    ("AGENTS", |to| &mut to.agents),
];

const LISTS: [(&str, Lists); 2] = [
    ("REGISTRIES_USE", |to| &mut to.registries.used),
    ("OPTIONS_K3D_LOADBALANCER_CONFIGOVERRIDES", |to| {
        &mut to.options.k3d.loadbalancer.config_overrides
    }),
];

impl Simple {
    /// Puts what the environment says over what is there.
    ///
    /// # Errors
    /// Names the variable whose value is not what its key takes.
    pub fn overlay(&mut self, env: &dyn Fn(&str) -> Option<String>) -> Result<(), Problem> {
        let get = |path: &str| {
            let name = format!("K3D_{path}");
            let value = env(&name).filter(|value| !value.is_empty())?;
            Some((name, value))
        };
        let refuse = |name: &str, value: &str, wanted: &str| {
            Problem::usage(
                format!("the variable {name} is not understood"),
                format!("{value:?} is not {wanted}"),
            )
        };
        for (path, place) in TEXTS {
            if let Some((_, value)) = get(path) {
                *place(self) = Some(value);
            }
        }
        if let Some((_, value)) = get("TOKEN") {
            self.token = Some(Secret::new(value));
        }
        for (path, place) in SWITCHES {
            if let Some((name, value)) = get(path) {
                let parsed = switch(&value);
                *place(self) = Some(parsed.ok_or_else(|| refuse(&name, &value, "true or false"))?);
            }
        }
        for (path, place) in NUMBERS {
            if let Some((name, value)) = get(path) {
                let parsed = value.parse().ok();
                *place(self) = Some(parsed.ok_or_else(|| refuse(&name, &value, "a whole number"))?);
            }
        }
        for (path, place) in LISTS {
            if let Some((_, value)) = get(path) {
                *place(self) = value
                    .split([',', ' '])
                    .filter(|item| !item.is_empty())
                    .map(str::to_owned)
                    .collect();
            }
        }
        Ok(())
    }
}

/// Yes or no as Go reads it.
#[must_use]
pub fn switch(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlaid(pairs: &[(&str, &str)]) -> Result<Simple, Problem> {
        let env = |name: &str| {
            let pair = pairs.iter().find(|(known, _)| *known == name)?;
            Some(pair.1.to_owned())
        };
        let mut simple = Simple {
            image: Some("of the file".to_owned()),
            servers: Some(1),
            ..Simple::default()
        };
        simple.overlay(&env)?;
        Ok(simple)
    }

    #[test]
    fn variables_replace_what_the_file_says() {
        let simple = overlaid(&[
            ("K3D_SERVERS", "3"),
            ("K3D_TOKEN", "t"),
            ("K3D_IMAGE", ""),
            ("K3D_KUBEAPI_HOSTPORT", "6550"),
            ("K3D_OPTIONS_K3D_WAIT", "False"),
            ("K3D_OPTIONS_RUNTIME_AGENTSMEMORY", "1g"),
            ("K3D_REGISTRIES_USE", "a:5000,b"),
        ])
        .unwrap();
        assert_eq!(simple.servers, Some(3));
        assert_eq!(simple.image.as_deref(), Some("of the file"));
        assert_eq!(simple.token.unwrap().reveal(), "t");
        assert_eq!(simple.kube_api.host_port.as_deref(), Some("6550"));
        assert_eq!(simple.options.k3d.wait, Some(false));
        assert_eq!(simple.options.runtime.agents_memory.as_deref(), Some("1g"));
        assert_eq!(simple.registries.used, ["a:5000", "b"]);
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        for (name, value) in [("K3D_AGENTS", "two"), ("K3D_OPTIONS_K3D_WAIT", "yes")] {
            let problem = overlaid(&[(name, value)]).unwrap_err();
            assert!(problem.what.contains(name) && problem.why.contains(value));
            assert_eq!(problem.kind.exit_code(), 2);
        }
    }
}
