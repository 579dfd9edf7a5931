//! Calls that go wrong, for tests.

use std::time::Duration;

use crate::backend::ErrorKind;

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is refused, and nothing happens.
    Fail(ErrorKind),
    /// It never answers, and nothing happens.
    Hang,
    /// It happens later.
    Delay(Duration),
    /// A log, or a connection to a pod, ends as if it were over.
    End,
}

/// The faults that wait for their calls.
#[derive(Debug, Default)]
pub struct Faults {
    waiting: Vec<(String, usize, Fault)>,
    journal: Vec<String>,
}

impl Faults {
    /// The `n`th call from now on, counted from 0, of which the description contains the words goes wrong.
    /// Descriptions begin with the verb: `create container k3d-a-server-0`, `start k3d-a-server-0`, `pull image`.
    pub fn add(&mut self, words: &str, n: usize, fault: Fault) {
        self.waiting.push((words.to_owned(), n, fault));
    }

    /// The descriptions of all calls so far.
    #[must_use]
    pub fn journal(&self) -> &[String] {
        &self.journal
    }

    /// Notes a call and returns what is wrong with it.
    pub(super) fn strike(&mut self, what: &str) -> Option<Fault> {
        self.journal.push(what.to_owned());
        let mut struck = None;
        self.waiting.retain_mut(|(words, left, fault)| {
            if struck.is_some() || !what.contains(words.as_str()) {
                return true;
            }
            if *left > 0 {
                *left -= 1;
                return true;
            }
            struck = Some(*fault);
            false
        });
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_call_of_those_words_goes_wrong_once() {
        let mut faults = Faults::default();
        faults.add("start", 1, Fault::Hang);
        let struck: Vec<bool> = ["start a", "stop a", "start b", "start c"]
            .iter()
            .map(|call| faults.strike(call).is_some())
            .collect();
        assert_eq!(struck, [false, false, true, false]);
        assert_eq!(faults.journal().len(), 4);
    }
}
