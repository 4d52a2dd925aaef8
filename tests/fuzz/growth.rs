//! Time grows with length: an input that is four times as long may take eight times the time, which is
//! between n (four) and n² (sixteen).

use std::{hint::black_box, time::Duration};

/// How much longer the longer input is.
const FACTOR: usize = 4;
/// `FACTOR` to the power of 1.5.
const TIMES_MAX: u32 = 8;
/// What is this short says nothing.
const SLACK: Duration = Duration::from_millis(1);
const ROUNDS: usize = 3;
/// A busy neighbour lengthens times; it does not do so in all of so many attempts.
const ATTEMPTS: usize = 6;

/// Processor time of this thread.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

fn time<T, R>(input: &T, run: &impl Fn(&T) -> R) -> Duration {
    let start = cpu();
    let result = run(input);
    let time = cpu() - start;
    drop(black_box(result));
    time
}

/// The least time of each of the two lengths, if the longer one takes too long in every attempt.
fn superlinear<T, R>(short: &T, long: &T, run: impl Fn(&T) -> R) -> Option<(Duration, Duration)> {
    let (mut of_short, mut of_long) = (Duration::MAX, Duration::MAX);
    for _ in 0..ATTEMPTS {
        // The first round is slow for many reasons: taken alone, it would excuse the longer input.
        of_short = (0..ROUNDS).map(|_| time(short, &run)).fold(of_short, Duration::min);
        of_long = of_long.min(time(long, &run));
        if of_long <= of_short * TIMES_MAX + SLACK {
            return None;
        }
    }
    Some((of_short, of_long))
}

/// Checks that the time for an input of length `n` grows with `n`, up to this length.
#[track_caller]
pub(crate) fn assert_linear<T, R>(
    name: &str,
    n_max: usize,
    input: impl Fn(usize) -> T,
    run: impl Fn(&T) -> R,
) {
    let (short, long) = (input(n_max / FACTOR), input(n_max));
    if let Some((of_short, of_long)) = superlinear(&short, &long, run) {
        panic!("{name}: {of_short:?} for {}, {of_long:?} for {n_max}", n_max / FACTOR);
    }
}

#[test]
fn what_is_quadratic_is_found_and_what_is_not_passes() {
    let numbers = |n: usize| (0..n).collect::<Vec<_>>();
    let quadratic = |numbers: &Vec<usize>| {
        let seen =
            |at: usize| numbers[..at].iter().filter(|other| **other == black_box(at)).count();
        numbers.iter().map(|number| seen(*number)).sum::<usize>()
    };
    let sorted = |numbers: &Vec<usize>| {
        let mut mixed: Vec<_> =
            numbers.iter().map(|n| n.wrapping_mul(0x9e37_79b9) % 65_521).collect();
        mixed.sort_unstable();
        mixed
    };
    assert!(superlinear(&numbers(1_000), &numbers(4_000), quadratic).is_some());
    assert_eq!(superlinear(&numbers(10_000), &numbers(40_000), sorted), None);
}
