//! Operations that do as a list says.

/// An operation which returns what a list says, one result per attempt, and the last one beyond its end.
///
/// ```
/// use redress_core::testing::Script;
///
/// let mut script = Script::new(&[Err("down"), Ok(1)]);
/// assert_eq!((script.step(), script.step(), script.step()), (Err("down"), Ok(1), Ok(1)));
/// assert_eq!(script.calls(), 3);
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Script<'a, T, E> {
    results: &'a [Result<T, E>],
    last: &'a Result<T, E>,
    calls: usize,
}

impl<'a, T: Clone, E: Clone> Script<'a, T, E> {
    /// An operation with these results.
    ///
    /// # Panics
    ///
    /// If the list is empty.
    pub const fn new(results: &'a [Result<T, E>]) -> Self {
        #[expect(clippy::panic, reason = "documented, and only tests have scripts")]
        let [.., last] = results else { panic!("results: a script must have at least one") };
        Self { results, last, calls: 0 }
    }

    /// Makes the next attempt.
    pub fn step(&mut self) -> Result<T, E> {
        let step = self.calls;
        self.calls = self.calls.saturating_add(1);
        match self.results.get(step) {
            Some(result) => result.clone(),
            None => self.last.clone(),
        }
    }

    /// Attempts made.
    pub const fn calls(&self) -> usize {
        self.calls
    }
}
