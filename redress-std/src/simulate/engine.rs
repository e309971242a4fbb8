//! Plays a scenario.

use redress_core::Policy;

use super::{Progress, Report, Scenario, ScenarioError};

impl Scenario {
    /// Plays the scenario with a policy, under this name.
    ///
    /// # Panics
    ///
    /// If a value is out of its bounds. [`try_run`](Self::try_run) returns an error instead.
    pub fn run(&self, name: &str, policy: &Policy<'_>) -> Report {
        self.try_run(name, policy, &|_| ()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Plays the scenario with a policy, under this name. Calls `progress` now and then, from several threads where there are.
    ///
    /// # Errors
    ///
    /// The first field that is out of its bounds.
    pub fn try_run(
        &self,
        name: &str,
        policy: &Policy<'_>,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Report, ScenarioError> {
        self.validate()?;
        let (_, _, _) = (name, policy, progress);
        todo!()
    }
}
