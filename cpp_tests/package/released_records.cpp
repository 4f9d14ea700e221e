// A C++ program of releases 1.0 to 1.2 that uses every function of the record classes.
#include "../check.h"
#include "released_records.h"

using namespace shm_protocol;
using asn1::DataValue;
using Bytes = std::vector<uint8_t>;

struct Derived : DataHandler {}; // constructs its base

static asn1::Event an_event() { return {"hot", {{"degrees", DataValue(int64_t(90))}}}; }
static asn1::FunctionCall a_call() { return {"add", {int64_t(20), int64_t(22)}, {}, false}; }
static asn1::ImageFrame an_image() { return {1920, 1080, 3, UINT64_MAX, {1, 2}}; }

static void elements_one_by_one() {
    asn1::DEREncoder encoder;
    const uint8_t octets[] = {7, 0xFF};
    encoder.encodeTag(0x02), encoder.encodeLength(1), encoder.appendByte(5);
    encoder.encodeInteger(-129);
    encoder.encodeInteger(-128);
    encoder.encodeBoolean(true);
    encoder.encodeOctetString(octets, sizeof octets);
    encoder.encodeOctetString(Bytes(200, 9));
    encoder.encodeUtf8String("caf\xE9"); // no UTF-8
    encoder.encodeNull();
    encoder.encodeReal(-23.5);
    encoder.encodeReal(-0.0);
    const size_t begin = encoder.beginSequence();
    encoder.encodeDataValue(std::string("inside"));
    encoder.endSequence(begin);
    encoder.encodeFunctionCall(a_call());
    encoder.encodeEvent(an_event());
    encoder.encodeImageFrame(an_image());
    encoder.appendBytes(octets, sizeof octets);

    asn1::DERDecoder decoder(encoder.bytes);
    CHECK_EQ(decoder.decodeTag(), 0x02);
    CHECK_EQ(decoder.position, 1);
    CHECK_EQ(decoder.decodeInteger(), 5); // after its tag
    CHECK_EQ(decoder.decodeInteger(), -129); // with it
    CHECK_EQ(encoder.bytes[7], 0x02);
    CHECK_EQ(encoder.bytes[8], 1); // the shortest form
    CHECK(decoder.decodeDataValue(decoder.decodeTag()) == DataValue(int64_t(-128)));
    CHECK(decoder.decodeBoolean());
    CHECK(decoder.decodeOctetString() == Bytes(octets, octets + 2));
    CHECK_EQ(decoder.decodeTag(), 0x04);
    CHECK_EQ(decoder.decodeLength(), 200);
    decoder.skip(200);
    CHECK(decoder.decodeUtf8String() == "caf\xE9");
    decoder.decodeNull();
    CHECK(decoder.decodeReal() == -23.5);
    CHECK(std::to_string(decoder.decodeReal()) == "-0.000000");
    const size_t end = decoder.beginSequence();
    CHECK_EQ(end, decoder.position + 8);
    CHECK(decoder.decodeDataValue(0x0C) == DataValue(std::string("inside"))); // the next byte is the tag
    decoder.endSequence(end);
    CHECK(decoder.decodeFunctionCall().arguments == a_call().arguments);
    CHECK(decoder.decodeEvent().parameters == an_event().parameters);
    CHECK_EQ(decoder.decodeImageFrame().timestamp_ns, UINT64_MAX);
    CHECK_EQ(decoder.readByte(), 7);
    uint8_t last = 0;
    decoder.readBytes(&last, 1);
    CHECK_EQ(last, 0xFF);
    CHECK_EQ(decoder.position, decoder.length);
    try {
        decoder.decodeTag();
        CHECK(!"there was a tag");
    } catch (const asn1::DERException& error) { // thrown in the library, caught here by its type
        CHECK(strlen(error.what()) > 0);
    }
}

static std::vector<DataItem> all_items() {
    return {DataHandler::createInteger("i", -5), DataHandler::createBoolean("b", true), DataHandler::createReal("r", 0.5),
            DataHandler::createString("s\xFF", "text"), DataHandler::createBinary("x", {1, 2}),
            DataHandler::createEvent("e", an_event()), DataHandler::createFunctionCall("f", a_call()),
            DataHandler::createImageFrame("m", an_image())};
}

static void records_and_functions() {
    Derived handler;
    DataHandler plain;
    handler.registerFunction("twice", [](const Values& given) { return DataValue(std::get<int64_t>(given.at(0)) * 2); });
    Bytes bytes = plain.encodeDataBuffer(all_items());
    bytes.resize(bytes.size() + 1000, 0xAA); // a receive buffer as a whole
    std::vector<DataItem> items = plain.decodeDataBuffer(bytes.data(), bytes.size());
    CHECK_EQ(items.size(), 8);
    CHECK_EQ(plain.decodeDataBuffer(bytes).size(), 8);
    std::unordered_map<std::string, DataValue> values = DataHandler::extractSimpleValues(items);
    CHECK_EQ(values.size(), 5);
    CHECK(values.at("s\xFF") == DataValue(std::string("text")));
    CHECK_EQ(DataHandler::extractEvents(items).size(), 1);
    CHECK_EQ(DataHandler::extractImages(items).at(0).width, 1920);
    items.push_back(DataHandler::createFunctionCall("t", {"twice", {int64_t(21)}, {}, false}));
    items.push_back(DataHandler::createFunctionCall("n", {"nothing", {}, {}, false}));
    handler.processFunctionCalls(items);
    const std::vector<asn1::FunctionCall> calls = DataHandler::extractFunctions(items);
    CHECK(calls.at(0).return_value == DataValue(int64_t(42)));
    CHECK(calls.at(1).return_value == DataValue(int64_t(42)));
    CHECK_EQ(std::get<std::string>(calls.at(2).return_value).rfind("ERROR: ", 0), 0);

    asn1::DEREncoder encoder;
    const std::vector<DataItem> few = {DataHandler::createInteger("one", 1)};
    plain.encodeTypeSequence(encoder, few), plain.encodeKeySequence(encoder, few), plain.encodeDataSequence(encoder, few);
    asn1::DERDecoder decoder(encoder.bytes);
    const std::vector<DataType> types = plain.decodeTypeSequence(decoder);
    const std::vector<std::string> keys = plain.decodeKeySequence(decoder);
    CHECK(plain.decodeDataSequence(decoder, types, keys).at(0).value == DataValue(int64_t(1)));

    CHECK(functions::add({1.5, 2.0}) == DataValue(3.5));
    CHECK(functions::multiply({int64_t(6), int64_t(7)}) == DataValue(int64_t(42)));
    CHECK(functions::getImageInfo({}) == DataValue(std::string("1920x1080x3")));
    CHECK(std::holds_alternative<std::string>(functions::resizeImage({})));
    CHECK(!functions::setParameter({std::string("gain"), 0.5}).valueless_by_exception());
    CHECK(!functions::getStatus({}).valueless_by_exception());
}

int main() {
    RUN(elements_one_by_one);
    RUN(records_and_functions);
    return 0;
}
