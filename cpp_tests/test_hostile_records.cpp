// The C++ record classes over bytes that another process made up: changed records, lengths that do
// not fit, images of no size. Bytes end where no memory is, so that a read beyond them ends the
// test; scripts/check_asan.sh looks closer.
//
//   test_hostile_records VECTORS [CHANGED_RECORDS [SEED]]
#include "check.h"
#include "data_handler.h"
#include "data_handler_c_api.h"
#include "vectors.h"

#include <array>
#include <cmath>

using shm_protocol::DataHandler;
using shm_protocol::DataItem;
using shm_protocol::DataType;
using Bytes = std::vector<uint8_t>;

// Memory that ends at a page which nobody may touch.
class Edge {
public:
    Edge() : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
        void* memory = mmap(nullptr, kPages * page_, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(memory != MAP_FAILED);
        end_ = static_cast<uint8_t*>(memory) + (kPages - 1) * page_;
        CHECK_EQ(mprotect(end_, page_, PROT_NONE), 0);
    }
    ~Edge() { munmap(end_ - (kPages - 1) * page_, kPages * page_); }
    Edge(const Edge&) = delete;
    Edge& operator=(const Edge&) = delete;

    const uint8_t* put(const Bytes& bytes) {
        CHECK(bytes.size() <= (kPages - 1) * page_);
        if (!bytes.empty()) memcpy(end_ - bytes.size(), bytes.data(), bytes.size());
        return end_ - bytes.size();
    }

private:
    static constexpr size_t kPages = 9;
    size_t page_;
    uint8_t* end_;
};

// The same numbers at each run.
class Chance {
public:
    explicit Chance(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u | 1) {}
    uint64_t next() {
        state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
        return state_;
    }
    size_t below(size_t bound) { return static_cast<size_t>(next() % bound); }

private:
    uint64_t state_;
};

static std::vector<Bytes> originals;

static void add_original(const uint8_t* bytes, size_t size) {
    originals.emplace_back(bytes, bytes + size);
}

static void change(Bytes& bytes, Chance& chance) {
    static constexpr uint8_t telling[] = {0,    1,    2,    5,    9,    12,   0x10,
                                          0x30, 0x7F, 0x80, 0x84, 0x88, 0xFE, 0xFF};
    for (size_t left = 1 + chance.below(4); left > 0 && !bytes.empty(); left--) {
        const size_t at = chance.below(bytes.size());
        const auto place = bytes.begin() + static_cast<ptrdiff_t>(at);
        switch (chance.below(6)) {
        case 0: bytes[at] = telling[chance.below(sizeof telling)]; break;
        case 1: bytes[at] = static_cast<uint8_t>(bytes[at] ^ 1u << chance.below(8)); break;
        case 2: bytes[at] = static_cast<uint8_t>(chance.next()); break;
        case 3: bytes.resize(at); break;
        case 4: bytes.insert(place, telling[chance.below(sizeof telling)]); break;
        default: { // a part of another record
            const Bytes& other = originals[chance.below(originals.size())];
            const size_t from = chance.below(other.size());
            const auto begin = other.begin() + static_cast<ptrdiff_t>(from);
            bytes.insert(place, begin,
                         begin + static_cast<ptrdiff_t>(chance.below(other.size() - from) % 40));
        }
        }
    }
}

// The items, or nothing where there is no record.
static bool decode(DataHandler& handler, const uint8_t* data, size_t size,
                   std::vector<DataItem>& items) {
    try {
        items = handler.decodeDataBuffer(data, size);
        return true;
    } catch (const asn1::DERException& error) {
        CHECK(error.what()[0] != '\0');
        return false;
    }
}

// How many items the C functions find; -1 for no record.
static int decode_in_c(const uint8_t* data, size_t size) {
    constexpr int most = 512, key_size = 64;
    static uint8_t types[most];
    static char keys[most][key_size];
    static char* key_places[most];
    static void* values[most];
    for (int i = 0; i < most; i++) key_places[i] = keys[i];
    const int count = dh_decode(dh_create(), data, static_cast<int>(size), types, key_places,
                                key_size, values, most);
    for (int i = 0; i < count; i++) dh_free_value(types[i], values[i]);
    return count;
}

struct Found {
    size_t records = 0, refused = 0;
};

// What is accepted is a record: it can be encoded, and comes back as it was. The C functions say
// the same of it.
static void check_whole(DataHandler& handler, const uint8_t* data, size_t size, Found& found) {
    std::vector<DataItem> items, again;
    const bool accepted = decode(handler, data, size, items);
    accepted ? found.records++ : found.refused++;
    const int in_c = decode_in_c(data, size);
    if (!accepted) {
        CHECK_EQ(in_c, -1);
        return;
    }
    bool scalars = true;
    for (const DataItem& item : items) scalars = scalars && item.type <= DataType::BINARY;
    CHECK_EQ(in_c, scalars ? static_cast<long long>(items.size()) : -1);
    const Bytes bytes = handler.encodeDataBuffer(items);
    CHECK(decode(handler, bytes.data(), bytes.size(), again));
    CHECK(handler.encodeDataBuffer(again) == bytes);
    handler.processFunctionCalls(items);
}

// Any order of the element functions ends with what they read, or a DERException.
static void check_elements(const uint8_t* data, size_t size, Chance& chance) {
    asn1::DERDecoder decoder(data, size);
    try {
        while (decoder.hasMoreData()) {
            const size_t before = decoder.getPosition();
            switch (chance.below(15)) {
            case 0: decoder.decodeInteger(); break;
            case 1: decoder.decodeBoolean(); break;
            case 2: decoder.decodeOctetString(); break;
            case 3: decoder.decodeUtf8String(); break;
            case 4: decoder.decodeNull(); break;
            case 5: decoder.decodeReal(); break;
            case 6: decoder.endSequence(decoder.beginSequence()); break;
            case 7:
                decoder.endSequence(chance.below(4) == 0 ? SIZE_MAX : before + chance.below(8));
                break;
            case 8: decoder.decodeFunctionCall(); break;
            case 9: decoder.decodeEvent(); break;
            case 10: decoder.decodeImageFrame(); break;
            case 11: decoder.decodeLength(); break;
            case 12: decoder.decodeDataValue(static_cast<uint8_t>(chance.next())); break;
            default: decoder.decodeDataValue(decoder.decodeTag()); break;
            }
            CHECK(decoder.getPosition() >= before && decoder.getPosition() <= size);
            if (decoder.getPosition() == before) decoder.decodeTag();
        }
        CHECK_EQ(decoder.remaining(), 0);
    } catch (const asn1::DERException& error) {
        CHECK(error.what()[0] != '\0');
    }
}

static void changed_records(size_t rounds, uint64_t seed) {
    Chance chance(seed);
    DataHandler handler;
    Edge edge;
    Found found;
    for (size_t round = 0; round < rounds; round++) {
        Bytes bytes = originals[chance.below(originals.size())];
        change(bytes, chance);
        const uint8_t* data = edge.put(bytes);
        check_whole(handler, data, bytes.size(), found);
        check_elements(data, bytes.size(), chance);
        if (round % 16 == 0)
            check_elements(bytes.data(), bytes.size(), chance); // for a checker of the heap
    }
    printf("  %zu changed records: %zu are records, %zu are refused\n", rounds, found.records,
           found.refused);
    CHECK(found.records > rounds / 100 && found.refused > rounds / 100); // both ways were taken
}

static bool refused(const Bytes& bytes) {
    DataHandler handler;
    Edge edge;
    std::vector<DataItem> items;
    const uint8_t* data = edge.put(bytes);
    CHECK_EQ(decode_in_c(data, bytes.size()), -1);
    return !decode(handler, data, bytes.size(), items);
}

// A record with one item of this type, whose value is these bytes.
static Bytes record_of(DataType type, const Bytes& value) {
    asn1::DEREncoder encoder;
    const size_t record = encoder.beginSequence(), types = encoder.beginSequence();
    encoder.encodeInteger(static_cast<int64_t>(type));
    encoder.endSequence(types);
    const size_t keys = encoder.beginSequence();
    encoder.encodeUtf8String("k");
    encoder.endSequence(keys);
    const size_t values = encoder.beginSequence();
    for (const uint8_t byte : value) encoder.encodeTag(byte);
    encoder.endSequence(values);
    encoder.endSequence(record);
    return encoder.extractData();
}

static void lengths_that_do_not_fit() {
    const std::array<uint8_t, 6> tags = {0x02, 0x01, 0x09, 0x0C, 0x04, 0x30};
    const Bytes lengths[] = {{0x80},
                             {0x81, 0xFF},
                             {0x84, 0xFF, 0xFF, 0xFF, 0xFF},
                             {0x84, 0x7F, 0xFF, 0xFF, 0xFF},
                             {0x7F},
                             {0x85, 0, 0, 0, 0, 1},
                             {0xFF},
                             {0x84, 0xFF},
                             {0x84, 0x80, 0, 0, 0},
                             {0x88, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}};
    for (const Bytes& length : lengths) {
        for (const uint8_t tag : tags) {
            Bytes element = {tag};
            element.insert(element.end(), length.begin(), length.end());
            element.push_back(1);
            CHECK(refused(element)); // in the place of the record
            for (int type = 0; type <= 7; type++)
                CHECK(refused(record_of(static_cast<DataType>(type), element)));
        }
    }
    CHECK(refused({}));
    CHECK(refused({0x30}));
}

// Numbers with more bytes than they have, or fewer.
static void numbers_of_no_form() {
    CHECK(refused(record_of(DataType::INTEGER, {0x02, 0})));
    CHECK(refused(record_of(DataType::INTEGER, {0x02, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1})));
    CHECK(refused(record_of(DataType::BOOLEAN, {0x01, 0})));
    CHECK(refused(record_of(DataType::BOOLEAN, {0x01, 2, 0, 0})));
    CHECK(refused(record_of(DataType::REAL, {0x09, 1, 0x03})));
    CHECK(refused(record_of(DataType::REAL, {0x09, 8, 0x03, 0, 0, 0, 0, 0, 0, 0})));
    CHECK(refused(record_of(DataType::REAL, {0x09, 1, 0x80})));       // no exponent
    CHECK(refused(record_of(DataType::REAL, {0x09, 3, 0x83, 1, 2}))); // half of one
    CHECK(refused(record_of(
        DataType::REAL, {0x09, 11, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}))); // a mantissa of 65 bits
    // The largest exponents are infinity and 0.
    DataHandler handler;
    const Bytes up = record_of(DataType::REAL, {0x09, 6, 0x83, 0x7F, 0xFF, 0xFF, 0xFF, 1});
    CHECK(handler.decodeDataBuffer(up).at(0).value == asn1::DataValue(HUGE_VAL));
    const Bytes down = record_of(DataType::REAL, {0x09, 6, 0x83, 0x80, 0, 0, 0, 1});
    CHECK(handler.decodeDataBuffer(down).at(0).value == asn1::DataValue(0.0));
}

// An image's numbers, each in turn: negative, or of more than 32 bits.
static void images_of_no_size() {
    const std::array<int64_t, 5> wrong = {-1, INT64_MIN, int64_t(UINT32_MAX) + 1, INT64_MAX,
                                          -int64_t(UINT32_MAX)};
    for (int place = 0; place < 3; place++) {
        for (const int64_t number : wrong) {
            asn1::DEREncoder encoder;
            const size_t image = encoder.beginSequence();
            for (int field = 0; field < 3; field++)
                encoder.encodeInteger(field == place ? number : 1);
            encoder.encodeInteger(5);
            encoder.encodeOctetString({1, 2, 3});
            encoder.endSequence(image);
            CHECK(refused(record_of(DataType::IMAGE_FRAME, encoder.getData())));
        }
    }
    // No size follows from the numbers: what is there is what is handed out.
    asn1::ImageFrame huge;
    huge.width = huge.height = huge.channels = UINT32_MAX;
    DataHandler handler;
    const Bytes bytes = handler.encodeDataBuffer({DataHandler::createImageFrame("m", huge)});
    CHECK(handler.decodeDataBuffer(bytes).at(0).image.data.empty());
}

// Sequences in sequences, 5000 deep: nothing goes down with them.
static void depth() {
    Bytes nested;
    for (size_t level = 0; level < 5000; level++) {
        const auto length = static_cast<uint16_t>(nested.size());
        const uint8_t head[] = {static_cast<uint8_t>(length), static_cast<uint8_t>(length >> 8),
                                0x82, 0x30};
        nested.insert(nested.end(), head, head + sizeof head); // turned round below
    }
    const Bytes turned(nested.rbegin(), nested.rend());
    CHECK(refused(turned));
    for (int type = 0; type <= 7; type++)
        CHECK(refused(record_of(static_cast<DataType>(type), turned)));
}

// More of one than of the other.
static void types_and_keys_that_do_not_match() {
    for (const size_t types : {size_t(0), size_t(1), size_t(3)}) {
        for (const size_t keys : {size_t(0), size_t(1), size_t(3)}) {
            for (const size_t values : {size_t(0), size_t(1), size_t(3)}) {
                asn1::DEREncoder encoder;
                const size_t record = encoder.beginSequence(), first = encoder.beginSequence();
                for (size_t at = 0; at < types; at++) encoder.encodeInteger(0);
                encoder.endSequence(first);
                const size_t second = encoder.beginSequence();
                for (size_t at = 0; at < keys; at++) encoder.encodeUtf8String("k");
                encoder.endSequence(second);
                const size_t third = encoder.beginSequence();
                for (size_t at = 0; at < values; at++) encoder.encodeInteger(7);
                encoder.endSequence(third);
                encoder.endSequence(record);
                if (types != keys || keys != values) CHECK(refused(encoder.getData()));
            }
        }
    }
}

int main(int argc, char** argv) {
    CHECK(argc >= 2 && argc <= 4);
    vectors_each(argv[1], add_original);
    RUN(lengths_that_do_not_fit);
    RUN(numbers_of_no_form);
    RUN(images_of_no_size);
    RUN(depth);
    RUN(types_and_keys_that_do_not_match);
    changed_records(argc > 2 ? strtoull(argv[2], nullptr, 10) : 20000,
                    argc > 3 ? strtoull(argv[3], nullptr, 10) : 1);
    return 0;
}
