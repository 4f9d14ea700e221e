// A C++17 source that is compiled with -fno-exceptions and uses the record classes, whose definitions are the library's.
#include "data_handler.h"

#include "check.h"

int main() {
    shm_protocol::DataHandler handler;
    handler.registerFunction("sum", shm_protocol::functions::add);
    const auto bytes = handler.encodeDataBuffer({shm_protocol::DataHandler::createInteger("i", 1),
                                                 shm_protocol::DataHandler::createString("s", "text")});
    const auto values = shm_protocol::DataHandler::extractSimpleValues(handler.decodeDataBuffer(bytes));
    CHECK_EQ(std::get<int64_t>(values.at("i")), 1);
    CHECK(std::get<std::string>(values.at("s")) == "text");
    asn1::DEREncoder encoder;
    encoder.encodeReal(1.5);
    asn1::DERDecoder decoder(encoder.getData());
    CHECK(decoder.decodeReal() == 1.5);
    return 0;
}
