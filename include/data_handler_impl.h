/* data_handler_impl.h - the functions of data_handler.h, which includes it. */
#ifndef DATA_HANDLER_IMPL_H
#define DATA_HANDLER_IMPL_H

#include "data_handler.h"

#include <cxxabi.h>

/* As in asn1_der_impl.h. */
#ifdef ESHM_DATA_DEFINITIONS
#define ESHM_DATA_INLINE
#else
#define ESHM_DATA_INLINE inline
#endif

namespace shm_protocol {

    namespace detail {

        inline DataItem item(DataType type, const std::string& key) {
            DataItem made;
            made.type = type;
            made.key = key;
            return made;
        }

        inline DataItem scalar(DataType type, const std::string& key, asn1::DataValue value) {
            DataItem made = item(type, key);
            made.value = std::move(value);
            return made;
        }

        template <typename Part>
        std::vector<Part> extract(const std::vector<DataItem>& items, DataType type,
                                  Part DataItem::*part) {
            std::vector<Part> parts;
            for (const DataItem& each : items) {
                if (each.type == type) parts.push_back(each.*part);
            }
            return parts;
        }

        inline DataType type_of(const asn1::DataValue& value) {
            constexpr DataType types[] = {DataType::BOOLEAN, DataType::INTEGER, DataType::REAL,
                                          DataType::STRING, DataType::BINARY};
            return types[value.index()];
        }

        inline std::string quoted(const std::string& key) { return "'" + key + "'"; }

        inline void close(asn1::DERDecoder& decoder, size_t end, const char* name) {
            if (decoder.getPosition() != end) {
                throw asn1::DERException(std::string(name) + " ends at byte " +
                                         std::to_string(end) + ", read to byte " +
                                         std::to_string(decoder.getPosition()));
            }
        }

        inline void need(const std::vector<asn1::DataValue>& given, size_t count,
                         const char* name) {
            if (given.size() != count) {
                throw std::runtime_error(std::string(name) + " takes " + std::to_string(count) +
                                         " arguments, not " + std::to_string(given.size()));
            }
        }

        template <typename Whole, typename Real>
        asn1::DataValue arithmetic(const std::vector<asn1::DataValue>& given, const char* name,
                                   Whole whole, Real real) {
            need(given, 2, name);
            if (const auto* a = std::get_if<int64_t>(&given[0])) {
                if (const auto* b = std::get_if<int64_t>(&given[1])) {
                    int64_t result;
                    if (whole(*a, *b, &result))
                        throw std::runtime_error(std::string(name) +
                                                 ": the result needs over 64 bits");
                    return result;
                }
            }
            const auto *a = std::get_if<double>(&given[0]), *b = std::get_if<double>(&given[1]);
            if (!a || !b)
                throw std::runtime_error(std::string(name) + " takes two integers or two reals");
            return real(*a, *b);
        }

    } // namespace detail

    namespace functions {

        ESHM_DATA_INLINE asn1::DataValue add(const std::vector<asn1::DataValue>& arguments) {
            return detail::arithmetic(
                arguments, "add",
                [](int64_t a, int64_t b, int64_t* sum) {
                    return __builtin_add_overflow(a, b, sum);
                },
                [](double a, double b) { return a + b; });
        }

        ESHM_DATA_INLINE asn1::DataValue multiply(const std::vector<asn1::DataValue>& arguments) {
            return detail::arithmetic(
                arguments, "multiply",
                [](int64_t a, int64_t b, int64_t* product) {
                    return __builtin_mul_overflow(a, b, product);
                },
                [](double a, double b) { return a * b; });
        }

        ESHM_DATA_INLINE asn1::DataValue getImageInfo(const std::vector<asn1::DataValue>&) {
            return std::string("1920x1080x3");
        }

        ESHM_DATA_INLINE asn1::DataValue resizeImage(const std::vector<asn1::DataValue>&) {
            return std::string("resized");
        }

        ESHM_DATA_INLINE asn1::DataValue
        setParameter(const std::vector<asn1::DataValue>& arguments) {
            detail::need(arguments, 2, "setParameter");
            return true;
        }

        ESHM_DATA_INLINE asn1::DataValue getStatus(const std::vector<asn1::DataValue>&) {
            return std::string("OK");
        }

    } // namespace functions

    ESHM_DATA_INLINE DataHandler::DataHandler() {
        registerFunction("add", functions::add);
        registerFunction("multiply", functions::multiply);
        registerFunction("getImageInfo", functions::getImageInfo);
        registerFunction("resizeImage", functions::resizeImage);
        registerFunction("setParameter", functions::setParameter);
        registerFunction("getStatus", functions::getStatus);
    }

    ESHM_DATA_INLINE void DataHandler::registerFunction(const std::string& name,
                                                        FunctionHandler handler) {
        functions_[name] = std::move(handler);
    }

    ESHM_DATA_INLINE std::vector<uint8_t>
    DataHandler::encodeDataBuffer(const std::vector<DataItem>& items) {
        asn1::DEREncoder encoder;
        const size_t record = encoder.beginSequence();
        encodeTypeSequence(encoder, items);
        encodeKeySequence(encoder, items);
        encodeDataSequence(encoder, items);
        encoder.endSequence(record);
        return encoder.extractData();
    }

    ESHM_DATA_INLINE void DataHandler::encodeTypeSequence(asn1::DEREncoder& encoder,
                                                          const std::vector<DataItem>& items) {
        const size_t types = encoder.beginSequence();
        for (const DataItem& item : items) encoder.encodeInteger(static_cast<int64_t>(item.type));
        encoder.endSequence(types);
    }

    ESHM_DATA_INLINE void DataHandler::encodeKeySequence(asn1::DEREncoder& encoder,
                                                         const std::vector<DataItem>& items) {
        const size_t keys = encoder.beginSequence();
        for (const DataItem& item : items) encoder.encodeUtf8String(item.key);
        encoder.endSequence(keys);
    }

    ESHM_DATA_INLINE void DataHandler::encodeDataSequence(asn1::DEREncoder& encoder,
                                                          const std::vector<DataItem>& items) {
        const size_t values = encoder.beginSequence();
        for (const DataItem& item : items) {
            switch (item.type) {
            case DataType::EVENT: encoder.encodeEvent(item.event); break;
            case DataType::FUNCTION_CALL: encoder.encodeFunctionCall(item.function); break;
            case DataType::IMAGE_FRAME: encoder.encodeImageFrame(item.image); break;
            default:
                if (item.value.valueless_by_exception() ||
                    detail::type_of(item.value) != item.type) {
                    throw asn1::DERException("the value of the item " + detail::quoted(item.key) +
                                             " is not of the item's type, which is " +
                                             std::to_string(static_cast<int>(item.type)));
                }
                encoder.encodeDataValue(item.value);
            }
        }
        encoder.endSequence(values);
    }

    ESHM_DATA_INLINE std::vector<DataItem> DataHandler::decodeDataBuffer(const uint8_t* data,
                                                                         size_t length) {
        asn1::DERDecoder decoder(data, length);
        const size_t end = decoder.beginSequence();
        const std::vector<DataType> types = decodeTypeSequence(decoder);
        const std::vector<std::string> keys = decodeKeySequence(decoder);
        std::vector<DataItem> items = decodeDataSequence(decoder, types, keys);
        detail::close(decoder, end, "The record");
        return items;
    }

    ESHM_DATA_INLINE std::vector<DataItem>
    DataHandler::decodeDataBuffer(const std::vector<uint8_t>& bytes) {
        return decodeDataBuffer(bytes.data(), bytes.size());
    }

    ESHM_DATA_INLINE std::vector<DataType>
    DataHandler::decodeTypeSequence(asn1::DERDecoder& decoder) {
        std::vector<DataType> types;
        const size_t end = decoder.beginSequence();
        while (decoder.getPosition() < end) {
            const int64_t type = decoder.decodeInteger();
            if (type < 0 || type > static_cast<int64_t>(DataType::IMAGE_FRAME)) {
                throw asn1::DERException("Unknown type " + std::to_string(type) + " before byte " +
                                         std::to_string(decoder.getPosition()));
            }
            types.push_back(static_cast<DataType>(type));
        }
        detail::close(decoder, end, "The SEQUENCE of types");
        return types;
    }

    ESHM_DATA_INLINE std::vector<std::string>
    DataHandler::decodeKeySequence(asn1::DERDecoder& decoder) {
        std::vector<std::string> keys;
        const size_t end = decoder.beginSequence();
        while (decoder.getPosition() < end) keys.push_back(decoder.decodeUtf8String());
        detail::close(decoder, end, "The SEQUENCE of keys");
        return keys;
    }

    ESHM_DATA_INLINE std::vector<DataItem>
    DataHandler::decodeDataSequence(asn1::DERDecoder& decoder, const std::vector<DataType>& types,
                                    const std::vector<std::string>& keys) {
        if (types.size() != keys.size()) {
            throw asn1::DERException(std::to_string(types.size()) + " types, but " +
                                     std::to_string(keys.size()) + " keys");
        }
        std::vector<DataItem> items;
        const size_t end = decoder.beginSequence();
        for (size_t at = 0; at < types.size(); at++) {
            DataItem item = detail::item(types[at], keys[at]);
            switch (item.type) {
            case DataType::INTEGER: item.value = decoder.decodeInteger(); break;
            case DataType::BOOLEAN: item.value = decoder.decodeBoolean(); break;
            case DataType::REAL: item.value = decoder.decodeReal(); break;
            case DataType::STRING: item.value = decoder.decodeUtf8String(); break;
            case DataType::BINARY: item.value = decoder.decodeOctetString(); break;
            case DataType::EVENT: item.event = decoder.decodeEvent(); break;
            case DataType::FUNCTION_CALL: item.function = decoder.decodeFunctionCall(); break;
            case DataType::IMAGE_FRAME: item.image = decoder.decodeImageFrame(); break;
            default:
                throw asn1::DERException("Unknown type " +
                                         std::to_string(static_cast<int>(item.type)));
            }
            items.push_back(std::move(item));
        }
        detail::close(decoder, end, "The SEQUENCE of values");
        return items;
    }

    ESHM_DATA_INLINE void DataHandler::processFunctionCalls(std::vector<DataItem>& items) {
        for (DataItem& item : items) {
            if (item.type != DataType::FUNCTION_CALL) continue;
            asn1::FunctionCall& call = item.function;
            try {
                const auto known = functions_.find(call.function_name);
                if (known == functions_.end())
                    throw std::runtime_error("unknown function " + call.function_name);
                call.return_value = known->second(call.arguments);
            } catch (const std::exception& error) {
                call.return_value = std::string("ERROR: ") + error.what();
#ifdef __GLIBCXX__
            } catch (abi::__forced_unwind&) { /* pthread_exit, pthread_cancel */
                throw;
#endif
            } catch (...) {
                call.return_value =
                    std::string("ERROR: ") + call.function_name + " threw something unknown";
            }
            call.has_return = true;
        }
    }

    ESHM_DATA_INLINE DataItem DataHandler::createInteger(const std::string& key, int64_t value) {
        return detail::scalar(DataType::INTEGER, key, value);
    }

    ESHM_DATA_INLINE DataItem DataHandler::createBoolean(const std::string& key, bool value) {
        return detail::scalar(DataType::BOOLEAN, key, value);
    }

    ESHM_DATA_INLINE DataItem DataHandler::createReal(const std::string& key, double value) {
        return detail::scalar(DataType::REAL, key, value);
    }

    ESHM_DATA_INLINE DataItem DataHandler::createString(const std::string& key,
                                                        const std::string& value) {
        return detail::scalar(DataType::STRING, key, value);
    }

    ESHM_DATA_INLINE DataItem DataHandler::createBinary(const std::string& key,
                                                        const std::vector<uint8_t>& value) {
        return detail::scalar(DataType::BINARY, key, value);
    }

    ESHM_DATA_INLINE DataItem DataHandler::createEvent(const std::string& key,
                                                       const asn1::Event& event) {
        DataItem item = detail::item(DataType::EVENT, key);
        item.event = event;
        return item;
    }

    ESHM_DATA_INLINE DataItem DataHandler::createFunctionCall(const std::string& key,
                                                              const asn1::FunctionCall& function) {
        DataItem item = detail::item(DataType::FUNCTION_CALL, key);
        item.function = function;
        return item;
    }

    ESHM_DATA_INLINE DataItem DataHandler::createImageFrame(const std::string& key,
                                                            const asn1::ImageFrame& image) {
        DataItem item = detail::item(DataType::IMAGE_FRAME, key);
        item.image = image;
        return item;
    }

    ESHM_DATA_INLINE std::unordered_map<std::string, asn1::DataValue>
    DataHandler::extractSimpleValues(const std::vector<DataItem>& items) {
        std::unordered_map<std::string, asn1::DataValue> values;
        for (const DataItem& item : items) {
            if (item.type <= DataType::BINARY) values[item.key] = item.value;
        }
        return values;
    }

    ESHM_DATA_INLINE std::vector<asn1::Event>
    DataHandler::extractEvents(const std::vector<DataItem>& items) {
        return detail::extract(items, DataType::EVENT, &DataItem::event);
    }

    ESHM_DATA_INLINE std::vector<asn1::FunctionCall>
    DataHandler::extractFunctions(const std::vector<DataItem>& items) {
        return detail::extract(items, DataType::FUNCTION_CALL, &DataItem::function);
    }

    ESHM_DATA_INLINE std::vector<asn1::ImageFrame>
    DataHandler::extractImages(const std::vector<DataItem>& items) {
        return detail::extract(items, DataType::IMAGE_FRAME, &DataItem::image);
    }

} // namespace shm_protocol

#undef ESHM_DATA_INLINE

#endif /* DATA_HANDLER_IMPL_H */
