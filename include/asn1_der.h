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
        std::string event_name;                                /* what happened */
        std::unordered_map<std::string, DataValue> parameters; /* by their keys */
    };

    /* A function to be run on the other side, or its result. */
    struct FunctionCall {
        std::string function_name;        /* which */
        std::vector<DataValue> arguments; /* in their order */
        DataValue return_value;           /* what it returned, if it has */
        bool has_return = false;          /* whether it has */
    };

    /* A picture. */
    struct ImageFrame {
        uint32_t width = 0;        /* pixels */
        uint32_t height = 0;       /* pixels */
        uint32_t channels = 0;     /* of each pixel */
        uint64_t timestamp_ns = 0; /* when it was taken */
        std::vector<uint8_t> data; /* the pixels */
    };

    /* Bytes that are no record, or values that do not become one; what() says why. */
    class DERException : public std::runtime_error {
    public:
        /* One that says so. */
        explicit DERException(const std::string& message) : std::runtime_error(message) {}
    };

} // namespace asn1

#endif /* ASN1_DER_H */
