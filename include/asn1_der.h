/* asn1_der.h - the values of records in C++17; data_handler.h turns them to bytes and back. */
#ifndef ASN1_DER_H
#define ASN1_DER_H

#if !defined(__cplusplus) || __cplusplus < 201703L
#error "asn1_der.h needs C++17; C programs use eshm_data_api.h or eshm_record.h"
#endif

#include <cstdint>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace asn1 {

    /* Any scalar. */
    using DataValue = std::variant<bool, int64_t, double, std::string, std::vector<uint8_t>>;

    /* Something that happened. */
    struct Event {
        std::string event_name;
        std::unordered_map<std::string, DataValue> parameters;
    };

    /* A function to be run on the other side, or its result. */
    struct FunctionCall {
        std::string function_name;
        std::vector<DataValue> arguments;
        DataValue return_value;
        bool has_return = false;
    };

    /* A picture. */
    struct ImageFrame {
        uint32_t width = 0;
        uint32_t height = 0;
        uint32_t channels = 0;
        uint64_t timestamp_ns = 0;
        std::vector<uint8_t> data;
    };

    /* Bytes that are no record, or values that do not become one; what() says why. */
    class DERException : public std::runtime_error {
    public:
        explicit DERException(const std::string& message) : std::runtime_error(message) {}
    };

} // namespace asn1

#endif /* ASN1_DER_H */
