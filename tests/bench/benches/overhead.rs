//! The rows of the table as criterion benchmarks: `cargo bench`, or `cargo bench -- three_failures` for one column.

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use redress_bench::{CONTENDERS, Workload, script::Script};

fn overhead(criterion: &mut Criterion) {
    for workload in Workload::ALL {
        let mut group = criterion.benchmark_group(workload.name());
        for contender in CONTENDERS {
            let Some(work) = contender.work(workload) else { continue };
            let (mut work, script) = (work(), Script::new(workload.failures()).leak());
            group.bench_function(contender.name, |bencher| {
                bencher.iter_custom(|iterations| {
                    let start = Instant::now();
                    work(script, iterations);
                    start.elapsed()
                });
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    // Short, for some fifty rows: the figures to keep come from `count table`.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .sample_size(20)
        .nresamples(10_000);
    targets = overhead
}
criterion_main!(benches);
