//! What of a record may be shown: time grows with the length of its texts, in each mode.

use std::sync::Arc;

use mongowatch::{
    Privacy, Shaper, Timestamp, WatchMessage, WatcherName, bson::doc, record::ErrorInfo,
};

use crate::growth::assert_linear;

fn record(text: &str) -> WatchMessage {
    let start = Timestamp::from_micros(0);
    let mut record = WatchMessage::new(WatcherName::Collection, "find", start);
    record.filter = Some(Arc::new(doc! { "a": text }.into()));
    record.error = Some(Arc::new(ErrorInfo { message: Some(text.into()), ..ErrorInfo::default() }));
    record
}

#[test]
fn the_time_to_apply_a_policy_grows_with_the_texts() {
    let check = |name: &str, text: &dyn Fn(usize) -> String| {
        for privacy in [Privacy::Full, Privacy::Masked, Privacy::Shape] {
            assert_linear(
                &format!("{name}, {privacy:?}"),
                40_000,
                |n| record(&text(n)),
                |record| privacy.apply(&mut record.clone(), &Shaper::new(0)),
            );
        }
    };
    let of = |part: &str, n: usize| part.repeat(n / part.len());
    check("many schemes in a word", &|n| of("://", n) + " @");
    check("many schemes and one user", &|n| of("a://", n) + "b@c");
    check("many users in a word", &|n| "a://".to_owned() + &of("b@", n));
    check("many addresses in a word", &|n| of("a://b:c@d/", n));
    check("many addresses", &|n| of("a://b:c@d ", n));
    check("many keys of errors", &|n| of("dup key: { a: ", n));
    check("many quotes", &|n| of("'\"`", n) + "://@");
    check("many values of errors", &|n| of("\" : \"", n));
}
