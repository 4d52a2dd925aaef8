use mongodb::bson::Bson;

use super::ValueHasher;
use crate::filter::Secret;

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
