//! The fast path against the `csv` crate, on random input that is as nasty as it gets.

use std::{
    borrow::Cow,
    collections::HashMap,
    io::{self, Cursor, Read},
};

use proptest::prelude::*;

use super::{
    copy::{self, Place},
    dialect::Dialect,
    layout::{Wish, iteration},
    rows::{MAX_ROW, Rows},
    scan::{Columns, Flaw, More, fields, scan, unquote},
    survey::Survey,
};

const COLUMNS: Columns = Columns { id: 1, iteration: 2 };

/// Gives few bytes at a time, as a pipe may.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_bytes = self.1.min(buffer.len());
        self.0.read(&mut buffer[..n_bytes])
    }
}

/// The rows as our scanner cuts them, up to the first unclosed quote, which the `csv` crate takes
/// for the rest of the file.
fn our_rows(text: &[u8], buffer: usize, step: usize) -> (Vec<Vec<Vec<u8>>>, bool) {
    let mut rows = Rows::with_sizes(Trickle(text, step), b',', COLUMNS, buffer, MAX_ROW);
    let (mut all, mut end) = (Vec::new(), 0);
    while let Some(row) = rows.advance().unwrap() {
        let bytes = rows.bytes(&row);
        assert_eq!(bytes, &text[row.start as usize..][..row.shape.len], "a row is where it says");
        let between = &text[end..row.start as usize];
        assert!(between.iter().all(|byte| b"\r\n".contains(byte)), "only blank lines are skipped");
        end = row.start as usize + row.shape.len;
        if row.shape.flaw == Some(Flaw::UnclosedQuote) {
            return (all, true);
        }
        let own: Vec<_> = fields(&bytes[..row.shape.body], b',').map(Cow::into_owned).collect();
        assert_eq!(own.len(), row.shape.n_fields);
        for (column, at) in [(1, &row.shape.id), (2, &row.shape.iteration)] {
            let field = own.get(column).map(Vec::as_slice).unwrap_or_default();
            assert_eq!(&*unquote(&bytes[at.clone()]), field, "column {column}");
        }
        all.push(own);
    }
    assert!(text[end..].iter().all(|byte| b"\r\n".contains(byte)), "nothing is left over");
    (all, false)
}

fn crate_rows(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    let rows = reader.byte_records().map(|row| row.unwrap().iter().map(<[u8]>::to_vec).collect());
    rows.collect()
}

/// Bytes that matter to CSV, with some that do not.
fn nasty_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        &b","[..],
        b",",
        b",",
        b"\"",
        b"\"",
        b"\"\"",
        b"\n",
        b"\n",
        b"\r",
        b"\r\n",
        b"a",
        b"0",
        b"1",
        b"final",
        b"\xff",
        b" ",
        b"\t",
        b"\0",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// A field in any valid writing: the text, and how it stands in the file.
fn field() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        &b"a"[..],
        b"b",
        b",",
        b"\"",
        b"\n",
        b"\r\n",
        b"\r",
        b"\xfe",
        b"\"\"",
        b" ",
    ]);
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

#[derive(Clone, Debug)]
struct Table {
    rows: Vec<[Vec<u8>; 4]>,
    text: Vec<u8>,
}

/// Rows of four columns, the id first, then the iteration; few ids, so that they meet.
fn table() -> impl Strategy<Value = Table> {
    let id = prop::sample::select(vec![
        "0192d3a4-0000-7000-8000-000000000001",
        "0192D3A4-0000-7000-8000-000000000001",
        "0192d3a4-0000-7000-8000-00000000000g",
        "66322ec0000000128a8042be",
        "66322ec0000000128a8042bf",
        "opaque",
        "with \"quotes\", and\nlines",
    ]);
    let version =
        prop::sample::select(vec!["0", "1", "01", "2", "10", "final", "final(0)", "final(12)"]);
    let row = (id, version, field(), field(), any::<[bool; 4]>(), 0..3_usize, 0..4_usize);
    prop::collection::vec(row, 0..40).prop_map(|rows| {
        let mut table = Table { rows: Vec::new(), text: b"WatchID,Iteration,x,y\n".to_vec() };
        for (id, version, x, y, quoted, end, n_blank) in rows {
            let row = [id.into(), version.into(), x, y];
            for (n, (field, quoted)) in row.iter().zip(quoted).enumerate() {
                table.text.extend_from_slice(if n > 0 { b"," } else { b"" });
                table.text.extend(written(field, quoted));
            }
            table.text.extend_from_slice([&b"\n"[..], b"\r\n", b"\r"][end]);
            table.text.extend(vec![b'\n'; n_blank / 3]);
            table.rows.push(row);
        }
        table
    })
}

fn written(field: &[u8], quoted: bool) -> Vec<u8> {
    if !quoted && !field.iter().any(|byte| b",\"\r\n".contains(byte)) {
        return field.to_vec();
    }
    let doubled = field.iter().flat_map(|byte| vec![*byte; if *byte == b'"' { 2 } else { 1 }]);
    [b'"'].into_iter().chain(doubled).chain([b'"']).collect()
}

/// What has to come out, said as plainly as possible.
fn model(rows: &[[Vec<u8>; 4]]) -> Vec<Vec<Vec<u8>>> {
    let mut newest: HashMap<&[u8], usize> = HashMap::new();
    for (n, row) in rows.iter().enumerate() {
        let best = newest.entry(&row[0]).or_insert(n);
        if iteration(&row[1]).unwrap() > iteration(&rows[*best][1]).unwrap() {
            *best = n;
        }
    }
    let mut stay: Vec<usize> = newest.into_values().collect();
    stay.sort_unstable();
    stay.into_iter().map(|n| rows[n].to_vec()).collect()
}

fn aggregate(text: &[u8], buffer: usize, dialect: Option<Dialect>) -> Vec<u8> {
    let mut survey = Survey::new(b',', Wish::default());
    let rows = Rows::with_sizes(Trickle(text, buffer), b',', COLUMNS, buffer, MAX_ROW);
    survey.read_rows("test", rows).unwrap();
    assert_eq!(survey.shown, [""; 0]);
    let mut places: Vec<Place> =
        survey.newest.versions().map(|row| Place { start: row.start, len: row.len }).collect();
    places.sort_unstable();
    let mut out = Vec::new();
    let mut rows = copy::Rows::start(&mut out, &survey.head, dialect).unwrap();
    copy::copy(Cursor::new(text), places.into_iter(), &mut rows).unwrap();
    rows.flush().unwrap();
    drop(rows);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_scanner_cuts_any_bytes_into_the_rows_of_the_csv_crate(
        text in nasty_text(), buffer in 1..40_usize, step in 1..20_usize,
    ) {
        let (ours, is_cut_short) = our_rows(&text, buffer, step);
        let theirs = crate_rows(&text);
        if is_cut_short {
            prop_assert_eq!(&ours[..], &theirs[..ours.len()]);
            prop_assert_eq!(theirs.len(), ours.len() + 1, "it takes the rest for one row");
        } else {
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn the_newest_rows_of_any_table_come_out(table in table(), buffer in 1..200_usize) {
        let out = aggregate(&table.text, buffer, None);
        prop_assert_eq!(&crate_rows(&out)[1..], &model(&table.rows)[..]);
        prop_assert_eq!(aggregate(&out, buffer, None), out, "once more changes nothing");
    }

    #[test]
    fn a_dialect_changes_the_writing_and_not_the_fields(table in table(), buffer in 1..200_usize) {
        for dialect in [Dialect::Unix, Dialect::Excel] {
            let out = aggregate(&table.text, buffer, Some(dialect));
            let mut expected = dialect.writer(Vec::new());
            expected.write_record(["WatchID", "Iteration", "x", "y"]).unwrap();
            for row in model(&table.rows) {
                expected.write_record(row).unwrap();
            }
            prop_assert_eq!(out, expected.into_inner().unwrap());
        }
    }
}

#[test]
fn a_row_longer_than_the_limit_is_named_and_the_next_one_found() {
    let text = b"a,\"0\n1,2\n3,4\n";
    let mut rows = Rows::with_sizes(&text[..], b',', COLUMNS, 4, 8);
    let mut seen = Vec::new();
    while let Some(row) = rows.advance().unwrap() {
        seen.push((rows.bytes(&row).to_vec(), rows.line(&row), row.shape.flaw));
    }
    let unclosed = Some(Flaw::UnclosedQuote);
    let expected = [
        (b"a,\"0\n".to_vec(), 1, unclosed),
        (b"1,2\n".to_vec(), 2, None),
        (b"3,4\n".to_vec(), 3, None),
    ];
    assert_eq!(seen, expected);

    let mut rows = Rows::with_sizes(&b"abcdefghijkl"[..], b',', COLUMNS, 4, 8);
    let first = rows.advance().unwrap().unwrap();
    assert_eq!(first.shape.flaw, Some(Flaw::TooLong));
}

#[test]
fn a_scan_waits_for_bytes_that_could_change_its_answer() {
    let scan = |text: &[u8], more| scan(text, b',', COLUMNS, more).map(|shape| shape.len);
    for text in [&b"a,b"[..], b"a,\"b", b"a,\"b\"", b"a,\"b\n", b"a,b\r"] {
        assert_eq!(scan(text, More::Possible), None, "{text:?}");
        assert!(scan(text, More::None).is_some(), "{text:?}");
    }
    assert_eq!(scan(b"a,b\r\n", More::Possible), Some(5));
    assert_eq!(scan(b"a,b\rc", More::Possible), Some(4));
}
