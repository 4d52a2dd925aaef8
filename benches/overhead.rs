//! Benchmark of the overhead.

fn main() {}
