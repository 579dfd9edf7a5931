//! The screen without a terminal: the same state, messages, tasks and frames, at the pace of whoever holds it. The
//! pictures in the documentation and the tests of whole flows are made with it.
//!
//! Its calendar goes with tokio's clock, so that with paused time on a simulated world the same keys make the same
//! frames, to the second.

use std::time::Duration;

use jiff::Timestamp;
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer};
use tokio::time::{Instant, timeout_at};

use super::{
    World,
    app_loop::{lay, perform, take},
    effect::Effect,
    msg::{Msg, News},
    runner::{Runner, Turn},
    state::State,
    update::{next_wake, update, wants},
};

/// A screen in memory.
pub struct Offscreen {
    state: State,
    runner: Runner,
    begun: Instant,
    calendar: Timestamp,
    terminal: Terminal<TestBackend>,
}

impl Offscreen {
    /// A screen of some columns and rows that shows the world from the state on. It is now what the state says.
    #[must_use]
    pub fn new(state: State, world: &World, (columns, rows): (u16, u16)) -> Self {
        let context = world.context(&state);
        let Ok(terminal) = Terminal::new(TestBackend::new(columns, rows));
        let mut screen = Self {
            calendar: state.now,
            state,
            runner: Runner::new(context),
            begun: Instant::now(),
            terminal,
        };
        // What a page is, and what a click hits, follows from the frame before.
        screen.draw();
        screen
    }

    /// What it knows.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What it knows, to be changed.
    pub fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// Takes in a message and does what it leads to. What only a terminal or a process can do is left to the caller:
    /// all effects are returned.
    pub fn send(&mut self, msg: Msg) -> Vec<Effect> {
        let now = self.now();
        let effects = update(&mut self.state, msg, now);
        for effect in effects.clone() {
            // The clipboard belongs to a terminal.
            if !matches!(effect, Effect::Copy(_)) {
                perform(&mut self.runner, effect);
            }
        }
        self.runner.sync(wants(&self.state));
        self.draw();
        effects
    }

    /// Lets the tasks go on for so long, and takes in their news.
    pub async fn wait(&mut self, time: Duration) {
        let end = Instant::now() + time;
        self.runner.sync(wants(&self.state));
        loop {
            let now = self.now();
            let wake = next_wake(&mut self.state, now).map(|at| {
                Instant::now() + Duration::try_from(at.duration_since(now)).unwrap_or_default()
            });
            let due = wake.map_or(end, |wake| wake.min(end));
            match timeout_at(due, self.runner.next()).await {
                Err(_) if Instant::now() >= end => break,
                Err(_) => drop(self.send(Msg::Wake)),
                Ok(Turn::Due) => {}
                Ok(Turn::Broke(key, problem)) => {
                    self.send(Msg::News(key, Box::new(News::Broke(problem))));
                }
                Ok(Turn::News(news)) => {
                    let now = self.now();
                    for effect in take(&mut self.state, &mut self.runner, *news, now) {
                        perform(&mut self.runner, effect);
                    }
                }
            }
            self.runner.sync(wants(&self.state));
        }
        self.draw();
    }

    /// The frame of the state as it is now.
    pub fn frame(&mut self) -> &Buffer {
        self.draw();
        self.terminal.backend().buffer()
    }

    /// Gives it another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.terminal.backend_mut().resize(columns, rows);
        self.send(Msg::Wake);
    }

    /// Ends its tasks.
    pub async fn close(mut self) {
        self.runner.shutdown().await;
    }

    fn now(&self) -> Timestamp {
        let later = self.begun.elapsed();
        self.calendar.checked_add(later).unwrap_or(self.calendar)
    }

    fn draw(&mut self) {
        let now = self.now();
        let Ok(()) = lay(&mut self.state, now, |view| {
            self.terminal.draw(view).map(drop)
        });
    }
}
