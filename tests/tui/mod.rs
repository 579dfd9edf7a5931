//! The screen as a person meets it: keys in, frames out. It runs its real tasks on the simulated world in paused time,
//! with a calendar of its own, so that each frame is the same every time.

mod documentation;
mod flows;
mod frames;
mod log;
mod robustness;
mod scenes;
mod things;

use std::{fmt::Write as _, path::PathBuf, sync::Arc, time::Duration};

use coracle::{
    backend::{docker::Tried, sim},
    config::{Config, KeyChord},
    domain::{Problem, kube::ContextInfo},
    ops::kubeconfig_file::KubeconfigFiles,
    tui::{
        World,
        effect::Effect,
        keymap::Keymap,
        msg::{ClusterId, Msg, News, TaskKey},
        offscreen::Offscreen,
        state::State,
        theme::{Theme, Tone},
    },
};
use jiff::Timestamp;
use ratatui::{
    buffer::Buffer,
    style::{Modifier, Style},
};
use unicode_width::UnicodeWidthStr;

/// A screen with the person before it.
pub struct Screen {
    offscreen: Offscreen,
    /// The world that is shown.
    pub world: sim::World,
}

impl Screen {
    /// A screen on a world of the simulation, without any news yet.
    pub fn on(name: &str) -> Self {
        let world = sim::World::begun(name, now()).unwrap();
        let backends = world.backends();
        Self::with(world, Arc::new(move || Ok(backends.clone())))
    }

    /// A screen on a machine without an engine.
    pub fn without_engine(contexts: &[ContextInfo]) -> Self {
        let world = sim::World::begun("empty", now()).unwrap();
        let tried = [
            (
                "unix:///var/run/docker.sock",
                "the usual place",
                "no such file or directory",
            ),
            ("tcp://10.0.0.7:2376", "DOCKER_HOST", "connection refused"),
        ]
        .map(|(endpoint, source, answer)| Tried {
            endpoint: endpoint.to_owned(),
            source: source.to_owned(),
            answer: answer.to_owned(),
        });
        Self::build(
            world,
            Arc::new(move || Err(tried.to_vec())),
            contexts.to_vec(),
            state(true, true),
        )
    }

    /// The same world on a terminal that shows colour or not, and UTF-8 or not.
    pub fn on_terminal(name: &str, color: bool, unicode: bool) -> Self {
        let world = sim::World::begun(name, now()).unwrap();
        let backends = world.backends();
        let contexts = world.contexts();
        Self::build(
            world,
            Arc::new(move || Ok(backends.clone())),
            contexts,
            state(color, unicode),
        )
    }

    fn with(world: sim::World, open: Open) -> Self {
        let contexts = world.contexts();
        Self::build(world, open, contexts, state(true, true))
    }

    fn build(world: sim::World, open: Open, contexts: Vec<ContextInfo>, state: State) -> Self {
        let simulated = state.simulated;
        let shown = World {
            open: Arc::new(move || {
                let answer = open();
                Box::pin(async move { answer })
            }),
            contexts: Arc::new(move || (contexts.clone(), Vec::new())),
            read: Vec::<PathBuf>::new(),
            files: KubeconfigFiles::none(),
            kept: None,
            kube: world.backends().kube,
            simulated,
        };
        Self {
            offscreen: Offscreen::new(state, &shown, (120, 40)),
            world,
        }
    }

    /// A second screen on what this one leaves behind, as after the program was killed.
    pub async fn killed(self) -> Self {
        self.offscreen.close().await;
        let backends = self.world.backends();
        Self::with(self.world, Arc::new(move || Ok(backends.clone())))
    }

    /// Presses keys: characters, and names of keys in angle brackets: `jj<enter>n`. Nothing else happens meanwhile.
    pub fn keys(&mut self, script: &str) -> Vec<Effect> {
        chords(script)
            .into_iter()
            .flat_map(|chord| self.offscreen.send(Msg::Key(chord)))
            .collect()
    }

    /// Presses keys, with a moment for the tasks after each.
    pub async fn types(&mut self, script: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        for chord in chords(script) {
            effects.extend(self.offscreen.send(Msg::Key(chord)));
            self.offscreen.wait(Duration::from_millis(300)).await;
        }
        effects
    }

    /// Lets so many seconds go by.
    pub async fn seconds(&mut self, seconds: u64) -> &mut Self {
        self.offscreen.wait(Duration::from_secs(seconds)).await;
        self
    }

    /// News of a task that no simulation has.
    pub fn news(&mut self, key: TaskKey, news: News) {
        self.offscreen.send(Msg::News(key, Box::new(news)));
    }

    /// What went wrong, as the screen is told by itself.
    pub fn fail(&mut self, problem: Problem) {
        self.offscreen.state_mut().toasts.fail(problem);
    }

    /// The user is elsewhere on earth.
    pub fn in_zone(&mut self, zone: jiff::tz::TimeZone) {
        self.offscreen.state_mut().zone = zone;
    }

    /// What it knows.
    pub fn state(&self) -> &State {
        self.offscreen.state()
    }

    /// Any message.
    pub fn send(&mut self, msg: Msg) -> Vec<Effect> {
        self.offscreen.send(msg)
    }

    /// The frame at a size.
    pub fn frame(&mut self, columns: u16, rows: u16) -> &Buffer {
        self.offscreen.resize(columns, rows);
        self.offscreen.frame()
    }
}

type Open = Arc<dyn Fn() -> Result<coracle::backend::Backends, Vec<Tried>> + Send + Sync>;

/// The moment at which all of these worlds begin.
pub fn now() -> Timestamp {
    "2026-11-21T14:02:00Z".parse().unwrap()
}

/// A cluster of the engine.
pub fn local(name: &str) -> ClusterId {
    ClusterId::k3s(name)
}

fn state(color: bool, unicode: bool) -> State {
    let config = Config::default();
    let theme = Theme::new(&config.theme, color, unicode);
    let (keymap, problems) = Keymap::new(&config.keymap);
    assert!(problems.is_empty(), "{problems:?}");
    State::new(config, theme, keymap, true, now())
}

/// The keys of a script.
pub fn chords(script: &str) -> Vec<KeyChord> {
    let mut chords = Vec::new();
    let mut rest = script;
    while let Some(c) = rest.chars().next() {
        let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        let key = if let Some((name, after)) = named {
            rest = after;
            name.to_owned()
        } else {
            rest = &rest[c.len_utf8()..];
            if c == ' ' {
                "space".to_owned()
            } else {
                c.to_string()
            }
        };
        chords.push(key.parse().unwrap_or_else(|why| panic!("{script}: {why}")));
    }
    chords
}

/// A frame as lines of text without spaces at their ends.
pub fn text(frame: &Buffer) -> String {
    let mut out = String::new();
    for y in frame.area.rows() {
        let mut line = String::new();
        let mut x = y.x;
        while x < y.right() {
            let symbol = frame[(x, y.y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(symbol.width().max(1)).unwrap();
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// The tones of a frame: a letter a cell, in the places of the text.
pub fn tones(frame: &Buffer, theme: &Theme) -> String {
    const LETTERS: [(char, Tone); 10] = [
        (' ', Tone::Text),
        ('d', Tone::Dim),
        ('t', Tone::Title),
        ('f', Tone::Focus),
        ('k', Tone::Key),
        ('g', Tone::Good),
        ('w', Tone::Warning),
        ('b', Tone::Bad),
        ('p', Tone::Progress),
        ('s', Tone::Selected),
    ];
    let mut out = String::new();
    for y in frame.area.rows() {
        let line: String = y
            .columns()
            .map(|cell| {
                let cell = &frame[(cell.x, cell.y)];
                let mut plain = cell.style();
                // The selection lies over other tones: they are capitals in it.
                let selected = plain.add_modifier.contains(Modifier::REVERSED);
                plain.add_modifier.remove(Modifier::REVERSED);
                let find = |seen: Style| {
                    let same = |tone| {
                        let style = theme.style(tone);
                        style.fg.unwrap_or_default() == seen.fg.unwrap_or_default()
                            && style.add_modifier == seen.add_modifier
                    };
                    let own = |number| theme.source(number).fg == seen.fg;
                    let tone = LETTERS.iter().find(|(_, tone)| same(*tone));
                    // Who wrote a line has a colour of its own.
                    let source = || (0..12).any(own).then_some(&('o', Tone::Text));
                    tone.or_else(source)
                };
                // The selection of a pane without the focus is bold, whatever its tone is.
                let letter = find(plain)
                    .or_else(|| {
                        plain.add_modifier.remove(Modifier::BOLD);
                        find(plain)
                    })
                    .map_or('?', |(letter, _)| *letter);
                match (selected, letter) {
                    (true, ' ') => 's',
                    (true, letter) => letter.to_ascii_uppercase(),
                    (false, letter) => letter,
                }
            })
            .collect();
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}
