use super::*;

/// 2026-03-04T05:06:07Z
const NOW: UnixSeconds = UnixSeconds::new(1_772_600_767);

#[expect(clippy::unnecessary_wraps, reason = "what `parse` returns")]
const fn secs(seconds: u32) -> Option<Millis> {
    Some(Millis::from_secs(seconds))
}

#[test]
fn vectors() {
    const ROWS: [(&str, Option<Millis>); 26] = [
        ("120", secs(120)),
        ("0", secs(0)),
        ("1", secs(1)),
        (" 7 ", secs(7)),
        ("\t15", secs(15)),
        ("1.5", Some(Millis::new(1_500))),
        ("1e3", None),
        ("abc", None),
        ("", None),
        ("   ", None),
        ("12 seconds", None),
        ("0x10", None),
        ("--5", None),
        ("86400", secs(86_400)),
        ("inf", None),
        ("nan", None),
        ("Wed, 04 Mar 2026 05:06:37 GMT", secs(30)),
        ("Wed, 04 Mar 2026 05:06:07 GMT", secs(0)),
        ("Wed, 04 Mar 2026 05:05:00 GMT", secs(0)),
        ("Thu, 05 Mar 2026 05:06:07 GMT", secs(86_400)),
        ("Wednesday, 04-Mar-26 05:07:07 GMT", secs(60)),
        ("Wed Mar  4 05:08:07 2026", secs(120)),
        ("Wed, 04 Mar 2026", None),
        ("2026-03-04T05:10:00Z", None),
        ("Wed, 32 Mar 2026 05:06:07 GMT", None),
        ("Wed, 04 Mar 2026 25:06:07 GMT", None),
    ];
    for (value, expected) in ROWS {
        assert_eq!(parse(value.as_bytes(), Some(NOW)), expected, "{value:?}");
    }
}

#[test]
fn seconds_saturate() {
    assert_eq!(parse(b"4294967", None), Some(Millis::new(4_294_967_000)));
    for value in ["4294968", "4294967295", "4294967296", "99999999999999999999999999999999999999"] {
        assert_eq!(parse(value.as_bytes(), None), Some(Millis::MAX), "{value}");
    }
    assert_eq!(parse(b"000000000000000000000000000000000005", None), secs(5));
}

/// 2,000 ms for the form in which a large shop platform sends two seconds.
#[test]
fn decimals_round_up_to_a_millisecond() {
    for (value, millis) in [
        ("2.0", 2_000),
        ("2.00000", 2_000),
        ("0.35", 350),
        ("0.1", 100),
        ("0.0005", 1),
        ("1.0000000001", 1_001),
        ("1.9991", 2_000),
        ("0.0", 0),
        ("4294967.2", 4_294_967_200),
        ("4294967.9", u32::MAX),
        ("18446744073709551616.5", u32::MAX),
    ] {
        assert_eq!(parse(value.as_bytes(), None), Some(Millis::new(millis)), "{value}");
        assert_eq!(parse_dated(value.as_bytes(), None, None), Some(Millis::new(millis)), "{value}");
    }
    for value in [".", "1.", ".5", "1.5.2", "1.-5", "1. 5", "1.5s", "1,5", "-0.5", "1.5e3"] {
        assert_eq!(parse(value.as_bytes(), Some(NOW)), None, "{value}");
    }
}

#[test]
fn milliseconds() {
    for (value, millis) in [
        ("0", Some(0)),
        (" 350 ", Some(350)),
        ("9.25", Some(10)),
        ("9.0", Some(9)),
        ("4294967295", Some(u32::MAX)),
        ("4294967295.5", Some(u32::MAX)),
        ("18446744073709551616", Some(u32::MAX)),
        ("1500000000", Some(1_500_000_000)),
        ("-1", None),
        ("", None),
        ("soon", None),
        ("5 ms", None),
        ("Wed, 04 Mar 2026 05:06:37 GMT", None),
    ] {
        assert_eq!(parse_millis(value.as_bytes()), millis.map(Millis::new), "{value:?}");
    }
}

#[test]
fn a_date_is_judged_by_the_date_of_the_response() {
    const DATE: &str = "Wed, 18 Sep 2019 05:33:23 GMT";
    const UNTIL: &str = "Wed, 18 Sep 2019 05:34:00 GMT";
    let hint = |value: &str, date: &str, now| parse_dated(value.as_bytes(), Some(date.as_bytes()), now);
    for now in [None, Some(UnixSeconds::new(0)), Some(NOW), Some(UnixSeconds::new(u64::MAX))] {
        assert_eq!(hint(UNTIL, DATE, now), secs(37));
        assert_eq!(hint(DATE, UNTIL, now), secs(0));
        assert_eq!(hint("Wednesday, 18-Sep-19 05:34:00 GMT", DATE, now), secs(37));
        assert_eq!(hint("Wed Sep 18 05:34:00 2019", DATE, now), secs(37));
        // A server whose clock is not set is judged by that clock.
        assert_eq!(hint("Thu, 01 Jan 1970 00:01:00 GMT", "Thu, 01 Jan 1970 00:00:10 GMT", now), secs(50));
        assert_eq!(hint("Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:00 GMT", now), secs(59));
        assert_eq!(hint("7.5", DATE, now), Some(Millis::new(7_500)));
        assert_eq!(hint("soon", DATE, now), None);
    }
}

/// The local clock judges where the two are not of one clock, or there is no date that can be read.
#[test]
fn a_date_of_another_clock_is_not_believed() {
    const UNTIL: &[u8] = b"Wed, 04 Mar 2026 05:06:37 GMT";
    for date in [
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Wed, 18 Sep 2019 05:33:23 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "2026-03-04T05:06:07Z",
        "",
        "yesterday",
    ] {
        assert_eq!(parse_dated(UNTIL, Some(date.as_bytes()), Some(NOW)), secs(30), "{date}");
        // Without a clock that is set there is no hint, unless the date says that the moment has passed.
        for not_set in [None, Some(UnixSeconds::new(0)), Some(UnixSeconds::new(1_000_000_000))] {
            let expected = if date.contains("9999") { secs(0) } else { None };
            assert_eq!(parse_dated(UNTIL, Some(date.as_bytes()), not_set), expected, "{date}");
        }
    }
    // Never, by a server whose clock is right.
    let never = b"Fri, 31 Dec 9999 23:59:59 GMT";
    for now in [None, Some(UnixSeconds::new(0)), Some(NOW)] {
        assert_eq!(parse_dated(never, Some(UNTIL), now), Some(Millis::MAX));
    }
}

#[test]
fn a_clock_that_is_not_set_bounds_nothing() {
    const UNTIL: &[u8] = b"Wed, 04 Mar 2026 05:06:37 GMT";
    for not_set in [0, 5, 946_684_800, 1_577_836_799] {
        assert_eq!(parse(UNTIL, Some(UnixSeconds::new(not_set))), None, "{not_set}");
        assert_eq!(parse_dated(UNTIL, None, Some(UnixSeconds::new(not_set))), None, "{not_set}");
        assert_eq!(parse(b"30", Some(UnixSeconds::new(not_set))), secs(30));
    }
    assert_eq!(parse(UNTIL, Some(UnixSeconds::new(1_577_836_800))), Some(Millis::MAX));
}

#[test]
fn junk_is_no_hint() {
    for value in ["-5", "+5", "1_0", "5s", "5 5", "5,5", "\u{663}", "5\0", "Wed", "Wed,", "Wednesday", "GMT"] {
        assert_eq!(parse(value.as_bytes(), Some(NOW)), None, "{value:?}");
    }
    assert_eq!(parse(&[0xff, b'1'], Some(NOW)), None);
}

#[test]
fn every_field_of_a_date_is_checked() {
    for value in [
        "Wod, 04 Mar 2026 05:06:37 GMT",
        "Wed 04 Mar 2026 05:06:37 GMT",
        "Wedn, 04 Mar 2026 05:06:37 GMT",
        "Wednesday, 04 Mar 2026 05:06:37 GMT",
        "Wed, 04-Mar-26 05:06:37 GMT",
        "Wed,  4 Mar 2026 05:06:37 GMT",
        "Wed, 4 Mar 2026 05:06:37 GMT",
        "Wed, 00 Mar 2026 05:06:37 GMT",
        "Wed, 31 Apr 2026 05:06:37 GMT",
        "Wed, 29 Feb 2026 05:06:37 GMT",
        "Wed, 29 Feb 2100 05:06:37 GMT",
        "Wed, 04 Mrz 2026 05:06:37 GMT",
        "Wed, 04 Mar 26 05:06:37 GMT",
        "Wed, 04 Mar 2026 24:06:37 GMT",
        "Wed, 04 Mar 2026 05:60:37 GMT",
        "Wed, 04 Mar 2026 05:06:61 GMT",
        "Wed, 04 Mar 2026 05:06:3x GMT",
        "Wed, 04 Mar 2026 05.06.37 GMT",
        "Wed, 04 Mar 2026 05:06:37",
        "Wed, 04 Mar 2026 05:06:37 CET",
        "Wed, 04 Mar 2026 05:06:37 +0000",
        "Wed, 04 Mar 2026 05:06:37 GMT!",
        "Wed Mar 04 05:06:37 2026 GMT",
        "Wed Mar 4 05:06:37 2026",
        "Wed Mar  0 05:06:37 2026",
        "Wednesday Mar  4 05:06:37 2026",
        "Wednesday, 00-Mar-26 05:06:37 GMT",
        "Wednesday, 30-Feb-26 05:06:37 GMT",
    ] {
        assert_eq!(parse(value.as_bytes(), Some(NOW)), None, "{value:?}");
    }
}

#[test]
fn the_weekday_may_be_wrong() {
    for value in ["Mon, 04 Mar 2026 05:06:37 GMT", "Sunday, 04-Mar-26 05:06:37 GMT", "Sat Mar  4 05:06:37 2026"] {
        assert_eq!(parse(value.as_bytes(), Some(NOW)), secs(30), "{value}");
    }
}

#[test]
fn no_prefix_of_a_date_is_one() {
    for date in ["Wed, 04 Mar 2026 05:06:37 GMT", "Wednesday, 04-Mar-26 05:06:37 GMT", "Wed Mar  4 05:06:37 2026"]
        .map(str::as_bytes)
    {
        for end in 0..date.len() {
            assert_eq!(parse(&date[..end], Some(NOW)), None);
        }
        assert_eq!(parse(date, Some(NOW)), secs(30));
        assert_eq!(parse(date, None), None);
    }
}

#[test]
fn days_are_those_of_the_calendar() {
    for (date, unix) in [
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Mon, 28 Feb 1972 23:59:59 GMT", 68_169_599),
        ("Tue, 29 Feb 1972 00:00:00 GMT", 68_169_600),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
        ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
        ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
        ("Sun, 31 Dec 2000 23:59:59 GMT", 978_307_199),
        ("Tue, 19 Jan 2038 03:14:08 GMT", 2_147_483_648),
        ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
    ] {
        let at = |now| parse(date.as_bytes(), Some(UnixSeconds::new(now)));
        assert_eq!(at(unix), secs(0), "{date}");
        if let Some(before) = u64::checked_sub(unix, 100) {
            assert_eq!(at(before), secs(100), "{date}");
        }
    }
}

/// Against a count of the days one by one.
#[test]
fn all_days_of_530_years() {
    let mut days = 0;
    for year in 1_970..2_500 {
        for month in 0..12 {
            for day in 1..=31 {
                let date = Date { year, month, day, ..Date::default() };
                if date.exists() {
                    assert_eq!(date.to_unix().get(), days * 86_400);
                    days += 1;
                } else {
                    assert!(day > 28);
                }
            }
        }
    }
    assert_eq!(days, 530 * 365 + 129);
}

#[test]
fn centuries_need_no_division() {
    for year in 0..=9_999 {
        assert_eq!(Date::centuries(year), year / 100);
    }
}

#[test]
fn a_leap_second_is_the_next_midnight() {
    let now = UnixSeconds::new(1_483_228_790);
    assert_eq!(parse(b"Sat, 31 Dec 2016 23:59:60 GMT", Some(now)), secs(10));
}

#[test]
fn far_dates_saturate_and_old_ones_are_past() {
    let at = |value: &str, now| parse(value.as_bytes(), Some(UnixSeconds::new(now)));
    assert_eq!(at("Fri, 31 Dec 9999 23:59:59 GMT", NOW.get()), Some(Millis::MAX));
    assert_eq!(at("Fri, 31 Dec 9999 23:59:59 GMT", u64::MAX), secs(0));
    assert_eq!(at("Sat, 01 Jan 0000 00:00:00 GMT", 0), secs(0));
    assert_eq!(at("Sunday, 06-Nov-94 08:49:37 GMT", u64::MAX), secs(0));
}

#[test]
fn two_digits_of_a_year_reach_50_years_ahead() {
    // The moments around NOW + 50 years: not more than 50 years ahead, and one second more.
    for (value, expected) in [
        ("Wednesday, 04-Mar-76 05:06:07 GMT", Millis::MAX),
        ("Wednesday, 04-Mar-76 05:06:08 GMT", Millis::ZERO),
        ("Sunday, 06-Nov-94 08:49:37 GMT", Millis::ZERO),
        ("Saturday, 29-Feb-76 00:00:00 GMT", Millis::MAX),
        ("Thursday, 31-Dec-26 00:00:00 GMT", Millis::MAX),
        ("Sunday, 03-Mar-26 00:00:00 GMT", Millis::ZERO),
    ] {
        assert_eq!(parse(value.as_bytes(), Some(NOW)), Some(expected), "{value}");
    }
    // Over the turn of the century, from 1999-12-31T23:59:50Z.
    let now = Some(UnixSeconds::new(946_684_790));
    assert_eq!(parse(b"Saturday, 01-Jan-00 00:00:05 GMT", now), secs(15));
    assert_eq!(parse(b"Friday, 31-Dec-99 23:59:55 GMT", now), secs(5));
}
