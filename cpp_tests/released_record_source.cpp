// A C++17 source of an earlier release that uses the record classes by data_handler.h alone, which brings <memory> along.
#include "data_handler.h"

#include "check.h"

int main() {
    auto handler = std::make_shared<shm_protocol::DataHandler>();
    asn1::DEREncoder encoder;
    encoder.encodeTag(static_cast<uint8_t>(asn1::Tag::INTEGER));
    encoder.encodeLength(1);
    encoder.encodeTag(7);
    CHECK_EQ(static_cast<int>(asn1::AppTag::FUNCTION_RETURN), 0x82);
    CHECK_EQ(static_cast<int>(asn1::Tag::SEQUENCE), 0x10);
    asn1::DERDecoder decoder(encoder.getData());
    CHECK(decoder.hasMoreData());
    CHECK_EQ(decoder.remaining(), 3);
    CHECK_EQ(decoder.decodeInteger(), 7);
    CHECK_EQ(decoder.getPosition(), 3);
    encoder.clear();
    CHECK(encoder.extractData().empty());
    std::unordered_map<std::string, asn1::DataValue> values =
        shm_protocol::DataHandler::extractSimpleValues({shm_protocol::DataHandler::createInteger("i", 1)});
    CHECK_EQ(std::get<int64_t>(values.at("i")), 1);
    CHECK(shm_protocol::functions::getImageInfo({}) == asn1::DataValue(std::string("1920x1080x3")));
    handler->registerFunction("sum", shm_protocol::functions::add);
    // An element may lie to its very end.
    const std::vector<uint8_t> hostile = {0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x02};
    for (size_t part = 0; part <= hostile.size(); part++) {
        try {
            handler->decodeDataBuffer(hostile.data(), part);
            CHECK(!"hostile bytes were a record");
        } catch (const asn1::DERException&) {
        }
    }
    return 0;
}
