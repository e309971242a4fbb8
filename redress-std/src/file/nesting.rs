//! Calls within calls.

use std::fmt;

use redress_core::RetryConfig;

use super::{BudgetSettings, PolicyConfig, PolicyFile, name::Key};

/// The number of layers of a [`Chain`] that a message shows: the first ones and the last.
const TOLD: usize = 5;

/// Policies which make calls under each other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chain<'a> {
    /// Name and attempts of the layers, outermost first; `None` for any number of attempts. Of more than five, the first four
    /// and the last.
    pub layers: Vec<(&'a str, Option<u32>)>,
    /// The number of layers.
    pub depth: usize,
    /// How often the innermost operation runs at worst for one call of the outermost; `None` for any number of times.
    pub attempts: Option<u64>,
    /// Layers that make retries and have no budget to bound them.
    pub unbounded: usize,
}

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (name, attempts)) in self.layers.iter().enumerate() {
            if n > 0 {
                f.write_str(" -> ")?;
            }
            if n + 1 == self.layers.len() && self.depth > self.layers.len() {
                write!(f, "{} more -> ", self.depth - self.layers.len())?;
            }
            match attempts {
                Some(attempts) => write!(f, "{} ({attempts})", Key(name))?,
                None => write!(f, "{} (unlimited)", Key(name))?,
            }
        }
        match self.attempts {
            Some(1) => f.write_str(" makes 1 attempt"),
            Some(attempts) => write!(f, " makes up to {attempts} attempts"),
            None => f.write_str(" makes any number of attempts"),
        }
    }
}

/// Which policies call which, looked at once for all of them: in time that grows with the number of policies and calls, and
/// without recursion.
#[derive(Clone, Debug, Default)]
pub(super) struct Nesting(Vec<Node>);

#[derive(Clone, Debug, Default)]
struct Node {
    /// The policies in this file which it calls.
    callees: Vec<usize>,
    is_called: bool,
    is_cyclic: bool,
    /// The worst chain that begins here; `None` if a cycle can be reached.
    worst: Option<Worst>,
}

/// The worst chain that begins with a policy.
#[derive(Clone, Copy, Debug)]
struct Worst {
    attempts: Option<u64>,
    unbounded: usize,
    depth: usize,
    /// The next layer, and the innermost.
    next: Option<usize>,
    last: usize,
}

impl Worst {
    fn key(&self) -> (u64, usize) {
        (self.attempts.unwrap_or(u64::MAX), self.unbounded)
    }
}

impl Nesting {
    /// `policies`: sorted by name.
    pub(super) fn of(policies: &[(String, PolicyConfig)]) -> Self {
        let index = |name: &String| policies.binary_search_by(|(other, _)| other.cmp(name)).ok();
        let mut nodes = vec![Node::default(); policies.len()];
        for (n, (_, config)) in policies.iter().enumerate() {
            let callees: Vec<usize> = config.calls.iter().filter_map(index).collect();
            for callee in &callees {
                nodes[*callee].is_called = true;
            }
            nodes[n].callees = callees;
        }
        let mut nesting = Self(nodes);
        for component in nesting.components() {
            nesting.add(policies, &component);
        }
        nesting
    }

    /// Groups the policies that call each other in a circle, callees before callers: Tarjan's algorithm, with a stack of its own.
    fn components(&self) -> Vec<Vec<usize>> {
        const NEW: usize = usize::MAX;
        let nodes = &self.0;
        let (mut order, mut low, mut is_open) =
            (vec![NEW; nodes.len()], vec![NEW; nodes.len()], vec![false; nodes.len()]);
        let (mut components, mut open, mut path, mut seen) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for start in 0..nodes.len() {
            if order[start] == NEW {
                path.push((start, 0));
            }
            while let Some((node, call)) = path.pop() {
                if call == 0 {
                    (order[node], low[node], is_open[node]) = (seen, seen, true);
                    open.push(node);
                    seen += 1;
                } else {
                    // Back from a callee.
                    low[node] = low[node].min(low[nodes[node].callees[call - 1]]);
                }
                let calls = nodes[node].callees[call..].iter().position(|callee| {
                    let is_new = order[*callee] == NEW;
                    if !is_new && is_open[*callee] {
                        low[node] = low[node].min(order[*callee]);
                    }
                    is_new
                });
                if let Some(skipped) = calls {
                    path.push((node, call + skipped + 1));
                    path.push((nodes[node].callees[call + skipped], 0));
                } else if low[node] == order[node] {
                    let first = open.iter().rposition(|other| *other == node).unwrap_or_default();
                    let component = open.split_off(first);
                    for node in &component {
                        is_open[*node] = false;
                    }
                    components.push(component);
                }
            }
        }
        components
    }

    /// Finds the worst chain of a policy whose callees are known, or takes note of a circle.
    fn add(&mut self, policies: &[(String, PolicyConfig)], component: &[usize]) {
        let nodes = &mut self.0;
        let [n] = component[..] else {
            for node in component {
                nodes[*node].is_cyclic = true;
            }
            return;
        };
        if nodes[n].callees.contains(&n) {
            nodes[n].is_cyclic = true;
            return;
        }
        let config = &policies[n].1;
        let own = attempts(&config.retry);
        let unbounded = usize::from(own != Some(1) && config.budget == BudgetSettings::None);
        let mut worst = Worst { attempts: own.map(u64::from), unbounded, depth: 1, next: None, last: n };
        let mut inner: Option<(usize, Worst)> = None;
        for callee in &nodes[n].callees {
            let Some(chain) = nodes[*callee].worst else { return };
            if inner.is_none_or(|(_, inner)| chain.key() > inner.key()) {
                inner = Some((*callee, chain));
            }
        }
        if let Some((callee, inner)) = inner {
            worst.attempts = worst.attempts.zip(inner.attempts).map(|(own, inner)| own.saturating_mul(inner));
            worst.unbounded += inner.unbounded;
            (worst.depth, worst.next, worst.last) = (inner.depth + 1, Some(callee), inner.last);
        }
        nodes[n].worst = Some(worst);
    }
}

impl PolicyFile {
    /// Returns the worst of the chains of calls that begin with this policy: that with the most attempts of its innermost
    /// operation. `None` if there is no such policy, or if calls under it lead in a circle.
    pub fn worst_chain(&self, name: &str) -> Option<Chain<'_>> {
        let start = self.index(name)?;
        let Worst { attempts: most, unbounded, depth, last, .. } = self.nesting.0[start].worst?;
        let path = std::iter::successors(Some(start), |node| self.nesting.0[*node].worst.and_then(|worst| worst.next));
        let told = if depth > TOLD { path.take(TOLD - 1).chain([last]).collect() } else { path.collect::<Vec<_>>() };
        let layers = told.into_iter().map(|node| {
            let (name, config) = &self.policies[node];
            (name.as_str(), attempts(&config.retry))
        });
        Some(Chain { layers: layers.collect(), depth, attempts: most, unbounded })
    }

    /// Returns whether calls under this policy lead back to it.
    pub(super) fn is_cyclic(&self, name: &str) -> bool {
        self.index(name).is_some_and(|node| self.nesting.0[node].is_cyclic)
    }

    /// Returns whether a policy of this file makes calls under this one.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.index(name).is_some_and(|node| self.nesting.0[node].is_called)
    }
}

/// Returns the attempts of one call at most; none at all is a contradiction, and told elsewhere.
fn attempts(retry: &RetryConfig) -> Option<u32> {
    retry.max_attempts.filter(|attempts| *attempts != u32::MAX).map(|attempts| attempts.max(1))
}
