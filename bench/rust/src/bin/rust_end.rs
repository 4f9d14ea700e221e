//! The Rust end of a round trip: sends each message back.  `rust_end NAME SIZE`

use eshm::{Endpoint, Error, Role};
use std::{env, thread, time::Duration};

fn main() {
    let name = env::args().nth(1).expect("the channel's name");
    let slave = loop {
        let opened = Endpoint::builder(&name).role(Role::Slave).max_reconnect_attempts(0).open();
        match opened {
            Ok(slave) => break slave,
            Err(_) => thread::sleep(Duration::from_millis(10)), // its master is not there yet
        }
    };
    let mut buffer = [0; eshm::MAX_DATA_SIZE];
    loop {
        match slave.read_timeout(&mut buffer, Duration::from_millis(100)) {
            Ok(size) => slave.write(&buffer[..size]).expect("the master is there"),
            Err(Error::Timeout) => {}
            Err(error) => panic!("{error}"),
        }
    }
}
