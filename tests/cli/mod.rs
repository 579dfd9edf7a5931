//! The binary as a script meets it: stdout, stderr, exit code. It runs in an empty directory and home, with an engine
//! endpoint where nothing is, so that no test can touch the clusters or the kubeconfig of whoever runs it.

mod config_file;
mod forward;
mod images;
mod logs;
mod nodes;
mod protected;
mod settings;
mod simulated;
mod without_engine;
mod words;

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use tempfile::TempDir;

/// A place to run the binary in.
pub struct Place {
    root: TempDir,
    variables: Vec<(String, String)>,
}

impl Place {
    /// An empty one.
    pub fn new() -> Self {
        let root = TempDir::new().unwrap();
        for folder in ["home", "project"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        Self {
            root,
            variables: Vec::new(),
        }
    }

    /// The same with an environment variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A path below the place: `home/...`, `project/...`.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// Writes a file below the place.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The binary with its arguments, separated by spaces, ready to run in the project's directory.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coracle"));
        command
            .args(arguments.split_whitespace())
            .env_clear()
            .env("HOME", self.path("home"))
            .env("KUBECONFIG", self.path("home/kubeconfig"))
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
            .env("LANG", "C.UTF-8")
            .current_dir(self.path("project"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// A shell that runs this script in the same way; the binary is `$0`, its arguments are `$@`.
    pub fn shell(&self, arguments: &str, script: &str) -> Command {
        let program = self.command(arguments);
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", script])
            .arg(program.get_program())
            .args(program.get_args())
            .env_clear()
            .envs(
                program
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .env("PATH", "/usr/bin:/bin")
            .current_dir(self.path("project"));
        shell
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &str) -> Run {
        let output = self.command(arguments).output().unwrap();
        Run {
            arguments: arguments.to_owned(),
            place: self.root.path().display().to_string(),
            output,
        }
    }
}

/// What a run left.
pub struct Run {
    arguments: String,
    place: String,
    output: Output,
}

/// Runs it in the usual simulated world.
pub fn run(arguments: &str) -> Run {
    Place::new().run(&format!("--simulate {arguments}"))
}

/// The same, where it has to end well.
pub fn done(arguments: &str) -> Run {
    run(arguments).well()
}

impl Run {
    /// Has to have ended well.
    pub fn well(self) -> Self {
        assert_eq!(self.code(), 0, "{}", self.report());
        self
    }

    /// The exit code.
    pub fn code(&self) -> i32 {
        self.output.status.code().expect("ended by a signal")
    }

    /// What it printed.
    pub fn stdout(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    /// What it told.
    pub fn stderr(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).unwrap()
    }

    /// All of it as one text, with the place's path replaced.
    pub fn report(&self) -> String {
        let text = format!(
            "$ coracle {}\n-- exit code {}\n-- stdout\n{}-- stderr\n{}",
            self.arguments,
            self.code(),
            self.stdout(),
            self.stderr()
        );
        text.replace(&self.place, "[place]")
    }
}
