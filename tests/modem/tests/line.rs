//! A session over a real socket, with the wall clock.
#![cfg(unix)]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use frame::{Frame, Parser, Request};
use modem::line::{Clock, serve};
use modem::{Player, Script, check};

const SCRIPT: &str = r#"
    name = "late"
    [expect]
    devices = 1
    requests = 3
    timeout_ms = 4000
    [[rule]]
    seq = 1
    answer = { late = 500 }
"#;

#[test]
fn answers_come_over_the_line_until_the_device_hangs_up() {
    let (mut near, mut far) = UnixStream::pair().unwrap();
    let device = thread::spawn(move || {
        for seq in 0..3 {
            let wire = Frame::from(Request::new(1, seq, b"reading").unwrap()).encode();
            near.write_all(wire.as_bytes()).unwrap();
            let (mut parser, mut byte) = (Parser::new(), [0]);
            loop {
                near.read_exact(&mut byte).unwrap();
                if let Some(Ok(Frame::Ack(ack))) = parser.push(byte[0]) {
                    assert_eq!(ack.seq, seq);
                    break;
                }
            }
        }
    });
    let script = Script::parse(SCRIPT).unwrap();
    let mut player = Player::new(&script, 1);
    // Ten times as fast: the late answer takes 50 ms of the test's time, and still is 500 ms late.
    let clock = Clock::start(10);
    serve(&mut far, &mut player, clock, Duration::from_secs(10), |line| println!("{line}")).unwrap();
    device.join().unwrap();
    let record = player.into_record();
    assert!(record.delivered_at(1).unwrap() >= record.arrivals[1].at + Duration::from_millis(500));
    let report = check(&script, &[record]);
    assert!(report.passed(), "{report}");
}

#[test]
fn device_that_never_hangs_up_is_an_error() {
    let (_near, mut far) = UnixStream::pair().unwrap();
    let script = Script::parse(SCRIPT).unwrap();
    let mut player = Player::new(&script, 1);
    let result = serve(&mut far, &mut player, Clock::start(1), Duration::from_millis(50), |_| {});
    assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}
