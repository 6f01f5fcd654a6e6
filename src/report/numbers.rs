//! Numbers with units, the way a person reads them.

use std::time::Duration;

use jiff::Timestamp;

/// `0.4 s`, `9.8 s`, `2 min 10 s`, `1 h 37 min`, `3 d 4 h`.
#[must_use]
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    if seconds < 60 {
        return format!("{} s", tenths(span));
    }
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, minutes) => two((minutes, "min"), (seconds % 60, "s")),
        (0, hours, minutes) => two((hours, "h"), (minutes, "min")),
        (days, hours, _) => two((days, "d"), (hours, "h")),
    }
}

fn two((large, large_unit): (u64, &str), (small, small_unit): (u64, &str)) -> String {
    if small == 0 {
        format!("{large} {large_unit}")
    } else {
        format!("{large} {large_unit} {small} {small_unit}")
    }
}

/// An estimate: like [`duration`], without tenths.
#[must_use]
pub fn about(span: Duration) -> String {
    if span.as_secs() < 60 {
        format!("{} s", span.as_secs())
    } else {
        duration(span)
    }
}

/// Seconds with one decimal, rounded down; whole seconds from 100 on: for table columns headed by `s`.
#[must_use]
pub fn tenths(span: Duration) -> String {
    if span.as_secs() >= 100 {
        span.as_secs().to_string()
    } else {
        format!("{}.{}", span.as_secs(), span.subsec_millis() / 100)
    }
}

/// Milliseconds with a unit: `44 ms`, `1,480 ms`.
#[must_use]
pub fn millis(span: Duration) -> String {
    format!(
        "{} ms",
        count(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
    )
}

/// `58,114`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `412 B`, `18 KiB`, `2,048 MiB`.
#[must_use]
pub fn bytes(number: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = KIB * 1024;
    match number {
        small if small < KIB => format!("{small} B"),
        medium if medium < MIB => format!("{} KiB", medium / KIB),
        large => format!("{} MiB", count(large / MIB)),
    }
}

/// `sha256:7c1e…09`: enough to tell two apart by eye; the full digest stands where it must be copied.
#[must_use]
pub fn short_digest(digest: &str) -> String {
    let (algorithm, hex) = digest.split_once(':').unwrap_or(("", digest));
    match (hex.get(..4), hex.get(hex.len().saturating_sub(2)..)) {
        (Some(head), Some(tail)) if hex.len() > 8 && !algorithm.is_empty() => {
            format!("{algorithm}:{head}…{tail}")
        }
        (Some(head), Some(tail)) if hex.len() > 8 => format!("{head}…{tail}"),
        _ => digest.to_owned(),
    }
}

/// `1111-2222-3333`: twelve digits are not readable in one piece.
#[must_use]
pub fn account(id: &str) -> String {
    match (id.get(..4), id.get(4..8), id.get(8..)) {
        (Some(a), Some(b), Some(c)) if id.len() == 12 => format!("{a}-{b}-{c}"),
        _ => id.to_owned(),
    }
}

/// `1 machine`, `3 machines`.
#[must_use]
pub fn plural(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Time from `start` to `end`; zero if the clock went back.
#[must_use]
pub fn between(start: Timestamp, end: Timestamp) -> Duration {
    Duration::try_from(end.duration_since(start)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_two_units_at_most() {
        for (millis, text) in [
            (0, "0.0 s"),
            (101, "0.1 s"),
            (9_890, "9.8 s"),
            (59_999, "59.9 s"),
            (60_000, "1 min"),
            (130_000, "2 min 10 s"),
            (5_820_000, "1 h 37 min"),
            (7_200_000, "2 h"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text, "{millis} ms");
        }
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (58_114, "58,114"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(count(number), text);
        }
        assert_eq!(millis(Duration::from_millis(1_480)), "1,480 ms");
        assert_eq!(bytes(18 * 1024 + 3), "18 KiB");
        assert_eq!(bytes(5 * 1024 * 1024 * 1024), "5,120 MiB");
    }

    #[test]
    fn identifiers_are_shortened_without_losing_their_kind() {
        assert_eq!(short_digest("sha256:7c1e5555555555550009"), "sha256:7c1e…09");
        assert_eq!(short_digest("short"), "short");
        assert_eq!(account("111122223333"), "1111-2222-3333");
        assert_eq!(account("dev"), "dev");
    }
}
