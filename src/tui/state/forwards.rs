//! The port-forwards of this session and those that are kept: which are switched on, and how they are.

use crate::{
    domain::{Forward, Problem},
    ops::forward::Status,
    tui::msg::ClusterId,
};

/// One forward.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Whose pods it leads to.
    pub cluster: ClusterId,
    /// What is wanted.
    pub forward: Forward,
    /// Whether it is switched on.
    pub on: bool,
    /// How it is, once it is open.
    pub status: Option<Status>,
    /// Bytes in each of the last 60 seconds, the oldest first.
    pub minute: Vec<u64>,
    /// Why it could not be opened.
    pub problem: Option<Problem>,
}

/// What is told of one: how it is, with the bytes of each of the last 60 seconds, or why it cannot be.
pub type Told = Result<Box<(Status, Vec<u64>)>, Problem>;

/// All of them, in the order in which they were made.
#[derive(Debug, Clone, Default)]
pub struct Forwards {
    /// The forwards.
    pub all: Vec<Entry>,
}

impl Forwards {
    /// Adds one, and returns its place; one that is there already gets no second entry.
    pub fn add(&mut self, cluster: ClusterId, forward: Forward, on: bool) -> usize {
        if let Some(place) = self.place(&cluster, &forward) {
            self.all[place].on |= on;
            self.all[place].problem = None;
            return place;
        }
        self.all.push(Entry {
            cluster,
            forward,
            on,
            status: None,
            minute: Vec::new(),
            problem: None,
        });
        self.all.len() - 1
    }

    /// Switches one on or off; one that failed to open is tried again.
    pub fn switch(&mut self, place: usize) {
        if let Some(entry) = self.all.get_mut(place) {
            entry.on = !entry.on;
            (entry.status, entry.problem) = (None, None);
        }
    }

    /// Takes in how one is; returns why it cannot be, where it cannot.
    pub fn tell(&mut self, cluster: &ClusterId, forward: &Forward, told: Told) -> Option<Problem> {
        let place = self.place(cluster, forward)?;
        let entry = &mut self.all[place];
        match told {
            Ok(told) => {
                let (status, minute) = *told;
                (entry.status, entry.minute, entry.problem) = (Some(status), minute, None);
                None
            }
            // A port that is busy does not become free by being asked for; the person decides.
            Err(problem) => {
                (entry.status, entry.on) = (None, false);
                entry.problem = Some(problem.clone());
                Some(problem)
            }
        }
    }

    /// Forgets how those are whose cluster is not there: their tasks ended with it, and nobody listens at their ports.
    pub fn closed_unless(&mut self, there: impl Fn(&ClusterId) -> bool) {
        for entry in self.all.iter_mut().filter(|entry| !there(&entry.cluster)) {
            entry.status = None;
            entry.minute.clear();
        }
    }

    /// Those that are switched on.
    pub fn on(&self) -> impl Iterator<Item = &Entry> {
        self.all.iter().filter(|entry| entry.on)
    }

    fn place(&self, cluster: &ClusterId, forward: &Forward) -> Option<usize> {
        self.all
            .iter()
            .position(|entry| entry.cluster == *cluster && entry.forward == *forward)
    }
}
