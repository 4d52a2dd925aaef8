//! Benchmark of the csv.

fn main() {}
