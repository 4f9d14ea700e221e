/* The record classes as a program sees them whose header has declarations alone, as those of releases 1.0 to 1.2: what it calls
 * must come from a library. Access is no part of a symbol's name, so all is public here. */
#ifndef RELEASED_RECORDS_H
#define RELEASED_RECORDS_H

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace asn1 {
    using DataValue = std::variant<bool, int64_t, double, std::string, std::vector<uint8_t>>;
    struct FunctionCall {
        std::string function_name;
        std::vector<DataValue> arguments;
        DataValue return_value;
        bool has_return = false;
    };
    struct Event {
        std::string event_name;
        std::unordered_map<std::string, DataValue> parameters;
    };
    struct ImageFrame {
        uint32_t width = 0, height = 0, channels = 0;
        uint64_t timestamp_ns = 0;
        std::vector<uint8_t> data;
    };
    class DERException : public std::runtime_error {
    public:
        explicit DERException(const std::string& message) : std::runtime_error(message) {}
    };
    struct DEREncoder {
        void encodeTag(uint8_t);
        void encodeLength(size_t);
        void encodeInteger(int64_t);
        void encodeBoolean(bool);
        void encodeOctetString(const uint8_t*, size_t);
        void encodeOctetString(const std::vector<uint8_t>&);
        void encodeUtf8String(const std::string&);
        void encodeNull();
        void encodeReal(double);
        size_t beginSequence();
        void endSequence(size_t);
        void encodeDataValue(const DataValue&);
        void encodeFunctionCall(const FunctionCall&);
        void encodeEvent(const Event&);
        void encodeImageFrame(const ImageFrame&);
        void appendBytes(const uint8_t*, size_t);
        void appendByte(uint8_t);
        std::vector<uint8_t> bytes;
    };
    struct DERDecoder {
        explicit DERDecoder(const std::vector<uint8_t>& from) : data(from.data()), length(from.size()), position(0) {}
        uint8_t decodeTag();
        size_t decodeLength();
        int64_t decodeInteger();
        bool decodeBoolean();
        std::vector<uint8_t> decodeOctetString();
        std::string decodeUtf8String();
        void decodeNull();
        double decodeReal();
        size_t beginSequence();
        void endSequence(size_t);
        DataValue decodeDataValue(uint8_t);
        FunctionCall decodeFunctionCall();
        Event decodeEvent();
        ImageFrame decodeImageFrame();
        uint8_t readByte();
        void readBytes(uint8_t*, size_t);
        void skip(size_t);
        const uint8_t* data;
        size_t length, position;
    };
} // namespace asn1

namespace shm_protocol {
    enum class DataType : uint8_t { INTEGER, BOOLEAN, REAL, STRING, BINARY, EVENT, FUNCTION_CALL, IMAGE_FRAME };
    struct DataItem {
        DataType type;
        std::string key;
        asn1::DataValue value;
        asn1::Event event;
        asn1::FunctionCall function;
        asn1::ImageFrame image;
    };
    using Values = std::vector<asn1::DataValue>;
    using FunctionHandler = std::function<asn1::DataValue(const Values&)>;
    struct DataHandler {
        DataHandler();
        void registerFunction(const std::string&, FunctionHandler);
        std::vector<uint8_t> encodeDataBuffer(const std::vector<DataItem>&);
        std::vector<DataItem> decodeDataBuffer(const uint8_t*, size_t);
        std::vector<DataItem> decodeDataBuffer(const std::vector<uint8_t>&);
        void processFunctionCalls(std::vector<DataItem>&);
        static DataItem createInteger(const std::string&, int64_t);
        static DataItem createBoolean(const std::string&, bool);
        static DataItem createReal(const std::string&, double);
        static DataItem createString(const std::string&, const std::string&);
        static DataItem createBinary(const std::string&, const std::vector<uint8_t>&);
        static DataItem createEvent(const std::string&, const asn1::Event&);
        static DataItem createFunctionCall(const std::string&, const asn1::FunctionCall&);
        static DataItem createImageFrame(const std::string&, const asn1::ImageFrame&);
        static std::unordered_map<std::string, asn1::DataValue> extractSimpleValues(const std::vector<DataItem>&);
        static std::vector<asn1::Event> extractEvents(const std::vector<DataItem>&);
        static std::vector<asn1::FunctionCall> extractFunctions(const std::vector<DataItem>&);
        static std::vector<asn1::ImageFrame> extractImages(const std::vector<DataItem>&);
        void encodeTypeSequence(asn1::DEREncoder&, const std::vector<DataItem>&);
        void encodeKeySequence(asn1::DEREncoder&, const std::vector<DataItem>&);
        void encodeDataSequence(asn1::DEREncoder&, const std::vector<DataItem>&);
        std::vector<DataType> decodeTypeSequence(asn1::DERDecoder&);
        std::vector<std::string> decodeKeySequence(asn1::DERDecoder&);
        std::vector<DataItem> decodeDataSequence(asn1::DERDecoder&, const std::vector<DataType>&,
                                                 const std::vector<std::string>&);
        std::unordered_map<std::string, FunctionHandler> functions;
    };
    namespace functions {
        asn1::DataValue add(const Values&);
        asn1::DataValue multiply(const Values&);
        asn1::DataValue getImageInfo(const Values&);
        asn1::DataValue resizeImage(const Values&);
        asn1::DataValue setParameter(const Values&);
        asn1::DataValue getStatus(const Values&);
    } // namespace functions
} // namespace shm_protocol

#endif
