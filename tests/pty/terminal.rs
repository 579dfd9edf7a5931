//! The program in a pseudo-terminal of its own, driven and read as a person would: keys in, screen out.
//!
//! Nothing here sleeps for a fixed time: a test waits until the screen says what it expects, and fails with the
//! whole screen when that has not come within the deadline.

use std::{
    io::{Read, Write},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// How long anything on the screen may take; generous, because machines that test are slow and busy.
const DEADLINE: Duration = Duration::from_secs(30);

/// What the program has written so far.
struct Output {
    parser: vt100::Parser,
    raw: Vec<u8>,
    closed: bool,
}

/// A program running in a pseudo-terminal.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    output: Arc<(Mutex<Output>, Condvar)>,
    home: tempfile::TempDir,
}

impl Terminal {
    /// Starts coracle with the arguments on a screen of this size, away from the person's own files and engine.
    pub fn start(arguments: &[&str], columns: u16, rows: u16) -> Self {
        Self::start_with(arguments, columns, rows, &[])
    }

    /// The same with additional environment.
    pub fn start_with(arguments: &[&str], columns: u16, rows: u16, environment: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let pair = native_pty_system().openpty(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_coracle"));
        command.args(arguments);
        command.env_clear();
        command.env("PATH", std::env::var("PATH").unwrap_or_default());
        command.env("HOME", home.path());
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
        command.cwd(home.path());
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let parser = vt100::Parser::new(rows, columns, 0);
        let output = Arc::new((Mutex::new(Output { parser, raw: Vec::new(), closed: false }), Condvar::new()));
        let shared = Arc::clone(&output);
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            loop {
                let read = reader.read(&mut chunk).unwrap_or(0);
                let mut output = shared.0.lock().unwrap();
                if read == 0 {
                    output.closed = true;
                } else {
                    output.parser.process(&chunk[..read]);
                    output.raw.extend_from_slice(&chunk[..read]);
                }
                shared.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self { master: pair.master, keys, child, output, home }
    }

    /// Types.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Changes the size of the terminal.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.output.0.lock().unwrap().parser.screen_mut().set_size(rows, columns);
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Waits until the screen contains the text.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_until(&format!("{text:?} on the screen"), |screen| screen.contains(text))
    }

    /// Waits until the screen no longer contains the text.
    pub fn wait_gone(&self, text: &str) -> String {
        self.wait_until(&format!("{text:?} gone from the screen"), |screen| !screen.contains(text))
    }

    /// Waits until the screen is as wanted.
    pub fn wait_until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + DEADLINE;
        let mut output = self.output.0.lock().unwrap();
        loop {
            let screen = output.parser.screen().contents();
            if wanted(&screen) {
                return screen;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !output.closed, "waited for {what}; the screen was:\n{screen}\n");
            output = self.output.1.wait_timeout(output, left).unwrap().0;
        }
    }

    /// What is on the screen now.
    pub fn screen(&self) -> String {
        self.output.0.lock().unwrap().parser.screen().contents()
    }

    /// Whether the alternate screen is shown and whether the cursor is hidden.
    pub fn modes(&self) -> (bool, bool) {
        let output = self.output.0.lock().unwrap();
        let screen = output.parser.screen();
        (screen.alternate_screen(), screen.hide_cursor())
    }

    /// Everything that was written, byte by byte.
    pub fn raw(&self) -> Vec<u8> {
        self.output.0.lock().unwrap().raw.clone()
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// The home directory it runs in.
    pub fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    /// Waits for the end of the program and of its output.
    pub fn wait_exit(&mut self) -> ExitStatus {
        let end = Instant::now() + DEADLINE;
        let mut output = self.output.0.lock().unwrap();
        while !output.closed {
            let left = end.saturating_duration_since(Instant::now());
            let screen = output.parser.screen().contents();
            assert!(!left.is_zero(), "the program did not end; the screen was:\n{screen}\n");
            output = self.output.1.wait_timeout(output, left).unwrap().0;
        }
        drop(output);
        self.child.wait().unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}
