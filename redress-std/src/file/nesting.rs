//! Calls within calls.

use std::{collections::BTreeMap, fmt};

use redress_core::RetryConfig;

use super::{BudgetSettings, PolicyConfig, PolicyFile};

/// Policies which make calls under each other, outermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chain<'a> {
    /// Name and attempts of each layer; `None` for any number of attempts.
    pub layers: Vec<(&'a str, Option<u32>)>,
    /// How often the innermost operation runs at worst for one call of the outermost; `None` for any number of times.
    pub attempts: Option<u64>,
    /// Layers that make retries and have no budget to bound them.
    pub unbounded: usize,
}

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (name, attempts)) in self.layers.iter().enumerate() {
            let arrow = if n == 0 { "" } else { " -> " };
            match attempts {
                Some(attempts) => write!(f, "{arrow}{name} ({attempts})")?,
                None => write!(f, "{arrow}{name} (unlimited)")?,
            }
        }
        match self.attempts {
            Some(1) => f.write_str(" makes 1 attempt"),
            Some(attempts) => write!(f, " makes up to {attempts} attempts"),
            None => f.write_str(" makes any number of attempts"),
        }
    }
}

impl PolicyFile {
    /// The worst of the chains of calls that begin with this policy: that with the most attempts of its innermost
    /// operation. `None` if there is no such policy or it calls itself.
    pub fn worst_chain(&self, name: &str) -> Option<Chain<'_>> {
        self.chain(name, &mut Vec::new(), &mut BTreeMap::new())
    }

    /// `known`: what has been found already, so that no policy is looked at twice.
    fn chain<'a>(
        &'a self,
        name: &str,
        path: &mut Vec<&'a str>,
        known: &mut BTreeMap<&'a str, Chain<'a>>,
    ) -> Option<Chain<'a>> {
        if let Some(chain) = known.get(name) {
            return Some(chain.clone());
        }
        let (name, config) = self.policies.get_key_value(name)?;
        if path.contains(&name.as_str()) {
            return None;
        }
        path.push(name);
        let mut worst: Option<Chain<'_>> = None;
        for callee in config.calls.iter().filter(|callee| self.get(callee).is_some()) {
            let chain = self.chain(callee, path, known)?;
            let key = |chain: &Chain<'_>| (chain.attempts.unwrap_or(u64::MAX), chain.unbounded);
            worst = match worst {
                Some(worst) if key(&worst) >= key(&chain) => Some(worst),
                _ => Some(chain),
            };
        }
        path.pop();
        let mut chain = worst.unwrap_or(Chain { layers: Vec::new(), attempts: Some(1), unbounded: 0 });
        let attempts = attempts(&config.retry);
        chain.layers.insert(0, (name, attempts));
        chain.attempts = chain.attempts.zip(attempts).map(|(inner, own)| inner.saturating_mul(u64::from(own)));
        chain.unbounded += usize::from(attempts != Some(1) && config.budget == BudgetSettings::None);
        known.insert(name, chain.clone());
        Some(chain)
    }

    /// Whether calls under this policy lead back to it.
    pub(super) fn is_cyclic(&self, name: &str, config: &PolicyConfig) -> bool {
        let mut seen = Vec::new();
        let mut next: Vec<&str> = config.calls.iter().map(String::as_str).collect();
        while let Some(callee) = next.pop() {
            if callee == name {
                return true;
            }
            if !seen.contains(&callee) {
                seen.push(callee);
                next.extend(self.get(callee).into_iter().flat_map(|config| config.calls.iter().map(String::as_str)));
            }
        }
        false
    }
}

/// Attempts of one call at most; none at all is a contradiction, and told elsewhere.
fn attempts(retry: &RetryConfig) -> Option<u32> {
    retry.max_attempts.filter(|attempts| *attempts != u32::MAX).map(|attempts| attempts.max(1))
}
