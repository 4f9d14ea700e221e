/* data_handler.h - records in C++17: named values to bytes and back, and functions by name.
 *
 *     using shm_protocol::DataHandler;
 *     DataHandler handler;
 *     auto bytes = handler.encodeDataBuffer({DataHandler::createReal("temperature", 23.5)});
 *     eshm_write(eshm, bytes.data(), bytes.size());
 *
 * All of it is in the headers, as asn1_der.h says. Texts and keys are any bytes. Encoding and
 * decoding may run in any threads at once; registerFunction() must not run at the same time as
 * processFunctionCalls() of the same handler.
 */
#ifndef DATA_HANDLER_H
#define DATA_HANDLER_H

#include "asn1_der.h"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace shm_protocol {

    /* The types of items. */
    enum class DataType : uint8_t {
        INTEGER = 0,
        BOOLEAN = 1,
        REAL = 2,
        STRING = 3,
        BINARY = 4,
        EVENT = 5,
        FUNCTION_CALL = 6,
        IMAGE_FRAME = 7
    };

    /* A named value: by its type it is `value`, `event`, `function` or `image`. */
    struct DataItem {
        DataType type = DataType::INTEGER; /* which of those below it is */
        std::string key;                   /* its name */
        asn1::DataValue value;             /* INTEGER to BINARY */
        asn1::Event event;                 /* EVENT */
        asn1::FunctionCall function;       /* FUNCTION_CALL */
        asn1::ImageFrame image;            /* IMAGE_FRAME */
    };

    /* What runs when a function is called, and returns its result. */
    using FunctionHandler = std::function<asn1::DataValue(const std::vector<asn1::DataValue>&)>;

    /* Makes bytes of items and items of bytes, and knows functions by their names. */
    class DataHandler {
    public:
        /* Knows the functions of shm_protocol::functions by their names. */
        DataHandler();

        /* From now on calls of this name go to this handler. */
        void registerFunction(const std::string& name, FunctionHandler handler);

        /* The bytes of a record. Throws DERException for a value that is not of its item's type. */
        std::vector<uint8_t> encodeDataBuffer(const std::vector<DataItem>& items);

        /* The items of the record that begins there; what follows it is not looked at. Throws
         * DERException for bytes that are none. */
        std::vector<DataItem> decodeDataBuffer(const uint8_t* data, size_t length);
        /* Likewise. */
        std::vector<DataItem> decodeDataBuffer(const std::vector<uint8_t>& bytes);

        /* Runs the function calls among the items and stores what they return. One of an unknown
         * name, or whose handler throws, returns a text that begins with "ERROR: ". */
        void processFunctionCalls(std::vector<DataItem>& items);

        /* An INTEGER. */
        static DataItem createInteger(const std::string& key, int64_t value);
        /* A BOOLEAN. */
        static DataItem createBoolean(const std::string& key, bool value);
        /* A REAL. */
        static DataItem createReal(const std::string& key, double value);
        /* A STRING. */
        static DataItem createString(const std::string& key, const std::string& value);
        /* A BINARY. */
        static DataItem createBinary(const std::string& key, const std::vector<uint8_t>& value);
        /* An EVENT. */
        static DataItem createEvent(const std::string& key, const asn1::Event& event);
        /* A FUNCTION_CALL. */
        static DataItem createFunctionCall(const std::string& key,
                                           const asn1::FunctionCall& function);
        /* An IMAGE_FRAME. */
        static DataItem createImageFrame(const std::string& key, const asn1::ImageFrame& image);

        /* The scalars by their keys; of a key that comes twice, the last. */
        static std::unordered_map<std::string, asn1::DataValue>
        extractSimpleValues(const std::vector<DataItem>& items);
        /* The events, in their order. */
        static std::vector<asn1::Event> extractEvents(const std::vector<DataItem>& items);
        /* The function calls, in their order. */
        static std::vector<asn1::FunctionCall> extractFunctions(const std::vector<DataItem>& items);
        /* The images, in their order. */
        static std::vector<asn1::ImageFrame> extractImages(const std::vector<DataItem>& items);

    private:
        void encodeTypeSequence(asn1::DEREncoder& encoder, const std::vector<DataItem>& items);
        void encodeKeySequence(asn1::DEREncoder& encoder, const std::vector<DataItem>& items);
        void encodeDataSequence(asn1::DEREncoder& encoder, const std::vector<DataItem>& items);
        std::vector<DataType> decodeTypeSequence(asn1::DERDecoder& decoder);
        std::vector<std::string> decodeKeySequence(asn1::DERDecoder& decoder);
        std::vector<DataItem> decodeDataSequence(asn1::DERDecoder& decoder,
                                                 const std::vector<DataType>& types,
                                                 const std::vector<std::string>& keys);

        std::unordered_map<std::string, FunctionHandler> functions_;
    };

    /* What a DataHandler knows from the start. Each throws std::runtime_error for arguments that it
     * does not take. */
    namespace functions {

        /* The sum of two integers or two reals. */
        asn1::DataValue add(const std::vector<asn1::DataValue>& arguments);
        /* The product of two integers or two reals. */
        asn1::DataValue multiply(const std::vector<asn1::DataValue>& arguments);
        /* An example: "1920x1080x3". */
        asn1::DataValue getImageInfo(const std::vector<asn1::DataValue>& arguments);
        /* An example: a text. */
        asn1::DataValue resizeImage(const std::vector<asn1::DataValue>& arguments);
        /* An example: true, for two arguments. */
        asn1::DataValue setParameter(const std::vector<asn1::DataValue>& arguments);
        /* An example: "OK". */
        asn1::DataValue getStatus(const std::vector<asn1::DataValue>& arguments);

    } // namespace functions

} // namespace shm_protocol

#ifdef __cpp_exceptions /* as in asn1_der.h */
#include "data_handler_impl.h"
#endif

#endif /* DATA_HANDLER_H */
