//! Records as large as a message may be, and larger.

use eshm::{Error, Role, records::Record};
use eshm_processes::{Name, builder, ms};

/// A record that takes so many bytes.
fn record_of(size: usize) -> Record {
    let of = |length: usize| {
        let mut record = Record::new();
        record.push("text", "x".repeat(length));
        record
    };
    // A longer text may have a longer size in front.
    let sizes = (size.saturating_sub(40)..size).map(of).find(|record| record.encode().map(|bytes| bytes.len()) == Ok(size));
    sizes.unwrap_or_else(|| panic!("no text makes {size} bytes"))
}

#[test]
fn a_record_of_the_whole_capacity_is_written_and_read_and_one_byte_more_is_refused() {
    // The smaller ones fit the stack, the larger ones do not.
    for capacity in [100, 4095, 4096, 4097, 10_000] {
        let name = Name::new();
        let master = builder(&name, Role::Master).capacity(capacity).open().expect("create");
        let slave = builder(&name, Role::Slave).open().expect("attach");
        let whole = record_of(capacity);
        assert_eq!(master.write_record(&whole), Ok(capacity));
        assert_eq!(slave.read_record(ms(20_000)), Ok(whole));
        let refused = Err(Error::BufferTooSmall { size: capacity, given: capacity + 1 });
        assert_eq!(master.write_record(&record_of(capacity + 1)), refused, "{capacity}");
    }
}
