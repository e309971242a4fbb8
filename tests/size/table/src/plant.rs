//! Regressions planted into what was measured, each of which the checks must see.

use crate::{
    Table, kept,
    rows::{Bar, RUNS},
};

/// A number of the table.
#[derive(Clone, Copy)]
enum Place {
    Flash(usize),
    Run(usize),
}

/// Returns the numbers of which a growth by 6 %, or one that is above a bar which holds, is not seen.
pub(crate) fn unseen(mut table: Table) -> Vec<String> {
    let before = table.render();
    let runs = if table.runs.is_empty() { 0 } else { RUNS.len() };
    let places = (0..table.rows.len()).map(Place::Flash).chain((0..runs).map(Place::Run));
    let mut unseen = Vec::new();
    for place in places {
        let (what, kept, bar) = table.at(place);
        let grown = kept + kept / 16 + 1;
        table.set(place, grown);
        if kept::grown(&before, &table.render()).len() != 1 {
            unseen.push(format!("{what}: growth from {kept} to {grown} would not be seen"));
        }
        if let Bar::Held(bar) = bar {
            table.set(place, bar + 1);
            if !table.off_bars().iter().any(|fault| fault.contains(what)) {
                unseen.push(format!("{what}: {} would not be seen above the bar of {bar}", bar + 1));
            }
        }
        table.set(place, kept);
    }
    unseen
}

impl Table {
    /// Returns name, number and bar of a row.
    fn at(&self, place: Place) -> (&'static str, u64, Bar) {
        match place {
            Place::Flash(index) => {
                let row = &self.rows[index];
                (row.flash.what, row.added.flash(), row.build.bar(row.flash))
            }
            Place::Run(index) => (RUNS[index].what, self.run(RUNS[index].target, RUNS[index].name), RUNS[index].bar),
        }
    }

    fn set(&mut self, place: Place, value: u64) {
        match place {
            Place::Flash(index) => {
                let added = &mut self.rows[index].added;
                added.data += value.cast_signed() - added.flash().cast_signed();
            }
            Place::Run(index) => {
                let row = &RUNS[index];
                self.runs.insert((row.target.to_owned(), row.name.to_owned()), value);
            }
        }
    }
}
