//! The binary on the real engine, in a home of its own, with names of its own.

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// A cluster's name and a home for the binary; whatever is left of the cluster goes when this does.
pub struct Story {
    pub name: String,
    home: TempDir,
}

impl Story {
    /// A name for one story that nobody else has.
    pub fn new(story: &str) -> Self {
        Self {
            name: format!("e2e-cli-{story}-{}", std::process::id()),
            home: TempDir::new().unwrap(),
        }
    }

    /// Where the binary is at home.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The binary with the arguments, in which `NAME` is the cluster's name.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coracle"));
        command
            .args(arguments.replace("NAME", &self.name).split_whitespace())
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("kubeconfig"))
            .env_remove("XDG_CONFIG_HOME")
            .current_dir(self.home.path());
        for (variable, setting) in [
            ("CORACLE_E2E_K3S_IMAGE", "CORACLE_CLUSTER_IMAGE"),
            ("CORACLE_E2E_PROXY_IMAGE", "CORACLE_CLUSTER_PROXY_IMAGE"),
        ] {
            if let Ok(image) = std::env::var(variable) {
                command.env(setting, image);
            }
        }
        command
    }

    /// Runs it to its end, which has to be the given one, and returns what it printed.
    pub fn run(&self, arguments: &str, code: i32) -> String {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(code), "{arguments}\n{stderr}");
        String::from_utf8(stdout).unwrap()
    }

    /// The same, and what it printed is JSON.
    pub fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&self.run(arguments, 0)).unwrap()
    }

    /// Whatever bears the name, for a story that broke off.
    fn take_down(&self) {
        let script = format!(
            "docker ps -aq --filter name={0} | xargs -r docker rm -fv; \
             docker volume ls -q --filter name={0} | xargs -r docker volume rm -f; \
             docker network ls -q --filter name={0} | xargs -r docker network rm",
            self.name
        );
        let _ = Command::new("sh").args(["-c", &script]).output();
    }

    /// What the engine holds under the cluster's name.
    pub fn remains(&self) -> Vec<String> {
        let list = |arguments: &[&str]| {
            let output = Command::new("docker").args(arguments).output().unwrap();
            assert!(output.status.success(), "docker {arguments:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let all = [
            list(&["ps", "--all", "--format", "{{.Names}}"]),
            list(&["volume", "ls", "--format", "{{.Name}}"]),
            list(&["network", "ls", "--format", "{{.Name}}"]),
        ]
        .concat();
        let own = |line: &&str| line.contains(&self.name);
        all.lines().filter(own).map(str::to_owned).collect()
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        for verb in ["cluster delete NAME", "cluster finish --remove NAME"] {
            let _ = self.command(verb).output();
        }
        if std::thread::panicking() {
            self.take_down();
        }
    }
}

/// Runs docker's own command, which has to succeed, and returns what it printed.
pub fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}
