//! The table that bare metal plays, played on the host: it holds, and whatever is wrong in it is found and named.

use std::{cell::RefCell, path::Path, sync::LazyLock};

use redress_target::{Compared, Plant, Table, check};
use redress_tests::target::{Chosen, WANTED, choose, source};

static CHOSEN: LazyLock<Chosen> = LazyLock::new(|| {
    choose(&Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")).unwrap_or_else(|error| panic!("{error}"))
});

/// Compares the table, and returns the differences as they are printed.
fn differences(table: &Table, plant: Option<Plant>) -> (Compared, Vec<String>) {
    let found = RefCell::new(Vec::new());
    let compared = check(table, plant, &|difference| found.borrow_mut().push(difference.to_string()));
    (compared, found.into_inner())
}

#[test]
fn the_table_holds_on_the_host() {
    let (compared, found) = differences(&CHOSEN.table, None);
    assert_eq!(found, Vec::<String>::new());
    assert!(compared.values > 5_000, "{compared:?}");
    assert!(CHOSEN.unchanged >= WANTED);
    CHOSEN.coverage.complete().expect("everything is covered");
}

#[test]
fn every_changed_expectation_is_found_and_named() {
    let Table { vectors, delays, budgets } = CHOSEN.table;
    let ids = vectors.iter().map(|vector| vector.id).chain(delays.iter().map(|vector| vector.id));
    let ids = ids.chain(budgets.iter().map(|vector| vector.id));
    let alone = vectors.chunks(1).map(|vectors| Table { vectors, delays: &[], budgets: &[] });
    let alone = alone.chain(delays.chunks(1).map(|delays| Table { vectors: &[], delays, budgets: &[] }));
    let alone = alone.chain(budgets.chunks(1).map(|budgets| Table { vectors: &[], delays: &[], budgets }));
    for (id, table) in ids.zip(alone) {
        let (all, _) = differences(&table, None);
        for plant in 0..all.values {
            let (compared, found) = differences(&table, Some(Plant(plant)));
            assert_eq!((compared.differences, found.len()), (1, 1), "{id}: {plant}");
            assert!(found[0].starts_with(id) && found[0].contains(": expected "), "{}", found[0]);
        }
    }
}

#[test]
fn an_item_too_few_and_one_too_many_are_found() {
    let mut vector = CHOSEN.table.vectors[0];
    let (_, expected) = vector.expected.split_last().expect("items");
    for (expected, what) in [(expected, "expected nothing"), (&[vector.expected, expected].concat(), "got nothing")] {
        vector.expected = expected.to_vec().leak();
        let table = Table { vectors: vec![vector].leak(), delays: &[], budgets: &[] };
        let (_, found) = differences(&table, None);
        assert!(found.iter().all(|line| line.contains(what)) && !found.is_empty(), "{found:?}");
    }
}

#[test]
fn the_source_has_every_vector() {
    let source = source(&CHOSEN.table);
    for vector in CHOSEN.table.vectors {
        assert!(source.contains(&format!("id: {:?}", vector.id)), "{}", vector.id);
    }
}
