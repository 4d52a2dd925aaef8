use std::{collections::VecDeque, io, sync::Arc};

use proptest::prelude::*;

use super::{Memory, reports};
use crate::layer::{
    TallyCounts,
    destination::{Destination, Place, Standard, Wrote},
    output::Output,
};

/// A destination that does what it is told, call by call, and then all that is asked.
#[derive(Default)]
struct Moody {
    moods: VecDeque<Mood>,
    memory: Memory,
    is_known: bool,
}

#[derive(Clone, Debug)]
enum Mood {
    Takes(usize),
    Fails(io::ErrorKind),
    Moves,
}

impl Moody {
    fn output(moods: impl IntoIterator<Item = Mood>, header: &str) -> (Output, Memory) {
        let memory = Memory::default();
        let moods = moods.into_iter().collect();
        let moody = Self { moods, memory: memory.clone(), is_known: false };
        (Output::new("moody", Box::new(moody), header.into()), memory)
    }
}

impl Destination for Moody {
    fn prepare(&mut self, _: usize, _: bool) -> io::Result<Place> {
        Ok(if std::mem::replace(&mut self.is_known, true) { Place::Same } else { Place::Empty })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<Wrote> {
        let n_bytes = match self.moods.pop_front() {
            None => bytes.len(),
            Some(Mood::Takes(n_bytes)) => n_bytes.min(bytes.len()),
            Some(Mood::Fails(kind)) => return Err(kind.into()),
            Some(Mood::Moves) => {
                // What was written so far is in another file.
                self.memory.0.lock().unwrap().extend_from_slice(b"|");
                self.is_known = false;
                return Ok(Wrote::Moved);
            }
        };
        self.memory.0.lock().unwrap().extend_from_slice(&bytes[..n_bytes]);
        Ok(Wrote::Bytes(n_bytes))
    }
}

fn lines(output: &mut Output, lines: &[&str]) {
    for line in lines {
        output.line(|out| out.extend_from_slice(line.as_bytes()));
    }
}

fn counts(output: &Output) -> (u64, u64, u64) {
    let TallyCounts { written, failed, held } = output.tally().counts();
    (written, failed, held)
}

const FULL: Mood = Mood::Fails(io::ErrorKind::StorageFull);

#[test]
fn lines_are_held_until_the_flush_and_written_at_once() {
    let (mut output, memory) = Moody::output([], "head\n");
    lines(&mut output, &["one\n", "two\n"]);
    assert_eq!((memory.text().as_str(), counts(&output)), ("", (0, 0, 2)));
    output.flush();
    output.flush();
    assert_eq!((memory.text().as_str(), counts(&output)), ("head\none\ntwo\n", (2, 0, 0)));
}

#[test]
fn a_torn_row_is_completed_before_anything_else() {
    let (mut output, memory) = Moody::output([Mood::Takes(8), FULL, FULL], "head\n");
    lines(&mut output, &["one\n", "two\n", "three\n"]);
    output.flush();
    assert_eq!((memory.text().as_str(), counts(&output)), ("head\none", (0, 0, 3)));
    lines(&mut output, &["four\n"]);
    output.flush();
    assert_eq!(counts(&output), (0, 0, 4));
    output.flush();
    assert_eq!(memory.text(), "head\none\ntwo\nthree\nfour\n");
    assert_eq!(counts(&output), (4, 0, 0));
}

#[test]
fn a_torn_header_is_completed_too() {
    let (mut output, memory) = Moody::output([Mood::Takes(2), FULL], "head\n");
    lines(&mut output, &["one\n"]);
    output.flush();
    output.flush();
    assert_eq!((memory.text().as_str(), counts(&output)), ("head\none\n", (1, 0, 0)));
}

#[test]
fn the_rest_of_a_torn_row_does_not_go_into_another_file() {
    let moods = [Mood::Takes(11), FULL, Mood::Moves];
    let (mut output, memory) = Moody::output(moods, "head\n");
    lines(&mut output, &["one\n", "two\n", "three\n"]);
    output.flush();
    output.flush();
    assert_eq!(memory.text(), "head\none\ntw|head\nthree\n");
    assert_eq!(counts(&output), (2, 1, 0));
}

#[test]
fn a_header_that_did_not_get_out_is_not_written_twice() {
    let (mut output, memory) = Moody::output([FULL, Mood::Moves, FULL, Mood::Moves], "head\n");
    lines(&mut output, &["one\n"]);
    for _ in 0..3 {
        output.flush();
    }
    assert_eq!((memory.text().as_str(), counts(&output)), ("||head\none\n", (1, 0, 0)));
}

#[test]
fn trouble_is_told_once_and_so_is_its_end() {
    let moods = [FULL, FULL, FULL, Mood::Takes(1), FULL];
    let (mut output, _) = Moody::output(moods, "");
    let heard = reports(|| {
        for _ in 0..8 {
            lines(&mut output, &["one\n"]);
            output.flush();
        }
    });
    assert_eq!(heard.len(), 2, "{heard:#?}");
    assert!(heard[0].contains("WARN mongowatch::layer: could not write records"), "{}", heard[0]);
    assert!(heard[0].contains("route=\"moody\" error="), "{}", heard[0]);
    assert!(heard[1].contains("records are written again"), "{}", heard[1]);
    assert_eq!(counts(&output), (8, 0, 0));
}

#[test]
fn trouble_that_comes_and_goes_is_not_told_each_time() {
    let moods = (0..100).map(|n| if n % 2 == 0 { FULL } else { Mood::Takes(9) });
    let (mut output, _) = Moody::output(moods, "");
    let heard = reports(|| {
        for _ in 0..100 {
            lines(&mut output, &["one\n"]);
            output.flush();
        }
    });
    assert_eq!(heard.len(), 2, "{heard:#?}");
    assert_eq!(counts(&output).1, 0);
}

#[test]
fn a_long_outage_loses_new_records_and_counts_them() {
    let (mut output, memory) = Moody::output(vec![FULL; 5_000], "");
    let line = "x".repeat(999) + "\n";
    let heard = reports(|| {
        for _ in 0..3_000 {
            lines(&mut output, &[&line]);
            output.flush();
        }
        let (written, failed, held) = counts(&output);
        assert_eq!((written, failed + held), (0, 3_000));
        assert!((1_000..1_100).contains(&held), "{held} are held");
        output.close();
    });
    assert_eq!(counts(&output), (0, 3_000, 0));
    assert_eq!(memory.text(), "");
    assert_eq!(heard.len(), 2, "{heard:#?}");
    assert!(heard[1].contains("ERROR mongowatch::layer: records could not be written"));
}

#[test]
fn a_destination_that_takes_nothing_does_not_hold_the_thread() {
    let (mut output, _) = Moody::output([Mood::Takes(0), Mood::Takes(0)], "");
    lines(&mut output, &["one\n"]);
    output.flush();
    assert_eq!(counts(&output), (0, 0, 1));
}

#[test]
fn an_interrupted_write_is_tried_again() {
    let moods = [Mood::Fails(io::ErrorKind::Interrupted), Mood::Takes(2)];
    let (mut output, memory) = Moody::output(moods, "");
    lines(&mut output, &["one\n"]);
    output.flush();
    assert_eq!((memory.text().as_str(), counts(&output)), ("one\n", (1, 0, 0)));
}

#[test]
fn a_big_batch_is_written_before_its_end() {
    let (mut output, memory) = Moody::output([], "");
    let line = "x".repeat(1_023) + "\n";
    for _ in 0..300 {
        lines(&mut output, &[&line]);
    }
    assert_eq!(memory.text().len(), 256 << 10);
    assert_eq!(counts(&output), (256, 0, 44));
}

#[test]
fn what_is_buffered_is_written_when_the_output_goes() {
    let (mut output, memory) = Moody::output([], "");
    lines(&mut output, &["one\n"]);
    drop(output);
    assert_eq!(memory.text(), "one\n");
}

#[test]
fn the_reader_of_a_pipe_that_is_gone_costs_records_and_no_more() {
    let (reader, writer) = io::pipe().unwrap();
    let mut output = Output::new("pipe", Box::new(Standard::new(writer)), Vec::new());
    let heard = reports(|| {
        lines(&mut output, &["one\n"]);
        output.flush();
        drop(reader);
        for _ in 0..3 {
            lines(&mut output, &["two\n", "three\n"]);
            output.flush();
        }
        output.close();
    });
    assert_eq!(counts(&output), (1, 6, 0));
    assert_eq!(heard.len(), 1, "{heard:#?}");
}

fn mood() -> impl Strategy<Value = Mood> {
    prop_oneof![
        4 => (0..40_usize).prop_map(Mood::Takes),
        2 => Just(FULL),
        1 => Just(Mood::Fails(io::ErrorKind::Interrupted)),
        1 => Just(Mood::Moves),
    ]
}

proptest! {
    #[test]
    fn the_books_hold_and_no_broken_line_is_followed_by_another(
        moods in prop::collection::vec(mood(), 0..60), n_lines in 0..80_usize, every in 1..9_usize,
    ) {
        let (mut output, memory) = Moody::output(moods, "h\n");
        for n in 0..n_lines {
            let line = format!("<{n:03}>{}\n", "x".repeat(n % 23));
            lines(&mut output, &[&line]);
            if n % every == 0 {
                output.flush();
            }
            let (written, failed, held) = counts(&output);
            prop_assert_eq!(written + failed + held, n as u64 + 1);
        }
        output.close();
        let (written, failed, held) = counts(&output);
        prop_assert_eq!((written + failed, held), (n_lines as u64, 0));
        let text = memory.text();
        let mut n_whole = 0;
        for file in text.split('|').filter(|file| !file.is_empty()) {
            for (place, line) in file.split_inclusive('\n').enumerate() {
                let is_last = !line.ends_with('\n');
                prop_assert!(place != 0 || line == "h\n" || is_last, "{:?}", file);
                prop_assert!(place == 0 || line.starts_with('<'), "{:?}", file);
                n_whole += u64::from(place > 0 && !is_last);
            }
        }
        prop_assert_eq!(n_whole, written);
    }
}

#[test]
fn the_tally_is_shared() {
    let (mut output, _) = Moody::output([], "");
    let tally = output.tally();
    assert!(Arc::ptr_eq(&tally, &output.tally()));
    lines(&mut output, &["one\n"]);
    assert_eq!(tally.counts(), TallyCounts { written: 0, failed: 0, held: 1 });
}
