/* asn1_der.h - the values of records in C++17, and the elements that they are made of.
 *
 *     asn1::DEREncoder encoder;
 *     encoder.encodeInteger(7);
 *     encoder.encodeUtf8String("seven");
 *     asn1::DERDecoder decoder(encoder.getData());
 *     int64_t number = decoder.decodeInteger();
 *     std::string text = decoder.decodeUtf8String();
 *
 * data_handler.h makes whole records of them. All of it is in these headers: a program needs no
 * library for it. Programs that were compiled with the headers of releases 1.0 to 1.2 find the same
 * functions in libeshm_data.so.1 and in libeshm.a.
 */
#ifndef ASN1_DER_H
#define ASN1_DER_H

#if !defined(__cplusplus) || __cplusplus < 201703L
#error "asn1_der.h needs C++17; C programs use eshm_data_api.h or eshm_record.h"
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace asn1 {

    /* The kinds of elements. */
    enum class Tag : uint8_t {
        BOOLEAN = 0x01,
        INTEGER = 0x02,
        OCTET_STRING = 0x04,
        NULL_TYPE = 0x05,
        REAL = 0x09,
        UTF8_STRING = 0x0C,
        SEQUENCE = 0x10 /* emitted as 0x30; read by the low five bits */
    };

    /* Kept for sources that name them: in a record these are a SEQUENCE, and its type says which. */
    enum class AppTag : uint8_t {
        EVENT = 0x80,
        FUNCTION_CALL = 0x81,
        FUNCTION_RETURN = 0x82,
        IMAGE_FRAME = 0x83
    };

    /* Any scalar. */
    using DataValue = std::variant<bool, int64_t, double, std::string, std::vector<uint8_t>>;

    /* A function to be run on the other side, or its result. */
    struct FunctionCall {
        std::string function_name;        /* which */
        std::vector<DataValue> arguments; /* in their order */
        DataValue return_value;           /* what it returned, if it has */
        bool has_return = false;          /* whether it has */
    };

    /* Something that happened. */
    struct Event {
        std::string event_name;                                /* what happened */
        std::unordered_map<std::string, DataValue> parameters; /* by their keys */
    };

    /* A picture. */
    struct ImageFrame {
        uint32_t width = 0;        /* pixels */
        uint32_t height = 0;       /* pixels */
        uint32_t channels = 0;     /* of each pixel */
        uint64_t timestamp_ns = 0; /* when it was taken */
        std::vector<uint8_t> data; /* the pixels */
    };

    /* Bytes that are no such element, or a value that becomes none; what() says why and where. */
    class DERException : public std::runtime_error {
    public:
        /* One that says so. */
        explicit DERException(const std::string& message) : std::runtime_error(message) {}
    };

    /* Appends elements to a buffer. Texts are any bytes. Throws DERException for 2^32 bytes. */
    class DEREncoder {
    public:
        /* With an empty buffer. */
        DEREncoder() = default;

        /* One byte. */
        void encodeTag(uint8_t tag);
        /* A length in its shortest form. */
        void encodeLength(size_t length);
        /* An INTEGER in its shortest form. */
        void encodeInteger(int64_t value);
        /* A BOOLEAN. */
        void encodeBoolean(bool value);
        /* An OCTET STRING; data may be NULL if length is 0. */
        void encodeOctetString(const uint8_t* data, size_t length);
        /* Likewise. */
        void encodeOctetString(const std::vector<uint8_t>& data);
        /* A UTF8 STRING. */
        void encodeUtf8String(const std::string& text);
        /* A NULL. */
        void encodeNull();
        /* A REAL. */
        void encodeReal(double value);

        /* Begins a SEQUENCE; the number is for endSequence(). */
        size_t beginSequence();
        /* Ends it. */
        void endSequence(size_t begin);

        /* A scalar of the kind that it holds. */
        void encodeDataValue(const DataValue& value);
        /* A SEQUENCE of name, result or NULL, and arguments. */
        void encodeFunctionCall(const FunctionCall& call);
        /* A SEQUENCE of name and parameters. */
        void encodeEvent(const Event& event);
        /* A SEQUENCE of width, height, channels, time and data. */
        void encodeImageFrame(const ImageFrame& frame);

        /* What was encoded so far. */
        const std::vector<uint8_t>& getData() const { return buffer_; }
        /* The same; the buffer is then empty. */
        std::vector<uint8_t> extractData() {
            std::vector<uint8_t> data = std::move(buffer_);
            buffer_.clear();
            return data;
        }
        /* Empties the buffer. */
        void clear() { buffer_.clear(); }

    private:
        void appendBytes(const uint8_t* data, size_t length);
        void appendByte(uint8_t byte);

        std::vector<uint8_t> buffer_;
    };

    /* Reads elements one after the other from bytes that outlive it. Each decode function reads a
     * whole element: its tag, which may also have been read by decodeTag() just before, its length
     * and its content. Throws DERException for bytes that are no such element; where it stands then
     * is of no use. */
    class DERDecoder {
    public:
        /* From these bytes. */
        DERDecoder(const uint8_t* data, size_t length)
            : data_(data), length_(data == nullptr ? 0 : length), position_(0) {}
        /* Likewise. */
        DERDecoder(const std::vector<uint8_t>& data) : DERDecoder(data.data(), data.size()) {}

        /* The next byte, as the tag of the element that begins there. */
        uint8_t decodeTag();
        /* A length; not compared with what remains. */
        size_t decodeLength();
        /* An INTEGER of 1 to 8 bytes. */
        int64_t decodeInteger();
        /* A BOOLEAN. */
        bool decodeBoolean();
        /* An OCTET STRING. */
        std::vector<uint8_t> decodeOctetString();
        /* A UTF8 STRING, which may be any bytes. */
        std::string decodeUtf8String();
        /* A NULL. */
        void decodeNull();
        /* A REAL. */
        double decodeReal();

        /* Begins a SEQUENCE; the position of its end. */
        size_t beginSequence();
        /* Goes to the end of a SEQUENCE, over elements that were not read. Throws DERException
         * beyond it. */
        void endSequence(size_t end);

        /* A scalar of this tag, which decodeTag() has read, or which is the next byte. */
        DataValue decodeDataValue(uint8_t tag);
        /* As DEREncoder::encodeFunctionCall() writes it. */
        FunctionCall decodeFunctionCall();
        /* As DEREncoder::encodeEvent() writes it. */
        Event decodeEvent();
        /* As DEREncoder::encodeImageFrame() writes it. */
        ImageFrame decodeImageFrame();

        /* Whether there are bytes left. */
        bool hasMoreData() const { return position_ < length_; }
        /* Bytes that were read. */
        size_t getPosition() const { return position_; }
        /* Bytes that are left. */
        size_t remaining() const { return length_ - position_; }

    private:
        /* In data_: the byte before the position was read as a tag. A bit that no address of a
         * program has, as programs are compiled for an object of these three words, and for inline
         * functions that look at the other two. */
        static constexpr uintptr_t kTagTaken = uintptr_t(1) << 62;

        uint8_t readByte();
        void readBytes(uint8_t* out, size_t length);
        void skip(size_t length);

        uintptr_t bits() const { return reinterpret_cast<uintptr_t>(data_); }
        const uint8_t* at(size_t position) const {
            return reinterpret_cast<const uint8_t*>(bits() & ~kTagTaken) + position;
        }
        bool tagTaken() const { return (bits() & kTagTaken) != 0; }
        void setTagTaken(bool taken) {
            const uintptr_t kept = bits() & ~kTagTaken;
            data_ = reinterpret_cast<const uint8_t*>(taken ? kept | kTagTaken : kept);
        }
        uint8_t nextTag() {
            return tagTaken() ? (setTagTaken(false), *at(position_ - 1)) : readByte();
        }
        size_t contentOf(uint8_t kind, const char* name);
        void closeSequence(size_t end);
        uint32_t decodeUnsigned(const char* name);
        [[noreturn]] void fail(const std::string& reason) const;

        const uint8_t* data_;
        size_t length_;
        size_t position_;
    };

} // namespace asn1

/* Compiled without exceptions, a program takes the definitions from libeshm_data.so.1 or libeshm.a. */
#ifdef __cpp_exceptions
#include "asn1_der_impl.h"
#endif

#endif /* ASN1_DER_H */
