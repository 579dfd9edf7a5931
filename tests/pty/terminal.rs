//! The program in a pseudo-terminal of its own, driven and read as a person would: keys in, screen out.
//!
//! Nothing here sleeps for a fixed time: a test waits until the screen says what it expects, and fails with the
//! whole screen when that has not come within the deadline.

use std::{
    io::{Read, Write},
    process::Command,
    sync::{Arc, Condvar, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use portable_pty::{
    ChildKiller, CommandBuilder, ExitStatus, MasterPty, PtySize, SlavePty, native_pty_system,
};
use rustix::process::{Pid, Signal, kill_process};

use crate::cli::Place;

/// How long anything on the screen may take; generous, because machines that test are slow and busy.
const DEADLINE: Duration = Duration::from_secs(30);

/// The modes of the terminal change without a word, so they are looked at again after so long.
const LOOK: Duration = Duration::from_millis(50);

/// What is known of the program so far.
struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
    /// Its exit, once it has ended.
    exit: Option<ExitStatus>,
    /// Whether the reader is to let go of the terminal.
    hang_up: bool,
    /// After how many bytes nothing is read any more.
    stop_after: usize,
}

/// A program running in a pseudo-terminal.
pub struct Terminal {
    master: Option<Box<dyn MasterPty + Send>>,
    /// Held so that the modes of the terminal outlive the program and can be looked at.
    _slave: Box<dyn SlavePty + Send>,
    keys: Option<Box<dyn Write + Send>>,
    killer: Box<dyn ChildKiller + Send + Sync>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    reader: Option<JoinHandle<()>>,
    modes: String,
}

impl Terminal {
    /// Opens coracle with the arguments, separated by spaces, on 120 columns and 40 rows.
    pub fn open(place: &Place, arguments: &str) -> Self {
        Self::sized(place, arguments, (120, 40))
    }

    /// The same on a terminal of this size.
    pub fn sized(place: &Place, arguments: &str, size: (u16, u16)) -> Self {
        Self::run(&place.command(arguments), size)
    }

    /// Any command.
    pub fn run(command: &Command, (columns, rows): (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.env_clear();
        builder.env("TERM", "xterm-256color");
        for (name, value) in command.get_envs() {
            builder.env(name, value.unwrap_or_default());
        }
        if let Some(directory) = command.get_current_dir() {
            builder.cwd(directory);
        }
        let modes = format!("{:?}", pair.master.get_termios().unwrap());
        let mut child = pair.slave.spawn_command(builder).unwrap();
        let seen = Seen {
            parser: vt100::Parser::new(rows.max(1), columns.max(1), 0),
            raw: Vec::new(),
            exit: None,
            hang_up: false,
            stop_after: usize::MAX,
        };
        let seen = Arc::new((Mutex::new(seen), Condvar::new()));
        let killer = child.clone_killer();
        let mut output = pair.master.try_clone_reader().unwrap();
        let shared = Arc::clone(&seen);
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut chunk) {
                let Ok(mut seen) = shared.0.lock() else {
                    return;
                };
                seen.parser.process(&chunk[..read]);
                seen.raw.extend_from_slice(&chunk[..read]);
                shared.1.notify_all();
                while seen.raw.len() > seen.stop_after {
                    let Ok(woken) = shared.1.wait(seen) else {
                        return;
                    };
                    seen = woken;
                }
                if seen.hang_up {
                    return;
                }
            }
        });
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            let exit = child.wait().unwrap();
            // After a failure of the test nobody asks any more.
            if let Ok(mut seen) = shared.0.lock() {
                seen.exit = Some(exit);
                shared.1.notify_all();
            }
        });
        Self {
            keys: Some(pair.master.take_writer().unwrap()),
            master: Some(pair.master),
            _slave: pair.slave,
            killer,
            seen,
            reader: Some(reader),
            modes,
        }
    }

    /// Types.
    pub fn press(&mut self, keys: &str) {
        self.send(keys.as_bytes());
    }

    /// Sends bytes that need not be keys.
    pub fn send(&mut self, bytes: &[u8]) {
        let keys = self.keys.as_mut().unwrap();
        keys.write_all(bytes).unwrap();
        keys.flush().unwrap();
    }

    /// Sends a signal to the program, also where a shell runs it.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.foreground(), signal).unwrap();
    }

    /// The process that has the terminal now.
    fn foreground(&self) -> Pid {
        let leader = self.master.as_ref().unwrap().process_group_leader();
        Pid::from_raw(leader.unwrap()).unwrap()
    }

    /// Changes the size of the terminal.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        let mut seen = self.seen.0.lock().unwrap();
        seen.parser.screen_mut().set_size(rows, columns);
        self.master
            .as_ref()
            .unwrap()
            .resize(size(columns, rows))
            .unwrap();
    }

    /// Waits until the screen contains the text.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_until(&format!("{text:?}"), |screen| screen.contains(text))
    }

    /// Waits until the screen no longer contains the text.
    pub fn wait_gone(&self, text: &str) -> String {
        self.wait_until(&format!("{text:?} to go"), |screen| !screen.contains(text))
    }

    /// Waits until the screen is as wanted.
    pub fn wait_until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.wait(what, |seen| {
            let screen = picture(&seen.parser);
            (is_whole(&seen.raw) && wanted(&screen)).then_some(screen)
        })
    }

    /// Everything that was written, byte by byte.
    pub fn raw(&self) -> Vec<u8> {
        self.seen.0.lock().unwrap().raw.clone()
    }

    /// Waits for the end of the program and returns its exit code.
    pub fn wait_exit(&self) -> u32 {
        let exit = self.wait("the end of the program", |seen| seen.exit.clone());
        assert_eq!(exit.signal(), None, "it was ended by a signal");
        exit.exit_code()
    }

    /// Waits until the terminal is as it was before the program, and fails where it will not be.
    pub fn wait_restored(&self) {
        self.wait("the terminal given back", |seen| {
            let screen = seen.parser.screen();
            let is_plain = !screen.alternate_screen()
                && !screen.hide_cursor()
                && !screen.bracketed_paste()
                && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None;
            let modes = format!("{:?}", self.master.as_ref()?.get_termios()?);
            (is_plain && modes == self.modes).then_some(())
        });
    }

    /// Whether the program has the terminal now: its other screen, and each key as it is pressed.
    pub fn is_taken(&self) -> bool {
        let screen = self.seen.0.lock().unwrap();
        let modes = self.master.as_ref().and_then(|master| master.get_termios());
        screen.parser.screen().alternate_screen()
            && modes.is_some_and(|modes| format!("{modes:?}") != self.modes)
    }

    /// Changes the size, reads the beginning of the next frame and then nothing more, as a connection that is stuck.
    /// With enough rows the frame is larger than what the system keeps, and the program waits in the middle of it.
    pub fn get_stuck(&mut self, columns: u16, rows: u16) {
        let stop = {
            let mut seen = self.seen.0.lock().unwrap();
            seen.stop_after = seen.raw.len() + 8_000;
            seen.stop_after
        };
        self.resize(columns, rows);
        self.wait("the beginning of a frame", |seen| {
            (seen.raw.len() > stop).then_some(())
        });
    }

    /// Reads on after that.
    pub fn get_on(&mut self) {
        self.seen.0.lock().unwrap().stop_after = usize::MAX;
        self.seen.1.notify_all();
    }

    /// Takes the terminal away, as when its window is closed. The program has to write something for it: pressing the
    /// key has to change the screen.
    pub fn hang_up(&mut self, key: &str) {
        self.seen.0.lock().unwrap().hang_up = true;
        self.press(key);
        self.reader.take().unwrap().join().unwrap();
        self.keys = None;
        self.master = None;
    }

    fn wait<T>(&self, what: &str, wanted: impl Fn(&Seen) -> Option<T>) -> T {
        let end = Instant::now() + DEADLINE;
        let mut seen = self.seen.0.lock().unwrap();
        loop {
            if let Some(found) = wanted(&seen) {
                return found;
            }
            // What it wrote last may still be on its way after its end, so that is no reason to stop waiting.
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "waited for {what}; exit: {:?}; the screen was:\n{}\n",
                seen.exit,
                picture(&seen.parser)
            );
            seen = self.seen.1.wait_timeout(seen, left.min(LOOK)).unwrap().0;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let over = self.seen.0.lock().is_ok_and(|seen| seen.exit.is_some());
        if !over {
            let _ = self.killer.kill();
        }
    }
}

/// What is on the screen. The parser tells blanks that were written from cells that never were; nobody sees that.
fn picture(parser: &vt100::Parser) -> String {
    let screen = parser.screen();
    let lines: Vec<String> = screen
        .rows(0, screen.size().1)
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n")
}

/// Whether no frame is half written: the program says where each begins and ends.
fn is_whole(raw: &[u8]) -> bool {
    const SYNCHRONIZED: &[u8] = b"\x1b[?2026";
    let last = raw
        .windows(SYNCHRONIZED.len())
        .rposition(|bytes| bytes == SYNCHRONIZED);
    last.is_none_or(|at| raw.get(at + SYNCHRONIZED.len()) == Some(&b'l'))
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}
