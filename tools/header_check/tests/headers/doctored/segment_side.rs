//! Segment structs that differ from the protocol.

use super::check_said;
use crate::headers::Headers;
use crate::segment;

#[test]
fn segment_words() {
    for (from, to, words) in [
        (
            "volatile uint32_t capacity; ",
            "volatile uint64_t capacity; ",
            "offset of struct ESHMHeader.padding: 68 in Rust, 72",
        ),
        ("volatile uint32_t wake_seq; ", "volatile int32_t wake_seq; ", "ESHMChannel.wake_seq: is `volatile int32_t`"),
        ("volatile uint32_t data_size; ", "uint32_t data_size; ", "ESHMChannel.data_size: is `uint32_t`"),
        ("volatile uint32_t features; ", "volatile uint32_t bits; ", "offset of struct ESHMHeader.bits: missing in Rust"),
        (
            "volatile uint32_t master_generation;",
            "uint32_t master_generation;",
            "ESHMHeader.master_generation: is `uint32_t`",
        ),
        ("    uint8_t data[", "    volatile uint8_t data[", "ESHMChannel.data: is `volatile uint8_t`"),
        (
            "padding[60];        /* nothing for programs: the library keeps words of its own there */\n} __attribute__((aligned(64)));",
            "padding[60];\n};",
            "alignment of struct ESHMHeader: 64 in Rust, 8",
        ),
        ("padding[60]", "padding[124]", "size of struct ESHMData: 8576 in Rust, 8640"),
        (
            "(72 + ESHM_MAX_DATA_SIZE + 63)",
            "(64 + ESHM_MAX_DATA_SIZE + 63)",
            "size of struct ESHMChannel: 4224 in Rust, 4160",
        ),
        ("struct ESHMData {", "struct ESHMSegment {", "struct ESHMData: not in the headers"),
    ] {
        let headers = Headers::copy(4096);
        assert_eq!(segment::differences(&headers, 4096), [""; 0]);
        headers.folder().replace("eshm_data.h", from, to);
        let found = segment::differences(&headers, 4096);
        check_said(&found, words);
    }
    let wrong_capacity = segment::differences(&Headers::copy(1000), 4096);
    assert!(!wrong_capacity.is_empty());
}
