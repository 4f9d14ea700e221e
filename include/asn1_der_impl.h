/* asn1_der_impl.h - the functions of asn1_der.h, which includes it. */
#ifndef ASN1_DER_IMPL_H
#define ASN1_DER_IMPL_H

#include "asn1_der.h"

#include <algorithm>
#include <cmath>
#include <limits>

/* libeshm_data.so.1 is these definitions, compiled so that other programs can be linked to them. */
#ifdef ESHM_DATA_DEFINITIONS
#define ESHM_DATA_INLINE
#else
#define ESHM_DATA_INLINE inline
#endif

namespace asn1 {

    ESHM_DATA_INLINE void DEREncoder::appendByte(uint8_t byte) { buffer_.push_back(byte); }

    ESHM_DATA_INLINE void DEREncoder::appendBytes(const uint8_t* data, size_t length) {
        if (length > 0) buffer_.insert(buffer_.end(), data, data + length);
    }

    ESHM_DATA_INLINE void DEREncoder::encodeTag(uint8_t tag) { appendByte(tag); }

    ESHM_DATA_INLINE void DEREncoder::encodeLength(size_t length) {
        if (length > std::numeric_limits<uint32_t>::max()) {
            throw DERException("an element of " + std::to_string(length) +
                               " bytes: the most are 4294967295");
        }
        if (length < 0x80) return appendByte(static_cast<uint8_t>(length));
        unsigned count = 4;
        while (length >> (8 * (count - 1)) == 0) count--;
        appendByte(static_cast<uint8_t>(0x80 | count));
        while (count-- > 0) appendByte(static_cast<uint8_t>(length >> (8 * count)));
    }

    ESHM_DATA_INLINE void DEREncoder::encodeInteger(int64_t value) {
        unsigned count = 1;
        while (count < 8 && (value >> (8 * count - 1)) != (value >> 63)) count++;
        encodeTag(static_cast<uint8_t>(Tag::INTEGER));
        encodeLength(count);
        while (count-- > 0)
            appendByte(static_cast<uint8_t>(static_cast<uint64_t>(value) >> (8 * count)));
    }

    ESHM_DATA_INLINE void DEREncoder::encodeBoolean(bool value) {
        encodeTag(static_cast<uint8_t>(Tag::BOOLEAN));
        encodeLength(1);
        appendByte(value ? 0xFF : 0x00);
    }

    ESHM_DATA_INLINE void DEREncoder::encodeOctetString(const uint8_t* data, size_t length) {
        if (data == nullptr && length > 0) throw DERException("an OCTET STRING at NULL");
        encodeTag(static_cast<uint8_t>(Tag::OCTET_STRING));
        encodeLength(length);
        appendBytes(data, length);
    }

    ESHM_DATA_INLINE void DEREncoder::encodeOctetString(const std::vector<uint8_t>& data) {
        encodeOctetString(data.data(), data.size());
    }

    ESHM_DATA_INLINE void DEREncoder::encodeUtf8String(const std::string& text) {
        encodeTag(static_cast<uint8_t>(Tag::UTF8_STRING));
        encodeLength(text.size());
        appendBytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
    }

    ESHM_DATA_INLINE void DEREncoder::encodeNull() {
        encodeTag(static_cast<uint8_t>(Tag::NULL_TYPE));
        encodeLength(0);
    }

    ESHM_DATA_INLINE void DEREncoder::encodeReal(double value) {
        uint64_t bits;
        static_assert(sizeof bits == sizeof value, "a double has 64 bits");
        std::memcpy(&bits, &value, sizeof bits);
        encodeTag(static_cast<uint8_t>(Tag::REAL));
        encodeLength(bits == 0 ? 0 : 9); /* -0.0 keeps its sign in the long form */
        if (bits == 0) return;
        appendByte(0x03);
        for (int shift = 56; shift >= 0; shift -= 8)
            appendByte(static_cast<uint8_t>(bits >> shift));
    }

    ESHM_DATA_INLINE size_t DEREncoder::beginSequence() {
        const uint8_t head[] = {0x30, 0x84, 0, 0, 0, 0};
        appendBytes(head, sizeof head);
        return buffer_.size();
    }

    ESHM_DATA_INLINE void DEREncoder::endSequence(size_t begin) {
        if (begin < 6 || begin > buffer_.size() || buffer_[begin - 5] != 0x84) {
            throw DERException("no SEQUENCE begins at " + std::to_string(begin));
        }
        const size_t length = buffer_.size() - begin;
        if (length > std::numeric_limits<uint32_t>::max()) {
            throw DERException("a SEQUENCE of " + std::to_string(length) +
                               " bytes: the most are 4294967295");
        }
        for (unsigned place = 1; place <= 4; place++)
            buffer_[begin - place] = static_cast<uint8_t>(length >> (8 * (place - 1)));
    }

    ESHM_DATA_INLINE void DEREncoder::encodeDataValue(const DataValue& value) {
        if (const auto* flag = std::get_if<bool>(&value)) encodeBoolean(*flag);
        else if (const auto* number = std::get_if<int64_t>(&value)) encodeInteger(*number);
        else if (const auto* real = std::get_if<double>(&value)) encodeReal(*real);
        else if (const auto* text = std::get_if<std::string>(&value)) encodeUtf8String(*text);
        else encodeOctetString(std::get<std::vector<uint8_t>>(value));
    }

    ESHM_DATA_INLINE void DEREncoder::encodeFunctionCall(const FunctionCall& call) {
        const size_t whole = beginSequence();
        encodeUtf8String(call.function_name);
        if (call.has_return) encodeDataValue(call.return_value);
        else encodeNull();
        const size_t arguments = beginSequence();
        for (const DataValue& argument : call.arguments) encodeDataValue(argument);
        endSequence(arguments);
        endSequence(whole);
    }

    ESHM_DATA_INLINE void DEREncoder::encodeEvent(const Event& event) {
        const size_t whole = beginSequence();
        encodeUtf8String(event.event_name);
        const size_t parameters = beginSequence();
        for (const auto& parameter : event.parameters) {
            const size_t pair = beginSequence();
            encodeUtf8String(parameter.first);
            encodeDataValue(parameter.second);
            endSequence(pair);
        }
        endSequence(parameters);
        endSequence(whole);
    }

    ESHM_DATA_INLINE void DEREncoder::encodeImageFrame(const ImageFrame& frame) {
        const size_t whole = beginSequence();
        encodeInteger(frame.width);
        encodeInteger(frame.height);
        encodeInteger(frame.channels);
        encodeInteger(static_cast<int64_t>(frame.timestamp_ns)); /* the same 64 bits */
        encodeOctetString(frame.data);
        endSequence(whole);
    }

    inline void DERDecoder::fail(const std::string& reason) const {
        throw DERException(reason + " at byte " + std::to_string(position_));
    }

    /* The length of an element of this kind, whose content follows, all of it. */
    inline size_t DERDecoder::contentOf(uint8_t kind, const char* name) {
        const size_t begin = position_ - (tagTaken() ? 1 : 0);
        const uint8_t tag = nextTag();
        const bool sequence = kind == static_cast<uint8_t>(Tag::SEQUENCE);
        if ((sequence ? tag & 0x1F : tag) != kind) {
            position_ = begin;
            fail(std::string("Expected ") + name + " tag, got " + std::to_string(tag));
        }
        const size_t length = decodeLength();
        if (length > remaining()) {
            fail(std::string("Truncated ") + name + " of " + std::to_string(length) +
                 " bytes, of which there are " + std::to_string(remaining()));
        }
        return length;
    }

    /* Ends a SEQUENCE of which all must have been read. */
    inline void DERDecoder::closeSequence(size_t end) {
        if (position_ != end)
            fail("Expected the end of a SEQUENCE at byte " + std::to_string(end) + ", stands");
    }

    inline uint32_t DERDecoder::decodeUnsigned(const char* name) {
        const int64_t value = decodeInteger();
        if (value < 0 || value > std::numeric_limits<uint32_t>::max()) {
            fail(std::string("An image's ") + name + " of " + std::to_string(value) +
                 ", which is not of 32 bits,");
        }
        return static_cast<uint32_t>(value);
    }

    ESHM_DATA_INLINE uint8_t DERDecoder::readByte() {
        if (!hasMoreData()) fail("Unexpected end of data");
        return *at(position_++);
    }

    ESHM_DATA_INLINE void DERDecoder::readBytes(uint8_t* out, size_t length) {
        if (length > remaining()) fail("Unexpected end of data");
        if (length > 0) std::memcpy(out, at(position_), length);
        position_ += length;
    }

    ESHM_DATA_INLINE void DERDecoder::skip(size_t length) {
        if (length > remaining()) fail("Unexpected end of data");
        position_ += length;
    }

    ESHM_DATA_INLINE uint8_t DERDecoder::decodeTag() {
        const uint8_t tag = readByte();
        setTagTaken(true);
        return tag;
    }

    ESHM_DATA_INLINE size_t DERDecoder::decodeLength() {
        setTagTaken(false);
        const uint8_t first = readByte();
        if (first < 0x80) return first;
        const unsigned count = first & 0x7F;
        if (count == 0 || count > 4)
            fail("A length of " + std::to_string(count) + " bytes, of which 1 to 4 are accepted,");
        size_t length = 0;
        for (unsigned read = 0; read < count; read++) length = length << 8 | readByte();
        return length;
    }

    ESHM_DATA_INLINE int64_t DERDecoder::decodeInteger() {
        const size_t length = contentOf(static_cast<uint8_t>(Tag::INTEGER), "INTEGER");
        if (length == 0 || length > 8)
            fail("An INTEGER of " + std::to_string(length) +
                 " bytes, of which 1 to 8 are accepted,");
        uint64_t value = *at(position_) & 0x80 ? ~uint64_t(0) : 0;
        for (size_t read = 0; read < length; read++) value = value << 8 | readByte();
        return static_cast<int64_t>(value);
    }

    ESHM_DATA_INLINE bool DERDecoder::decodeBoolean() {
        if (contentOf(static_cast<uint8_t>(Tag::BOOLEAN), "BOOLEAN") != 1)
            fail("A BOOLEAN that is not of 1 byte");
        return readByte() != 0;
    }

    ESHM_DATA_INLINE std::vector<uint8_t> DERDecoder::decodeOctetString() {
        const size_t length = contentOf(static_cast<uint8_t>(Tag::OCTET_STRING), "OCTET_STRING");
        std::vector<uint8_t> data(at(position_), at(position_ + length));
        skip(length);
        return data;
    }

    ESHM_DATA_INLINE std::string DERDecoder::decodeUtf8String() {
        const size_t length = contentOf(static_cast<uint8_t>(Tag::UTF8_STRING), "UTF8_STRING");
        std::string text(reinterpret_cast<const char*>(at(position_)), length);
        skip(length);
        return text;
    }

    ESHM_DATA_INLINE void DERDecoder::decodeNull() {
        if (contentOf(static_cast<uint8_t>(Tag::NULL_TYPE), "NULL") != 0)
            fail("A NULL with content");
    }

    ESHM_DATA_INLINE double DERDecoder::decodeReal() {
        const size_t length = contentOf(static_cast<uint8_t>(Tag::REAL), "REAL");
        if (length == 0) return 0.0;
        const uint8_t form = readByte();
        if (form == 0x03 && length == 9) {
            uint64_t bits = 0;
            for (int read = 0; read < 8; read++) bits = bits << 8 | readByte();
            double value;
            std::memcpy(&value, &bits, sizeof value);
            return value;
        }
        /* The older form: sign, exponent and mantissa. */
        size_t left = length - 1;
        const size_t exponent_bytes = (form & 3u) + 1u;
        if ((form & 0x80) == 0 || left < exponent_bytes) fail("A REAL of no known form");
        int64_t exponent = *at(position_) & 0x80 ? -1 : 0;
        for (size_t read = 0; read < exponent_bytes; read++, left--)
            exponent = exponent * 256 + readByte();
        uint64_t mantissa = 0;
        for (; left > 0; left--) {
            if (mantissa >> 56 != 0) fail("A REAL with a mantissa of more than 64 bits");
            mantissa = mantissa << 8 | readByte();
        }
        /* Beyond these the value is infinite or 0 anyhow. A long double holds all 64 bits, so that
         * it is rounded once. */
        const int64_t bound = 4096;
        const auto scale = static_cast<int>(std::min(std::max(exponent, -bound), bound));
        const auto whole = static_cast<long double>(mantissa);
        const auto magnitude = static_cast<double>(std::ldexp(whole, scale));
        return form & 0x40 ? -magnitude : magnitude;
    }

    ESHM_DATA_INLINE size_t DERDecoder::beginSequence() {
        const size_t length = contentOf(static_cast<uint8_t>(Tag::SEQUENCE), "SEQUENCE");
        return position_ + length;
    }

    ESHM_DATA_INLINE void DERDecoder::endSequence(size_t end) {
        setTagTaken(false);
        if (end > length_ || position_ > end)
            fail("A SEQUENCE that ends at byte " + std::to_string(end) + ", read beyond it,");
        position_ = end;
    }

    ESHM_DATA_INLINE DataValue DERDecoder::decodeDataValue(uint8_t tag) {
        switch (static_cast<Tag>(tag)) {
        case Tag::BOOLEAN: return decodeBoolean();
        case Tag::INTEGER: return decodeInteger();
        case Tag::REAL: return decodeReal();
        case Tag::UTF8_STRING: return decodeUtf8String();
        case Tag::OCTET_STRING: return decodeOctetString();
        default: fail("Expected the tag of a scalar, got " + std::to_string(tag));
        }
    }

    ESHM_DATA_INLINE FunctionCall DERDecoder::decodeFunctionCall() {
        FunctionCall call;
        const size_t end = beginSequence();
        call.function_name = decodeUtf8String();
        const uint8_t tag = decodeTag();
        call.has_return = tag != static_cast<uint8_t>(Tag::NULL_TYPE);
        if (call.has_return) call.return_value = decodeDataValue(tag);
        else decodeNull();
        const size_t arguments_end = beginSequence();
        while (position_ < arguments_end) call.arguments.push_back(decodeDataValue(decodeTag()));
        closeSequence(arguments_end);
        closeSequence(end);
        return call;
    }

    ESHM_DATA_INLINE Event DERDecoder::decodeEvent() {
        Event event;
        const size_t end = beginSequence();
        event.event_name = decodeUtf8String();
        const size_t parameters_end = beginSequence();
        while (position_ < parameters_end) {
            const size_t pair_end = beginSequence();
            std::string key = decodeUtf8String();
            event.parameters[std::move(key)] = decodeDataValue(decodeTag());
            closeSequence(pair_end);
        }
        closeSequence(parameters_end);
        closeSequence(end);
        return event;
    }

    ESHM_DATA_INLINE ImageFrame DERDecoder::decodeImageFrame() {
        ImageFrame frame;
        const size_t end = beginSequence();
        frame.width = decodeUnsigned("width");
        frame.height = decodeUnsigned("height");
        frame.channels = decodeUnsigned("channels");
        frame.timestamp_ns = static_cast<uint64_t>(decodeInteger()); /* the same 64 bits */
        frame.data = decodeOctetString();
        closeSequence(end);
        return frame;
    }

} // namespace asn1

#undef ESHM_DATA_INLINE

#endif /* ASN1_DER_IMPL_H */
