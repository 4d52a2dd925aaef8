//! Benchmark of the queue.

fn main() {}
