// The C++17 classes: all eight types there and back, functions by name, and what is refused.
#include "check.h"
#include "data_handler.h"
#include "vectors.h"

#include <pthread.h>

using asn1::DataValue;
using shm_protocol::DataHandler;
using shm_protocol::DataItem;
using shm_protocol::DataType;
using Bytes = std::vector<uint8_t>;

static void vector(const uint8_t* bytes, size_t size) {
    DataHandler handler;
    const Bytes original(bytes, bytes + size);
    CHECK(handler.encodeDataBuffer(handler.decodeDataBuffer(original)) == original);
    CHECK(handler.encodeDataBuffer(handler.decodeDataBuffer(bytes, size)) == original);
}

static std::vector<DataItem> everything() {
    asn1::Event event;
    event.event_name = "warning";
    event.parameters["sensor"] = int64_t(5);
    event.parameters["text"] = std::string("hot");
    asn1::FunctionCall call;
    call.function_name = "add";
    call.arguments = {int64_t(10), int64_t(32)};
    asn1::ImageFrame image;
    image.width = 4000000000u, image.height = 2, image.channels = 3, image.timestamp_ns = UINT64_MAX, image.data = {1, 2, 255};
    return {DataHandler::createInteger("i", -129), DataHandler::createBoolean("b", true), DataHandler::createReal("r", 23.5),
            DataHandler::createString("s", std::string("nul\0inside", 10)), DataHandler::createBinary("x", {0, 255}),
            DataHandler::createEvent("e", event), DataHandler::createFunctionCall("f", call),
            DataHandler::createImageFrame("m", image), DataHandler::createBinary("large", Bytes(5000, 7))};
}

static void all_types_there_and_back() {
    DataHandler handler;
    const Bytes bytes = handler.encodeDataBuffer(everything());
    const std::vector<DataItem> items = handler.decodeDataBuffer(bytes);
    CHECK_EQ(items.size(), 9);
    const auto values = DataHandler::extractSimpleValues(items);
    CHECK_EQ(values.size(), 6);
    CHECK(values.at("i") == DataValue(int64_t(-129)));
    CHECK(values.at("b") == DataValue(true));
    CHECK(values.at("r") == DataValue(23.5));
    CHECK(values.at("s") == DataValue(std::string("nul\0inside", 10)));
    CHECK(values.at("x") == DataValue(Bytes{0, 255}));
    CHECK(values.at("large") == DataValue(Bytes(5000, 7)));
    const auto events = DataHandler::extractEvents(items);
    CHECK_EQ(events.size(), 1);
    CHECK_TEXT(events[0].event_name.c_str(), "warning");
    CHECK_EQ(events[0].parameters.size(), 2);
    CHECK(events[0].parameters.at("sensor") == DataValue(int64_t(5)));
    const auto images = DataHandler::extractImages(items);
    CHECK_EQ(images.size(), 1);
    CHECK(images[0].width == 4000000000u && images[0].height == 2 && images[0].channels == 3);
    CHECK(images[0].timestamp_ns == UINT64_MAX);
    CHECK(images[0].data == (Bytes{1, 2, 255}));
    CHECK_TEXT(items[7].key.c_str(), "m");
    CHECK(items[7].type == DataType::IMAGE_FRAME);
    CHECK(handler.decodeDataBuffer(handler.encodeDataBuffer({})).empty());
}

static DataValue result_of(DataHandler& handler, const std::string& name, const std::vector<DataValue>& arguments) {
    asn1::FunctionCall call;
    call.function_name = name;
    call.arguments = arguments;
    std::vector<DataItem> items = handler.decodeDataBuffer(handler.encodeDataBuffer({DataHandler::createFunctionCall("f", call)}));
    CHECK(!items[0].function.has_return);
    handler.processFunctionCalls(items);
    items = handler.decodeDataBuffer(handler.encodeDataBuffer(items)); // the answer travels too
    const auto answers = DataHandler::extractFunctions(items);
    CHECK_EQ(answers.size(), 1);
    CHECK(answers[0].has_return && answers[0].arguments == arguments);
    return answers[0].return_value;
}

static bool is_error(const DataValue& value) {
    const auto* text = std::get_if<std::string>(&value);
    return text != nullptr && text->rfind("ERROR: ", 0) == 0;
}

static void functions_by_name() {
    DataHandler handler;
    CHECK(result_of(handler, "add", {int64_t(10), int64_t(32)}) == DataValue(int64_t(42)));
    CHECK(result_of(handler, "add", {0.5, 0.25}) == DataValue(0.75));
    CHECK(result_of(handler, "multiply", {int64_t(-6), int64_t(7)}) == DataValue(int64_t(-42)));
    CHECK(result_of(handler, "multiply", {1.5, 2.0}) == DataValue(3.0));
    CHECK(is_error(result_of(handler, "add", {int64_t(1), 2.0})));
    CHECK(is_error(result_of(handler, "add", {int64_t(1)})));
    CHECK(is_error(result_of(handler, "add", {INT64_MAX, int64_t(1)})));
    CHECK(is_error(result_of(handler, "multiply", {INT64_MAX, int64_t(2)})));
    for (const char* name : {"getImageInfo", "resizeImage", "getStatus"}) CHECK(!is_error(result_of(handler, name, {})));
    CHECK(!is_error(result_of(handler, "setParameter", {std::string("gain"), 0.5})));
    CHECK(is_error(result_of(handler, "setParameter", {std::string("gain")})));
    CHECK(is_error(result_of(handler, "nothing", {})));
    handler.registerFunction("nothing", [](const std::vector<DataValue>& given) { return given.at(0); });
    CHECK(result_of(handler, "nothing", {Bytes{1, 2}}) == DataValue(Bytes{1, 2}));
    CHECK(is_error(result_of(handler, "nothing", {}))); // the handler throws
    handler.registerFunction("nothing", [](const std::vector<DataValue>&) -> DataValue { throw 3; });
    CHECK(is_error(result_of(handler, "nothing", {})));
}

static void* exits_in_a_function(void*) {
    DataHandler handler;
    handler.registerFunction("leave", [](const std::vector<DataValue>&) -> DataValue { pthread_exit(nullptr); });
    result_of(handler, "leave", {});
    return handler.decodeDataBuffer({0x30}).data(); // not reached
}

// Swallowed, it would end the process.
static void the_end_of_a_thread_passes_through() {
    pthread_t thread;
    void* result = &thread;
    CHECK_EQ(pthread_create(&thread, nullptr, exits_in_a_function, nullptr), 0);
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == nullptr);
}

template <typename Run> static bool throws(Run run) {
    try {
        run();
    } catch (const asn1::DERException& error) {
        return error.what()[0] != '\0';
    }
    return false;
}

static void what_is_refused() {
    DataHandler handler;
    const Bytes bytes = handler.encodeDataBuffer(everything());
    for (size_t part = 0; part < bytes.size(); part += part < 300 ? 1 : 97) {
        CHECK(throws([&] { handler.decodeDataBuffer(Bytes(bytes.begin(), bytes.begin() + part)); }));
    }
    CHECK(throws([&] { handler.decodeDataBuffer(nullptr, 10); }));
    DataItem item = DataHandler::createInteger("i", 1);
    item.value = 1.5;
    CHECK(throws([&] { handler.encodeDataBuffer({item}); }));
    asn1::DEREncoder encoder; // an image of more than 32 bits
    const size_t image = encoder.beginSequence();
    for (const int64_t number : {int64_t(1) << 32, int64_t(1), int64_t(1), int64_t(1)}) encoder.encodeInteger(number);
    encoder.encodeOctetString(Bytes());
    encoder.endSequence(image);
    CHECK(throws([&] { asn1::DERDecoder(encoder.getData()).decodeImageFrame(); }));
}

// Strings and keys are bytes, and what follows a record is none of it.
static void what_is_let_through() {
    DataHandler handler;
    Bytes bytes = handler.encodeDataBuffer({DataHandler::createString("k\xFF", std::string("\xC3\0", 2))});
    bytes.resize(4096, 0xEE);
    const auto items = handler.decodeDataBuffer(bytes);
    CHECK(items.at(0).key == "k\xFF");
    CHECK(items.at(0).value == DataValue(std::string("\xC3\0", 2)));
    CHECK(throws([&] { handler.decodeDataBuffer(bytes.data(), 20); }));
}

int main(int argc, char** argv) {
    CHECK_EQ(argc, 2);
    printf("  %d vectors\n", vectors_each(argv[1], vector));
    RUN(all_types_there_and_back);
    RUN(functions_by_name);
    RUN(the_end_of_a_thread_passes_through);
    RUN(what_is_refused);
    RUN(what_is_let_through);
    return 0;
}
