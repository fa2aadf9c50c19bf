//! Numbers as Pydantic reads them from JSON: a whole number may be written with a fraction of zero.

use serde_json::Value;

use super::form::Wrong;

/// A whole number from `min` to `max`.
pub(super) fn integer(min: i64, max: i64) -> impl Fn(Value) -> Result<i64, Wrong> {
    move |value| {
        let number = whole(&value)?;
        if number < min {
            return Err(Wrong::here(format!("Input should be greater than or equal to {min}"), "greater_than_equal"));
        }
        if number > max {
            return Err(Wrong::here(format!("Input should be less than or equal to {max}"), "less_than_equal"));
        }
        Ok(number)
    }
}

/// Beyond 64 bits everything is as far away as it gets, so that the bounds say what is wrong.
fn whole(value: &Value) -> Result<i64, Wrong> {
    if let Some(number) = value.as_i64() {
        return Ok(number);
    }
    match value.as_f64() {
        // The cast ends at the largest and smallest i64.
        #[allow(clippy::cast_possible_truncation)]
        Some(number) if number.fract() == 0.0 => Ok(number as i64),
        Some(_) => {
            Err(Wrong::here("Input should be a valid integer, got a number with a fractional part", "int_from_float"))
        }
        None => Err(Wrong::here("Input should be a valid integer", "int_type")),
    }
}

/// Any number above zero.
pub(super) fn positive(value: Value) -> Result<Value, Wrong> {
    match value.as_f64() {
        Some(number) if number > 0.0 => Ok(value),
        Some(_) => Err(Wrong::here("Input should be greater than 0", "greater_than")),
        None => Err(Wrong::here("Input should be a valid number", "float_type")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_within_bounds() {
        for (value, read) in [(json!(1), Some(1)), (json!(25), Some(25)), (json!(5.0), Some(5))] {
            assert_eq!(integer(1, 25)(value).ok(), read);
        }
        for bad in [json!(0), json!(26), json!(-1), json!(1.5), json!("5"), json!(true), json!(null), json!(1e300)] {
            assert!(integer(1, 25)(bad.clone()).is_err(), "{bad}");
        }
        assert_eq!(integer(1, i64::MAX)(json!(i64::MAX)).ok(), Some(i64::MAX));
        assert!(integer(1, 25)(json!(u64::MAX)).is_err());
    }

    #[test]
    fn rates_are_above_zero() {
        assert!(positive(json!(0.98)).is_ok() && positive(json!(7)).is_ok());
        assert!(positive(json!(0)).is_err() && positive(json!(-1)).is_err() && positive(json!("1")).is_err());
    }
}
