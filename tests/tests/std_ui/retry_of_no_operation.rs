//! What cannot fail is not retried.

use redress_std::retry;

fn main() {
    let _ = retry(|| 7);
}
