use mongodb::bson::{Bson, doc};
use proptest::prelude::*;

use super::ValueHasher;
use crate::filter::{Matcher, Secret};

#[test]
fn equal_numbers_have_equal_hashes_whatever_their_type() {
    let hasher = ValueHasher::new(&Secret::new("0123456789abcdef").unwrap());
    let decimal = |text: &str| Bson::Decimal128(text.parse().unwrap());
    let equal = [
        vec![5.into(), 5_i64.into(), 5.0.into(), decimal("5"), decimal("5.00"), decimal("50E-1")],
        vec![0.into(), 0.0.into(), (-0.0).into(), decimal("-0E+5")],
        vec![(1_i64 << 60).into(), ((1_i64 << 60) as f64).into(), decimal("1152921504606846976")],
        vec![i64::MIN.into(), (i64::MIN as f64).into(), decimal("-9223372036854775808")],
        vec![1e22.into(), decimal("1E22")],
        // 2^-30 has 21 digits: more than are needed to tell the double from others.
        vec![(-9.313225746154785e-10).into(), decimal("-9.31322574615478515625E-10")],
        vec![1.5.into(), decimal("1.5")],
        vec![0.1.into(), decimal("0.1")],
        vec![f64::NAN.into(), (-f64::NAN).into(), decimal("NaN")],
        vec![f64::INFINITY.into(), decimal("Infinity")],
        vec![f64::NEG_INFINITY.into(), decimal("-Infinity")],
    ];
    let mut all = std::collections::HashSet::new();
    for numbers in equal {
        let hash = hasher.hash(&numbers[0]);
        for number in &numbers {
            assert_eq!(hasher.hash(number), hash, "{number} and {}", numbers[0]);
        }
        assert!(all.insert(hash), "{}", numbers[0]);
    }
    let near: [Bson; 4] =
        [((1_i64 << 60) + 1).into(), 1e23.into(), f64::MAX.into(), f64::MIN_POSITIVE.into()];
    for number in near {
        assert!(all.insert(hasher.hash(&number)), "{number}");
    }
}

/// Numbers around one, in each type; many of them are equal.
fn numbers() -> impl Strategy<Value = (Bson, Bson)> {
    let whole = prop_oneof![-20..20_i64, any::<i64>(), (0..63_u32).prop_map(|bit| 1 << bit)];
    whole.prop_flat_map(|whole| {
        let number = (0..6_u8, -40..40_i32).prop_map(move |(kind, exponent)| {
            let double = whole as f64;
            let decimal = |text: String| Bson::Decimal128(text.parse().unwrap());
            match kind {
                0 => whole.into(),
                1 => double.into(),
                2 => (double * 2_f64.powi(exponent)).into(),
                3 => decimal(format!("{whole}E{exponent}")),
                4 => decimal(format!("{double:.0}")),
                // As many digits as a decimal takes of a number that a double may be.
                _ => decimal(format!("{:.33e}", double * 2_f64.powi(exponent))),
            }
        });
        (number.clone(), number)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_mongodb_says_is_equal_has_an_equal_hash((first, second) in numbers()) {
        let hasher = ValueHasher::new(&Secret::new("0123456789abcdef").unwrap());
        let matcher = Matcher::for_documents(&doc! { "a": first.clone() }).unwrap();
        let is_equal = matcher.matches_document(&doc! { "a": second.clone() });
        let is_alike = hasher.hash(&first) == hasher.hash(&second);
        prop_assert!(!is_equal || is_alike, "{} equals {}", first, second);
        // A decimal may be the shortest form of a double that has more digits.
        let is_decimal = |value: &Bson| matches!(value, Bson::Decimal128(_));
        let is_mixed = is_decimal(&first) != is_decimal(&second);
        prop_assert!(is_equal || !is_alike || is_mixed, "{} is not {}", first, second);
    }
}
